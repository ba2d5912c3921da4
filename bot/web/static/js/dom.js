// The page's building blocks: elements from values, never from strings of HTML.

/** Return an element; `on…` properties are listeners, the rest attributes. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(9).filter((child) => child || child === 0 || child === ""));
  return element;
}

/** Return a card: a part of the page with a heading. */
export function card(title, span, ...children) {
  return h("div", { class: `card ${span}` }, h("h2", {}, title), children);
}

/** Return a list of figures: rows of [label, value, remark, class]. */
export function stats(rows) {
  return h("dl", { class: "stats" }, rows.map(([label, value, remark, tone]) =>
    h("div", {}, h("dt", {}, label),
      h("dd", { class: tone ?? "" }, value, remark ? h("small", {}, remark) : null))));
}

/** Return pairs of a name and a value. */
export function pairs(rows) {
  return h("dl", { class: "pairs" },
    rows.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value ?? "unknown")]));
}

/** Return a table; columns are [heading, cell(row), "num" or nothing]; the caption may be for readers aloud only. */
export function table(caption, columns, rows, none = "None.", { isShown = false } = {}) {
  if (!rows.length) return h("p", { class: "empty" }, none);
  const head = columns.map(([name, , kind]) => h("th", { scope: "col", class: kind ?? "" }, name));
  const body = rows.map((row) => h("tr", {}, columns.map(([, cell, kind]) =>
    h("td", { class: kind ?? "" }, cell(row) ?? "–"))));
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": caption },
    h("table", {}, h("caption", { class: isShown ? "" : "aloud" }, caption),
      h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
}

/** Return a word with a colour of its own; the word alone says it too. */
export function chip(word) {
  return h("span", { class: `chip ${word}` }, String(word).replaceAll("_", " "));
}

/** Return what asks for a person: the first sentence as a notice, the rest folded behind it. */
export function notices([first, ...rest]) {
  if (first === undefined) return [];
  return h("div", { class: "notice" }, first,
    rest.length > 0 && h("details", {}, h("summary", {}, `${rest.length} more to see to`), rest.map((each) => h("p", {}, each))));
}

/** Return a painter that paints into a place only when what it paints has changed; what was unfolded stays so. */
export function painter(place, paint) {
  let last;
  return (value) => {
    const text = JSON.stringify(value);
    if (text === last) return;
    const isFirst = last === undefined, folds = () => [...place.querySelectorAll("details")], unfolded = folds().map((each) => each.open);
    last = text;
    place.replaceChildren(...[paint(value)].flat(9).filter(Boolean));
    if (!isFirst) folds().forEach((each, index) => { each.open = unfolded[index] ?? each.open; });
  };
}
