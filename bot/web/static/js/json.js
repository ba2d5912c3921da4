// The one way to ask the server for figures.

/** Return the JSON behind a path; an error carries the server's own sentence. */
export async function getJson(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `${answer.status}`);
  return body;
}
