// A simulator with a state file loses nothing that it has acknowledged, whenever it is killed.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import { cleanEnv, KALUA, Sim, sleep, tempDir, until } from './peers.mjs';

const ROUNDS = 20;

let seed = 41;
const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];

const started = [];
const start = async (file, ...args) => {
  const sim = await Sim.start('--state', file, '--users', '2', '--markets', '6', ...args);
  started.push(sim.process);
  return sim;
};
after(() => started.forEach((p) => p.kill('SIGKILL'))); // those that a failure left behind
const kill = (sim) => { sim.process.kill('SIGKILL'); return sim.ended; };

async function all(sim, pathname, field, user = 0) {
  const rows = [];
  for (let cursor = ''; ;) {
    const sep = pathname.includes('?') ? '&' : '?';
    const { status, body } = await sim.rest('GET', `${pathname}${sep}limit=200${cursor ? `&cursor=${cursor}` : ''}`, undefined, { user });
    assert.equal(status, 200, JSON.stringify(body));
    rows.push(...body[field]);
    cursor = body.cursor;
    if (!cursor) return rows;
  }
}

// What a client knows for certain: the answers that it got. An order with a call under way when the server died may have
// become what the call asked for, or not.
class Client {
  constructor(user) { this.user = user; this.orders = new Map(); this.maybe = new Set(); this.fills = new Set(); this.n = 0; }

  known() { return [...this.orders.values()].filter((o) => o.status === 'resting' && !o.busy); }

  async call(sim, ...args) {
    const answer = await sim.rest(...args, { user: this.user });
    if (answer.status >= 500) throw new Error(`answered ${answer.status}`);
    return answer;
  }

  note(o, answer) {
    o.remaining = Number(answer.remaining_count);
    o.filled = Math.max(o.filled ?? 0, Number(answer.fill_count ?? o.filled ?? 0));
    if (o.remaining === 0) o.status = 'ended';
  }

  async create(sim, ticker) {
    const client_order_id = `u${this.user}-${++this.n}-${crypto.randomUUID().slice(0, 8)}`;
    const ioc = below(4) === 0;
    const order = { ticker, client_order_id, side: pick(['bid', 'ask']), price: (0.45 + below(11) / 100).toFixed(4),
      count: `${1 + below(9)}.00`, time_in_force: ioc ? 'immediate_or_cancel' : 'good_till_canceled', self_trade_prevention_type: 'maker' };
    this.maybe.add(client_order_id);
    const { status, body } = await this.call(sim, 'POST', '/portfolio/events/orders', order);
    if (status !== 201) { this.maybe.delete(client_order_id); return; }
    const o = { ...order, id: body.order_id, status: ioc ? 'ended' : 'resting' };
    this.note(o, body);
    this.orders.set(o.id, o);
    this.maybe.delete(client_order_id);
  }

  async change(sim) {
    const o = pick(this.known());
    if (!o) return;
    o.busy = true; // until it is answered
    const kind = below(3);
    if (kind === 0) {
      const { status } = await this.call(sim, 'DELETE', `/portfolio/events/orders/${o.id}`, undefined);
      if (status === 200) { o.status = 'ended'; o.canceled = true; }
    } else if (kind === 1) {
      const price = (0.45 + below(11) / 100).toFixed(4);
      const { status, body } = await this.call(sim, 'POST', `/portfolio/events/orders/${o.id}/amend`,
        { ticker: o.ticker, side: o.side, price, count: `${10 + below(20)}.00` });
      if (status === 200) { o.price = price; this.note(o, body); }
    } else {
      await this.call(sim, 'POST', `/portfolio/events/orders/${o.id}/decrease`, { reduce_to: '1.00' });
    }
    o.busy = false;
  }

  async work(sim, tickers) {
    try {
      for (;;) await (below(3) === 0 ? this.change(sim) : this.create(sim, pick(tickers)));
    } catch { /* the server is gone */ }
  }

