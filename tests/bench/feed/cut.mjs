// The connection of the feed is cut again and again under full load: is every book right at the end, and how long was each
// stale? See README.md one folder up. node tests/bench/feed/cut.mjs --help
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Build, Server, fail, file, here, kaluaCommand, kaluaEnv, makeKeys, median, number, quantile, runClient, sleep, startRest,
  table, wholeNumber } from './bench.mjs';

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

const build = new Build(options.build);
makeKeys();
const server = await Server.start([build.part('cut_server'), markets,
  ...(options.tls ? [file('tls.pem'), file('tls.key')] : [])]);

const expected = { tickers_of_markets: server.hello.tickers_of_markets };
const client = runClient(kaluaCommand(build, 'cut.lua', { port: server.port, tls: options.tls, rest: await startRest() }),
  { env: kaluaEnv(expected), timeout: (minutes + 5) * 60000 });
let over = false;
client.catch((e) => fail(e.message)).finally(() => { over = true; });
while (!(await server.line()).shown) ;
const began = Date.now(), end = began + minutes * 60000;
// By turns an orderly end, as from a server that goes, and a reset, as from a router that has forgotten the connection.
// The last stretch is without one and shows that all came back.
for (let n = 0; Date.now() + every * 2000 < end && !over; n++) {
  await sleep(every * 1000);
  server.process.stdin.write(n % 2 ? 'reset\n' : 'cut\n');
}
await sleep(every * 1000);
server.process.stdin.write('end\n');
const got = await client;
const seconds = (Date.now() - began) / 1000;
await sleep(200); // for the server's last line
await server.stop();

// ---- what came of it ----

const truth = server.taken.find((l) => l.books).books;
const wrong = Object.keys(truth).filter((t) => truth[t] !== got.books[t]);
for (const t of wrong.slice(0, 3))
  console.error(`${t} is wrong; the exchange has\n${truth[t]}Kalua has\n${got.books[t]}`);

const ms = (list) => [number(median(list) * 1e3, 1), number(quantile(list, 0.99) * 1e3, 1),
  number(Math.max(...list) * 1e3, 1)];
const connections = server.taken.filter((l) => l.accepted);
const cuts = connections.filter((c) => c.cut).map((c) => c.cut);
const sent = connections.reduce((n, c) => n + c.messages, 0);
// What lies between a cut and the fresh books.
const steps = cuts.map((t) => {
  const c = connections.find((x) => x.accepted > t);
  const back = c && got.stale.filter(([since, until]) => since <= c.accepted && until > c.accepted).map((s) => s[1]);
  return back?.length ? { noticed: c.accepted - t, handshake: c.opened - c.accepted, asked: c.asked - c.opened,
    applied: median(back) - c.asked, whole: median(back) - c.accepted } : null;
}).filter(Boolean);
console.log(`${options.tls ? 'TLS' : 'plain'}, ${markets} markets, ${number(seconds)} s, ${cuts.length} cuts, `
  + `${got.reconnects} reconnects; ${number(sent / 1e6, 1)} M messages sent, ${number(got.messages / 1e6, 1)} M read `
  + `(${number(got.messages / seconds / 1e6, 2)} M/s)`);
console.log(`books that differ from the exchange's at the end: ${wrong.length} of ${markets}; stale: ${got.still_stale}; `
  + `gaps ${got.gaps}, malformed ${got.malformed}\n`);
if (steps.length)
  table([['', 'median ms', 'p99', 'most'],
    [`a book was stale (${got.stale.length} times)`, ...ms(got.stale.map(([since, until]) => until - since))],
    ['round trips and snapshot: connecting until the book is fresh', ...ms(steps.map((s) => s.whole))],
    ['  cut until the next connection', ...ms(steps.map((s) => s.noticed))],
    ['  connection until the WebSocket is open', ...ms(steps.map((s) => s.handshake))],
    ['  until the books are asked for', ...ms(steps.map((s) => s.asked))],
    ['  until they are fresh', ...ms(steps.map((s) => s.applied))]]);
const trouble = [[wrong.length, `${wrong.length} books are wrong`], [got.still_stale, `${got.still_stale} books are stale`],
  [!cuts.length, 'nothing was cut: give it more time'],
  [got.reconnects < cuts.length, `${got.reconnects} reconnects after ${cuts.length} cuts`],
  [got.stale.length < markets, 'some books were never stale']].filter(([is]) => is);
for (const [, text] of trouble) console.error(text);
process.exit(trouble.length ? 1 : 0);
