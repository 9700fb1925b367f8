// One core on a feed that never pauses: Kalua with and without a script in the path, beside clients in C++ and Node and
// beside what the core can do at all. See README.md one folder up. node tests/bench/feed/feed.mjs --help
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Build, fail, here, makeKeys, median, number, startFeedServer, startRest, table, wholeNumber } from './bench.mjs';
import { LIMIT, VERDICT, measure, peers } from './peers.mjs';

const usage = `usage: node tests/bench/feed/feed.mjs [OPTION...]

  --rounds N      rounds; the clients take turns within each [5]
  --markets N     books [100]
  --messages N    messages behind the snapshots [1000000]
  --tls           over TLS 1.3
  --build DIR     where kalua and the C parts were built [build/release]
  --only WORDS    comma-separated: ${peers.map((p) => p.id).join(', ')} [everything]
  --json          one JSON object for each row instead of the table
`;
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    markets: { type: 'string', default: '100' },
    messages: { type: 'string', default: '1000000' },
    tls: { type: 'boolean', default: false },
    build: { type: 'string', default: path.resolve(here, '../../../build/release') },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const rounds = wholeNumber(options, 'rounds');
const markets = wholeNumber(options, 'markets'), messages = wholeNumber(options, 'messages');
const words = options.only.split(',').filter(Boolean);
for (const w of words) if (!peers.some((p) => p.id === w)) fail(`--only does not know ${w}; see --help`);

const build = new Build(options.build);
let chosen = peers.filter((p) => !words.length || words.includes(p.id));
if (chosen.some((p) => p.compiled)) {
  const { missing } = build.beast();
  if (missing) {
    console.error(`skipped: Beast + simdjson (${missing}); Debian: libboost-dev libboost-system-dev libsimdjson-dev`);
    chosen = chosen.filter((p) => !p.compiled);
  }
}
makeKeys();
const feed = build.feed(markets, messages);
const server = await startFeedServer(build, feed, options.tls);
const run = { build, server, tls: options.tls, rest: await startRest(), feed };

// The first round warms up, and shows which clients do not run here.
const left = [];
for (const p of chosen) {
  try {
    await measure(p, run);
    left.push(p);
  } catch (e) {
    console.error(`left out: ${p.name}: ${e.message}`);
    process.exitCode = 1;
  }
}
const got = new Map(left.map((p) => [p.id, []]));
for (let i = 0; i < rounds; i++)
  for (const p of left) got.get(p.id).push(await measure(p, run));
await server.stop();

// The ratio of another client's cost to this one's within each round, then the median over the rounds.
const beside = (id, other) => (got.has(other)
  ? median(got.get(id).map((r, i) => got.get(other)[i].ns / r.ns)) : null);
const compiled = left.filter((p) => p.compiled).map((p) => p.id)
  .sort((a, b) => median(got.get(a).map((r) => r.ns)) - median(got.get(b).map((r) => r.ns)))[0];
const rows = left.map((p) => {
  const mine = got.get(p.id), wrong = mine.flatMap((r) => r.wrong);
  if (wrong.length) {
    console.error(`${p.name}: ${[...new Set(wrong)].join('; ')}`);
    process.exitCode = 1;
  }
  const all = (f) => mine.map(f);
  const limit = beside(p.id, LIMIT);
  return { id: p.id, name: p.name, ns: median(all((r) => r.ns)), least: Math.min(...all((r) => r.ns)),
    most: Math.max(...all((r) => r.ns)), rate: median(all((r) => r.rate)), limit: limit && 1 / limit,
    than_compiled: beside(p.id, compiled), than_node: beside(p.id, 'node'), rss_kb: median(all((r) => r.rss_kb)),
    turns: mine[0].turns, ok: wrong.length ? 'NO' : VERDICT[p.checks] };
});
rows.sort((a, b) => a.ns - b.ns);
if (options.json) {
  for (const r of rows) console.log(JSON.stringify({ markets, messages, tls: options.tls, rounds, ...r }));
} else {
  console.log(`${options.tls ? 'TLS' : 'plain'}, ${markets} markets, ${feed.expected.messages} messages, `
    + `medians of ${rounds} rounds\n`);
  table([['', 'ns CPU/msg', 'least..most', 'M msg/s', 'x limit', 'less than compiled', 'less than Node', 'RSS MB', 'ok'],
    ...rows.map((r) => [r.name, number(r.ns), `${number(r.least)}..${number(r.most)}`, number(r.rate / 1e6, 2),
      number(r.limit, 2), number(r.than_compiled, 2), number(r.than_node, 1), number(r.rss_kb / 1024, 1), r.ok])]);
}
