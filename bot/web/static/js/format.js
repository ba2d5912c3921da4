// Numbers and instants in words; what is unknown is a dash, never a zero.
const ZONE = "America/New_York";
const part = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, ...options });
const CLOCK = part({ weekday: "short", day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const STAMP = part({ day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" });
const TIME = part({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MOMENT = part({ weekday: "short", hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "2-digit", month: "short", year: "numeric", timeZone: "UTC" });

const known = (value, write) => (value === null || value === undefined ? "–" : write(value));

export const points = (value, digits = 2) => known(value, (v) =>
  v.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
export const usd = (value, digits = 0) => known(value, (v) =>
  `${v < 0 ? "−" : ""}$${points(Math.abs(v), digits)}`);
export const signed = (value, digits = 2) => known(value, (v) =>
  `${v > 0 ? "+" : v < 0 ? "−" : ""}${points(Math.abs(v), digits)}`);
export const gain = (value, digits = 0) => known(value, (v) =>
  `${v > 0 ? "+" : v < 0 ? "−" : ""}$${points(Math.abs(v), digits)}`);
export const share = (value, digits = 1) => known(value, (v) => `${points(v * 100, digits)}%`);
export const tone = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");
export const words = (name) => known(name, (v) => String(v).replaceAll("_", " "));
export const clock = (at) => known(at, (v) => `${CLOCK.format(new Date(v)).replace(",", "")} ET`);
export const stamp = (at) => known(at, (v) => STAMP.format(new Date(v)).replace(",", ""));
export const time = (at) => known(at, (v) => TIME.format(new Date(v)));
export const moment = (at) => known(at, (v) => `${MOMENT.format(new Date(v))} ET`);
export const day = (text) => known(text, (v) => DAY.format(new Date(`${v}T00:00:00Z`)).replace(",", ""));
export const unix = (text) => Date.parse(`${text}T00:00:00Z`) / 1000;
/** How old something is, coarsely: the seconds only while they matter. */
export const age = (seconds) => known(seconds, (s) =>
  s < 90 ? `${Math.round(s)} s old` : s < 5400 ? `${Math.round(s / 60)} min old` : s < 172800 ? `${Math.round(s / 3600)} h old` : `${Math.round(s / 86400)} days old`);
/** What stands behind the figures of now. */
export const quotes = (market) => (market ? `${market.quotes}, ${age(market.age_s)}` : "unknown");
