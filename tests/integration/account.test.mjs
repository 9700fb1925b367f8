// The account in memory against the exchange's own lists: while orders are placed, filled by another account, amended and
// canceled, and while the sockets are cut underneath. Whenever it says that it is not stale, and a moment has passed for
// what is on its way, it must be equal to REST to the last digit.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import readline from 'node:readline';
import test, { after, before } from 'node:test';
import { WebSocketServer } from 'ws';
import { KALUA, Sim, cleanEnv, sleep, tempDir, until } from './peers.mjs';

let sim, tickers;
before(async () => {
  sim = await Sim.start('--quiet-market', '--users', '2');
  tickers = (await sim.rest('GET', '/markets?limit=100&status=open')).body.markets
    .filter((m) => m.price_ranges.some((r) => r.step === '0.0100')).slice(0, 4).map((m) => m.ticker);
});
after(() => sim?.stop());

// A TCP proxy that cuts every connection when told.
class Cutter {
  static async start(port) {
    const c = new Cutter();
    c.pairs = new Set();
    c.refusing = false;
    c.server = net.createServer((near) => {
      if (c.refusing) return near.destroy();
      const far = net.connect(port, '127.0.0.1');
      const pair = [near, far];
      c.pairs.add(pair);
      for (const [a, b] of [[near, far], [far, near]]) {
        a.pipe(b);
        a.on('error', () => {});
        a.on('close', () => { b.destroy(); c.pairs.delete(pair); });
      }
    });
    await new Promise((r) => c.server.listen(0, '127.0.0.1', r));
    c.port = c.server.address().port;
    return c;
  }
  cut() { for (const pair of this.pairs) pair.forEach((s) => s.destroy()); }
  stop() { this.cut(); this.server.close(); }
}

// Answers a line of commands with a line of JSON: what the account says. It never asks the exchange on its own.
const script = `
local kalshi, task, json, kalua = require "kalshi", require "task", require "json", require "kalua"
kalshi.balance()
local calls = kalshi.status().calls
print(json.encode{ ready = true })
for _ = 1, 100000 do
  local status = kalshi.status()
  local began = kalua.now()
  local all = kalshi.orders{ status = "all" }
  print(json.encode{ orders = kalshi.orders(), all = all, fills = kalshi.fills(), positions = kalshi.positions(),
    balance = kalshi.balance(), stale = status.account.stale, reconciled = status.account.reconciled,
    took = kalua.now() - began })
  task.sleep(0.05)
end
`;

async function start(env) {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'keep.lua'), script);
  const p = spawn(KALUA, ['--quiet', 'keep.lua'], { cwd, env: { ...cleanEnv(), ...env } });
  const a = { process: p, last: null, count: 0, err: '' };
  p.stderr.on('data', (d) => { a.err += d; });
  readline.createInterface({ input: p.stdout }).on('line', (l) => {
    const said = JSON.parse(l);
    if (said.ready) return;
    a.last = said;
    a.count++;
  });
  a.ended = new Promise((r) => p.on('close', r));
  a.stop = async () => { p.kill('SIGKILL'); await a.ended; };
  await until('the account', () => a.last || (p.exitCode !== null && Promise.reject(new Error(a.err))));
  return a;
}

