// The condor: the tent of its pay-off, how far the shorts are, what it makes, what moves it.
import { card, chip, h, painter, pairs, stats, table } from "../dom.js";
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
  const strikes = condor.legs.map((leg) => leg.contract.split(" ")[2]);
  const title = `${condor.quantity} × ${strikes.join(" / ")}, expiring ${say.day(condor.expiry)}`;
  return h("div", { class: "grid one" },
    card(title, "span-8", tent(condor, market)),
    card("Standing", "span-4", standing(condor, market)),
    card("Greeks", "span-5", greeks(condor.greeks)),
    card("Legs", "span-7", table("Legs", [
      ["Series", (leg) => leg.contract, "nowrap"], ["Held", (leg) => say.signed(leg.position, 0), "num"],
      ["Bid", (leg) => say.points(leg.bid), "num"], ["Ask", (leg) => say.points(leg.ask), "num"],
      ["IV", (leg) => say.share(leg.iv), "num"], ["Delta", (leg) => say.signed(leg.delta, 3), "num"],
    ], condor.legs)));
}

function standing(condor, market) {
  const gap = (row) => h("span", { class: row.points < 0 ? "loss" : "" },
    `${say.signed(row.points, 1)} points${row.sigmas === null ? "" : `, ${say.signed(row.sigmas, 2)} σ`}`);
  const why = !market?.is_live ? "no fresh quotes" : condor.open_pnl_usd === null ? "a leg has no good quote now" : `sold for ${say.points(condor.credit_points)} points, ${say.usd(condor.credit_usd)}`;
  return [
    stats([["P&L now", h("span", { id: "open-pnl" }, condor.open_pnl_usd === null ? "unknown" : say.gain(condor.open_pnl_usd, 2)), why, say.tone(condor.open_pnl_usd)]]),
    h("br"),
    pairs([
      ["SPX", say.points(market?.spx)],
      ["Quotes", say.quotes(market)],
      ...condor.distances.map((row) => [`To short ${row.right} ${say.points(row.strike, 0)}`, gap(row)]),
      ["Break-evens", `${say.points(condor.lower_breakeven, 1)} and ${say.points(condor.upper_breakeven, 1)}`],
      ["One σ to expiry", condor.sigma_points === null ? "unknown" : `${say.points(condor.sigma_points, 1)} points`],
      ["Can lose", `${say.usd(condor.max_loss_usd)} at worst`],
      ["Sold on", say.day(condor.opened)],
    ]),
  ];
}

function greeks(found) {
  if (!found) return h("p", { class: "empty" }, "Unknown: a quote or its vol is missing.");
  return stats([
    ["Delta", say.signed(found.delta_usd_per_point, 1), "dollars per SPX point"],
    ["Gamma", say.signed(found.gamma_usd_per_point, 2), "change of delta per point"],
    ["Theta", say.signed(found.theta_usd_per_day, 0), "dollars per day"],
    ["Vega", say.signed(found.vega_usd_per_vol_point, 0), "dollars per vol point"],
  ]);
}

function tent(condor, market) {
  const { spx, expiry_usd: expiry, now_usd: now } = condor.payoff;
  const [put, call] = ["put", "call"].map((right) => condor.distances.find((row) => row.right === right)?.strike);
  const mark = (at, label, tone, row, isLeft) => (at === null || at === undefined ? [] : [{ at, label, tone, row, isLeft }]);
  const marks = [
    ...mark(market?.spx, `SPX ${say.points(market?.spx, 0)}`, "--ink", 0, false),
    ...mark(put, `short ${say.points(put, 0)}`, "--soft", 3, false), ...mark(call, `short ${say.points(call, 0)}`, "--soft", 4, true),
    ...mark(condor.lower_breakeven, "break-even", "--second", 5, true), ...mark(condor.upper_breakeven, "break-even", "--second", 5, false),
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
