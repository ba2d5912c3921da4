// The calendar: sessions with their moments, releases, rolls of what is held.
import { card, h, notices, painter, table } from "../dom.js";
import * as say from "../format.js";

export const isLive = false;
export const source = () => "/api/calendar";

export function mount(view) {
  const places = { warnings: h("div"), sessions: h("div"), releases: h("div"), rolls: h("div") };
  view.replaceChildren(places.warnings, h("div", { class: "grid" },
    card("Sessions", "span-7", places.sessions),
    h("div", { class: "span-5" }, card("Releases", "", places.releases), h("br"), card("Hedge rolls", "", places.rolls))));
  const paint = {
    warnings: painter(places.warnings, notices),
    sessions: painter(places.sessions, sessions), releases: painter(places.releases, releases), rolls: painter(places.rolls, rolls),
  };
  return (data) => { for (const name of Object.keys(places)) paint[name](data[name]); };
}

function sessions(rows) {
  return rows.map((row, index) => h("details", { open: index === 0 },
    h("summary", {}, `${say.day(row.session)}${row.is_half_day ? " · half day" : ""} · ${row.is_listed ? "sells" : "no series for"} ${say.day(row.condor_expiry)}`),
    table(`Moments of ${say.day(row.session)}`, [["At (ET)", (m) => say.time(m.at), "nowrap"], ["Moment", (m) => say.words(m.name)], ["Release", (m) => m.event ?? ""]], row.moments)));
}

function releases(rows) {
  return table("The next three weeks", [["When", (row) => `${say.day(row.date)}, ${say.time(row.at)} ET`], ["What", (row) => row.kind], ["Date", (row) => row.is_provisional ? "expected" : "announced"]], rows, "None in the next three weeks.");
}

function rolls(rows) {
  return table("By the calendar alone", [["On", (row) => say.day(row.roll_on)], ["Layer", (row) => row.layer], ["Series", (row) => row.contract]], rows, "Nothing is held that could roll.");
}
