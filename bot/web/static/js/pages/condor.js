// The condor: the tent of its pay-off, how far the shorts are, what it makes, what moves it.
import { card, chip, h, painter, stats, table } from "../dom.js";
import { chart } from "../chart.js";
import * as say from "../format.js";

export const isLive = true;
export const source = () => "/api/condor";

export function mount(view) {
  const condors = h("div"), history = h("div");
  view.replaceChildren(condors, h("div", { class: "grid" }, card("Entries", "", history)));
  const paint = { condors: painter(condors, all), history: painter(history, entries) };
  return (data) => {
    paint.condors({ condors: data.condors, market: data.market });
    paint.history(data.history);
  };
}

function all({ condors, market }) {
  if (!condors.length) return h("p", { class: "notice" }, "No condor is open. The next entry is sold after the cash close, when the method allows one.");
  return condors.map((each) => one(each, market));
}

function one(condor, market) {
  const title = `${condor.quantity} × ${say.day(condor.expiry)}`;
  return h("div", { class: "grid" },
    card(title, "span-8", tent(condor, market)),
    card(`${title}: standing`, "span-4", standing(condor, market)),
    card(`${title}: greeks`, "span-5", greeks(condor.greeks)),
    card(`${title}: legs`, "span-7", table("Legs", [
      ["Series", (leg) => leg.contract, "nowrap"], ["Held", (leg) => say.signed(leg.position, 0), "num"],
      ["Bid", (leg) => say.points(leg.bid), "num"], ["Ask", (leg) => say.points(leg.ask), "num"],
      ["IV", (leg) => say.share(leg.iv), "num"], ["Delta", (leg) => say.points(leg.delta, 3), "num"],
    ], condor.legs)));
}

function standing(condor, market) {
  const gap = (row) => `${say.signed(row.points, 1)} points${row.sigmas === null ? "" : `, ${say.signed(row.sigmas, 2)} σ`}`;
  return stats([
    ["P&L now", h("span", { id: "open-pnl" }, say.gain(condor.open_pnl_usd, 2)), `sold for ${say.points(condor.credit_points)} (${say.usd(condor.credit_usd)})`, say.tone(condor.open_pnl_usd)],
    ["SPX", say.points(market?.spx), market?.is_live ? "live" : "as last recorded"],
    ...condor.distances.map((row) => [`To the short ${row.right} ${say.points(row.strike, 0)}`, gap(row), null, row.points < 0 ? "loss" : ""]),
    ["Break-evens", `${say.points(condor.lower_breakeven, 1)} – ${say.points(condor.upper_breakeven, 1)}`],
    ["Can lose", say.usd(condor.max_loss_usd), "at worst, at expiry"],
    ["One σ to expiry", condor.sigma_points === null ? "–" : `${say.points(condor.sigma_points, 1)} points`],
  ]);
}

function greeks(found) {
  if (!found) return h("p", { class: "empty" }, "Not known: a quote or its vol is missing.");
  return stats([
    ["Delta", say.signed(found.delta_usd_per_point, 1), "dollars per SPX point"],
    ["Gamma", say.signed(found.gamma_usd_per_point, 2), "change of delta per point"],
    ["Theta", say.signed(found.theta_usd_per_day, 0), "dollars per day"],
    ["Vega", say.signed(found.vega_usd_per_vol_point, 0), "dollars per vol point"],
  ]);
}

function tent(condor, market) {
  const { spx, expiry_usd: expiry, now_usd: now } = condor.payoff;
  const shorts = condor.distances.length ? condor.distances.map((row) => row.strike) : [];
  const marks = [
    ...(market ? [{ at: market.spx, label: `SPX ${say.points(market.spx, 0)}`, tone: "--ink" }] : []),
    ...shorts.map((at) => ({ at, label: `short ${say.points(at, 0)}`, tone: "--soft", row: 1 })),
    ...[condor.lower_breakeven, condor.upper_breakeven].filter((at) => at !== null)
      .map((at) => ({ at, label: "break-even", tone: "--second", row: 2 })),
  ];
  const series = [
    { isHidden: true, values: expiry.map((y) => Math.max(y, 0)), fill: "--gain-wash" },
    { isHidden: true, values: expiry.map((y) => Math.min(y, 0)), fill: "--loss-wash" },
    { label: "At expiry", values: expiry },
    ...(now ? [{ label: "Now, vols unchanged", values: now, dashed: true }] : []),
  ];
  return chart({ title: "Profit by level of SPX", height: 320, x: spx, xLabel: "SPX", writeX: (x) => say.points(x, 0), write: (y) => say.usd(y), series, marks });
}

function entries(rows) {
  return table("What became of the last entries", [
    ["Session", (row) => say.day(row.session), "nowrap"], ["Result", (row) => chip(row.result)],
    ["Why", (row) => say.words(row.reason)], ["Condors", (row) => String(row.quantity), "num"],
  ], rows, "No entry is over yet.");
}
