// Orders: all of them, and one order's diary of prices.
import { card, chip, h, painter, table } from "../dom.js";
import { getJson } from "../json.js";
import * as say from "../format.js";

export const isLive = false;
let limit = 50;
export const source = () => `/api/orders?limit=${limit}`;

export function mount(view, { refresh, toast }) {
  const list = h("div"), detail = h("div", { id: "detail" });
  view.replaceChildren(detail, h("div", { class: "grid" }, card("Orders", "", list)));
  async function open(name) {
    try { detail.replaceChildren(diary(await getJson(`/api/orders/${encodeURIComponent(name)}`), () => detail.replaceChildren())); } catch (error) { toast(error.message); return; }
    detail.querySelector("h2").focus();
  }
  const paint = painter(list, (data) => rows(data, open, () => { limit += 100; refresh(); }));
  return ({ total, orders, before }) => paint({ total, orders, before });
}

function rows({ total, orders, before }, open, more) {
  return [
    table(`${total} in all, newest first`, [
      ["Session", (row) => say.day(row.session), "nowrap"],
      ["Order", (row) => h("button", { type: "button", class: "link", onclick: () => open(row.order_id) }, row.order_id), "nowrap"],
      ["What", (row) => say.words(row.purpose)], ["State", (row) => chip(row.status)],
      ["Filled", (row) => `${row.filled} / ${row.quantity}`, "num"], ["Limit", (row) => say.signed(row.limit_credit), "num"],
      ["Got", (row) => say.signed(row.average_credit), "num"], ["Slippage", (row) => say.signed(row.slippage_points, 3), "num"],
      ["Fees", (row) => say.usd(row.fees_usd, 2), "num"],
    ], orders, "No order was sent yet.", { isShown: true }),
    before && h("p", {}, h("button", { type: "button", onclick: more }, "Show more")),
    h("p", { class: "soft small" }, "Credits are points per combo: above 0 received, below 0 paid. Slippage is against the mid, above 0 worse for us."),
  ];
}

function diary(order, close) {
  return h("section", { class: "card", "aria-labelledby": "whole" },
    h("h2", { id: "whole", tabindex: "-1" }, order.order_id),
    h("p", {}, `${order.quantity} × ${order.legs}`),
    h("p", { class: "soft small" }, chip(order.status), ` approved ${say.stamp(order.approved_at)} ET · `, h("button", { type: "button", class: "link", onclick: close }, "close")),
    table("Price diary", [
      ["At (ET)", (line) => say.time(line.at), "nowrap"], ["What", (line) => line.sentence], ["Limit", (line) => say.signed(line.limit_credit), "num"],
      ["Natural", (line) => say.signed(line.natural_credit, 3), "num"], ["Mid", (line) => say.signed(line.mid_credit, 3), "num"],
    ], order.diary, "The broker said nothing of it yet.", { isShown: true }));
}
