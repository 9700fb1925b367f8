// The clients of the feed bench: how each is started, and what has to be right of what it says it has counted.
import path from 'node:path';
import { here, kaluaCommand, kaluaEnv, runClient } from './bench.mjs';

const limit = (step) => ({ build, port, tls }) => [build.part('feed_limit'), port, step, ...(tls ? ['tls'] : [])];
const beast = (books) => ({ build, port, tls }) => [build.beast().program, port, books, ...(tls ? ['tls'] : [])];
const node = ({ port, tls }) => [process.execPath, path.join(here, 'peer_ws.mjs'), port, ...(tls ? ['tls'] : [])];
const kalua = (script) => ({ build, port, tls, rest }) => kaluaCommand(build, script, { port, tls, rest });

export const LIMIT = 'limit';
// What is to be right in the end. callbacks: counts, books and callback sums; books: counts and books; messages: counts of
// each type; frames: how many.
export const peers = [
  { id: 'limit-receive', name: 'C limit: bytes only', checks: 'bytes', start: limit('receive') },
  { id: 'limit-walk', name: 'C limit: and frames', checks: 'frames', start: limit('walk') },
  { id: 'limit-scan', name: 'C limit: and fields', checks: 'frames', start: limit('scan') },
  { id: LIMIT, name: 'C limit: the full job', checks: 'callbacks', start: limit('book') },
  { id: 'kalua-none', name: 'Kalua, no script in the path', checks: 'books', start: kalua('feed_none.lua'), kalua: true },
  { id: 'kalua-changes', name: 'Kalua, book:changes()', checks: 'books', start: kalua('feed_changes.lua'), kalua: true },
  { id: 'kalua-on-delta', name: 'Kalua, book:on_delta(f)', checks: 'callbacks', start: kalua('feed_on_delta.lua'), kalua: true },
  { id: 'kalua-deltas', name: 'Kalua, book:deltas()', checks: 'callbacks', start: kalua('feed_deltas.lua'), kalua: true },
  { id: 'kalua-messages', name: 'Kalua, sub:messages()', checks: 'messages', start: kalua('feed_messages.lua'), kalua: true },
  { id: 'beast-flat', name: 'Beast + simdjson, array books', checks: 'callbacks', start: beast('flat'), compiled: true },
  { id: 'beast-map', name: 'Beast + simdjson, std::map books', checks: 'callbacks', start: beast('map'), compiled: true },
  { id: 'node', name: 'Node ws + JSON.parse', checks: 'callbacks', start: node },
];

const FIELDS = {
  bytes: [],
  frames: [],
  books: ['snapshots', 'checksum'],
  messages: ['snapshots', 'deltas', 'tickers', 'trades'],
  callbacks: ['snapshots', 'checksum', 'deltas', 'callbacks', 'bids', 'spreads'],
};
export const VERDICT = { bytes: '-', frames: 'frames', books: 'books', messages: 'messages', callbacks: 'yes' };

// What a client says beside what the generator and the server know: the fields that differ.
function differences(peer, got, expected, served) {
  if (!served.whole) return [`the connection ended before the feed did, after ${got.messages} messages`];
  const wrong = FIELDS[peer.checks].filter((f) => got[f] !== expected[f]).map((f) => `${f} ${got[f]}, not ${expected[f]}`);
  const messages = expected.messages + served.answers;
  if (peer.checks !== 'bytes' && got.messages !== messages) wrong.push(`messages ${got.messages}, not ${messages}`);
  return wrong;
}

// One run of a peer: what it says, with `ns` of CPU for each message and `rate`, messages a second on the server's clock.
export async function measure(peer, { build, server, tls, rest, feed }) {
  const env = peer.kalua ? kaluaEnv(feed.expected) : {};
  server.process.stdin.write('next\n');
  const got = await runClient(peer.start({ build, port: server.port, tls, rest }), { env });
  let served;
  do served = await server.line(); while (!served.started); // one that failed
  const n = feed.expected.messages;
  return { ...got, ns: got.cpu / n * 1e9, ns_opening: got.cpu_opening / n * 1e9, rate: n / served.seconds,
    wrong: differences(peer, got, feed.expected, served) };
}
