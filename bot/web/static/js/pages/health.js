// Health: does the loop turn, does the journal write, what went wrong so far.
import { card, h, pairs, painter, stats, table } from "../dom.js";
import * as say from "../format.js";

export const isLive = true;
export const source = () => "/api/health";

export function mount(view) {
  const places = { vital: h("div"), run: h("div"), dates: h("div"), missed: h("div"), counts: h("div") };
  view.replaceChildren(h("div", { class: "grid" },
    card("Vital signs", "", places.vital), card("This run", "span-6", places.run), card("Release dates known until", "span-6", places.dates),
    card("Missed moments", "span-6", places.missed), card("Events in the journal", "span-6", places.counts)));
  const paint = Object.fromEntries(Object.entries({ vital, run, dates, missed, counts }).map(([name, write]) => [name, painter(places[name], write)]));
  return (data) => { for (const name of Object.keys(places)) paint[name](name in data && name !== "run" ? data[name] : data); };
}

const isFine = (good) => (good ? "gain" : "loss");

function vital(data) {
  return [
    data.fault && h("p", { class: "notice alarm" }, `The journal contradicts itself: ${data.fault}.`),
    stats([
      ["Program", data.status, null, isFine(data.status === "ok")], ["Loop", data.loop, `lag ${say.points(data.lag_s * 1000, 1)} ms`, isFine(data.loop === "turning")],
      ["Journal", data.journal, `${say.points(data.seq, 0)} events`, isFine(data.journal === "writing")],
      ["Market", data.market, say.age(data.market_age_s), isFine(data.market_age_s !== null)], ["Broker", data.connection],
      ["Open pages", String(data.streams)],
    ]),
  ];
}

function run({ run: found, halt }) {
  if (!found) return h("p", { class: "empty" }, "No run has started.");
  return pairs([["Profile", found.profile], ["Money", found.is_simulated ? "simulated" : "paper account"], ["Version", found.version], ["Started", `${say.stamp(found.started_at)} ET`],
    ["Seed", String(found.seed)], ["Settings", found.config_hash], ["Start", say.usd(found.start_nlv_usd, 2)], ["Halt", halt ? halt.sentence : "none"]]);
}

function dates({ macro_coverage: coverage, warnings }) {
  return [pairs(Object.entries(coverage).map(([kind, day]) => [kind, say.day(day)])), warnings.map((sentence) => h("p", { class: "notice" }, sentence))];
}

function missed(rows) {
  return table("Newest first", [["Session", (row) => say.day(row.session), "nowrap"], ["Moment", (row) => say.words(row.name)], ["Why", (row) => row.reason]], rows, "None was missed.");
}

function counts(found) {
  return table("By kind", [["Kind", (row) => say.words(row[0])], ["Number", (row) => say.points(row[1], 0), "num"]], Object.entries(found));
}