const order = (o) => ({ time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross', ...o });
const place = async (o, user = 0) => {
  const res = await sim.rest('POST', '/portfolio/events/orders', order(o), { user });
  assert.equal(res.status, 201, JSON.stringify(res.body));
  return res.body.order_id;
};

async function pages(operation, rows) {
  const all = [];
  for (let cursor = ''; ;) {
    const { body } = await sim.rest('GET', `${operation}limit=1000${cursor && `&cursor=${cursor}`}`);
    all.push(...body[rows]);
    if (!(cursor = body.cursor)) return all;
  }
}

const words = { executed: 'filled' };
const orderKey = (o) => [o.order_id, o.client_order_id ?? '', o.ticker, o.book_side ?? o.side, o.outcome_side,
  Number(o.yes_price_dollars ?? o.price), words[o.status] ?? o.status, Number(o.initial_count_fp ?? o.initial_count),
  Number(o.fill_count_fp ?? o.fill_count), Number(o.remaining_count_fp ?? o.remaining_count),
  Number((o.fees ?? Number(o.taker_fees_dollars) + Number(o.maker_fees_dollars)).toFixed(6)),
  Math.floor((o.created_ts ?? Date.parse(o.created_time) / 1000) * 1000 + 1e-3),
  Math.floor((o.updated_ts ?? Date.parse(o.last_update_time) / 1000) * 1000 + 1e-3)].join(' ');
const fillKey = (f) => [f.trade_id, f.order_id, f.ticker, f.book_side ?? f.side, Number(f.yes_price_dollars ?? f.price),
  Number(f.count_fp ?? f.count), Number(f.fee_cost ?? f.fee), f.is_taker].join(' ');
const positionKey = (p) => [p.ticker, Number(p.position_fp ?? p.position), Number(p.market_exposure_dollars ?? p.exposure),
  Number(p.realized_pnl_dollars ?? p.realized_pnl), Number(p.fees_paid_dollars ?? p.fees_paid)].join(' ');

const exchangeSays = async () => ({
  orders: (await pages('/portfolio/orders?status=resting&', 'orders')).map(orderKey).sort(),
  fills: (await pages('/portfolio/fills?', 'fills')).map(fillKey).sort(),
  positions: (await pages('/portfolio/positions?', 'market_positions')).map(positionKey).sort(),
});
const memorySays = (said) => ({ orders: said.orders.map(orderKey).sort(), fills: said.fills.map(fillKey).sort(),
  positions: said.positions.map(positionKey).sort() });

// Nothing moves on the exchange: from now on the account must come to say the same and stay so.
async function equal(a, when) {
  const truth = await exchangeSays();
  const same = () => a.last && !a.last.stale && JSON.stringify(memorySays(a.last)) === JSON.stringify(truth);
  const from = a.count;
  try {
    await until('the account to be equal', () => a.count > from + 1 && same());
  } catch {
    assert.equal(a.last.stale, false, `${when}: still stale\n${a.err}`);
    assert.deepEqual(memorySays(a.last), truth, when);
  }
  // What no longer rests is remembered as it ended.
  const ended = new Map((await pages('/portfolio/orders?', 'orders')).map((o) => [o.order_id, orderKey(o)]));
  for (const o of a.last.all) assert.equal(orderKey(o), ended.get(o.order_id), when);
  return a.last;
}

const balanceEqual = (a) => until('the balance', async () =>
  a.last.balance === Number((await sim.rest('GET', '/portfolio/balance')).body.balance_dollars));

test('place, fill by another account, amend, decrease, cancel: equal after each', async () => {
  const [t, u] = tickers;
  await place({ ticker: t, side: 'bid', price: '0.1000', count: '5.00', client_order_id: 'before' });
  await place({ ticker: t, side: 'ask', price: '0.1000', count: '2.00' }, 1);
  const a = await start(sim.env());
  try {
    await equal(a, 'at the beginning');
    const id = await place({ ticker: u, side: 'bid', price: '0.4200', count: '10.00', client_order_id: 'one' });
    await equal(a, 'placed');
    await place({ ticker: u, side: 'ask', price: '0.4200', count: '4.00' }, 1);
    await equal(a, 'filled in part');
    await sim.rest('POST', `/portfolio/events/orders/${id}/amend`, { ticker: u, side: 'bid', price: '0.4100', count: '12.00' });
    await equal(a, 'amended');
    await sim.rest('POST', `/portfolio/events/orders/${id}/decrease`, { reduce_by: '1.00' });
    await equal(a, 'decreased');
    await sim.rest('DELETE', `/portfolio/events/orders/${id}`);
    await equal(a, 'canceled');
    await place({ ticker: u, side: 'bid', price: '0.6000', count: '3.00' }, 1);
    await place({ ticker: u, side: 'ask', price: '0.5500', count: '7.00', time_in_force: 'immediate_or_cancel' });
    const said = await equal(a, 'took liquidity, closed part of the position');
    assert.equal(said.positions.find((p) => p.ticker === u).position, 1);
    const all = said.all.find((o) => o.client_order_id === 'one');
    assert.deepEqual([all.status, all.fill_count, all.average_fill_price], ['canceled', 4, 0.42]);
    await sim.rest('DELETE', '/portfolio/events/orders');
    const last = await equal(a, 'all canceled');
    assert.equal(last.orders.length, 0);
    await balanceEqual(a);
  } finally {
    await a.stop();
  }
});

test('sockets are cut while orders change: equal after each cut', async () => {
  const cutter = await Cutter.start(Number(new URL(sim.ws_url).port));
  const a = await start({ ...sim.env(), KALSHI_WS_URL: sim.ws_url.replace(/:\d+/, `:${cutter.port}`) });
  let seed = 7;
  const random = (n) => { seed = (seed * 48271) % 2147483647; return seed % n; };
  const mine = [];
  const price = () => `0.${40 + random(20)}00`;
  async function anything() {
    const ticker = tickers[random(tickers.length)];
    switch (random(6)) {
      case 0: case 1:
        mine.push({ ticker, side: random(2) ? 'bid' : 'ask' });
        mine.at(-1).id = await place({ ...mine.at(-1), id: undefined, price: price(), count: `${1 + random(9)}.00` });
        break;
      case 2: case 3:
        await place({ ticker, side: random(2) ? 'bid' : 'ask', price: price(), count: `${1 + random(9)}.00` }, 1);
        break;
      case 4: {
        const o = mine[random(mine.length)];
        if (o) await sim.rest('DELETE', `/portfolio/events/orders/${o.id}`);
        break;
      }
      default: {
        const o = mine[random(mine.length)];
        if (o) await sim.rest('POST', `/portfolio/events/orders/${o.id}/amend`, { ticker: o.ticker, side: o.side, price: price(), count: '20.00' });
      }
    }
  }
  try {
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 12; i++) {
        if (i === 4) cutter.refusing = true;
        if (i === 4) cutter.cut();
        if (i === 9) cutter.refusing = false; // the changes of 4 to 8 are not heard of
        await anything();
      }
      if (round % 2) cutter.cut(); // and at once again, perhaps in the midst of reconciling
      await equal(a, `round ${round}`);
    }
    assert.ok(a.last.reconciled > 4);
    await balanceEqual(a);
  } finally {
    await a.stop();
    cutter.stop();
  }
});

