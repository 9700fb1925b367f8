// The token, questions with it, and the stream. The token never stands in an address that is sent: it comes in the
// fragment, stays in this tab's storage, and goes out in a header.
const KEPT = 'kalua token';
const SILENCE_MS = 8000; // the state comes every second

export class Closed extends Error {} // the token is missing or wrong

// What somebody pasted, or the address has: "http://…/#token=X", "#token=X", "X".
export const tokenOf = (text) => (/(?:^|#|&)token=([^&\s]+)/.exec(text)?.[1] ?? text).trim();

export function takeToken() {
  if (/[#&]token=/.test(location.hash)) {
    sessionStorage.setItem(KEPT, tokenOf(location.hash));
    history.replaceState(null, '', location.pathname + location.search);
  }
  return sessionStorage.getItem(KEPT);
}
export const keepToken = (token) => sessionStorage.setItem(KEPT, token);
export const forgetToken = () => sessionStorage.removeItem(KEPT);

async function request(path, signal) {
  const token = sessionStorage.getItem(KEPT);
  if (!token) throw new Closed('');
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Closed('That is no token.');
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${token}` }, cache: 'no-store', signal });
  if (answer.status === 401 || answer.status === 403) throw new Closed(`This is not the token of the process that answers here: ${(await answer.text()).trim()}.`);
  return answer;
}

export async function look(path, query = {}) {
  const answer = await request(`/api/${path}?${new URLSearchParams(query)}`, AbortSignal.timeout(8000));
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

// Reads the stream until it ends or `signal` aborts: `opened()`, then `on(event, value)` for each event.
export async function follow(query, signal, opened, on) {
  const silence = new AbortController();
  let timer;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
  };
  const stop = () => silence.abort();
  signal.addEventListener('abort', stop);
  alive();
  try {
    const answer = await request(`/api/events?${new URLSearchParams(query)}`, silence.signal);
    if (!answer.ok) throw new Error(answer.status === 503 ? 'Too many pages look at this process: close one.' : `The stream was answered with ${answer.status}.`);
    opened();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      alive();
      text += value;
      for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
        const fields = Object.fromEntries(text.slice(0, end).split('\n').filter((l) => !l.startsWith(':')).map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 1).replace(/^ /, '')]));
        if (fields.data) on(fields.event, JSON.parse(fields.data));
      }
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    silence.abort();
  }
}
