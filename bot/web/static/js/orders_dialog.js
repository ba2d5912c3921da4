// Halt and resume: a typed word and the token, sent once, forgotten at once.
const by = (id) => document.getElementById(id);

const TEXTS = {
  halt: ["Halt trading", "Nothing new is opened until someone resumes. Open positions and the hedge are kept.", "HALT", "Halt"],
  resume: ["Resume trading", "Decisions may open positions again from the next moment on.", "RESUME", "Resume"],
};

export function wireOrders({ refresh, toast }) {
  const dialog = by("dialog");
  let order = "halt";

  by("order").addEventListener("click", () => {
    order = by("state").dataset.state === "halted" ? "resume" : "halt";
    const [title, text, word, button] = TEXTS[order];
    by("dialog-title").textContent = title;
    by("dialog-text").textContent = text;
    by("dialog-wanted").textContent = word;
    by("dialog-submit").textContent = button;
    by("dialog-error").textContent = "";
    by("dialog-form").reset();
    dialog.showModal();
  });
  by("dialog-cancel").addEventListener("click", () => dialog.close());
  by("dialog-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch(`/api/${order}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${by("dialog-token").value}` },
      body: JSON.stringify({ confirm: by("dialog-word").value, reason: by("dialog-reason").value }),
    }).catch((error) => ({ ok: false, json: async () => ({ error: error.message }) }));
    const body = await answer.json();
    if (!answer.ok) { by("dialog-error").textContent = body.error; return; }
    by("dialog-form").reset();
    dialog.close();
    toast(body.sentence);
    refresh();
  });
}
