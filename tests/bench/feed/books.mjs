// How memory and the cost of a message grow with the number of books, Kalua beside the limit. See README.md one folder up.
// node tests/bench/feed/books.mjs --help
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Build, fail, here, makeKeys, median, number, startFeedServer, startRest, table, wholeNumber } from './bench.mjs';
import { LIMIT, measure, peers } from './peers.mjs';

const CLIENTS = [LIMIT, 'kalua-none', 'kalua-changes', 'kalua-on-delta', 'kalua-deltas'];
const usage = `usage: node tests/bench/feed/books.mjs [OPTION...]

  --rounds N      rounds of each size; the clients take turns within each [5]
  --sizes LIST    numbers of books, comma-separated [100,1000,10000]
  --messages N    messages behind the snapshots [1000000]
  --build DIR     where kalua and the C parts were built [build/release]
  --only WORDS    comma-separated: ${CLIENTS.join(', ')} [everything]
`;
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    sizes: { type: 'string', default: '100,1000,10000' },
    messages: { type: 'string', default: '1000000' },
    build: { type: 'string', default: path.resolve(here, '../../../build/release') },
    only: { type: 'string', default: CLIENTS.join(',') },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const rounds = wholeNumber(options, 'rounds'), messages = wholeNumber(options, 'messages');
const sizes = options.sizes.split(',').map(Number);
if (!sizes.every((n) => Number.isInteger(n) && n > 0)) fail('--sizes takes whole numbers, separated by commas');
const words = options.only.split(',').filter(Boolean);
for (const w of words) if (!CLIENTS.includes(w)) fail(`--only does not know ${w}; see --help`);
const build = new Build(options.build);
makeKeys();
const rest = await startRest();

// What a client takes without books: the same with one.
const figures = [];
for (const size of [1, ...sizes]) {
  const feed = build.feed(size, size === 1 ? 1000 : messages);
  const server = await startFeedServer(build, feed, false);
  const got = new Map(words.map((id) => [id, []]));
  for (let i = 0; i < (size === 1 ? 1 : rounds + 1); i++)
    for (const id of words) {
      const r = await measure(peers.find((p) => p.id === id), { build, server, tls: false, rest, feed });
      if (r.wrong.length) fail(`${id}, ${size} books: ${r.wrong.join('; ')}`);
      if (i || size === 1) got.get(id).push(r); // the first round warms up
    }
  await server.stop();
  for (const id of words) {
    const runs = got.get(id), f = (what) => median(runs.map(what));
    figures.push({ id, size, rss: f((r) => r.rss_kb), ns: f((r) => (r.cpu - (r.cpu_opening ?? 0)) / messages * 1e9),
      opening: f((r) => r.cpu_opening * 1e9 / size) });
  }
}

console.log(`${messages} messages, medians of ${rounds} rounds\n`);
const of = (id, size) => figures.find((f) => f.id === id && f.size === size);
table([['', 'books', 'KB a book', 'RSS MB', 'us to open one', 'ns CPU/msg', `x of ${sizes[0]}`, 'x limit'],
  ...words.flatMap((id) => sizes.map((size) => {
    const f = of(id, size), limit = of(LIMIT, size);
    return [peers.find((p) => p.id === id).name, size, number((f.rss - of(id, 1).rss) / size, 1), number(f.rss / 1024, 1),
      number(f.opening / 1e3, 1), number(f.ns), number(f.ns / of(id, sizes[0]).ns, 2), number(limit && f.ns / limit.ns, 2)];
  }))]);
