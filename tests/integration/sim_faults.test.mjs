// Faults of the simulator as a client sees them: bytes on plain sockets, messages of npm's `ws`; and that Kalua's own client
// survives them: no order doubled or forgotten, books right after gaps.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test, { after, afterEach, before, describe } from 'node:test';
import { Book, Sim, kalua, sleep, tempDir, until } from './peers.mjs';
import { messageErrors, restErrors, wireErrorErrors } from './schema.mjs';

let sim, ticker;
before(async () => {
  sim = await Sim.start('--quiet-market', '--users', '2');
  ({ body: { markets: [{ ticker }] } } = await sim.rest('GET', '/markets?limit=1'));
});
after(() => sim?.stop());
afterEach(async () => { await sim.trigger('clear'); });

const ORDERS = '/portfolio/events/orders';
let made = 0;
const order = (over = {}) => ({ ticker, side: 'bid', price: '0.0100', count: '1.00', client_order_id: `o${++made}`,
  time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross', ...over });
const fault = (spec, s = sim) => s.trigger('fault', { spec });
// Waits until the rules that there are have struck; those that can do no more have gone.
const struck = () => until('the fault to strike', async () => (await sim.look('status')).faults.every((f) => f.struck > 0));
// How many orders of that client order id there are, by the simulator's own record.
const count = async (id, s = sim) => (await s.look('orders?status=all&limit=1000')).orders.filter((o) => o.client_order_id === id).length;

// Sends a signed request on a socket of its own; tells what came until the other side ended it, or `enough` is fulfilled.
function raw(method, pathname, body, { enough, user = 0, s = sim } = {}) {
  const url = new URL(s.rest_url + pathname);
  const text = body === undefined ? '' : JSON.stringify(body);
  const head = Object.entries(s.headers(method, url.pathname, user)).map(([k, v]) => `${k}: ${v}\r\n`).join('');
  return new Promise((resolve) => {
    const begin = Date.now();
    const got = { bytes: '', ended: 'open', firstMs: undefined };
    const socket = net.connect(Number(url.port), '127.0.0.1', () => socket.write(`${method} ${url.pathname}${url.search} HTTP/1.1\r\n` +
      `Host: ${url.host}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n${head}\r\n${text}`));
    const end = () => { got.ms = Date.now() - begin; socket.destroy(); resolve(got); };
    enough?.then(end);
    socket.on('data', (d) => { got.firstMs ??= Date.now() - begin; got.bytes += d; });
    socket.on('error', (e) => { got.ended = e.code; end(); });
    socket.on('end', () => { got.ended = 'end'; end(); });
  });
}

describe('a request', () => {
  for (const [how, ended] of [['lose', 'end'], ['reset', 'ECONNRESET'], ['hang', 'open']]) {
    for (const when of ['before', 'after']) {
      test(`${how}-${when}: no byte of an answer, and the order is ${when === 'after' ? 'there' : 'not'}`, async () => {
        await fault(`create_order:${how}-${when} next 1`);
        const o = order();
        const got = await raw('POST', ORDERS, o, how === 'hang' ? { enough: struck().then(() => sleep(300)) } : {});
        assert.equal(got.bytes, '');
        assert.equal(got.ended, ended);
        assert.equal(await count(o.client_order_id), when === 'after' ? 1 : 0);
        assert.equal((await sim.rest('POST', ORDERS, o)).status, when === 'after' ? 409 : 201, 'only the next one was struck');
      });
    }
  }

  test('fail-before, fail-after and 429: the exchange\'s bodies, with and without the effect', async () => {
    for (const [spec, status, there] of [['fail-before', 503, 0], ['fail-before=500', 500, 0], ['fail-after=504', 504, 1], ['429', 429, 0]]) {
      await fault(`create_order:${spec} next 1`);
      const o = order();
      const answer = await sim.rest('POST', ORDERS, o);
      assert.equal(answer.status, status);
      assert.deepEqual(wireErrorErrors(answer.body), []);
      assert.equal(await count(o.client_order_id), there, spec);
    }
  });

  test('cut: the body ends in the middle', async () => {
    await fault('get_exchange_status:cut next 1');
    const got = await raw('GET', '/exchange/status');
    const [head, body] = got.bytes.split('\r\n\r\n');
    assert.match(head, /^HTTP\/1.1 200/);
    const length = Number(/Content-Length: (\d+)/.exec(head)[1]);
    assert.ok(body.length > 0 && body.length < length, `${body.length} of ${length}`);
    assert.equal(got.ended, 'end');
  });

  test('repeat: as if a proxy had sent it twice', async () => {
    await fault('create_order:repeat next 1');
    const o = order();
    const answer = await sim.rest('POST', ORDERS, o);
    assert.equal(answer.status, 409);
    assert.equal(await count(o.client_order_id), 1);
  });

  test('latency comes after the effect, arrival before it', async () => {
    for (const [kind, there] of [['latency', 1], ['arrival', 0]]) {
      await fault(`create_order:${kind}=600ms next 1`);
      const o = order();
      const begin = Date.now();
      const answer = sim.rest('POST', ORDERS, o);
      await struck();
      const meanwhile = await count(o.client_order_id);
      if (there || Date.now() - begin < 600) assert.equal(meanwhile, there, kind);
      assert.equal((await answer).status, 201);
      assert.ok(Date.now() - begin >= 595);
      assert.equal(await count(o.client_order_id), 1);
      await sim.trigger('clear');
    }
  });

  test('slow: the bytes trickle', async () => {
    await fault('get_exchange_status:slow=1kB/s next 1');
    const begin = Date.now();
    const answer = await sim.rest('GET', '/exchange/status');
    assert.deepEqual(restErrors('GetExchangeStatus', answer.status, answer.body), []);
    assert.ok(Date.now() - begin > 200, `${Date.now() - begin} ms`);
  });

  test('targets and users: others are left alone', async () => {
    await fault('writes:429 user 2;GET /markets/*:fail-before=502;/portfolio/bal*:fail-before=500');
    assert.equal((await sim.rest('POST', ORDERS, order())).status, 201);
    assert.equal((await sim.rest('POST', ORDERS, order(), { user: 1 })).status, 429);
    assert.equal((await sim.rest('GET', '/portfolio/positions', undefined, { user: 1 })).status, 200);
    assert.equal((await sim.rest('GET', `/markets/${ticker}`)).status, 502);
    assert.equal((await sim.rest('GET', '/markets?limit=1')).status, 200);
    assert.equal((await sim.rest('GET', '/portfolio/balance')).status, 500);
  });

  test('many are late at once, and each is answered', async () => {
    await fault('*:latency=uniform(20ms,200ms)');
    const answers = await Promise.all(Array.from({ length: 40 }, () => sim.rest('GET', '/exchange/status')));
    assert.deepEqual([...new Set(answers.map((a) => a.status))], [200]);
  });

  test('a client that gives up while it waits leaves nothing behind', async () => {
    await fault('*:latency=300ms;create_order:hang-after next 2');
    await Promise.all([raw('GET', '/exchange/status', undefined, { enough: sleep(50) }), raw('POST', ORDERS, order(), { enough: sleep(50) })]);
    await sleep(350);
    await sim.trigger('clear');
    assert.equal((await sim.rest('GET', '/exchange/status')).status, 200);
  });
});

// A socket with a book; `change` makes the book move `n` times.
async function watcher(channels = ['orderbook_delta'], s = sim, user = 0) {
  const c = await s.ws(user);
  c.send('subscribe', { channels, market_tickers: [ticker] });
  if (channels.includes('orderbook_delta')) await c.wait('the snapshot', (m) => m.type === 'orderbook_snapshot');
  c.deltas = () => c.messages.filter((m) => m.type === 'orderbook_delta');
  return c;
}
const change = async (n, s = sim) => {
  for (let i = 0; i < n; i++) assert.equal((await s.rest('POST', ORDERS, order(), { user: 1 })).status, 201);
};

describe('a WebSocket', () => {
  test('drop shows in the numbers, vanish does not, gap shows a hole where nothing is missing, duplicate comes twice', async (t) => {
    const c = await watcher();
    t.after(() => c.close());
    await fault('ws/orderbook_delta:drop next 1');
    await change(2);
    await until('the second delta', () => c.deltas().length === 1);
    assert.deepEqual(c.deltas().map((m) => m.seq), [3]);
    await fault('ws/orderbook_delta:vanish next 1');
    await change(2);
    await until('the fourth', () => c.deltas().length === 2);
    assert.deepEqual(c.deltas().map((m) => m.seq), [3, 4]);
    await fault('ws:gap=5 next 1 skip 1');
    await change(2);
    await until('the sixth', () => c.deltas().length === 4);
    assert.deepEqual(c.deltas().map((m) => m.seq), [3, 4, 5, 11]);
    await fault('ws/orderbook_delta:duplicate next 1');
    await change(1);
    await until('both', () => c.deltas().length === 6);
    assert.deepEqual(c.deltas()[4], c.deltas()[5]);
  });

  test('cut: a frame that is no JSON', async (t) => {
    const c = await sim.ws();
    t.after(() => c.close());
    const texts = [];
    c.socket.removeAllListeners('message');
    c.socket.on('message', (d) => texts.push(d.toString()));
    await fault('ws/answers:cut next 1');
    c.send('subscribe', { channels: ['trade'] });
    await until('the answer', () => texts.length);
    assert.throws(() => JSON.parse(texts[0]));
    assert.match(texts[0], /^\{"type"/);
  });

  test('latency keeps the order, also of answers', async (t) => {
    const c = await watcher();
    t.after(() => c.close());
    await fault('ws:latency=uniform(10ms,300ms)');
    await change(10);
    await until('all', () => c.deltas().length === 10);
    assert.deepEqual(c.deltas().map((m) => m.seq), Array.from({ length: 10 }, (_, i) => i + 2));
    await sim.trigger('clear');
    await fault('ws:latency=400ms');
    const begin = Date.now();
    await c.reply(c.send('list_subscriptions'));
    assert.ok(Date.now() - begin >= 395);
  });

  test('stall: silence, then all of it', async (t) => {
    const c = await watcher();
    t.after(() => c.close());
    const begin = Date.now();
    await fault('ws:stall=700ms');
    await change(3);
    await until('what waited', () => c.deltas().length === 3);
    assert.ok(Date.now() - begin >= 690);
  });

  test('slow: a message, then a pause for its length', async (t) => {
    const c = await watcher();
    t.after(() => c.close());
    await fault('ws:slow=1kB/s');
    const begin = Date.now();
    await change(5);
    await until('all', () => c.deltas().length === 5);
    assert.ok(Date.now() - begin > 600, `${Date.now() - begin} ms`);
  });

  test('disconnect, close and reset', async () => {
    for (const [spec, code] of [['disconnect', 1006], ['close', 1001], ['close=1012', 1012], ['reset', 1006]]) {
      const c = await watcher();
      let error;
      c.socket._socket.on('error', (e) => { error = e.code; });
      await fault(`ws:${spec}`);
      assert.equal((await c.closed).code, code, spec);
      // What answers a close frame may find the other end gone, which the system says in the same way.
      if (!spec.startsWith('close')) assert.equal(error === 'ECONNRESET', spec === 'reset', `${spec}: ${error}`);
    }
  });

  test('by a message: with a probability, and of one user only', async (t) => {
    const mine = await watcher(), other = await watcher(['orderbook_delta'], sim, 1);
    t.after(() => other.close());
    await fault('ws:disconnect 50% user 1');
    for (let i = 0; i < 40 && mine.socket.readyState === 1; i++) await change(1);
    await mine.closed;
    await change(1);
    assert.equal(other.socket.readyState, 1);
  });

  test('end: the subscription is over, as the exchange says it, the session is not', async (t) => {
    const c = await watcher();
    t.after(() => c.close());
    await fault('ws/orderbook_delta:end');
    const error = await c.wait('the error', (m) => m.type === 'error');
    assert.equal(error.msg.code, 25);
    assert.equal(error.seq, 2);
    assert.deepEqual(messageErrors(error), []);
    assert.deepEqual((await c.reply(c.send('list_subscriptions'))).msg, []);
    c.messages.length = 0;
    c.send('subscribe', { channels: ['orderbook_delta'], market_tickers: [ticker] });
    assert.equal((await c.wait('a snapshot', (m) => m.type === 'orderbook_snapshot')).seq, 1);
    await fault('ws/orderbook_delta:end=10 next 1');
    await change(1);
    assert.equal((await c.wait('the error', (m) => m.type === 'error')).msg.code, 10);
  });

  test('a handshake fails in each way, and works again', async () => {
    const failing = async () => { try { (await sim.ws()).close(); return 'open'; } catch (e) { return e.message; } };
    await fault('handshake:fail-before=503 next 1');
    assert.match(await failing(), /503/);
    await fault('handshake:429 next 1');
    assert.match(await failing(), /429/);
    await fault('handshake:lose-before next 1');
    assert.match(await failing(), /socket hang up/);
    await fault('handshake:reset-before next 1');
    assert.match(await failing(), /ECONNRESET/);
    assert.equal(await failing(), 'open');
  });
});

// What holds only while a fault lasts is looked at again, in a longer one, where the looking took longer than that.
async function during(spec, look) {
  for (let ms = 700; ; ms *= 4) {
    const begin = Date.now();
    await fault(`${spec} for ${ms}ms`);
    try {
      return await look();
    } catch (e) {
      if (Date.now() - begin < ms || ms > 30000) throw e;
      await sim.trigger('clear');
    }
  }
}

describe('the exchange', () => {
  test('pause and maintenance are seen in its status, and end by themselves', async () => {
    const status = async () => (await sim.rest('GET', '/exchange/status')).body;
    await during('exchange:pause', async () => {
      assert.equal((await status()).trading_active, false);
      assert.notEqual((await sim.rest('POST', ORDERS, order())).status, 201);
    });
    await until('the end of the pause', async () => (await status()).trading_active);
    assert.equal((await sim.rest('POST', ORDERS, order())).status, 201);
    const c = await watcher();
    await during('exchange:maintenance', async () => {
      assert.equal((await c.closed).code, 1012);
      const now = await sim.rest('GET', '/exchange/status');
      assert.deepEqual(restErrors('GetExchangeStatus', now.status, now.body), []);
      assert.equal(now.body.trading_active, false);
    });
    await until('the end', async () => (await status()).trading_active);
  });

  test('an outage: 503 at every door, sockets closed, and then all is well', async () => {
    const c = await watcher();
    await during('exchange:outage', async () => {
      assert.equal((await c.closed).code, 1012);
      assert.equal((await sim.rest('GET', '/exchange/status')).status, 503);
      await assert.rejects(sim.ws(), /503/);
    });
    await until('the end', async () => (await sim.rest('GET', '/exchange/status')).status === 200);
    (await sim.ws()).close();
  });

  test('a wrong clock: the Date says it, and signatures are judged by it', async () => {
    await fault('exchange:clock=-90s');
    const { status, headers } = await sim.rest('GET', '/exchange/status');
    assert.equal(status, 200);
    const off = Date.parse(headers.get('date')) - Date.now();
    assert.ok(off < -85000 && off > -95000, `${off} ms`);
    assert.equal((await sim.rest('GET', '/portfolio/balance')).status, 401);
    const there = sim.headers('GET', '/trade-api/v2/portfolio/balance', 0, Date.now() - 90000);
    assert.equal((await sim.rest('GET', '/portfolio/balance', undefined, { headers: there })).status, 200);
  });
});

describe('--faults', () => {
  test('by schedule, from the start', async (t) => {
    const s = await Sim.start('--quiet-market', '--faults',
      'ws:close=1012 every 1s;get_balance:429 from 500ms next 1;trigger:pause for=300ms from 1500ms');
    t.after(() => s.stop());
    const first = await s.ws();
    assert.equal((await first.closed).code, 1012);
    const second = await s.ws();
    assert.equal((await second.closed).code, 1012);
    assert.equal((await s.rest('GET', '/portfolio/balance')).status, 429);
    assert.equal((await s.rest('GET', '/portfolio/balance')).status, 200);
    await until('the trigger in the journal', async () => (await s.look('events')).events.some((e) => e.type === 'trigger' && /paused/.test(e.text)));
    const { faults } = await s.look('status');
    assert.equal(faults.find((f) => f.rule.startsWith('get_balance')).struck, 1);
  });

  test('the same seed strikes the same requests', async () => {
    const struck = [];
    for (let i = 0; i < 2; i++) {
      const s = await Sim.start('--quiet-market', '--seed', '5', '--faults', 'get_exchange_status:fail-before=500 20%');
      const row = [];
      for (let k = 0; k < 40; k++) row.push((await s.rest('GET', '/exchange/status')).status);
      struck.push(row.join());
      await s.stop();
    }
    assert.equal(struck[0], struck[1]);
    assert.match(struck[0], /500/);
    assert.match(struck[0], /200/);
  });

  test('a mistake is told with its place, before anything starts', async () => {
    const r = await kalua(['sim', '--faults', '*:latency=5ms;creat_order:429']);
    assert.equal(r.code, 2);
    assert.match(r.stderr, /--faults, rule 2, column 15: unknown target "creat_order"; did you mean create_order\?/);
    const other = await kalua(['sim', '--faults', 'trigger:setle market=X']);
    assert.equal(other.code, 2);
    assert.match(other.stderr, /did you mean settle/);
    const cwd = tempDir();
    fs.writeFileSync(path.join(cwd, 's.lua'), 'print(1)');
    assert.equal((await kalua(['--faults', 'ws:drop 200%', 's.lua'], { cwd })).code, 2);
    const elsewhere = await kalua(['--env', 'demo', '--faults', 'ws:drop 1%', 's.lua'], { cwd });
    assert.equal(elsewhere.code, 2);
    assert.match(elsewhere.stderr, /embedded exchange/);
  });

  test('of the embedded exchange, where a script runs', async () => {
    const cwd = tempDir();
    fs.writeFileSync(path.join(cwd, 's.lua'), `local kalshi = require "kalshi"
local ok, e = pcall(kalshi.get_balance)
print(ok, ok or e.status)
print(kalshi.get_exchange_status().trading_active)`);
    const r = await kalua(['--quiet', '--log', 'error', '--faults', 'get_balance:fail-before=501', 's.lua'], { cwd });
    assert.equal(r.stdout, 'false\t501\ntrue\n', r.stderr);
  });
});

// ---- Kalua's own client ----

const script = async (text, s, args = []) => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), text);
  return kalua(['--quiet', '--log', 'error', ...args, 's.lua'], { cwd, env: s.env(), timeout: 220000 });
};