  async check(sim, quiet) {
    const orders = await all(sim, '/portfolio/orders', 'orders', this.user);
    const byId = new Map(orders.map((o) => [o.order_id, o]));
    assert.equal(byId.size, orders.length, 'no order twice');
    const ids = orders.map((o) => o.client_order_id).filter(Boolean);
    assert.equal(new Set(ids).size, ids.length, 'no client order id twice');
    for (const o of this.orders.values()) {
      const there = byId.get(o.id);
      assert.ok(there, `acknowledged order ${o.id} is there`);
      assert.equal(there.client_order_id, o.client_order_id);
      assert.ok(Number(there.fill_count_fp) >= o.filled, `order ${o.id} has filled ${there.fill_count_fp}, acknowledged ${o.filled}`);
      if (o.canceled) assert.equal(there.status, 'canceled', `order ${o.id}`);
      if (o.status === 'ended') assert.notEqual(there.status, 'resting', `order ${o.id}`);
      if (!o.busy) assert.equal(there.yes_price_dollars, o.price, `price of order ${o.id}`);
      o.busy = false;
      o.price = there.yes_price_dollars;
      o.filled = Number(there.fill_count_fp);
      if (there.status !== 'resting') o.status = 'ended';
    }
    // Those without an answer either happened once or not at all.
    for (const o of orders) {
      if (this.orders.has(o.order_id)) continue;
      assert.ok(this.maybe.has(o.client_order_id), `order ${o.order_id} was sent`);
      this.orders.set(o.order_id, { id: o.order_id, ticker: o.ticker, side: o.outcome_side === 'yes' ? 'bid' : 'ask', price: o.yes_price_dollars,
        client_order_id: o.client_order_id, filled: Number(o.fill_count_fp), status: o.status === 'resting' ? 'resting' : 'ended' });
    }
    this.maybe.clear();
    const fills = await all(sim, '/portfolio/fills', 'fills', this.user);
    const trades = new Set(fills.map((f) => f.trade_id));
    assert.equal(trades.size, fills.length, 'no fill twice');
    for (const id of this.fills) assert.ok(trades.has(id), `the fill of trade ${id}, which was told, is there`);
    const filled = new Map();
    for (const f of fills) filled.set(f.order_id, (filled.get(f.order_id) ?? 0) + Number(f.count_fp));
    // The fills were read after the orders, and traders may be at work.
    for (const o of orders) assert.ok((filled.get(o.order_id) ?? 0) >= Number(o.fill_count_fp) - 0.001, 'fills and orders agree');
    if (quiet) for (const o of orders) assert.equal((filled.get(o.order_id) ?? 0).toFixed(2), Number(o.fill_count_fp).toFixed(2), 'fills and orders agree');
    const known = pick([...this.orders.values()]);
    if (known) {
      const again = await this.call(sim, 'POST', '/portfolio/events/orders', { ticker: known.ticker, client_order_id: known.client_order_id,
        side: 'bid', price: '0.0100', count: '1.00', time_in_force: 'good_till_canceled', self_trade_prevention_type: 'maker' });
      assert.equal(again.status, 409, 'a client order id is never taken twice');
    }
  }
}

// Everything that can be read and does not change by itself in a quiet market; candles of the two hours before `now`.
async function picture(sim, now) {
  const get = async (p, user = 0) => (await sim.rest('GET', p, undefined, { user })).body;
  const shown = {};
  for (const user of [0, 1]) {
    shown[`orders${user}`] = await all(sim, '/portfolio/orders', 'orders', user);
    shown[`fills${user}`] = await all(sim, '/portfolio/fills', 'fills', user);
    shown[`settlements${user}`] = await all(sim, '/portfolio/settlements', 'settlements', user);
    shown[`balance${user}`] = await get('/portfolio/balance', user);
    shown[`positions${user}`] = await get('/portfolio/positions', user);
    shown[`subaccounts${user}`] = await get('/portfolio/subaccounts/balances', user);
        shown[`groups${user}`] = await get('/portfolio/order_groups', user);
    shown[`keys${user}`] = await get('/api_keys', user);
  }
  shown.events = await all(sim, '/events?with_nested_markets=true', 'events');
  shown.series = await get('/series');
  const markets = shown.markets = await all(sim, '/markets', 'markets');
  shown.trades = await all(sim, '/markets/trades', 'trades');
  for (const user of [0, 1]) shown[`queue${user}`] = await get(`/portfolio/orders/queue_positions?market_tickers=${markets.map((m) => m.ticker)}`, user);
  for (const m of markets) {
    shown[`book ${m.ticker}`] = await get(`/markets/${m.ticker}/orderbook`);
    const { candlesticks } = await get(`/series/${m.ticker.split('-')[0]}/markets/${m.ticker}/candlesticks?start_ts=${now - 7200}&end_ts=${now - 120}&period_interval=1`);
    shown[`candles ${m.ticker}`] = candlesticks;
  }
  shown.status = await get('/exchange/status');
  // The time of the answer is not state.
  return JSON.parse(JSON.stringify(shown, (key, value) => (key === 'updated_ts' ? undefined : value)));
}

