// The connection of the feed is cut again and again under full load: is every book right at the end, and how long was each
// stale? See README.md one folder up. node tests/bench/feed/cut.mjs --help
import net from 'node:net';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Build, Server, fail, file, here, kaluaCommand, kaluaEnv, makeKeys, median, number, quantile, runClient, sleep, table,
  wholeNumber } from './bench.mjs';

const usage = `usage: node tests/bench/feed/cut.mjs [OPTION...]

  --minutes N     how long [10]
  --every N       seconds between two cuts [2]
  --markets N     books [100]
  --tls           over TLS 1.3
  --build DIR     where kalua and the server were built [build/release]
`;
const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    every: { type: 'string', default: '2' },
    markets: { type: 'string', default: '100' },
    tls: { type: 'boolean', default: false },
    build: { type: 'string', default: path.resolve(here, '../../../build/release') },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const markets = wholeNumber(options, 'markets');
const minutes = Number(options.minutes), every = Number(options.every);
if (!(minutes > 0) || !(every > 0)) fail('--minutes and --every take numbers above 0');

const now = () => (performance.timeOrigin + performance.now()) / 1e3; // seconds since the epoch
const build = new Build(options.build);
makeKeys();
const server = await Server.start([build.part('cut_server'), markets,
  ...(options.tls ? [file('tls.pem'), file('tls.key')] : [])]);

// ---- what is between the two: bytes go through as they come, until the cut ----

const cuts = [];   // seconds since the epoch
const pairs = new Set();
let bytes = 0;
const proxy = net.createServer((client) => {
  const upstream = net.connect(server.port, '127.0.0.1');
  const pair = { client, upstream };
  pairs.add(pair);
  const end = () => {
    pairs.delete(pair);
    client.destroy();
    upstream.destroy();
  };
  for (const s of [client, upstream]) {
    s.setNoDelay(true);
    s.on('error', end);
    s.on('close', end);
  }
  upstream.on('data', (d) => { bytes += d.length; });
  upstream.pipe(client);
  client.pipe(upstream);
});
await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));

// By turns an orderly end, as from a server that goes, and a reset, as from a router that forgot the connection.
function cut() {
  if (!pairs.size) return;
  cuts.push(now());
  for (const { client, upstream } of pairs) {
    if (cuts.length % 2) client.destroy(); else client.resetAndDestroy();
    upstream.destroy();
  }
}

const expected = { tickers_of_markets: server.hello.tickers_of_markets };
const client = runClient(kaluaCommand(build, 'cut.lua', proxy.address().port, options.tls),
  { env: kaluaEnv(expected), timeout: (minutes + 5) * 60000 });
let over = false;
client.catch((e) => fail(e.message)).finally(() => { over = true; });
const end = now() + minutes * 60;
const began = now();
while (now() < end && !over) {
  await sleep(every * 1e3);
  if (now() + every < end) cut(); // the last stretch shows that it has come back
}
server.process.stdin.write('end\n');
const got = await client;
const seconds = now() - began;
await server.stop();
proxy.close();

// ---- what came of it ----

const truth = server.taken.find((l) => l.books).books;
const wrong = Object.keys(truth).filter((t) => truth[t] !== got.books[t]);
for (const t of wrong.slice(0, 3))
  console.error(`${t} is wrong; the exchange has\n${truth[t]}Kalua has\n${got.books[t]}`);

const ms = (list) => [number(median(list) * 1e3, 1), number(quantile(list, 0.99) * 1e3, 1),
  number(Math.max(...list) * 1e3, 1)];
const connections = server.taken.filter((l) => l.shown);
const after = (t, list) => list.filter((x) => x >= t).sort((a, b) => a - b)[0];
const accepted = connections.map((c) => c.accepted), fresh = got.stale.map((s) => s[1]);
const steps = cuts.map((t) => {
  const c = connections.find((x) => x.accepted === after(t, accepted));
  const back = c && got.stale.filter((s) => s[1] >= c.accepted && s[0] <= c.accepted).map((s) => s[1]);
  return back?.length ? { noticed: c.accepted - t, handshake: c.opened - c.accepted, asked: c.asked - c.opened,
    applied: median(back) - c.asked, whole: median(back) - c.accepted } : null;
}).filter(Boolean);
console.log(`${options.tls ? 'TLS' : 'plain'}, ${markets} markets, ${number(seconds)} s, ${cuts.length} cuts, `
  + `${got.reconnects} reconnects, ${number(got.messages / 1e6, 1)} M messages `
  + `(${number(got.messages / seconds / 1e6, 2)} M/s), ${number(bytes / 1e9, 1)} GB`);
console.log(`books that differ from the exchange's at the end: ${wrong.length} of ${markets}; stale: ${got.still_stale}; `
  + `gaps ${got.gaps}, malformed ${got.malformed}; first opening ${number(got.opening * 1e3, 1)} ms\n`);
if (steps.length)
  table([['', 'median ms', 'p99', 'most'],
    [`a book was stale (${fresh.length} times)`, ...ms(got.stale.map(([since, until]) => until - since))],
    ['round trips and snapshot: connecting until the book is fresh', ...ms(steps.map((s) => s.whole))],
    ['  cut until the next connection', ...ms(steps.map((s) => s.noticed))],
    ['  connection until the WebSocket is open', ...ms(steps.map((s) => s.handshake))],
    ['  until the books are asked for', ...ms(steps.map((s) => s.asked))],
    ['  until they are fresh', ...ms(steps.map((s) => s.applied))]]);
const trouble = [[wrong.length, `${wrong.length} books are wrong`], [got.still_stale, `${got.still_stale} books are stale`],
  [!cuts.length, 'nothing was cut: give it more time'],
  [got.reconnects < cuts.length, `${got.reconnects} reconnects after ${cuts.length} cuts`],
  [fresh.length < markets && cuts.length, 'some books were never stale']].filter(([is]) => is);
for (const [, text] of trouble) console.error(text);
process.exit(trouble.length ? 1 : 0);
