// An order's life (create, partial fill, amend, cancel) seen from a script, from `kalua api` and from npm's `ws`: all
// three agree to the cent.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, tempDir, until } from './peers.mjs';

let sim, ticker;
before(async () => {
  sim = await Sim.start('--quiet-market', '--users', '2');
  ticker = (await sim.rest('GET', '/markets?limit=100&status=open')).body.markets
    .find((m) => m.price_ranges.some((r) => r.step === '0.0100')).ticker;
});
after(() => sim?.stop());

const script = `
local kalshi, kalua, task = require "kalshi", require "kalua", require "task"
local ticker = kalua.args[1]
local sub = kalshi.subscribe{ channels = { "fill", "user_orders" }, market_tickers = { ticker } }
local before = kalshi.get_balance().balance_dollars
local o = kalshi.create_order{ ticker = ticker, side = "bid", price = 0.42, count = 10, client_order_id = "life",
  time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }
print("created", o.order_id, o.fill_count, o.remaining_count)
local filled, fees = 0, 0
for m in sub:messages() do
  if m.type == "fill" then
    filled, fees = filled + m.count_fp, fees + m.fee_cost
    print("fill", m.count_fp, m.yes_price_dollars, m.fee_cost, m.post_position_fp)
    break
  end
end
local a = kalshi.amend_order(o.order_id, { ticker = ticker, side = "bid", price = 0.41, count = 12 })
print("amended", a.remaining_count)
local c = kalshi.cancel_order(o.order_id)
print("canceled", c.reduced_by)
for m in sub:messages() do
  if m.type == "user_order" and m.status == "canceled" then
    print("final", m.status, m.fill_count_fp, m.remaining_count_fp, m.initial_count_fp, m.maker_fill_cost_dollars, m.maker_fees_dollars)
    break
  end
end
local p = kalshi.get_positions{ ticker = ticker }.market_positions[1]
print("position", p.position_fp, p.market_exposure_dollars, p.fees_paid_dollars)
print("cash", string.format("%.4f", kalshi.get_balance().balance_dollars - before))
`;

test('script, kalua api and ws agree', async () => {
  const socket = await sim.ws();
  const id = socket.send('subscribe', { channels: ['fill', 'user_orders', 'market_positions'] });
  await until('acks', () => socket.messages.filter((m) => m.id === id).length === 3);
  const start = (await sim.rest('GET', '/portfolio/balance')).body.balance_dollars;

  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'life.lua'), script);
  const p = spawn(KALUA, ['--quiet', 'life.lua', '--', ticker], { cwd, env: { ...cleanEnv(), ...sim.env() } });
  let out = '', err = '';
  p.stdout.on('data', (d) => { out += d; });
  p.stderr.on('data', (d) => { err += d; });
  const ended = new Promise((r) => p.on('close', r));
  await until('the order', () => out.includes('created') || (p.exitCode !== null && Promise.reject(new Error(err))));
  const sold = await sim.rest('POST', '/portfolio/events/orders', { ticker, side: 'ask', price: '0.4200', count: '4.00',
    time_in_force: 'immediate_or_cancel', self_trade_prevention_type: 'taker_at_cross' }, { user: 1 });
  assert.equal(sold.body.fill_count, '4.00');
  assert.equal(await ended, 0, err);

  const said = Object.fromEntries(out.trim().split('\n').map((l) => l.split('\t')).map(([k, ...v]) => [k, v]));
  const orderId = said.created[0];
  assert.deepEqual(said.created.slice(1).map(Number), [0, 10]);
  assert.deepEqual(said.fill.map(Number).slice(0, 2), [4, 0.42]);
  assert.deepEqual(said.amended.map(Number), [8]);
  assert.deepEqual(said.canceled.map(Number), [8]);

  const { msg: last } = await socket.wait('the end of the order', (m) => m.type === 'user_order' && m.msg.order_id === orderId && m.msg.status === 'canceled');
  const api = await kalua(['api', 'get_order', orderId], { env: sim.env() });
  assert.equal(api.code, 0, api.stderr);
  const { order } = JSON.parse(api.stdout);
  for (const key of ['status', 'fill_count_fp', 'remaining_count_fp', 'initial_count_fp', 'maker_fill_cost_dollars',
    'maker_fees_dollars', 'taker_fees_dollars', 'yes_price_dollars', 'client_order_id']) assert.equal(order[key], last[key], key);
  const n = said.final;
  assert.deepEqual([n[0], ...n.slice(1).map(Number)], [order.status, Number(order.fill_count_fp), Number(order.remaining_count_fp),
    Number(order.initial_count_fp), Number(order.maker_fill_cost_dollars), Number(order.maker_fees_dollars)]);
  assert.equal(Number(order.maker_fill_cost_dollars), 4 * 0.42);

  const fill = socket.messages.find((m) => m.type === 'fill' && m.msg.order_id === orderId).msg;
  const fills = JSON.parse((await kalua(['api', 'get_fills', `order_id=${orderId}`], { env: sim.env() })).stdout).fills;
  assert.equal(fills.length, 1);
  for (const key of ['trade_id', 'count_fp', 'yes_price_dollars', 'fee_cost', 'is_taker']) assert.equal(fills[0][key], fill[key], key);
  assert.equal(Number(said.fill[2]), Number(fill.fee_cost));

  const position = JSON.parse((await kalua(['api', 'get_positions', `ticker=${ticker}`], { env: sim.env() })).stdout).market_positions[0];
  const told = socket.messages.filter((m) => m.type === 'market_position').at(-1).msg;
  assert.equal(Number(position.position_fp), Number(told.position_fp));
  assert.equal(Number(position.market_exposure_dollars), Number(told.position_cost_dollars));
  assert.deepEqual(said.position.map(Number), [Number(position.position_fp), Number(position.market_exposure_dollars),
    Number(position.fees_paid_dollars)]);

  const end = (await sim.rest('GET', '/portfolio/balance')).body.balance_dollars;
  const change = (Number(end) - Number(start)).toFixed(4);
  assert.equal(said.cash[0], change);
  assert.equal(change, (-(4 * 0.42) - Number(fill.fee_cost)).toFixed(4));
  await socket.close();
});
