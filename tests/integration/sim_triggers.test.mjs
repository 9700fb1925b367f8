// What can be made to happen in the simulator, from `kalua trigger` and over HTTP: what clients see of it, who may ask, and
// how a running simulator is found.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, tempDir, until } from './peers.mjs';
import { messageErrors, restErrors } from './schema.mjs';

let sim, tickers;
before(async () => {
  sim = await Sim.start('--quiet-market', '--users', '2', '--markets', '36');
  tickers = (await sim.rest('GET', '/markets?limit=1000&status=open')).body.markets.map((m) => m.ticker);
});
after(() => sim?.stop());

const ORDERS = '/portfolio/events/orders';
let made = 0, taken = 0;
const market = () => tickers[taken++]; // one for each test
async function place(ticker, over = {}, user = 0) {
  const { status, body } = await sim.rest('POST', ORDERS, { ticker, side: 'bid', price: '0.4000', count: '10.00',
    client_order_id: `t${++made}`, time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross', ...over }, { user });
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}
const cancelAll = (user = 0) => sim.rest('DELETE', ORDERS, undefined, { user });
const orderOf = async (id, user = 0) => (await sim.rest('GET', `/portfolio/orders/${id}`, undefined, { user })).body.order;
const refused = async (kind, args, status, why) => {
  const got = await sim.triggered(kind, args);
  assert.equal(got.status, status, JSON.stringify(got.body));
  assert.match(got.body.error.message, why);
};
const cli = (args, env = { KALSHI_REST_URL: sim.rest_url }) => kalua(['trigger', ...args], { env });

describe('orders', () => {
  test('fill: at its price, told to its owner, and paid like any fill', async (t) => {
    const ticker = market();
    const c = await sim.ws();
    t.after(() => c.close());
    c.send('subscribe', { channels: ['fill', 'user_orders'] });
    const { order_id } = await place(ticker);
    const done = await sim.trigger('fill', { order: order_id, count: '4' });
    assert.equal(done.filled, '4.00');
    assert.equal(done.remaining, '6.00');
    assert.equal(done.price, '0.4000');
    const fill = await c.wait('the fill', (m) => m.type === 'fill');
    assert.deepEqual(messageErrors(fill), []);
    assert.equal(fill.msg.order_id, order_id);
    assert.equal(fill.msg.is_taker, false);
    assert.equal(fill.msg.count_fp, '4.00');
    assert.equal((await orderOf(order_id)).fill_count_fp, '4.00');
    await sim.trigger('fill', { client_order_id: (await orderOf(order_id)).client_order_id });
    const order = await orderOf(order_id);
    assert.equal(order.status, 'executed');
    const { body } = await sim.rest('GET', '/portfolio/fills?limit=10');
    assert.equal(body.fills.filter((f) => f.order_id === order_id).length, 2);
    await refused('fill', { order: order_id }, 409, /is executed/);
  });

  test('fill keeps price and time: what is ahead trades before', async () => {
    const ticker = market();
    const better = await place(ticker, { price: '0.4500', count: '3.00' }, 1);
    const first = await place(ticker, { count: '2.00' }, 1);
    const mine = await place(ticker);
    const done = await sim.trigger('fill', { order: mine.order_id, count: '5', user: '1' });
    assert.equal(done.ahead, '5.00');
    assert.match(done.message, /5\.00 that were ahead of it traded before/);
    assert.equal((await orderOf(better.order_id, 1)).status, 'executed');
    assert.equal((await orderOf(first.order_id, 1)).status, 'executed');
    assert.equal((await orderOf(mine.order_id)).fill_count_fp, '5.00');
    const { trades } = await sim.look(`trades?market=${ticker}`);
    assert.deepEqual(trades.map((x) => [x.price, x.count]).reverse(), [['0.4500', '3.00'], ['0.4000', '2.00'], ['0.4000', '5.00']]);
    await cancelAll();
  });

  test('an ask is filled too, and only what is there', async () => {
    const { order_id } = await place(market(), { side: 'ask', price: '0.6000' });
    await refused('fill', { order: order_id, count: '10.01' }, 409, /only 10\.00 contracts/);
    assert.equal((await sim.trigger('fill', { order: order_id })).filled, '10.00');
  });

  test('without a name there must be just one', async () => {
    await cancelAll();
    await cancelAll(1);
    await refused('fill', {}, 409, /no order of a client rests/);
    await place(market());
    const done = await sim.trigger('fill');
    assert.equal(done.user, 1);
    await place(market());
    await place(market(), {}, 1);
    await refused('fill', {}, 409, /2 orders rest: say which/);
    assert.equal((await sim.trigger('fill', { user: 2 })).user, 2);
    await refused('fill', { order: '00000000-0000-4000-8000-000000000000' }, 404, /no client has an order/);
    await refused('fill', { user: 3 }, 404, /there is no user "3"/);
    await cancelAll();
  });

  test('quote and trade: a synthetic party makes and takes', async () => {
    const ticker = market();
    await sim.trigger('quote', { market: ticker, side: 'ask', price: '0.55', count: 20 });
    await sim.trigger('quote', { market: ticker, side: 'bid', price: '0.45', count: 20 });
    const { body } = await sim.rest('GET', `/markets/${ticker}/orderbook`);
    assert.deepEqual(body.orderbook_fp, { yes_dollars: [['0.4500', '20.00']], no_dollars: [['0.4500', '20.00']] });
    await refused('quote', { market: ticker, side: 'bid', price: '0.55', count: 1 }, 409, /post only cross/);
    const done = await sim.trigger('trade', { market: ticker, side: 'bid', count: '25' });
    assert.equal(done.filled, '20.00');
    assert.equal(done.last_price, '0.5500');
    await refused('trade', { market: ticker, side: 'bid', count: 1 }, 409, /nothing in the book/);
    assert.equal((await sim.trigger('trade', { market: ticker, side: 'ask', count: 1, price: '0.40' })).last_price, '0.4500');
  });

  test('cancel: it ends, and its owner is told', async (t) => {
    const c = await sim.ws();
    t.after(() => c.close());
    c.send('subscribe', { channels: ['user_orders'] });
    const { order_id } = await place(market());
    await sim.trigger('cancel', { order: order_id });
    await c.wait('the end', (m) => m.type === 'user_order' && m.msg.order_id === order_id && m.msg.status === 'canceled');
    assert.equal((await orderOf(order_id)).status, 'canceled');
  });
});

describe('markets', () => {
  test('pause and resume: of the exchange, a shard, a market', async () => {
    const ticker = market();
    const status = async () => (await sim.rest('GET', '/exchange/status')).body;
    await sim.trigger('pause');
    assert.equal((await status()).trading_active, false);
    assert.equal((await sim.look('status')).state, 'trading_pause');
    assert.ok((await sim.look('status')).shards.every((x) => x.exchange_active && !x.trading_active));
    await sim.trigger('resume');
    assert.equal((await status()).trading_active, true);
    await sim.trigger('pause', { shard: 2 });
    const rows = (await status()).exchange_index_statuses;
    assert.deepEqual(rows.map((r) => r.trading_active), rows.map((r) => r.exchange_index !== 2));
    await sim.trigger('resume', { shard: 2 });
    assert.ok((await status()).exchange_index_statuses.every((r) => r.trading_active));
    await sim.trigger('pause', { market: ticker });
    assert.equal((await sim.rest('GET', `/markets/${ticker}`)).body.market.status, 'inactive');
    await sim.trigger('resume', { market: ticker });
    assert.equal((await sim.rest('GET', `/markets/${ticker}`)).body.market.status, 'active');
    await sim.trigger('pause', { for: '300ms' });
    await until('its end', async () => (await status()).trading_active);
    await refused('pause', { market: ticker, for: '1s' }, 400, /for=/);
  });

  test('maintenance: nothing works, sockets are closed', async () => {
    const c = await sim.ws();
    await sim.trigger('maintenance', { for: '60s' });
    assert.equal((await c.closed).code, 1012);
    const { body, status } = await sim.rest('GET', '/exchange/status');
    assert.deepEqual(restErrors('GetExchangeStatus', status, body), []);
    assert.equal(body.exchange_active, false);
    const resumes = Date.parse(body.exchange_estimated_resume_time) - Date.now();
    assert.ok(resumes > -1000 && resumes < 60500, `resumes in ${resumes} ms`);
    await sim.trigger('resume');
    assert.equal((await sim.rest('GET', '/exchange/status')).body.exchange_active, true);
  });

  test('news: the probability moves, and the price follows where somebody trades', async (t) => {
    const s = await Sim.start('--seed', '11', '--speed', '10');
    t.after(() => s.stop());
    const { markets } = await s.look('markets?sort=volume&status=active');
    // One that does not move much by itself.
    const m = markets.find((x) => Number(x.bid) > 0.3 && Number(x.ask) < 0.7 && /^KX(HOUSERACE|FED|CPIYOY)-/.test(x.ticker));
    assert.ok(m, 'a market whose end is open');
    const done = await s.trigger('news', { market: m.ticker, size: 3 });
    assert.ok(done.change > 0.1, JSON.stringify(done));
    await until('the price', async () => Number((await s.look(`book/${m.ticker}`)).bid) > Number(m.ask), 90000);
    const back = await s.trigger('news', { market: m.ticker, size: -3 });
    assert.ok(back.change < 0 && back.probability < done.probability, JSON.stringify(back));
    assert.match((await s.triggered('news', { market: m.ticker, size: 0 })).body.error.message, /-10 to 10/);
  });

  test('close, determine, dispute, amend, settle: with the messages of each, and the money', async (t) => {
    const ticker = market();
    const c = await sim.ws();
    t.after(() => c.close());
    c.send('subscribe', { channels: ['market_lifecycle_v2'] });
    await place(ticker);
    await sim.trigger('fill');
    const before = (await sim.rest('GET', '/portfolio/balance')).body.balance;
    const told = () => c.messages.filter((m) => m.msg?.market_ticker === ticker).map((m) => m.msg.event_type);
    const now = async () => (await sim.rest('GET', `/markets/${ticker}`)).body.market;
    await refused('settle', { market: ticker }, 409, /has no result yet/);
    await refused('dispute', { market: ticker }, 409, /is active/);
    await sim.trigger('close', { market: ticker });
    assert.equal((await now()).status, 'closed');
    await sim.trigger('close', { market: ticker, in: '1h' });
    await sim.trigger('determine', { market: ticker, result: 'no' });
    assert.equal((await now()).status, 'determined');
    await sim.trigger('dispute', { market: ticker });
    assert.equal((await now()).status, 'disputed');
    await sim.trigger('amend', { market: ticker, result: 'yes' });
    assert.equal((await now()).status, 'amended');
    await refused('settle', { market: ticker, result: 'no' }, 409, /another result/);
    const done = await sim.trigger('settle', { market: ticker });
    assert.equal(done.value, '1.0000');
    assert.equal((await now()).result, 'yes');
    assert.equal((await sim.rest('GET', '/portfolio/balance')).body.balance, before + 1000, '10 contracts at a dollar');
    await until('all messages', () => told().includes('settled'));
    assert.deepEqual([...new Set(told())], ['close_date_updated', 'activated', 'determined', 'settled']);
    await refused('settle', { market: 'NOPE', result: 'yes' }, 404, /no market "NOPE"/);
  });
});

describe('connections and requests', () => {
  test('gap, drop, vanish, duplicate, stall, end, disconnect, reset', async () => {
    const ticker = market();
    let c = await sim.ws();
    c.send('subscribe', { channels: ['orderbook_delta'], market_tickers: [ticker] });
    await c.wait('the snapshot', (m) => m.type === 'orderbook_snapshot');
    const seqs = () => c.messages.filter((m) => m.type === 'orderbook_delta').map((m) => m.seq);
    const after = async (kind, args, want) => {
      await sim.trigger(kind, args);
      await place(ticker);
      await place(ticker);
      await until(kind, () => seqs().join() === want.join());
    };
    await after('gap', { count: 3 }, [5, 6]);
    await after('drop', { channel: 'orderbook_delta' }, [5, 6, 8]);
    await after('vanish', { user: 1 }, [5, 6, 8, 9]);
    await after('duplicate', {}, [5, 6, 8, 9, 10, 10, 11]);
    await after('stall', { for: '200ms' }, [5, 6, 8, 9, 10, 10, 11, 12, 13]);
    await sim.trigger('end', { channel: 'orderbook_delta' });
    assert.equal((await c.wait('the end', (m) => m.type === 'error')).msg.code, 25);
    await refused('gap', {}, 409, /no client is subscribed/);
    await refused('gap', { channel: 'answers' }, 400, /answers/);
    await refused('disconnect', { code: 20 }, 400, /close code/);
    await sim.trigger('disconnect', { code: 4001 });
    assert.equal((await c.closed).code, 4001);
    c = await sim.ws();
    assert.equal((await sim.trigger('reset')).connections, 1);
    assert.equal((await c.closed).code, 1006);
    await refused('disconnect', {}, 409, /no client has a WebSocket/);
  });

  test('429, delay, lose and fail, and clear', async () => {
    await sim.trigger('429', { count: 2 });
    const codes = [];
    for (let i = 0; i < 3; i++) codes.push((await sim.rest('GET', '/portfolio/balance')).status);
    assert.deepEqual(codes, [429, 429, 200]);
    await sim.trigger('fail', { target: 'get_balance', status: 502 });
    assert.equal((await sim.rest('GET', '/exchange/status')).status, 200);
    assert.equal((await sim.rest('GET', '/portfolio/balance')).status, 502);
    await sim.trigger('lose', { target: 'get_balance' });
    await assert.rejects(sim.rest('GET', '/portfolio/balance'));
    await sim.trigger('delay', { by: 'uniform(300ms,400ms)', target: 'get_balance', count: 1 });
    const begin = Date.now();
    assert.equal((await sim.rest('GET', '/portfolio/balance')).status, 200);
    assert.ok(Date.now() - begin >= 295);
    const { rule } = await sim.trigger('delay', { by: '5s', target: 'writes' });
    await sim.trigger('clear', { id: rule });
    await refused('clear', { id: rule }, 404, /no rule/);
    await refused('fault', { spec: '*:nonsense' }, 400, /unknown fault "nonsense"/);
    await refused('fault', { spec: ' ' }, 400, /no rule/);
    assert.equal((await sim.trigger('fault', { spec: 'reads:latency=1ms;writes:latency=2ms' })).rules, 2);
    assert.equal((await sim.trigger('clear')).cleared, 2);
  });
});

describe('what can be looked at', () => {
  test('markets, books, trades, orders, accounts, events', async () => {
    const ticker = market();
    const { order_id } = await place(ticker, { price: '0.3300' });
    await sim.trigger('fill', { order: order_id, count: 3 });
    await sim.trigger('quote', { market: ticker, side: 'ask', price: '0.7', count: 8 });
    // Others have ended, here or before the start; the exchange lists what has not gone to the historical tier.
    const all = (await sim.look('markets?limit=1000')).markets.map((m) => m.ticker);
    assert.deepEqual(tickers.filter((x) => !all.includes(x)), []);
    const open = (await sim.rest('GET', '/markets?limit=1000&status=open')).body.markets.map((m) => m.ticker).sort();
    assert.deepEqual((await sim.look('markets?limit=1000&status=active')).markets.map((m) => m.ticker).sort(), open);
    assert.deepEqual((await sim.look('markets?sort=activity&limit=1')).markets.map((m) => m.ticker), [ticker]);
    const found = await sim.look(`markets?q=${ticker.toLowerCase()}&status=active`);
    assert.equal(found.markets[0].bid, '0.3300');
    assert.equal(found.markets[0].last, '0.3300');
    const volumes = (await sim.look('markets?sort=volume')).markets.map((m) => Number(m.volume));
    assert.deepEqual(volumes, [...volumes].sort((a, b) => b - a));
    const by = async (sort, order, field) => (await sim.look(`markets?sort=${sort}&order=${order}&limit=1000`)).markets.map((m) => Number(m[field]));
    for (const field of ['bid', 'ask', 'last', 'open_interest']) {
      assert.deepEqual(await by(field, 'asc', field), (await by(field, 'desc', field)).sort((a, b) => a - b), field);
    }
    const last = (await sim.look('markets?sort=ticker&order=desc&limit=1000')).markets.map((m) => m.ticker);
    assert.deepEqual(last, [...last].sort().reverse());
    const paged = [];
    for (const offset of [0, 20, 40]) paged.push(...(await sim.look(`markets?status=active&sort=ticker&limit=20&offset=${offset}`)).markets);
    assert.deepEqual(paged.map((m) => m.ticker), open);
    const book = await sim.look(`book/${ticker}`);
    assert.deepEqual([book.bids, book.asks], [[['0.3300', '7.00']], [['0.7000', '8.00']]]);
    const [trade] = (await sim.look('trades?limit=1')).trades;
    assert.deepEqual([trade.market, trade.price, trade.count], [ticker, '0.3300', '3.00']);
    const [order] = (await sim.look(`orders?market=${ticker}`)).orders;
    assert.deepEqual([order.order_id, order.user, order.remaining, order.status], [order_id, 1, '7.00', 'resting']);
    const { accounts } = await sim.look('accounts');
    assert.equal(accounts.length, 2);
    assert.equal(accounts[0].key_id, sim.users[0].key_id);
    assert.equal(accounts[0].balances.length, 4);
    assert.equal(accounts[0].balances.reduce((sum, x) => sum + Number(x), 0).toFixed(6), accounts[0].balance);
    assert.equal(accounts[0].positions.find((p) => p.market === ticker).position, '3.00');
    const { events, next } = await sim.look('events');
    const triggers = (list) => list.filter((e) => e.type === 'trigger'); // among what faults do
    assert.match(triggers(events).at(-1).text, /8\.00 contracts at 0\.7000/);
    await sim.trigger('cancel', { order: order_id });
    const more = await sim.look(`events?since=${next}`);
    assert.ok(more.events.every((e) => e.id > next));
    assert.deepEqual(triggers(more.events).map((e) => e.text.startsWith('cancel: ')), [true]);
    for (const bad of ['markets?sort=size', 'markets?order=up', 'markets?limit=0', 'orders?status=open', 'trades?market=NOPE', 'book/NOPE', 'nothing', 'book/'])
      await assert.rejects(sim.look(bad), /: 40[04] /, bad);
  });

  test('the kinds and their arguments', async () => {
    const { triggers } = await sim.look('triggers');
    const fill = triggers.find((k) => k.kind === 'fill');
    assert.deepEqual(fill.args.map((a) => a.name), ['order', 'client_order_id', 'user', 'count']);
    const { stdout } = await kalua(['trigger', '--list']);
    assert.deepEqual(stdout.trim().split('\n').map((l) => l.split(' ')[0]), triggers.map((k) => k.kind));
  });
});

test('only this machine, by its own name, and no page of another site may ask', async () => {
  const { origin, port, hostname } = new URL(sim.rest_url);
  const ask = (method, pathname, headers, body) => new Promise((resolve, reject) => {
    const r = http.request({ host: hostname, port, method, path: pathname, headers }, (res) => { res.resume(); res.on('end', () => resolve(res.statusCode)); });
    r.on('error', reject);
    r.end(body);
  });
  const json = { 'Content-Type': 'application/json' };
  const pausing = (headers, body = '{}') => ask('POST', '/sim/trigger/pause', { 'Content-Length': body.length, ...headers }, body);
  for (const headers of [{ Host: 'evil.example' }, { Host: `evil.example:${port}` }, { Host: '127.0.0.1:1' }, { Host: '127.0.0.1' }, { Origin: 'http://evil.example' },
    { Origin: 'null' }, { Origin: 'http://127.0.0.1:1' }, { Origin: `https://127.0.0.1:${port}` }, { Origin: `http://${'a'.repeat(400)}` },
    { Origin: `http://127.0.0.1:${port}.evil.example` }, { 'Sec-Fetch-Site': 'cross-site' }, { 'Sec-Fetch-Site': 'same-site' }]) {
    assert.equal(await pausing({ ...json, ...headers }), 403, JSON.stringify(headers));
    assert.equal(await ask('GET', '/sim/accounts', headers), 403, JSON.stringify(headers));
  }
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) assert.equal(await pausing({ 'Content-Type': type }), 415);
  assert.equal(await ask('GET', '/sim/trigger/pause', {}), 405);
  assert.equal(await ask('PUT', '/sim/status', json), 405);
  assert.equal((await sim.look('status')).state, 'running', 'nothing of this had an effect');
  assert.equal(await ask('GET', '/sim/status', { Origin: origin, 'Sec-Fetch-Site': 'same-origin' }), 200);
  assert.equal(await ask('GET', '/sim/status', { Host: `localhost:${port}` }), 200);
  for (const body of ['[]', '{"market":', '{"market":{}}', '{"a":1,"a":2}']) assert.equal(await pausing(json, body), 400);
  assert.equal(await ask('POST', '/sim/trigger/nothing', json, '{}'), 404);
  const { headers } = await fetch(`${origin}/sim/status`);
  assert.match(headers.get('content-security-policy'), /default-src 'self'/);
  assert.equal(headers.get('access-control-allow-origin'), null);
});

describe('kalua trigger', () => {
  test('a line for people, JSON for programs, exit codes', async () => {
    await place(tickers[0], { client_order_id: 'by-cli' });
    const human = await cli(['fill', 'client_order_id=by-cli', 'count=2']);
    assert.equal(human.code, 0, human.stderr);
    assert.match(human.stdout, /^filled 2\.00 contracts of the bid at 0\.4000 in KX\S+, 8\.00 are left\n$/);
    const json = await cli(['fill', 'client_order_id=by-cli', '--json']);
    assert.equal(JSON.parse(json.stdout).filled, '8.00');
    const no = await cli(['fill', 'client_order_id=by-cli']);
    assert.deepEqual([no.code, no.stdout], [1, '']);
    assert.match(no.stderr, /^kalua: fill: no client has an order "by-cli" \(kalua explain trigger_not_found\)\n$/);
    for (const [args, why] of [[['fil'], /did you mean fill\?/], [['fill', 'ordr=1'], /did you mean order\?/], [['settle'], /settle needs market=/],
      [['fill', 'count=x'], /count is a number of contracts/], [['fill', 'x'], /they are written k=v/], [[], /which trigger/],
      [['delay', 'by=fast'], /by=fast: expected a time/], [['drop', 'channel=tikcer'], /did you mean ticker/], [['close', 'market=A', 'market=B'], /twice/],
      [['429', 'target=creat_order'], /did you mean create_order/], [['--rest-url', 'https://example.com/x', 'pause'], /this machine/]]) {
      const r = await cli(args);
      assert.equal(r.code, 2, args.join(' '));
      assert.match(r.stderr, why);
    }
    const gone = await cli(['pause', '--rest-url', 'http://127.0.0.1:1/trade-api/v2']);
    assert.equal(gone.code, 4, gone.stderr);
    const other = http.createServer((_, res) => { res.statusCode = 404; res.end('nothing'); });
    await new Promise((r) => other.listen(0, '127.0.0.1', r));
    const notOne = await cli(['pause', '--rest-url', `http://127.0.0.1:${other.address().port}/trade-api/v2`]);
    other.close();
    assert.deepEqual([notOne.code, /is no simulator/.test(notOne.stderr)], [1, true]);
  });

  test('--help lists the kinds, and the arguments of one', async () => {
    const all = await cli(['--help']);
    for (const kind of ['fill', 'gap', 'disconnect', 'pause', 'settle', '429', 'delay', 'duplicate', 'lose', 'fault']) assert.match(all.stdout, new RegExp(`^  ${kind} `, 'm'));
    const one = await cli(['settle', '--help']);
    assert.match(one.stdout, /usage: kalua trigger settle market=… \[result=…\]/);
  });

  test('finds the one that runs; several are listed, dead ones are not', async (t) => {
    const runtime = tempDir();
    fs.chmodSync(runtime, 0o700);
    const env = { XDG_RUNTIME_DIR: runtime };
    const start = async (args) => {
      const p = spawn(KALUA, args, { env: { ...cleanEnv(), ...env }, cwd: tempDir(), stdio: ['ignore', 'pipe', 'pipe'] });
      t.after(() => p.kill('SIGKILL'));
      let out = '';
      p.stdout.on('data', (d) => { out += d; });
      p.gone = new Promise((r) => p.on('close', r));
      await until('its output', () => out.includes('\n'));
      p.out = out;
      return p;
    };
    const none = await cli(['pause'], env);
    assert.equal(none.code, 4);
    assert.match(none.stderr, /no simulator of this user runs/);

    const first = await start(['sim', '--json', '--quiet-market']);
    assert.equal((await cli(['pause'], env)).code, 0);
    // A .env of a real exchange is not where triggers go.
    assert.equal((await cli(['resume'], { ...env, KALSHI_REST_URL: 'https://api.elections.kalshi.com/trade-api/v2' })).code, 0);

    const script = path.join(tempDir(), 'w.lua');
    fs.writeFileSync(script, 'print "up"\nrequire("task").sleep(60)');
    const second = await start([script]);
    const both = await cli(['pause'], env);
    assert.equal(both.code, 2);
    assert.match(both.stderr, /2 simulators run/);
    assert.match(both.stderr, /kalua sim/);
    assert.match(both.stderr, /embedded/);
    const listed = () => fs.readdirSync(path.join(runtime, 'kalua')).filter((f) => f.startsWith('sim-'));
    assert.equal(listed().length, 2);
    assert.equal(fs.statSync(path.join(runtime, 'kalua')).mode & 0o777, 0o700);

    first.kill('SIGKILL');
    await first.gone;
    const embedded = await cli(['pause', '--json'], env);
    assert.equal(embedded.code, 0, embedded.stderr);
    assert.equal(listed().length, 1, 'the killed one\'s file is gone');
    second.kill('SIGTERM');
    await second.gone;
    assert.deepEqual(listed(), [], 'and the other one\'s, too');

    // A folder that others can write to is not believed.
    fs.chmodSync(path.join(runtime, 'kalua'), 0o777);
    fs.writeFileSync(path.join(runtime, 'kalua', 'sim-1-1.json'), JSON.stringify({ rest_url: sim.rest_url, pid: 1 }));
    assert.equal((await cli(['pause'], env)).code, 4);
  });

  test('over TLS, by the certificate that the simulator names', async (t) => {
    const s = await Sim.start('--quiet-market', '--tls');
    t.after(() => s.stop());
    const r = await kalua(['trigger', 'pause', '--rest-url', s.rest_url, '--ca', s.ca_path]);
    assert.equal(r.code, 0, r.stderr);
  });
});
