// The simulator's paths below /sim/, and who wants to know when something was made to happen.
export class Refused extends Error {} // it answered with an error
export class NoAnswer extends Error {} // nobody is there, or nothing that can be understood

async function ask(path, init) {
  let answer, body;
  try {
    answer = await fetch(`/sim/${path}`, { cache: 'no-store', signal: AbortSignal.timeout(8000), ...init });
    body = await answer.json();
  } catch (e) {
    throw new NoAnswer('The simulator does not answer.', { cause: e });
  }
  if (answer.ok) return body;
  throw Object.assign(new Refused(body.error?.message ?? `status ${answer.status}`), { status: answer.status });
}

export const look = (path, query) => ask(query ? `${path}?${new URLSearchParams(query)}` : path);

// Runs a trigger: what was done, with a `message`.
export async function trigger(kind, args = {}) {
  try {
    return await ask(`trigger/${encodeURIComponent(kind)}`, {
      method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(args) });
  } finally {
    dispatchEvent(new Event('happened'));
  }
}
