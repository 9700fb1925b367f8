// Many tasks order at once while answers are lost, messages come late, twice or not at all, and connections break in
// whatever state: whenever it is quiet, the desk's record of orders equals the exchange, and every fill was told once.
//
//   ORDER_STORM_SECONDS=600 node --test order_storm.test.mjs     the long version
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { agrees, journal } from './order_record.mjs';
import { KALUA, Sim, cleanEnv, sleep, tell, tempDir } from './peers.mjs';

const SECONDS = Number(process.env.ORDER_STORM_SECONDS ?? 2), ROUNDS = Math.max(1, Math.round(SECONDS / 10));
// Of the script's account; the third's orders are what fills it.
const FAULTS = `create_order,amend_order,decrease_order,cancel_order,batch_create_orders,batch_cancel_orders:lose-after=2% user 1;
  create_order,amend_order,decrease_order,cancel_order,batch_create_orders,batch_cancel_orders:lose-before=1% user 1;
  create_order,amend_order,cancel_order:reset-after=1% user 1; create_order,amend_order:fail-after=1% user 1;
  create_order,amend_order:fail-before=504 1% user 1; create_order,cancel_order:cut=1% user 1; create_order,cancel_order:repeat=1% user 1;
  create_order,amend_order,decrease_order:429=1% user 1;
  create_order,amend_order,decrease_order,cancel_order:latency=exponential(8ms) user 1;
  ws/user_orders,ws/fill:latency=exponential(15ms); ws/user_orders,ws/fill:duplicate=3%; ws/user_orders,ws/fill:drop=1%;
  ws/user_orders,ws/fill:cut=0.1%; ws:disconnect every 1700ms; ws:reset every 2900ms; ws/fill:end every 4300ms`;

const SCRIPT = `local json, kalua, kalshi, task, http = require "json", require "kalua", require "kalshi", require "task", require "http"
local T, ask = json.decode(kalua.args[1]), kalua.args[2]
local running, busy = false, 0
local function order()
  local o = { ticker = T[math.random(#T)], side = math.random(2) == 1 and "bid" or "ask", count = math.random(6),
    time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }
  local way = math.random(10)
  o.price = o.side == "bid" and 0.3 + math.random(15) / 100 or 0.7 - math.random(15) / 100
  if way <= 2 then
    o.time_in_force, o.price = "immediate_or_cancel", o.side == "bid" and 0.6 or 0.4
  elseif way == 3 then
    o.price, o.count = o.side == "bid" and 0.6 or 0.4, 30
  end
  return o
end
local function act(live)
  local way, at = math.random(10), math.random(math.max(#live, 1))
  local o = live[at]
  if not o or way <= 5 then
    local wanted = order()
    local made = kalshi.create_order(wanted)
    if made.remaining_count > 0 then table.insert(live, { id = made.order_id, o = wanted }) end
  elseif way == 6 then
    kalshi.amend_order(o.id, { ticker = o.o.ticker, side = o.o.side, price = o.o.price + 0.01, count = o.o.count + 3 })
  elseif way == 7 then
    kalshi.decrease_order(o.id, { reduce_to = 1 })
  elseif way == 8 then
    local many = { order(), order(), order() }
    for _, made in ipairs(kalshi.batch_create_orders{ orders = many }.orders) do
      if made.order_id and (made.remaining_count or 0) > 0 then table.insert(live, { id = made.order_id, o = many[1] }) end
    end
  elseif way == 9 and #live > 3 then
    local gone = { { order_id = table.remove(live).id }, { order_id = table.remove(live).id } }
    kalshi.batch_cancel_orders{ orders = gone }
  else
    table.remove(live, at)
    kalshi.cancel_order(o.id)
  end
end
for i = 1, 24 do
  task.spawn(function()
    local live = {}
    while true do
      while not running do task.sleep(0.01) end
      busy = busy + 1
      pcall(act, live)
      busy = busy - 1
      if #live > 8 then pcall(kalshi.cancel_order, table.remove(live, 1).id) end
    end
  end)
end
while true do
  running = http.get(ask, { timeout = 3600 }).body == "go"
  if not running then while busy > 0 do task.sleep(0.02) end end
  http.get(ask .. "?done")
end
`;

