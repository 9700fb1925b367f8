// kalshi.order and module `orders` in a market where only the test trades.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, root, tempDir, until } from './peers.mjs';

let sim;
before(async () => { sim = await Sim.start('--quiet-market', '--markets', '120'); });
after(() => sim?.stop());

const triggers = () => sim.rest_url.replace('/trade-api/v2', '/sim/trigger/');

test('fills, and the helpers for several orders', async () => {
  const { code, stdout, stderr } = await kalua(
    ['test', '--limit', '150', '--allow-net', '127.0.0.1', '--allow-env', 'TRIGGERS', path.join(root, 'tests/integration/orders_market.lua')],
    { env: { ...sim.env(), TRIGGERS: triggers() } });
  assert.equal(code, 0, `${stdout}\n${stderr}`);
});

// A strategy in a process of its own, with a folder for its files: what it says, and how it ends.
const running = [];
after(() => running.forEach((r) => r.p.exitCode === null && r.p.kill('SIGKILL')));

function run(files, ...args) {
  const cwd = tempDir();
  const write = (name, text) => fs.writeFileSync(path.join(cwd, name), text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  const env = { ...cleanEnv(), ...sim.env(), XDG_RUNTIME_DIR: fs.mkdtempSync('/tmp/kalua-orders-'), XDG_STATE_HOME: cwd };
  const p = spawn(KALUA, ['run', ...args], { cwd, env });
  const r = { p, out: '', write };
  running.push(r);
  for (const s of [p.stdout, p.stderr]) s.on('data', (d) => { r.out += d; });
  r.ended = new Promise((resolve) => p.on('close', resolve));
  r.said = (text) => until(text, () => r.out.includes(text) || (p.exitCode !== null && Promise.reject(new Error(r.out))))
    .catch((e) => { throw new Error(`${e.message}: ${r.out}`); });
  r.cli = (...words) => kalua(words, { env, cwd });
  r.end = () => { p.kill('SIGINT'); return r.ended; };
  return r;
}

const markets = async (n) => (await sim.rest('GET', '/markets?status=open&limit=200')).body.markets
  .filter((m) => m.price_ranges.length === 1).slice(0, n).map((m) => m.ticker);
const orders = async (ticker) => (await sim.rest('GET', `/portfolio/orders?ticker=${ticker}&limit=100`)).body.orders
  .map((o) => `${o.yes_price_dollars} ${o.remaining_count_fp} ${o.status}`).sort();

const head = `local kalshi, task, kalua, orders = require "kalshi", require "task", require "kalua", require "orders"
local MARKET = kalua.args[1]
local function say(...) print(kalua.generation, ...) end
local function order(more)
  local o = { ticker = MARKET, side = "yes", price = 0.02, count = 5 }
  for k, v in pairs(more or {}) do o[k] = v end
  return kalshi.order(o)
end
`;
const stay = '\nsay "ready" while true do task.sleep(0.02) end\n';

test('a reload: orders go on, and the new version has them as objects', async () => {
  const [market] = await markets(1);
  const first = `${head}
    if kalua.generation == 1 then
      order{ side = "no", price = 0.03 }
      order()
      task.spawn(function() say("news", kalshi.own_orders()[1]:wait_fill()) end)
    end${stay}`;
  const second = `${head}
    local own = kalshi.own_orders() -- the start reads, and does not act before it has taken over
    say("own", #own, own[1].price, own[2].price, own[2].action, own[2].generation)
    local new = order{ price = 0.01 }
    say("placed", new.status, new.generation)
    own[2]:amend{ price = 0.04 }
    say("amended", own[2].price, own[2].yes_price)
    task.spawn(function() say("filled", own[1]:wait_fill(), own[1].filled) end)${stay}`;
  const r = run({ 'a.lua': first }, '--quiet', 'a.lua', '--', market);
  await r.said('1\tready');
  r.write('a.lua', second);
  await r.said('2\tready');
  for (const text of ['own\t2\t0.02\t0.03\tbuy\t1', 'placed\tresting\t2', 'amended\t0.04\t0.96']) await r.said(`2\t${text}`);
  assert.deepEqual(await orders(market), ['0.0100 5.00 resting', '0.0200 5.00 resting', '0.9600 5.00 resting']);
  const fills = (await sim.rest('GET', `/portfolio/orders?ticker=${market}&limit=100`)).body.orders
    .find((o) => o.yes_price_dollars === '0.0200');
  await sim.trigger('fill', { order: fills.order_id });
  await r.said('2\tfilled\ttrue\t5.0');
  assert.ok(!r.out.includes('news'), r.out);
  await r.end();
});

test('a version that is replaced while its order is on its way leaves it to the next', async () => {
  const [, market] = await markets(2);
  await sim.trigger('fault', { spec: 'create_order:latency=8s' });
  const r = run({ 'b.lua': `${head} task.spawn(function() say("answer", pcall(order, { price = 0.01 })) end) task.yield()
    say("own", kalshi.own_orders()[1].status)${stay}` }, '--quiet', 'b.lua', '--', market);
  await r.said('1\tready');
  r.write('b.lua', `${head} local o = kalshi.own_orders()[1]
    say("found", o.status, o.generation) o:wait() say("then", o.status, o:cancel())${stay}`);
  await r.said('2\tready');
  await sim.trigger('clear');
  await r.said('2\tthen\tresting\ttrue');
  assert.match(r.out, /1\town\tpending\n[^]*2\tfound\t(pending|resting)\t1\n/);
  assert.ok(!r.out.includes('answer'), r.out);
  await r.end();
  assert.deepEqual(await orders(market), ['0.0100 0.00 canceled']);
});

test('the end of the script: what helpers have placed goes, what kalshi.order has placed stays', async () => {
  const [, , market, other] = await markets(4);
  const r = run({ 'c.lua': `${head} order{ price = 0.01 }
    ladder = orders.ladder{ ticker = MARKET, side = "yes", from = 0.03, to = 0.02, levels = 2, count = 2 }
    bracket = orders.bracket{ ticker = kalua.args[2], side = "yes", count = 4, entry = 0.05, take_profit = 0.10, stop_loss = 0.02 }
    while not bracket.profits[1] do task.sleep(0.02) end bracket.profits[1]:wait()${stay}` },
  '--quiet', 'c.lua', '--', market, other);
  await until('the entry', async () => (await orders(other)).length === 1);
  await sim.trigger('fill', { client_order_id: (await sim.rest('GET', `/portfolio/orders?ticker=${other}&limit=9`)).body.orders[0].client_order_id, count: 3 });
  await r.said('ready');
  assert.deepEqual(await orders(other), ['0.0500 1.00 resting', '0.1000 3.00 resting']);
  await r.end();
  assert.deepEqual(await orders(market), ['0.0100 5.00 resting', '0.0200 0.00 canceled', '0.0300 0.00 canceled']);
  assert.deepEqual(await orders(other), ['0.0500 0.00 canceled', '0.1000 0.00 canceled']);
});

test('a reload: what helpers have placed rests on, and a bracket goes on with its state', async () => {
  const [, , , , , market, other] = await markets(7);
  const r = run({ 'd.lua': `${head}
    local ladder <close> = orders.ladder{ ticker = MARKET, side = "yes", from = 0.03, to = 0.02, levels = 2, count = 2 }
    local b = orders.bracket{ ticker = kalua.args[2], side = "yes", count = 4, entry = 0.05, take_profit = 0.10, stop_loss = 0.02 }
    kalua.state.bracket = b.state
    while not b.profits[1] do task.sleep(0.02) end${stay}` }, '--quiet', 'd.lua', '--', market, other);
  await until('the entry', async () => (await orders(other)).length === 1);
  const entry = (await sim.rest('GET', `/portfolio/orders?ticker=${other}&limit=9`)).body.orders[0].order_id;
  await sim.trigger('fill', { order: entry });
  await r.said('1\tready');
  r.write('d.lua', `${head} local b = orders.bracket{ resume = kalua.state.bracket }
    say("resumed", b:opened(), #b.profits)
    kalua.on_stop(function()
      local got = orders.take{ ticker = kalua.args[2], side = "yes", action = "sell", count = 4, limit = 0.01 }
      say("at the end", got.filled)
    end)${stay}`);
  await r.said('2\tready');
  assert.match(r.out, /2\tresumed\t4.0\t1\n/);
  await new Promise((done) => { setTimeout(done, 300); });
  assert.deepEqual(await orders(market), ['0.0200 1.00 resting', '0.0300 1.00 resting']);
  assert.deepEqual(await orders(other), ['0.0500 0.00 executed', '0.1000 4.00 resting']);
  await sim.trigger('quote', { market: other, side: 'bid', price: 0.03, count: 9 });
  await r.end();
  assert.match(r.out, /2\tat the end\t4.0/);
  assert.deepEqual((await orders(other)).slice(1), ['0.0500 0.00 executed', '0.1000 0.00 canceled']);
});

test('a shadow: objects that are answered there, beside the old version whose writes are compared', async () => {
  const [, , , , market] = await markets(5);
  const old = `${head} kalua.state.first = order{ price = 0.02 }.client_id
    say("old", kalshi.own_orders()[1].price)
    kalua.on_stop(function() end)${stay}`;
  const shadow = `${head}
    local mine = kalshi.own_orders()
    say("mine", #mine, mine[1].price, mine[1].client_id == kalua.state.first, kalshi.find_order(mine[1].id) == mine[1])
    local o = order{ side = "no", price = 0.04, post_only = true }
    say("placed", o.status, o.price, o.yes_price, o.id, o:wait(0))
    say("amended", o:amend{ price = 0.05, count = 9 } == o, o.price, o.remaining)
    say("decreased", o:decrease(4).remaining)
    say("own", #kalshi.own_orders(), kalshi.own_orders()[1] == o)
    kalshi.cancel_order(o.id) -- by the raw operation: the object knows
    say("canceled", o.status, o:cancel())
    local p = order{ wait = false, time_in_force = "ioc" }
    say("ioc", p.status, p:wait_fill(), p.filled)
    local q = order()
    say("fill", q:wait_fill(0.05))
    say("mine canceled", kalshi.cancel_mine(), q.status, mine[1].status)
    local taken = orders.take{ ticker = MARKET, side = "yes", count = 1, limit = 0.5 }
    say("take", taken.filled)
    say("stats", kalua.stats().errors)${stay}`;
  const r = run({ 'old.lua': old, 'new.lua': shadow }, '--quiet', 'old.lua', '--', market);
  await r.said('ready');
  const started = await r.cli('shadow', 'old', '--start', 'new.lua');
  assert.equal(started.code, 0, started.stderr);
  await r.said('[old+shadow] 1\tready');
  const said = (key) => r.out.split('\n').find((l) => l.startsWith(`[old+shadow] 1\t${key}\t`))?.slice(16 + key.length);
  assert.equal(said('mine'), '1\t0.02\ttrue\ttrue', r.out);
  assert.match(said('placed'), /^resting\t0.04\t0.96\tshadow-\d+\ttrue$/);
  assert.equal(said('amended'), 'true\t0.05\t9.0');
  assert.equal(said('decreased'), '5.0');
  assert.equal(said('own'), '2\ttrue');
  assert.equal(said('canceled'), 'canceled\tfalse');
  assert.equal(said('ioc'), 'canceled\tfalse\t0.0');
  assert.equal(said('fill'), 'false');
  assert.equal(said('mine canceled'), '2\tcanceled\tcanceled');
  assert.equal(said('take'), '0.0');
  assert.equal(said('stats'), '0');
  assert.deepEqual(await orders(market), ['0.0200 5.00 resting']); // the old one's
  await r.end();
});

test('a shadow of a script whose order is filled in part', async () => {
  const [, , , , , , , market] = await markets(8);
  const old = `${head} local o = order{ price = 0.02, count = 10 }
    while o.filled < 4 do task.sleep(0.02) end
    kalua.state.order = o.id
    say("filled", o.filled, o.remaining)${stay}`;
  const shadow = `${head}
    local o = kalshi.find_order(kalua.state.order)
    say("begins", o.count, o.filled, o.remaining)
    kalshi.create_order{ ticker = MARKET, side = "bid", price = 0.01, count = 1, time_in_force = "good_till_canceled",
      self_trade_prevention_type = "taker_at_cross" }
    say("after another write", o.count, o.filled, o.remaining)
    o:amend{ price = 0.03 }
    say("new price", o.price, o.count, o.filled, o.remaining)
    o:amend{ count = 12 }
    say("new count", o.count, o.filled, o.remaining)
    o:decrease(3)
    say("decreased", o.count, o.filled, o.remaining)
    local raw = kalshi.amend_order(o.id, { ticker = MARKET, side = "bid", price = 0.03, count = 7 })
    say("raw", raw.fill_count, raw.remaining_count, o.count, o.remaining)
    local mine = kalshi.portfolio()
    say("portfolio", mine.script, mine.fills > 0, mine.positions[1] and mine.positions[1].position)
    say("by name", kalshi.portfolio{ script = kalua.name }.script)${stay}`;
  const r = run({ 'old.lua': old, 'new.lua': shadow }, '--quiet', 'old.lua', '--', market);
  await until('its order', async () => (await orders(market)).length);
  await sim.trigger('fill', { client_order_id: (await sim.rest('GET', `/portfolio/orders?ticker=${market}&status=resting&limit=9`)).body.orders[0].client_order_id, count: 4 });
  await r.said('filled\t4.0\t6.0');
  const started = await r.cli('shadow', 'old', '--start', 'new.lua');
  assert.equal(started.code, 0, started.stderr);
  await r.said('[old+shadow] 1\tready');
  const said = (key) => r.out.split('\n').find((l) => l.startsWith(`[old+shadow] 1\t${key}\t`))?.slice(16 + key.length);
  assert.equal(said('begins'), '10.0\t4.0\t6.0', r.out);
  assert.equal(said('after another write'), '10.0\t4.0\t6.0');
  assert.equal(said('new price'), '0.03\t10.0\t4.0\t6.0');
  assert.equal(said('new count'), '12.0\t4.0\t8.0');
  assert.equal(said('decreased'), '9.0\t4.0\t5.0');
  assert.equal(said('raw'), '0.0\t3.0\t7.0\t3.0');
  assert.equal(said('portfolio'), 'old\ttrue\t4.0'); // its script's: it has none of its own at the desk
  assert.equal(said('by name'), 'old');
  const table = await until('the comparison', async () => {
    const now = JSON.parse((await r.cli('shadow', 'old', '--json')).stdout)[0];
    return now.undecided === 0 && now;
  });
  assert.deepEqual(table.differences.map((d) => `${d.operation} ${d.price} ${d.count}`), ['create_order 0.0100 1.00',
    'amend_order 0.0300 10.00', 'amend_order 0.0300 12.00', 'decrease_order 0.0300 -3.00', 'amend_order 0.0300 7.00']);
  await r.end();
});
