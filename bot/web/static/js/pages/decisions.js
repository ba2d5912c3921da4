// Decisions: search, and open one into its filters, candidates and orders.
import { card, chip, h, pairs, painter, table } from "../dom.js";
import { getJson } from "../json.js";
import * as say from "../format.js";

export const isLive = false;
const asked = { q: "", strategy: "", session: "" };
let limit = 50;
export const source = () => `/api/decisions?${new URLSearchParams({ ...asked, limit })}`;

export function mount(view, { refresh, toast }) {
  const list = h("div"), detail = h("div", { id: "detail" });
  const field = (id, label, control) => h("div", {}, h("label", { for: id }, label), control);
  const strategies = h("select", { id: "strategy", onchange: (event) => ask("strategy", event.target.value) }, h("option", { value: "" }, "all"));
  view.replaceChildren(
    h("div", { class: "tools", role: "search" },
      field("q", "Words", h("input", { id: "q", type: "search", placeholder: "VIX above, R-05, skip …", oninput: (event) => ask("q", event.target.value) })),
      field("strategy", "Strategy", strategies),
      field("session", "Session", h("input", { id: "session", type: "date", onchange: (event) => ask("session", event.target.value) }))),
    detail, h("div", { class: "grid" }, card("Decisions", "", list)));

  function ask(name, value) { asked[name] = value; limit = 50; refresh(); }
  async function open(seq, { focus = true } = {}) {
    try { detail.replaceChildren(whole(await getJson(`/api/decisions/${seq}`), close)); } catch (error) { toast(error.message); return; }
    history.replaceState(null, "", `#${seq}`);
    if (focus) detail.querySelector("h2").focus();
  }
  function close() { detail.replaceChildren(); history.replaceState(null, "", location.pathname); }
  const paint = painter(list, (data) => rows(data, open, () => { limit += 100; refresh(); }));
  if (/^#\d+$/.test(location.hash)) open(location.hash.slice(1), { focus: false });
  return (data) => {
    if (strategies.options.length === 1) strategies.append(...data.strategies.map((name) => h("option", { value: name }, name)));
    paint({ total: data.total, decisions: data.decisions, before: data.before });
  };
}

function rows({ total, decisions, before }, open, more) {
  return [
    table(`${total} found, newest first`, [
      ["Session", (row) => say.day(row.session), "nowrap"], ["Strategy", (row) => row.strategy], ["Moment", (row) => say.words(row.moment)],
      ["Action", (row) => chip(row.action)],
      ["Sentence", (row) => h("button", { type: "button", class: "link", "data-seq": row.seq, onclick: () => open(row.seq) }, row.sentence)],
    ], decisions, Object.values(asked).some(Boolean) ? "No decision has these words." : "Nothing was decided yet.", { isShown: true }),
    before && h("p", {}, h("button", { type: "button", onclick: more }, "Show more")),
  ];
}

function whole(decision, close) {
  const { filters, candidates, orders, transitions, facts } = decision;
  return h("section", { class: "card", "aria-labelledby": "whole" },
    h("h2", { id: "whole", tabindex: "-1" }, `${decision.strategy}, ${say.day(decision.session)}, ${say.words(decision.moment)}`),
    h("p", { class: "sentence" }, decision.sentence),
    h("p", { class: "soft small" }, chip(decision.action), ` ${say.words(decision.reason)} · event ${decision.seq} · `, h("button", { type: "button", class: "link", onclick: close }, "close")),
    table("Filters", [["Rule", (f) => f.rule, "nowrap"], ["What", (f) => say.words(f.name)], ["Verdict", (f) => chip(f.verdict)], ["Why", (f) => f.detail]], filters, "No filter was asked.", { isShown: true }),
    candidates && h("h3", {}, "Candidates"), candidates && weighed(candidates),
    orders.length > 0 && table("Orders proposed", [["Purpose", (o) => say.words(o.purpose)], ["Number", (o) => String(o.quantity), "num"], ["Limit", (o) => say.points(Number(o.limit_credit)), "num"], ["Legs", (o) => o.legs.join(", ")]], orders, "None.", { isShown: true }),
    transitions.length > 0 && table("Ways it could go", [["Way", (t) => say.words(t.name)], ["Possible", (t) => t.is_feasible ? "yes" : "no"], ["Worth", (t) => say.usd(t.value_usd), "num"], ["Why", (t) => t.detail]], transitions, "None.", { isShown: true }),
    h("details", {}, h("summary", {}, "All figures it looked at"), pairs(Object.entries(facts).map(([name, value]) => [say.words(name), value === null ? "unknown" : String(value)]))));
}

function weighed(found) {
  return [
    h("p", {}, `Wanted ${say.points(found.target_credit_points)} points after ${say.points(found.slippage_points)} of slippage; ${found.pairs_meeting_target} of ${found.puts.length * found.calls.length} condors brought it.`),
    table("Best condors", [["Short put", (p) => say.points(p.short_put_strike, 0), "num"], ["Short call", (p) => say.points(p.short_call_strike, 0), "num"], ["Credit", (p) => say.points(p.credit_points), "num"], ["Over the target", (p) => say.signed(p.credit_excess_points), "num"]], found.best, "None met the target.", { isShown: true }),
    h("details", {}, h("summary", {}, `${found.puts.length} put and ${found.calls.length} call verticals`),
      side("Puts", found.puts), side("Calls", found.calls)),
  ];
}

function side(title, rows) {
  return table(title, [["Short strike", (c) => say.points(c.strike, 0), "num"], ["Delta", (c) => say.points(c.delta, 3), "num"], ["Distance, EDR", (c) => say.points(c.edr_multiple), "num"], ["Credit", (c) => say.points(c.credit_points), "num"]], rows, "None.", { isShown: true });
}
