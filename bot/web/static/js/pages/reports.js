// Studies and reports: files of one folder, newest first.
import { card, h, painter, table } from "../dom.js";
import * as say from "../format.js";

export const isLive = false;
export const source = () => "/api/reports";

export function mount(view) {
  const list = h("div");
  view.replaceChildren(h("div", { class: "grid" }, card("Files", "", list)));
  const address = (path) => `/reports/files/${path.split("/").map(encodeURIComponent).join("/")}`;
  return painter(list, ({ folder, total, files }) => table(`${total} in the folder ${folder}`, [
    ["File", (row) => h("a", { href: address(row.path) }, row.path)], ["Changed (ET)", (row) => say.stamp(row.changed_at), "nowrap"],
    ["Size", (row) => `${say.points(Math.max(row.bytes, 103) / 1024, 1)} kB`, "num"],
  ], files, `The folder ${folder} holds no study or report yet. alvh run leaves its picture and summary there.`, { isShown: true }));
}
