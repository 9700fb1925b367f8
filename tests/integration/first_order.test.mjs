// The very first order of a process, while its connection, its key's clock and its account are not there yet: each fill is
// told once, to the order, to the portfolio, to kalshi.fills and to a subscription, and is what the exchange has.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Sim, kalua, tempDir, until } from './peers.mjs';

const PROCESSES = Number(process.env.FIRST_ORDERS ?? 12), AT_ONCE = 3;
const RESTING = 4, FIRST = 6, COUNT = 20;

// Arguments: the market; how the order is placed; how fills are subscribed to before.
const script = `
local kalshi, kalua, task, json = require "kalshi", require "kalua", require "task", require "json"
local MARKET, HOW, CHANNEL = kalua.args[1], kalua.args[2], kalua.args[3]
local told, statuses, ready = {}, {}, false
local function listen()
  local sub = kalshi.subscribe{ channels = { "fill", "user_orders" }, market_tickers = CHANNEL ~= "all" and { MARKET } or nil }
  ready = true
  for m in sub:messages() do
    if m.market_ticker == MARKET or m.ticker == MARKET then
      if m.type == "fill" then told[#told + 1] = { m.trade_id, m.count_fp } else statuses[#statuses + 1] = m.status end
    end
  end
end
local listener = task.spawn(listen)
if CHANNEL ~= "meanwhile" then while not ready do task.sleep(0.001) end end
local o
if HOW == "order" then
  o = kalshi.order{ ticker = MARKET, side = "yes", price = 0.42, count = ${COUNT} }
else
  o = kalshi.find_order(kalshi.create_order{ ticker = MARKET, side = "bid", price = 0.42, count = ${COUNT}, client_order_id = MARKET,
    time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }.order_id)
end
local seen, ends = {}, false
task.spawn(function() for x in o:changes() do seen[#seen + 1] = x.filled end ends = true end)
o:wait_fill(60)
local function total() local n = 0 for _, t in ipairs(told) do n = n + t[2] end return n end
-- Who subscribes meanwhile may have missed the first of them.
local function settled()
  return (CHANNEL == "meanwhile" or total() >= ${COUNT} and #statuses > ${RESTING}) and #kalshi.fills{ order_id = o.id } >= ${RESTING + 3}
    and kalshi.portfolio().contracts >= ${COUNT}
end
for _ = 1, 1000 do if settled() and ends then break end task.sleep(0.01) end
task.sleep(0.3) -- one that comes twice has time to
local fills = {}
for i, f in ipairs(kalshi.fills{ order_id = o.id }) do fills[i] = { f.trade_id, f.count or f.count_fp } end
local p = kalshi.portfolio()
print(json.encode{ id = o.id, status = o.status, filled = o.filled, remaining = o.remaining, cost = o.cost, fees = o.fees, seen = seen,
  told = told, statuses = statuses, fills = fills, own = { fills = p.fills, contracts = p.contracts, traded = p.traded, fees = p.fees, exposure = p.exposure } })
listener:cancel()
`;

const sell = async (sim, ticker, price, count, tif) => {
  const { status, body } = await sim.rest('POST', '/portfolio/events/orders', { ticker, side: 'ask', price, count: `${count}.00`,
    time_in_force: tif, self_trade_prevention_type: 'taker_at_cross' }, { user: 1 });
  assert.equal(status, 201, JSON.stringify(body));
  return body;
};

const sorted = (rows) => rows.map(([id, n]) => `${id} ${Number(n).toFixed(2)}`).sort();