test('answers come from memory: no call is made, whoever asks', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'memory.lua'), `
    local kalshi = require "kalshi"
    kalshi.orders()
    local calls = kalshi.status().calls
    for _ = 1, 50 do kalshi.orders() kalshi.positions() kalshi.fills{ limit = 10 } kalshi.balance() end
    print(kalshi.status().calls - calls)`);
  const p = spawn(KALUA, ['--quiet', 'memory.lua'], { cwd, env: { ...cleanEnv(), ...sim.env() } });
  let out = '', err = '';
  p.stdout.on('data', (d) => { out += d; });
  p.stderr.on('data', (d) => { err += d; });
  assert.equal(await new Promise((r) => p.on('close', r)), 0, err);
  assert.equal(out.trim(), '0');
});

test('where the account cannot be read, the call says why, and may be given up', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'vain.lua'), `
    local kalshi, task = require "kalshi", require "task"
    local ok, err = pcall(task.timeout, 0.3, kalshi.orders)
    print(ok, err.kind)
    task.spawn(kalshi.positions) -- still waits when the script is stopped
    task.sleep(0.1)
    error{ kind = "done", message = "done" }`);
  fs.writeFileSync(path.join(cwd, 'refused.lua'), `
    local kalshi = require "kalshi"
    local ok, err = pcall(kalshi.orders)
    print(ok, err.kind)`);
  const run = (file, env) => new Promise((resolve) => {
    const p = spawn(KALUA, ['--quiet', file], { cwd, env: { ...cleanEnv(), ...env } });
    let out = '';
    p.stdout.on('data', (d) => { out += d; });
    p.on('close', (code) => resolve([out.trim(), code]));
  });
  assert.deepEqual(await run('vain.lua', { ...sim.env(), KALSHI_WS_URL: 'ws://127.0.0.1:1/trade-api/ws/v2' }), ['false\ttimeout', 1]);
  const other = { ...sim.env(), KALSHI_API_KEY_ID: '00000000-0000-4000-8000-000000000000' };
  assert.deepEqual(await run('refused.lua', other), ['false\tauth', 0]);
});