test('Kalua\'s client: every order once, whatever happens to the answers', async (t) => {
  const s = await Sim.start('--quiet-market', '--seed', '3', '--faults', `create_order:lose-after=15%;create_order:lose-before=10%;
    create_order:reset-after=10%;create_order:fail-after=504 10%;create_order:429 10%;*:latency=lognormal(1ms,p99=20ms)`);
  t.after(() => s.stop());
  const market = (await s.rest('GET', '/markets?limit=1')).body.markets[0].ticker;
  const r = await script(`local kalshi, task = require "kalshi", require "task"
local jobs = {}
for i = 1, 40 do
  jobs[i] = function()
    local o = kalshi.create_order{ ticker = "${market}", side = "bid", price = 0.01, count = 1, client_order_id = "k" .. i,
      time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }
    print(i, o.order_id)
  end
end
task.all(jobs)`, s);
  assert.equal(r.code, 0, r.stderr);
  const told = Object.fromEntries(r.stdout.trim().split('\n').map((l) => l.split('\t')));
  const { orders } = await s.look('orders?status=all&limit=1000');
  assert.equal(orders.length, 40);
  for (let i = 1; i <= 40; i++) assert.equal(orders.find((o) => o.client_order_id === `k${i}`)?.order_id, told[i], `order ${i}`);
  const { faults } = await s.look('status');
  for (const f of faults) assert.ok(f.struck > 0, `${f.rule} struck nothing`);
});