// Whoever is faster: what rests is hit as soon as the exchange has it, which is before the process may know.
async function one(sim, socket, ticker, how, channel) {
  for (const price of ['0.4000', '0.4100', '0.4200']) await sell(sim, ticker, price, FIRST / 3, 'good_till_canceled');
  const hit = until('the order', () => socket.messages.find((m) => m.type === 'user_order' && m.msg.ticker === ticker))
    .then(async () => {
      for (let i = 0; i < RESTING; i++) await sell(sim, ticker, '0.4200', i < RESTING - 1 ? 3 : COUNT - FIRST - 3 * i, 'immediate_or_cancel');
    });
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'first.lua'), script);
  const run = kalua(['--quiet', 'first.lua', '--', ticker, how, channel], { cwd, env: sim.env() });
  const [{ code, stdout, stderr }] = await Promise.all([run, hit]);
  assert.equal(code, 0, stderr);
  const r = JSON.parse(stdout);
  r.exchange = (await sim.rest('GET', `/portfolio/fills?order_id=${r.id}&limit=100`)).body.fills;
  r.stderr = stderr;
  return r;
}

function check(r, what, stream) {
  const all = sorted(r.exchange.map((f) => [f.trade_id, f.count_fp]));
  const fees = r.exchange.reduce((sum, f) => sum + Number(f.fee_cost), 0);
  const cost = r.exchange.reduce((sum, f) => sum + Number(f.yes_price_dollars) * Number(f.count_fp), 0);
  assert.equal(all.length, 3 + RESTING, what);
  assert.deepEqual([r.status, r.filled, r.remaining], ['filled', COUNT, 0], what);
  assert.deepEqual(r.seen, [...r.seen].sort((a, b) => a - b), what); // what has filled never becomes less
  assert.ok(Math.abs(r.cost - cost) < 1e-9 && Math.abs(r.fees - fees) < 1e-9, `${what}: ${r.cost} ${cost}, ${r.fees} ${fees}`);
  assert.deepEqual(sorted(r.fills), all, `${what}: kalshi.fills`);
  assert.deepEqual([r.own.fills, r.own.contracts, r.own.traded], [all.length, COUNT, COUNT], `${what}: the portfolio`);
  assert.ok(Math.abs(r.own.fees - fees) < 1e-9 && Math.abs(r.own.exposure - cost) < 1e-9, `${what}: ${JSON.stringify(r.own)}, ${fees} ${cost}`);
  if (!stream) return;
  const told = sorted(r.told);
  if (stream === 'meanwhile') assert.deepEqual(told, all.filter((row) => told.includes(row)), `${what}: the subscription`);
  else assert.deepEqual(told, all, `${what}: the subscription`);
  if (stream !== 'meanwhile') assert.deepEqual([r.statuses.length, r.statuses.at(-1)], [RESTING + 1, 'executed'], `${what}: ${r.statuses}`);
}

async function many(n, faults, streams) {
  const sim = await Sim.start('--quiet-market', '--users', '2', '--markets', '120', '--read-lag', '300', ...faults);
  try {
    const tickers = (await sim.rest('GET', '/markets?status=open&limit=200')).body.markets
      .filter((m) => m.price_ranges.length === 1 && m.price_ranges[0].step === '0.0100').map((m) => m.ticker);
    assert.ok(tickers.length >= n, `${tickers.length} markets`);
    const socket = await sim.ws();
    await socket.reply(socket.send('subscribe', { channels: ['user_orders'] }));
    let next = 0;
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (next < n) {
        const i = next++, how = i % 2 ? 'create' : 'order', channel = ['one', 'all', 'meanwhile'][Math.floor(i / 2) % 3];
        check(await one(sim, socket, tickers[i], how, channel), `process ${i}, ${how}, ${channel}`, streams && channel);
      }
    }));
    await socket.close();
  } finally {
    await sim.stop();
  }
}

test('each fill of the first order is told once to all', () =>
  many(PROCESSES, ['--faults', 'ws/answers:latency=uniform(0ms,400ms); ws/fill:latency=uniform(0ms,200ms); get_fills:latency=uniform(0ms,200ms)'], true));

test('what the channels lose or say twice is told once all the same', () =>
  many(Math.ceil(PROCESSES / 3), ['--faults',
    'ws/fill:duplicate=30%; ws/user_orders:duplicate=30%; ws/fill:drop=30% user 1; ws/answers:latency=uniform(0ms,400ms); create_order:latency=uniform(0ms,500ms) user 1'], false));
