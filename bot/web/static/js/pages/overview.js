// The overview: today's decision in a sentence, what the account is worth, what is held, the log.
import { card, chip, h, notices, painter, stats, table } from "../dom.js";
import { chart } from "../chart.js";
import * as say from "../format.js";

export const isLive = true;
export const source = () => "/api/overview";
const log = [];
let paintLog;

/** Add a line of the stream to the log at once; the refresh that follows brings the figures. */
export function news(told) {
  if (log.some((known) => known.seq === told.seq)) return;
  log.unshift(told);
  paintLog?.([...log.slice(0, 60)]);
}

export function mount(view) {
  const places = { warnings: h("div"), decision: h("div"), money: h("div"), curve: h("div"), held: h("div"), next: h("div"), log: h("div") };
  view.replaceChildren(places.warnings, h("div", { class: "grid" },
    card("Latest decision", "span-7", places.decision), card("What comes next", "span-5", places.next),
    card("Account", "", places.money),
    card("Equity", "span-8", places.curve), card("Held now", "span-4", places.held),
    card("What happened", "", places.log)));
  const paint = {
    warnings: painter(places.warnings, warnings), decision: painter(places.decision, decision),
    money: painter(places.money, money), curve: painter(places.curve, curve),
    held: painter(places.held, held), next: painter(places.next, next),
  };
  paintLog = painter(places.log, list);
  return (data) => {
    paint.warnings({ warnings: data.warnings, halt: data.halt, isWell: data.is_well });
    paint.decision({ condor: data.decision, hedge: data.hedge_decision });
    paint.money({ equity: data.equity, live: data.live, run: data.run, quotes: say.quotes(data.market), atRisk: data.holdings.open_max_loss_usd });
    paint.curve(data.curve);
    paint.held(data.holdings);
    paint.next({ next: data.next, session: data.session, connection: data.connection });
    for (const each of data.news) if (!log.some((known) => known.seq === each.seq)) log.push(each);
    log.sort((a, b) => b.seq - a.seq);
    paintLog([...log.slice(0, 60)]);
  };
}

function warnings({ warnings: told, halt, isWell }) {
  return [
    halt && h("p", { class: "notice alarm", role: "alert" }, halt.sentence),
    isWell === false && h("p", { class: "notice alarm", role: "alert" }, "The program is not well: see Health."),
    notices(told),
  ];
}

function decision({ condor, hedge }) {
  if (!condor && !hedge) return h("p", { class: "empty" }, "Nothing was decided yet; the next moments stand under What comes next.");
  return [
    condor && [h("p", { class: "sentence", id: "decision" }, condor.sentence), h("p", { class: "soft small" }, chip(condor.action), ` ${say.day(condor.session)}, ${say.words(condor.moment)} · `,
      h("a", { href: `/decisions#${condor.seq}` }, "filters and candidates"))],
    hedge && [h("p", {}, hedge.sentence), h("p", { class: "soft small" }, `Hedge, ${say.day(hedge.session)}, ${say.words(hedge.moment)}`)],
  ];
}

function money({ equity, live, run, quotes, atRisk }) {
  if (!equity && !live) return h("p", { class: "empty" }, `The account starts with ${say.usd(run?.start_nlv_usd)}.`);
  const nlv = live?.nlv_usd ?? equity.nlv_usd;
  const made = nlv - run.start_nlv_usd;
  return stats([
    ["NLV now", h("span", { id: "nlv-now" }, live ? say.usd(live.nlv_usd) : "unknown"), live ? marked(live, quotes) : "no fresh quotes"],
    live ? ["Without hedge now", say.usd(live.unhedged_nlv_usd), `hedge ${say.gain(live.hedge_pnl_usd)}`] : null,
    live ? ["Since the last close", say.gain(live.day_usd), null, say.tone(live.day_usd)] : null,
    ["Since the start", say.gain(made), `from ${say.usd(run.start_nlv_usd)}`, say.tone(made)],
    equity ? ["NLV at the last close", h("span", { id: "nlv" }, say.usd(equity.nlv_usd, 2)), say.day(equity.session)] : null,
    equity ? ["The same without hedge", h("span", { id: "unhedged" }, say.usd(equity.unhedged_nlv_usd, 2)), `hedge ${say.gain(equity.hedge_pnl_usd)}`] : null,
    equity ? ["Below its peak", say.share(equity.drawdown_frac), `fees so far ${say.usd(equity.fees_usd)}`] : null,
    ["At risk", say.usd(atRisk), "all open condors"],
  ].filter(Boolean));
}

/** What the figures of now stand on: the quotes, and series that have none and keep an older mark. */
function marked(live, quotes) {
  return live.unquoted ? `quotes ${quotes}; ${live.unquoted} series at an older mark` : `quotes ${quotes}`;
}

function curve(data) {
  if (data.sessions.length < 2) return h("p", { class: "empty" }, "The curve begins after the second session.");
  return chart({
    title: "NLV by session", isTime: true, x: data.sessions.map(say.unix), xLabel: "Session",
    writeX: (x) => say.day(new Date(x * 1000).toISOString().slice(0, 10)), write: (y) => say.usd(y),
    series: [{ label: "With hedge", values: data.nlv_usd }, { label: "Without hedge", values: data.unhedged_nlv_usd, dashed: true }],
  });
}

function held({ condors, layers, working_orders: working }) {
  return [
    table("Condors", [["Expiry", (c) => say.day(c.expiry)], ["Number", (c) => String(c.quantity), "num"], ["At risk", (c) => say.usd(c.max_loss_usd), "num"]], condors, "No condor is open.", { isShown: true }),
    table("Hedge", [["Layer", (l) => l.layer], ["Calls", (l) => String(l.contracts), "num"], ["Series", (l) => l.contract]], layers, "No VIX call is held.", { isShown: true }),
    h("p", { class: "soft small" }, `${working} working order${working === 1 ? "" : "s"}.`),
  ];
}

function next({ next: moments, session, connection }) {
  return [
    h("p", {}, `${say.day(session.date)}${session.is_half_day ? " (half day)" : ""}: ${session.hours}.`),
    table("Moments", [["When", (m) => say.moment(m.at), "nowrap"], ["What", (m) => `${say.words(m.name)}${m.event ? ` (${m.event})` : ""}`]], moments),
    h("p", { class: "soft small" }, `Broker: ${connection}.`),
  ];
}

function list(lines) {
  if (!lines.length) return h("p", { class: "empty" }, "Nothing yet.");
  return h("ul", { class: "news", id: "log", tabindex: "0", "aria-label": "What happened, newest first" }, lines.map((each) =>
    h("li", { "data-seq": each.seq }, h("time", { datetime: each.at }, say.stamp(each.at)), h("span", { class: each.level }, each.sentence))));
}