test('Kalua\'s client: the book is right after gaps, lost, doubled and cut messages, and dropped connections', async (t) => {
  const s = await Sim.start('--quiet-market', '--users', '2', '--seed', '4', '--faults',
    'ws:gap=3%;ws:drop=3%;ws:duplicate=3%;ws:cut=2%;ws/orderbook_delta:end=25 every 3s;ws:close=1012 every 4s for 100ms next 1;ws:latency=uniform(0ms,5ms)');
  t.after(() => s.stop());
  const market = (await s.rest('GET', '/markets?limit=1')).body.markets[0].ticker;
  const done = path.join(tempDir(), 'done');
  const running = script(`local kalshi, task, json = require "kalshi", require "task", require "json"
local book = kalshi.book("${market}")
local deadline = os.time() + 200
while os.time() < deadline do
  local f = io.open("${done}")
  if f then f:close() break end
  task.sleep(0.1)
end
task.sleep(0.3)
for _ = 1, 300 do if not book.stale then break end task.sleep(0.1) end
local function rows(levels)
  local out = {}
  for i, l in ipairs(levels) do out[i] = ("%.4f:%.2f"):format(l[1], l[2]) end
  return table.concat(out, " ")
end
print(book.stale, rows(book:bids(100)) .. " | " .. rows(book:asks(100)))`, s, ['--allow-fs', path.dirname(done), '--audit', '0']);
  let n = 0;
  const place = (price, side) => s.rest('POST', ORDERS, { ticker: market, side, price, count: `${1 + n++ % 7}.00`,
    time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' }, { user: 1 });
  await until('the client', async () => (await s.look('status')).counters.ws_clients > 0);
  const end = Date.now() + 90000;
  for (;;) {
    for (let i = 0; i < 20; i++) await place(`0.${String(10 + n % 30).padStart(2, '0')}00`, n % 2 ? 'bid' : 'ask');
    if (Date.now() > end || (n >= 200 && (await s.look('status')).faults.every((f) => f.struck > 0))) break;
  }
  const { faults } = await s.look('status');
  await s.trigger('clear');
  await place('0.0900', 'bid'); // shows that what came last was lost, if it was
  fs.writeFileSync(done, '');
  const r = await running;
  assert.equal(r.code, 0, r.stderr);
  const book = await s.look(`book/${market}`);
  const rows = (levels) => levels.map(([p, c]) => `${p}:${c}`).join(' ');
  assert.equal(r.stdout.trim(), `false\t${rows(book.bids)} | ${rows(book.asks)}`);
  for (const f of faults) assert.ok(f.struck > 0, `${f.rule} struck nothing`);
});

test('a book kept by the documented rules alone notices each gap', async (t) => {
  const c = await watcher();
  t.after(() => c.close());
  const book = new Book();
  await fault('ws/orderbook_delta:drop 20%');
  await change(60);
  await sim.trigger('clear');
  await change(1);
  let holes = 0, seq = 0;
  await until('all of them', () => { const d = c.deltas(); return d.length && d[d.length - 1].seq === 62; });
  for (const m of c.messages.filter((x) => x.seq)) {
    if (m.type === 'orderbook_snapshot') book.snapshot(m.msg);
    if (seq && m.seq !== seq + 1) holes++;
    ({ seq } = m);
  }
  assert.ok(holes > 0);
});
