// `kalua sim` for a while, with clients that trade and read: node tests/bench/soak_sim.mjs [MINUTES [MARKETS [OPTION...]]]
// Prints memory and counts every minute. Looks for drift all the time: books, volumes and positions as REST tells them
// must be ones that the messages of the WebSocket have led to, sequence numbers have no holes, the number of open markets
// stays. Exit code 1 on drift, or when memory still grows in the second half.
import fs from 'node:fs';
import { Sim, sleep } from '../integration/peers.mjs';

const minutes = Number(process.argv[2] ?? 5), markets = Number(process.argv[3] ?? 5000);
const WATCHED = 60, USERS = 3, LATE_MS = 3000;
const sim = await Sim.start('--markets', String(markets), '--users', String(USERS), ...process.argv.slice(4));
const rss = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${sim.process.pid}/status`, 'utf8'))[1]) / 1024;
const drifts = [];
const counts = { books: 0, volumes: 0, positions: 0, fills: 0, messages: 0, orders: 0, refused: {}, retired: 0 };
const drift = (what) => { drifts.push(what); console.error(`DRIFT ${what}`); };
const cents = (text) => Math.round(Number(text) * 100);

// ---- what the messages lead to: every state of the last seconds is kept with the time until which it stood ----

class States {
  constructor(value) { this.list = [{ value, until: Infinity }]; }
  get now() { return this.list.at(-1).value; }
  set(value) {
    const t = performance.now();
    this.list.at(-1).until = t;
    this.list.push({ value, until: Infinity });
    if (this.list.length > 64) this.list = this.list.filter((s) => s.until > t - 2 * LATE_MS);
  }
  since(t) { return this.list.filter((s) => s.until >= t).map((s) => s.value); }
}

const watched = new Map(); // by ticker: { levels, book: States, traded: States, bases: of the volume }
const positions = Array.from({ length: USERS }, () => new Map()); // ticker: States

const bookText = (levels) => [...levels].map(([k, v]) => `${k}=${v}`).sort().join(' ');

function onBook(type, m) {
  const w = watched.get(m.market_ticker);
  if (!w) return;
  if (type === 'orderbook_snapshot') {
    w.levels = new Map();
    for (const side of ['yes', 'no'])
      for (const [price, count] of m[`${side}_dollars_fp`] ?? []) w.levels.set(`${side} ${price}`, cents(count));
    w.book = new States(bookText(w.levels));
    return;
  }
  if (!w.book) return;
  const key = `${m.side} ${m.price_dollars}`, count = (w.levels.get(key) ?? 0) + cents(m.delta_fp);
  if (count < 0) drift(`${m.market_ticker}: ${key} at ${count} contracts of a hundredth`);
  if (count === 0) w.levels.delete(key);
  else w.levels.set(key, count);
  w.book.set(bookText(w.levels));
}

function onTrade(m) {
  const w = watched.get(m.market_ticker);
  if (w) w.traded.set(w.traded.now + cents(m.count_fp));
}

function onFill(user, m) {
  counts.fills++;
  const of = positions[user], position = cents(m.post_position_fp);
  if (of.has(m.market_ticker)) of.get(m.market_ticker).set(position);
  else of.set(m.market_ticker, new States(0)), of.get(m.market_ticker).set(position);
}

async function connect(user, handlers) {
  const c = await sim.ws(user);
  const seqs = new Map();
  c.socket.removeAllListeners('message');
  c.socket.on('message', (data) => {
    const m = JSON.parse(data);
    counts.messages++;
    if (m.seq !== undefined) {
      const last = seqs.get(m.sid);
      if (last !== undefined && m.seq !== last + 1) drift(`seq ${last} of subscription ${m.sid} was followed by ${m.seq}`);
      seqs.set(m.sid, m.seq);
    }
    if (m.type === 'error') drift(`error message: ${data}`);
    handlers[m.type]?.(m.msg, m.type);
  });
  c.socket.on('close', () => { if (!ending) drift(`the connection of user ${user} was closed`); });
  let id = 0;
  c.send = (cmd, params) => c.socket.send(JSON.stringify({ id: ++id, cmd, params }));
  return c;
}

let ending = false;
let books;
const bookSid = {};

async function openTickers() {
  const all = [];
  for (let cursor = ''; ;) {
    const { status, body } = await sim.rest('GET', `/markets?status=open&mve_filter=exclude&limit=1000${cursor && `&cursor=${cursor}`}`);
    if (status !== 200) throw new Error(`GET /markets: ${status}`);
    all.push(...body.markets);
    cursor = body.cursor;
    if (!cursor) return all;
  }
}

function watch(tickers) {
  for (const t of tickers) watched.set(t, { book: null, traded: new States(0), bases: null });
  if (bookSid.sid) {
    books.send('update_subscription', { sid: bookSid.sid, action: 'add_markets', market_tickers: tickers });
  } else {
    books.send('subscribe', { channels: ['orderbook_delta'], market_tickers: tickers });
  }
}

function unwatch(ticker) {
  watched.delete(ticker);
  counts.retired++;
}

// ---- checks ----

async function checkMarket(ticker) {
  const w = watched.get(ticker);
  if (!w?.book) return;
  const t = performance.now();
  const book = await sim.rest('GET', `/markets/${ticker}/orderbook`);
  const market = await sim.rest('GET', `/markets/${ticker}`);
  const ended = market.status !== 200 || market.body.market.status !== 'active';
  await sleep(300);
  if (ended) {
    unwatch(ticker);
    return;
  }
  const levels = new Map();
  for (const side of ['yes', 'no'])
    for (const [price, count] of book.body.orderbook_fp[`${side}_dollars`] ?? []) levels.set(`${side} ${price}`, cents(count));
  const text = bookText(levels);
  for (let waited = 0; !w.book.since(t).includes(text); waited += 300) {
    if (waited > LATE_MS) { drift(`${ticker}: the book of REST is none that the messages led to`); break; }
    await sleep(300);
  }
  counts.books++;
  const volume = cents(market.body.market.volume_fp);
  const bases = new Set(w.traded.since(t).map((sum) => volume - sum));
  w.bases = w.bases ? new Set([...w.bases].filter((b) => bases.has(b))) : bases;
  if (w.bases.size === 0) { drift(`${ticker}: the volume of REST is not the sum of the trades`); w.bases = null; }
  counts.volumes++;
}

async function checkPositions(user) {
  const t = performance.now();
  const { status, body } = await sim.rest('GET', '/portfolio/positions?limit=1000', undefined, { user });
  if (status !== 200) { drift(`GET /portfolio/positions: ${status}`); return; }
  await sleep(500);
  const told = new Map(body.market_positions.map((p) => [p.ticker, cents(p.position_fp)]));
  for (const [ticker, states] of positions[user]) {
    if (!watched.has(ticker)) { positions[user].delete(ticker); continue; } // it may be settled
    const now = told.get(ticker) ?? 0;
    const could = states.since(t);
    if (could.includes(now)) counts.positions++;
    else {
      const m = await sim.rest('GET', `/markets/${ticker}`);
      if (m.body?.market?.status === 'active') drift(`${ticker}: user ${user} has ${now} by REST, ${could} by its fills`);
    }
  }
}

async function tradeOnce(user) {
  const tickers = [...watched.keys()];
  const ticker = tickers[Math.floor(Math.random() * tickers.length)];
  const w = watched.get(ticker);
  if (!w?.levels) return;
  const best = (side) => Math.max(0, ...[...w.levels.keys()].filter((k) => k.startsWith(side)).map((k) => Number(k.split(' ')[1])));
  const buys = Math.random() < 0.5;
  const price = buys ? 1 - best('no') : best('yes');
  if (!(price > 0 && price < 1)) return;
  const rests = Math.random() < 0.4;
  const { status, body } = await sim.rest('POST', '/portfolio/events/orders', {
    ticker, side: buys ? 'bid' : 'ask', price: price.toFixed(4), count: '1.00',
    time_in_force: rests ? 'good_till_canceled' : 'immediate_or_cancel', self_trade_prevention_type: 'taker_at_cross' }, { user });
  counts.orders++;
  if (status !== 201) counts.refused[`${status} ${body?.error?.code ?? body?.code ?? ''}`] = (counts.refused[`${status} ${body?.error?.code ?? body?.code ?? ''}`] ?? 0) + 1;
  if (Math.random() < 0.02) await sim.rest('DELETE', '/portfolio/events/orders', undefined, { user });
}

// ---- the run ----

books = await connect(0, {
  subscribed: (m) => { if (m.channel === 'orderbook_delta') bookSid.sid = m.sid; },
  orderbook_snapshot: (m, type) => onBook(type, m),
  orderbook_delta: (m, type) => onBook(type, m),
  trade: onTrade,
});
books.send('subscribe', { channels: ['trade'] });
for (let user = 0; user < USERS; user++) {
  const c = await connect(user, { fill: (m) => onFill(user, m) });
  c.send('subscribe', { channels: ['fill'] });
}
await sleep(500);

const end = Date.now() + minutes * 60000;
const memory = [];
let nextPrint = Date.now() + 60000, opens = [];
const loops = [];
const during = async (ms, what) => { while (Date.now() < end) { await what(); await sleep(ms); } };

loops.push(during(10000, async () => {
  const all = await openTickers();
  opens.push(all.length);
  if (all.length < markets * 0.97 || all.length > markets * 1.03) drift(`${all.length} markets are open, not about ${markets}`);
  const byVolume = [...all].sort((a, b) => Number(b.volume_fp) - Number(a.volume_fp)).map((m) => m.ticker);
  const fresh = [...byVolume.slice(0, WATCHED / 2), ...byVolume.sort(() => Math.random() - 0.5)].filter((t) => !watched.has(t));
  const missing = WATCHED - watched.size;
  if (missing > 0 && (watched.size === 0 || bookSid.sid)) watch(fresh.slice(0, missing));
}));
let turn = 0;
loops.push(during(100, async () => { const tickers = [...watched.keys()]; if (tickers.length) await checkMarket(tickers[turn++ % tickers.length]); }));
loops.push(during(2000, async () => { for (let user = 0; user < USERS; user++) await checkPositions(user); }));
for (let user = 0; user < USERS; user++) loops.push(during(250, () => tradeOnce(user)));
loops.push(during(500, async () => {
  if (Date.now() < nextPrint) return;
  nextPrint += 60000;
  memory.push(rss());
  console.log(`${new Date().toISOString().slice(11, 19)}  ${memory.at(-1).toFixed(1)} MB  ${opens.at(-1)} open  ${JSON.stringify(counts)}  ${drifts.length} drifts`);
}));
try {
  await Promise.all(loops);
} catch (e) {
  drift(`a client failed: ${e.stack}`);
}
memory.push(rss());
ending = true;
const code = await sim.stop();
if (code !== 0) drift(`the simulator ended with ${code}: ${sim.stderr.slice(-2000)}`);
// Rings and lists fill up in the first half.
const half = memory[Math.floor(memory.length / 2)], growth = memory.at(-1) / half;
console.log(`memory ${memory.map((m) => m.toFixed(0)).join(' ')} MB; since the middle x${growth.toFixed(3)}`);
const grows = memory.length > 2 && growth > 1.1;
if (grows) console.error('memory grew by more than a tenth in the second half');
console.log(`${drifts.length} drifts; ${counts.books} books, ${counts.volumes} volumes, ${counts.positions} positions compared`);
if (counts.books < 10) { console.error('too few comparisons'); process.exit(1); }
process.exit(drifts.length || grows ? 1 : 0);