test('whenever a storm of faults rests, the record of orders equals the exchange', { timeout: SECONDS * 5000 + 120000 }, async (t) => {
  const dir = tempDir(), script = path.join(dir, 'storm.lua'), state = path.join(dir, 'state');
  fs.writeFileSync(script, SCRIPT);
  const sim = await Sim.start('--quiet-market', '--users', '3', '--markets', '40', '--speed', '0.01', '--faults', FAULTS);
  t.after(() => sim.stop());
  const { body: { markets } } = await sim.rest('GET', '/markets?status=open&limit=1000');
  const tickers = markets.filter((m) => Date.parse(m.close_time) > Date.now() + 12 * 3600e3).slice(0, 3).map((m) => m.ticker);
  const other = (user, ticker, side, price, count, tif) => sim.rest('POST', '/portfolio/events/orders', { ticker, side, price,
    count: `${count}.00`, time_in_force: tif, self_trade_prevention_type: 'taker_at_cross' }, { user });
  for (const ticker of tickers)
    for (const [side, price] of [['bid', '0.4000'], ['ask', '0.6000']]) assert.equal((await other(1, ticker, side, price, 1500, 'good_till_canceled')).status, 201);

  // What the script is to do next: it asks, and says when it does.
  let word, asked, done;
  const server = http.createServer((rq, res) => {
    if (rq.url.endsWith('done')) { done?.(); res.end('ok'); return; }
    asked = (w) => res.end(w);
    if (word) { asked(word); asked = word = undefined; }
  });
  server.keepAliveTimeout = 0; // a connection that it ends while the script asks again would be an error there
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  t.after(() => server.close());
  const p = spawn(KALUA, ['run', '--quiet', '--no-watch', '--log', process.env.ORDER_STORM_LOG ?? 'error', '--log-file', path.join(dir, 'log'), '--state', state, '--allow-net', '127.0.0.1', script, '--', JSON.stringify(tickers),
    `http://127.0.0.1:${server.address().port}/`], { env: { ...cleanEnv(), ...sim.env() }, cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  p.stderr.on('data', (d) => { err += d; });
  const ended = new Promise((r) => p.on('close', (code, signal) => r({ code, signal })));
  t.after(() => p.kill('SIGKILL'));
  const say = (w) => new Promise((resolve, reject) => {
    done = resolve;
    ended.then(() => reject(new Error(`it ended: ${err}`)));
    if (asked) asked(w); else word = w;
    asked = undefined;
  });

  let got;
  for (let round = 0; round < ROUNDS; round++) {
    await say('go');
    const until = Date.now() + Math.min(SECONDS, 10) * 1000;
    while (Date.now() < until) {
      for (const [side, price] of [['ask', '0.3000'], ['bid', '0.7000']])
        await other(2, tickers[round % 3], side, price, 1 + Math.floor(Math.random() * 6), 'immediate_or_cancel');
      await sleep(20);
    }
    await say('rest');
    await sleep(300); // what is on its way arrives
    try {
      got = await agrees(sim, `${state}.orders`, 'storm', { ms: 60000 });
    } catch (e) {
      throw new Error(`round ${round}: ${e.message}\n${dir}\n${err.slice(-4000)}`);
    }
  }
  p.kill('SIGTERM');
  assert.deepEqual(await ended, { code: 130, signal: null }, err);
  await agrees(sim, `${state}.orders`, 'storm'); // and what it left behind
  const { orders } = journal(`${state}.orders`);
  tell(`a storm of ${SECONDS} s: ${got.orders} orders and ${got.fills} fills as at the exchange, ${orders.filter((o) => o.status === 'rejected').length} orders never were`);
  assert.ok(got.orders > 20 && got.fills > 0, JSON.stringify(got));
  fs.rmSync(dir, { recursive: true });
});