test(`nothing acknowledged is lost in ${ROUNDS} kills`, async () => {
  const file = path.join(tempDir(), 'state');
  const clients = [new Client(0), new Client(1)];
  let identity, orders = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const quiet = round % 3 !== 2;
    const sim = await start(file, ...(quiet ? ['--quiet-market'] : ['--rate', '200']));
    const now = sim.users.map((u) => [u.key_id, u.key_path, fs.readFileSync(u.key_path, 'utf8')]);
    identity ??= now;
    assert.deepEqual(now, identity, 'the same keys in the same place');
    const { body: { markets } } = await sim.rest('GET', '/markets?status=open');
    const tickers = markets.slice(0, 3).map((m) => m.ticker);
    for (const c of clients) await c.check(sim, quiet);
    const sockets = await Promise.all(clients.map(async (c) => {
      const ws = await sim.ws(c.user);
      ws.socket.on('message', (d) => { const m = JSON.parse(d); if (m.type === 'fill') c.fills.add(m.msg.trade_id); });
      ws.socket.on('error', () => {});
      await ws.reply(ws.send('subscribe', { channels: ['fill'] }));
      return ws;
    }));
    const work = clients.flatMap((c) => Array.from({ length: 4 }, () => c.work(sim, tickers)));
    const answered = () => clients.reduce((sum, c) => sum + c.n, 0);
    const enough = answered() + 4 + below(30);
    await until('orders', () => answered() >= enough);
    await sleep(below(20));
    await kill(sim);
    await Promise.all(work);
    sockets.forEach((ws) => ws.close());
    orders = clients.reduce((sum, c) => sum + c.orders.size, 0);
  }
  const sim = await start(file, '--quiet-market');
  for (const c of clients) await c.check(sim, true);
  const fills = clients.reduce((sum, c) => sum + c.fills.size, 0);
  assert.ok(orders > 8 * ROUNDS && fills > ROUNDS, `${orders} orders, ${fills} fills`);
  const position = async (user) => Object.fromEntries((await sim.rest('GET', '/portfolio/positions', undefined, { user })).body.market_positions.map((p) => [p.ticker, p.position_fp]));
  assert.ok(Object.keys(await position(0)).length > 0);
  await sim.stop();
});

test('after a restart everything reads as before', async () => {
  const file = path.join(tempDir(), 'state');
  let sim = await start(file, '--rate', '400');
  const { body: { markets } } = await sim.rest('GET', '/markets?status=open');
  const client = new Client(0);
  const group = await sim.rest('POST', '/portfolio/order_groups/create', { contracts_limit: 500 });
  assert.equal(group.status, 201, JSON.stringify(group.body));
  for (let i = 0; i < 40; i++) await (i % 4 === 3 ? client.change(sim) : client.create(sim, markets[i % markets.length].ticker));
  const grouped = await sim.rest('POST', '/portfolio/events/orders', { ticker: markets[0].ticker, side: 'bid', price: '0.0100', count: '3.00',
    order_group_id: group.body.order_group_id, time_in_force: 'good_till_canceled', self_trade_prevention_type: 'maker' });
  assert.equal(grouped.status, 201, JSON.stringify(grouped.body));
  await sleep(1500);
  await kill(sim);
  // The traders of the first run have gone, their money has not.
  sim = await start(file, '--quiet-market');
  const now = Math.floor(Date.now() / 1000), before = await picture(sim, now);
  assert.ok(before.trades.length > 5 && before.orders0.length > 10);
  await kill(sim);
  sim = await start(file, '--quiet-market');
  assert.deepEqual(await picture(sim, now), before);
  assert.equal(await sim.stop(), 0);
  assert.deepEqual(fs.readdirSync(path.dirname(file)).sort(), ['state', 'state.keys'], 'the log is gone after a clean end');
  sim = await start(file, '--quiet-market');
  assert.deepEqual(await picture(sim, now), before);
  await sim.stop();
});

test('what was due while it was down is done at the start', async () => {
  const file = path.join(tempDir(), 'state');
  let sim = await start(file, '--quiet-market');
  const { body: { markets: [market] } } = await sim.rest('GET', '/markets?status=open');
  const { body: { balance } } = await sim.rest('GET', '/portfolio/balance');
  let soon, made; // which may be over when it is there
  for (let ms = 1500; made?.status !== 201 && ms < 60000; ms *= 3) {
    soon = Date.now() + ms;
    made = await sim.rest('POST', '/portfolio/events/orders', { ticker: market.ticker, side: 'bid', price: '0.1000', count: '3.00',
      expiration_time: Math.ceil(soon / 1000), time_in_force: 'good_till_canceled', self_trade_prevention_type: 'maker' });
  }
  const { body } = made;
  const { body: { balance: less } } = await sim.rest('GET', '/portfolio/balance');
  const { body: { order: { status } } } = await sim.rest('GET', `/portfolio/orders/${body.order_id}`);
  if (status === 'resting') assert.ok(less < balance, 'its collateral is taken');
  await kill(sim);
  await sleep(Math.ceil(soon / 1000) * 1000 - Date.now() + 100);
  sim = await start(file, '--quiet-market');
  const { body: { order } } = await sim.rest('GET', `/portfolio/orders/${body.order_id}`);
  assert.equal(order.status, 'canceled');
  const after = await sim.rest('GET', '/portfolio/balance');
  assert.equal(after.body.balance, balance, 'its collateral is back');
  await sim.stop();
});