// An exchange whose channels are ahead of its lists by more than a second, as the real one's are.
test('lists that lag behind the channels bring nothing back and hide nothing', async () => {
  const LAG = 1200;
  const history = new Map(); // order id to its states, oldest first
  const sockets = new Set();
  const iso = (ms) => new Date(ms).toISOString();
  function set(id, status, filled, remaining) {
    const now = Date.now();
    const states = history.get(id) ?? history.set(id, []).get(id);
    const created = states[0]?.at ?? now;
    const row = { order_id: id, user_id: 'u', client_order_id: `c-${id}`, ticker: 'T', outcome_side: 'yes', book_side: 'bid',
      type: 'limit', status, yes_price_dollars: '0.4200', no_price_dollars: '0.5800', fill_count_fp: filled,
      remaining_count_fp: remaining, initial_count_fp: '10.00', taker_fees_dollars: '0.0000', maker_fees_dollars: '0.0000',
      taker_fill_cost_dollars: '0.0000', maker_fill_cost_dollars: (Number(filled) * 0.42).toFixed(4),
      created_time: iso(created), last_update_time: iso(now) };
    states.push({ at: now, row });
    const { type, ...rest } = row;
    for (const s of sockets) {
      s.send(JSON.stringify({ type: 'user_order', sid: 1, msg: { ...rest, exchange_index: 0, side: 'yes', is_yes: true,
        created_ts_ms: created, last_updated_ts_ms: now } }));
    }
  }
  const seen = (id) => history.get(id)?.filter((s) => s.at <= Date.now() - LAG).at(-1)?.row;
  const server = http.createServer((req, res) => {
    const url = new URL(req.url, 'http://x');
    const p = url.pathname.replace('/trade-api/v2', '');
    const answer = (body, status = 200) => {
      res.writeHead(status, { 'Content-Type': 'application/json' });
      res.end(JSON.stringify(body));
    };
    if (p === '/portfolio/orders')
      answer({ orders: [...history.keys()].map(seen).filter((o) => o?.status === 'resting'), cursor: '' });
    else if (p.startsWith('/portfolio/orders/')) {
      const order = seen(p.split('/').pop());
      if (order) answer({ order }); else answer({ error: { code: 'not_found', message: 'not found' } }, 404);
    } else if (p === '/portfolio/fills') answer({ fills: [], cursor: '' });
    else if (p === '/portfolio/positions') answer({ market_positions: [], event_positions: [], cursor: '' });
    else if (p === '/portfolio/balance')
      answer({ balance: 100, balance_dollars: '1.0000', portfolio_value: 0, updated_ts: 1, balance_breakdown: [] });
    else if (p === '/portfolio/subaccounts/balances') answer({ subaccount_balances: [] });
    else if (p === '/exchange/user_data_timestamp') answer({ as_of_time: iso(Date.now() - LAG) });
    else answer({ error: { code: 'not_found', message: 'not found' } }, 404);
  });
  const channels = { user_orders: 1, fill: 2, market_positions: 3 };
  new WebSocketServer({ server }).on('connection', (s) => {
    sockets.add(s);
    s.on('close', () => sockets.delete(s));
    s.on('message', (m) => {
      const { id, cmd, params } = JSON.parse(m);
      if (cmd !== 'subscribe') return;
      for (const channel of params.channels)
        s.send(JSON.stringify({ type: 'subscribed', id, msg: { channel, sid: channels[channel] } }));
    });
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const { port } = server.address();
  const env = { ...sim.env(), KALSHI_REST_URL: `http://127.0.0.1:${port}/trade-api/v2`,
    KALSHI_WS_URL: `ws://127.0.0.1:${port}/trade-api/ws/v2` };
  const resting = (a) => a.last.orders.map((o) => o.order_id).sort().join(' ');
  let a;
  try {
    set('old', 'resting', '0.00', '10.00');
    set('dying', 'resting', '0.00', '10.00');
    await sleep(LAG + 50);
    set('young', 'resting', '0.00', '10.00'); // not in the lists for a while
    set('dying', 'canceled', '0.00', '0.00'); // rests in the lists for a while
    a = await start(env);
    assert.equal(a.last.stale, false);
    assert.equal(resting(a), 'old young');
    for (const s of sockets) s.terminate();
    await until('the cut', () => a.last.stale);
    set('old', 'executed', '10.00', '0.00'); // unheard
    set('new', 'resting', '0.00', '10.00');  // unheard
    await until('the channels', () => sockets.size > 0);
    await sleep(100);
    set('young', 'canceled', '2.00', '0.00'); // told, while the lists are far behind
    set('late', 'resting', '0.00', '10.00');
    const from = Date.now();
    while (Date.now() < from + 2 * LAG) {
      assert.ok(!resting(a).includes('young') || a.last.stale, 'a canceled order came back');
      await sleep(20);
    }
    await until('reconciled', () => !a.last.stale);
    assert.equal(resting(a), 'late new');
    const statuses = Object.fromEntries(a.last.all.map((o) => [o.order_id, o.status]));
    assert.deepEqual(statuses, { old: 'filled', young: 'canceled', new: 'resting', late: 'resting' });
    assert.equal(a.last.all.find((o) => o.order_id === 'old').average_fill_price, 0.42);
  } finally {
    await a?.stop();
    server.closeAllConnections?.();
    for (const s of sockets) s.terminate();
    server.close();
  }
});
