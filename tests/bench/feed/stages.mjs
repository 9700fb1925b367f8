// What a message costs by stage: Kalua's way cut off behind each stage, beside the same stages of the limit. See README.md
// one folder up. node tests/bench/feed/stages.mjs --help
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Build, fail, file, here, makeKeys, median, number, runClient, startFeedServer, startRest, table,
  wholeNumber } from './bench.mjs';
import { measure, peers } from './peers.mjs';

const usage = `usage: node tests/bench/feed/stages.mjs [OPTION...]

  --rounds N      rounds; the stages take turns within each [9]
  --markets N     books [100]
  --messages N    messages behind the snapshots [1000000]
  --tls           over TLS 1.3
  --build DIR     where kalua and the C parts were built [build/release]
  --symbols ID    instead of the table: where the time of one client goes by function, from perf (Debian: linux-perf);
                  one of ${peers.map((p) => p.id).join(', ')}
`;
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    markets: { type: 'string', default: '100' },
    messages: { type: 'string', default: '1000000' },
    tls: { type: 'boolean', default: false },
    build: { type: 'string', default: path.resolve(here, '../../../build/release') },
    symbols: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const rounds = wholeNumber(options, 'rounds');
const build = new Build(options.build);
const peer = (id) => peers.find((p) => p.id === id);
if (options.symbols && !peer(options.symbols)) fail(`--symbols does not know ${options.symbols}; see --help`);
makeKeys();
const feed = build.feed(wholeNumber(options, 'markets'), wholeNumber(options, 'messages'));
const server = await startFeedServer(build, feed, options.tls);
const run = { build, server, tls: options.tls, rest: await startRest(), feed };

if (options.symbols) {
  const p = peer(options.symbols), data = file('perf.data');
  const recorded = { ...p, start: (r) => ['perf', 'record', '-q', '-e', 'cycles', '-F', '5000', '-o', data, '--',
    ...p.start(r).map(String)] };
  const { ns } = await measure(recorded, run);
  await server.stop();
  const report = execFileSync('perf', ['report', '--stdio', '--percent-limit', '0.7', '-i', data],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  console.log(`${p.name}: ${number(ns)} ns a message while recorded; start and end of the process are in the shares\n`);
  console.log(report.split('\n').filter((l) => l.trim() && !l.startsWith('#')).join('\n'));
  process.exit(0);
}

// A stage of Kalua without Lua, measured as a peer.
const stage = (id) => ({ id, start: ({ port, tls }) => [build.part('feed_stages'),
  `${tls ? 'wss' : 'ws'}://127.0.0.1:${port}/trade-api/ws/v2`, feed.text.replace(/ndjson$/, 'json'), id] });
async function measureStage(s) {
  server.process.stdin.write('next\n');
  const got = await runClient(s.start({ port: server.port, tls: options.tls }),
    { env: { SSL_CERT_FILE: file('tls.pem') } });
  const served = await server.line();
  if (!served.whole) throw new Error(`${s.id}: the connection ended before the feed did`);
  return { ...got, ns: got.cpu / feed.expected.messages * 1e9 };
}

// Each stage does what those before it do; `beside` is the limit's step that does the same.
const steps = [
  { name: 'receive', what: 'socket, TLS, loop', own: stage('receive'), beside: 'limit-receive' },
  { name: 'frame', what: 'WebSocket frames, UTF-8', own: stage('frame'), beside: 'limit-walk' },
  { name: 'decode', what: 'every field of every message', own: stage('decode'), beside: 'limit-scan' },
  { name: 'apply', what: 'channel, seq, market, book', own: stage('apply'), beside: 'limit' },
  { name: 'watch', what: 'a C function for each delta', own: stage('watch') },
  { name: 'Lua: on_delta', what: 'queue, task, function for each delta', peer: 'kalua-on-delta' },
  { name: 'Lua: deltas()', what: 'instead: a loop, a table for each delta', peer: 'kalua-deltas', from: 'watch' },
  { name: 'Lua: changes()', what: 'instead: one turn for each burst', peer: 'kalua-changes', from: 'apply' },
];
const got = new Map();
const add = (id, ns) => got.set(id, [...(got.get(id) ?? []), ns]);
const failed = new Set();
for (let i = 0; i <= rounds; i++) {
  for (const s of steps) {
    const add_ = i ? add : () => {}; // the first round warms up
    if (s.own) add_(s.name, (await measureStage(s.own)).ns);
    if (s.beside) add_(s.beside, (await measure(peer(s.beside), run)).ns);
    if (!s.peer || failed.has(s.peer)) continue;
    try {
      add_(s.name, (await measure(peer(s.peer), run)).ns);
    } catch (e) {
      failed.add(s.peer);
      console.error(`left out: ${s.name}: ${e.message}`);
    }
  }
}
await server.stop();

const difference = (a, b) => (got.has(a) && got.has(b) ? median(got.get(a).map((x, i) => x - got.get(b)[i])) : null);
const at = (id) => (got.has(id) ? median(got.get(id)) : null);
let before, beforeLimit;
const rows = steps.filter((s) => got.has(s.name)).map((s) => {
  const from = s.from ?? before;
  const row = [s.name, s.what, number(at(s.name)), from ? number(difference(s.name, from)) : number(at(s.name)),
    s.beside ? number(at(s.beside)) : '-',
    s.beside ? number(beforeLimit ? difference(s.beside, beforeLimit) : at(s.beside)) : '-'];
  if (!s.from) before = s.name;
  if (s.beside) beforeLimit = s.beside;
  return row;
});
console.log(`${options.tls ? 'TLS' : 'plain'}, ${feed.expected.markets} markets, ${feed.expected.messages} messages, `
  + `medians of ${rounds} rounds; ns of CPU time a message\n`);
table([['', '', 'Kalua', 'adds', 'limit', 'adds'], ...rows]);