const refused = (file, because, code = 3) => {
  const { status, stderr } = spawnSync(KALUA, ['sim', '--json', '--state', file], { env: cleanEnv(), encoding: 'utf8', timeout: 60000 });
  assert.match(stderr, because);
  assert.equal(status, code, stderr);
};

test('a file that is in use, foreign, cut off or edited is refused', async () => {
  const dir = tempDir(), file = path.join(dir, 'state');
  const sim = await start(file, '--quiet-market');
  refused(file, /in use by another process/);
  assert.equal((await sim.rest('GET', '/portfolio/balance')).status, 200, 'the first goes on');
  await sim.stop();
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  fs.writeFileSync(path.join(dir, 'notes'), 'buy low\n');
  refused(path.join(dir, 'notes'), /not a state file of the simulator/);
  assert.ok(!fs.existsSync(path.join(dir, 'notes.keys')));
  const whole = fs.readFileSync(file);
  fs.writeFileSync(path.join(dir, 'cut'), whole.subarray(0, whole.length - 8192));
  refused(path.join(dir, 'cut'), /damaged/);
  const id = whole.indexOf(sim.key_id);
  assert.ok(id > 0);
  whole[id] ^= 1;
  fs.writeFileSync(path.join(dir, 'edited'), whole);
  refused(path.join(dir, 'edited'), /row 1 of "members" does not match its checksum/);
  refused(path.join(dir, 'no', 'such', 'folder'), /cannot be opened for writing/);
});

test('a flipped bit is found, or does no harm', async () => {
  const dir = tempDir(), file = path.join(dir, 'state');
  const sim = await start(file, '--quiet-market');
  const { body: before } = await sim.rest('GET', '/portfolio/balance');
  await sim.stop();
  const whole = fs.readFileSync(file);
  for (let i = 0; i < 10; i++) {
    const flipped = Buffer.from(whole), at = 100 + below(whole.length - 100), copy = path.join(dir, `flipped${i}`);
    flipped[at] ^= 1 << below(8);
    fs.writeFileSync(copy, flipped);
    let again;
    try {
      again = await start(copy, '--quiet-market');
    } catch (e) {
      assert.match(e.message, /state file .* is damaged|not a state file/, `byte ${at}`);
      continue;
    }
    assert.equal((await again.rest('GET', '/portfolio/balance')).body.balance, before.balance, `byte ${at}`);
    await again.stop();
  }
});

test('when the file cannot grow, nothing is acknowledged any more and the command ends with an error', async () => {
  const file = path.join(tempDir(), 'state');
  // 512-byte blocks: enough for the start, and for a while.
  const p = spawn('sh', ['-c', `ulimit -f 3000; exec "${KALUA}" sim --json --quiet-market --markets 6 --users 2 --state "${file}"`],
    { env: cleanEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
  started.push(p);
  let out = '', stderr = '';
  p.stdout.on('data', (d) => { out += d; });
  p.stderr.on('data', (d) => { stderr += d; });
  const ended = new Promise((r) => p.on('close', r));
  await until('the simulator', () => out.includes('\n') || (p.exitCode !== null && Promise.reject(new Error(stderr))));
  const sim = Object.assign(new Sim(), JSON.parse(out));
  const { body: { markets } } = await sim.rest('GET', '/markets?status=open');
  const acknowledged = [];
  let refusal;
  const work = async () => {
    while (!refusal) {
      let answer;
      try {
        answer = await sim.rest('POST', '/portfolio/events/orders', { ticker: markets[0].ticker, client_order_id: crypto.randomUUID(), side: 'bid',
          price: '0.0100', count: '1.00', time_in_force: 'good_till_canceled', self_trade_prevention_type: 'maker' });
      } catch { break; } // it has ended
      if (answer.status === 201) acknowledged.push(answer.body.order_id);
      else refusal = answer;
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  assert.equal(refusal?.status, 503, JSON.stringify(refusal?.body));
  assert.equal(await ended, 3, stderr);
  assert.match(stderr, /state file .*: writing failed/);
  const again = await start(file, '--quiet-market');
  const there = new Set((await all(again, '/portfolio/orders', 'orders')).map((o) => o.order_id));
  for (const id of acknowledged) assert.ok(there.has(id), `acknowledged order ${id} is there`);
  assert.ok(acknowledged.length > 20);
  await again.stop();
});
