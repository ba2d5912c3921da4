// The hedge: three layers against their aims, what they cost and are worth, and how convex they are.
import { card, h, painter, stats, table } from "../dom.js";
import { chart } from "../chart.js";
import * as say from "../format.js";

export const isLive = true;
export const source = () => "/api/hedge";

export function mount(view) {
  const places = { decision: h("div"), layers: h("div"), positions: h("div"), convexity: h("div"), slope: h("div"), rolls: h("div"), value: h("div") };
  view.replaceChildren(h("div", { class: "grid" },
    card("Where it stands", "span-7", places.decision), card("Coming rolls", "span-5", places.rolls), card("Layers", "", places.layers),
    card("A jump of VIX", "span-6", places.convexity), card("Like an AMM?", "span-6", places.slope),
    card("Series held", "", places.positions), card("What it was worth", "", places.value)));
  const paint = {
    decision: painter(places.decision, decision), layers: painter(places.layers, layers), rolls: painter(places.rolls, rolls),
    convexity: painter(places.convexity, jump), slope: painter(places.slope, slope),
    positions: painter(places.positions, positions), value: painter(places.value, value),
  };
  return (data) => {
    paint.decision({ sentence: data.decision, plan: data.plan });
    paint.layers({ layers: data.layers, greeks: data.convexity?.layers ?? [] });
    paint.rolls(data.rolls);
    paint.convexity(data.convexity);
    paint.slope(data.convexity);
    paint.positions(data.positions);
    paint.value(data.value);
  };
}

function decision({ sentence, plan }) {
  return [
    h("p", { class: "sentence" }, sentence ?? "The hedge was not reviewed yet."),
    h("p", { class: "soft small" }, plan ? `Planned on ${say.day(plan.session)}: ${plan.planned_condors} condors, so ${plan.units} unit${plan.units === 1 ? "" : "s"} of hedge.` : "No plan yet: it is made at the first hedge window."),
  ];
}

function layers({ layers: rows, greeks }) {
  const of = (row) => greeks.find((each) => each.layer === row.layer) ?? {};
  return table("Held against the aim", [
    ["Layer", (row) => row.layer],
    ["Base / aim", (row) => `${row.base_contracts} / ${row.target_contracts ?? "–"}`, "num"],
    ["All calls", (row) => String(row.held_contracts), "num"],
    ["Delta", (row) => say.points(row.delta), "num"], ["Aim", (row) => say.points(row.target_delta), "num"],
    ["Drift", (row) => row.delta === null ? "–" : say.signed(row.delta - row.target_delta), "num"],
    ["Days left", (row) => row.nearest_dte === null ? "–" : String(row.nearest_dte), "num"],
    ["Rolls at", (row) => String(row.roll_dte), "num"],
    ["Worth", (row) => say.usd(of(row).mark_usd), "num"],
    ["Theta $/day", (row) => say.signed(of(row).theta_usd_per_day, 1), "num"],
    ["Vega $/pt", (row) => say.signed(of(row).vega_usd_per_vol_point, 0), "num"],
  ], rows);
}

function rolls(rows) {
  return table("By the calendar alone", [
    ["On", (row) => say.day(row.roll_on), "nowrap"], ["In days", (row) => String(row.days_left), "num"],
    ["Layer", (row) => row.layer], ["Calls", (row) => String(row.contracts), "num"],
  ], rows, "Nothing is held that could roll.");
}

function jump(found) {
  if (!found?.payoff_usd) return h("p", { class: "empty" }, "No profile: nothing is held, or a quote is missing.");
  const covered = found.coverage?.[25 - found.shocks[0]];
  return [chart({
    title: "Gain if spot VIX jumped at once", x: found.shocks, xLabel: "Jump, points", writeX: (x) => say.signed(x, 0), write: (y) => say.usd(y),
    series: [{ label: "Hedge", values: found.payoff_usd }],
  }), h("p", { class: "soft small" }, covered ? `At +25 it would bring ${say.share(covered, 0)} of what ${found.coverage_condors} open condors would lose.` : "No condor is open beyond today to measure it against.")];
}

function slope(found) {
  if (!found?.amm_slope) return h("p", { class: "empty" }, "No curve to compare with.");
  const zero = -found.shocks[0], x = found.amm_slope.map((_, index) => index);
  const relative = x.map((each) => found.slope_usd[zero + each] / found.slope_usd[zero]);
  return [chart({
    title: "What the next point of VIX brings, relative to no jump", x, xLabel: "Jump, points", writeX: (v) => say.signed(v, 0), write: (y) => say.points(y, 3),
    series: [{ label: "Hedge", values: relative }, { label: `Nearest AMM, ${say.points(found.amm_depth, 0)} points deep`, values: found.amm_slope, dashed: true }],
  }), stats([["Steepening +1 to +20", `${say.points(found.steepening_ratio)} ×`], ["Misfit", say.points(found.amm_fit_rms, 3), "rms over 0 … 20"], ["Ceiling", say.usd(found.saturation_usd), "per point, deep in the money"]])];
}

function positions(rows) {
  return table("Every series", [
    ["Layer", (row) => row.layer], ["Why", (row) => row.kind], ["Series", (row) => row.contract, "nowrap"], ["Calls", (row) => String(row.contracts), "num"],
    ["Age, days", (row) => String(row.age_days), "num"], ["Days left", (row) => String(row.dte), "num"],
    ["Cost", (row) => say.usd(row.paid_usd), "num"], ["Worth", (row) => say.usd(row.value_usd), "num"],
    ["Made", (row) => h("span", { class: say.tone(row.pnl_usd) }, say.gain(row.pnl_usd)), "num"],
    ["Delta", (row) => say.points(row.delta), "num"], ["IV", (row) => say.share(row.iv, 0), "num"],
  ], rows, "No VIX call is held.");
}

function value(data) {
  if (data.sessions.length < 2) return h("p", { class: "empty" }, "The curve begins after the second session.");
  return chart({
    title: "Worth and all it made, by session", isTime: true, height: 220, x: data.sessions.map(say.unix), xLabel: "Session",
    writeX: (x) => say.day(new Date(x * 1000).toISOString().slice(0, 10)), write: (y) => say.usd(y),
    series: [{ label: "Worth", values: data.value_usd }, { label: "Made since the start", values: data.pnl_usd, dashed: true }],
  });
}
