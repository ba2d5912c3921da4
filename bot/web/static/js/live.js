// The stream: every event once and in order, across lost lines and hidden tabs.

/** Follow the run from event `after`; handlers: news(object), tick(object), line(isUp). */
export function follow(after, { news, tick, line }) {
  let last = after, source = null;

  function open() {
    if (source) return;
    source = new EventSource(`/api/stream?after=${last}`);
    source.addEventListener("open", () => line(true));
    source.addEventListener("news", (event) => {
      const told = JSON.parse(event.data);
      if (told.seq <= last) return;
      last = told.seq;
      news(told);
    });
    source.addEventListener("tick", (event) => tick(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      line(false);
      if (source.readyState === EventSource.CLOSED) { close(); setTimeout(open, 1000); }
    });
  }

  function close() { source?.close(); source = null; }

  // A browser gives a site few connections: a hidden tab lets go of its own and reads on later.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
  return { last: () => last };
}
