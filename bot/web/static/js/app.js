// Every page: the header, the stream, and the page's own view, painted from its JSON.
import { h } from "./dom.js";
import * as say from "./format.js";
import { follow } from "./live.js";
import { redraw } from "./chart.js";
import { getJson } from "./json.js";
import { wireOrders } from "./orders_dialog.js";

const page = document.body.dataset.page;
const view = document.getElementById("view");
const by = (id) => document.getElementById(id);
const LIVE_EVERY_MS = 2000;

let isFetching = false, isStale = false, update = () => {}, refreshedAt = 0, toastTimer;

async function refresh() {
  if (isFetching) { isStale = true; return; }
  isFetching = true;
  try {
    do {
      isStale = false;
      show(await getJson(module.source()));
    } while (isStale);
    refreshedAt = performance.now();
  } catch (error) {
    toast(`The page could not be brought up to date: ${error.message}`);
  } finally { isFetching = false; }
}

/** Paint figures; the view then says of which event they know. */
function show(figures) {
  update(figures);
  view.dataset.seq = figures.seq;
}

function toast(text) {
  by("toast").textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => { by("toast").textContent = ""; }, 8000);
}

function paintTick({ now, market, next, halt }) {
  by("clock").textContent = say.clock(now);
  by("spx").textContent = say.points(market?.spx);
  by("vix").textContent = say.points(market?.vix);
  by("quotes").textContent = say.quotes(market);
  by("quotes").className = market?.is_live ? "" : "old";
  by("next").textContent = next ? `${say.words(next.name)}, ${say.moment(next.at).replace(" ET", "")}` : "–";
  paintState(halt ? "halted" : "trading");
}

function paintState(state) {
  const names = { trading: "Trading on", halted: "Halted", lost: "No connection" };
  by("state").dataset.state = state;
  by("state").textContent = names[state];
  by("order").hidden = state === "lost";
  by("order").textContent = state === "halted" ? "Resume" : "Halt";
}

function paintRun(run) {
  const badge = run === null ? "no run" : run.is_simulated ? `simulated · ${run.profile}` : "paper account";
  by("badge").textContent = badge;
  by("badge").title = run?.is_simulated ? "No real money: prices, orders and fills are simulated." : "";
}

by("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  redraw();
});

const module = await import(`./pages/${page}.js`);

async function start() {
  let first, overview;
  try {
    [first, overview] = await Promise.all([getJson(module.source()), page === "overview" ? null : getJson("/api/overview")]);
  } catch (error) {
    view.replaceChildren(h("p", { class: "notice alarm" }, `Nothing can be shown: ${error.message}. Trying again.`));
    setTimeout(start, 2000);
    return;
  }
  const known = overview ?? first;
  document.querySelector(".pages [aria-current]").scrollIntoView({ inline: "center", block: "nearest" });
  paintRun(known.run);
  paintTick({ now: known.now, market: known.market, next: known.next[0], halt: known.halt });
  update = module.mount(view, { refresh, toast });
  show(first);
  view.removeAttribute("aria-busy");
  wireOrders({ refresh, toast });
  follow(known.seq, {
    news(told) {
      document.body.dataset.seq = told.seq;
      module.news?.(told);
      if (told.level === "warning" || told.level === "alarm") toast(told.sentence);
      refresh();
    },
    tick(told) {
      paintTick(told);
      if (module.isLive && performance.now() - refreshedAt > LIVE_EVERY_MS) refresh();
    },
    line(isUp) { if (!isUp) paintState("lost"); },
  });
  document.body.dataset.ready = "true";
}
start();
