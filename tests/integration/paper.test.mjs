// Paper trading beside the real thing: the same script trades on one simulator, on its account and on paper, and is told
// the same; what happens to the live market, its feed and the process reaches the paper orders; and the live exchange
// never sees any of it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, tempDir, until } from './peers.mjs';

let sim, tickers;
const PAPER = 1; // the user whose key is used for paper trading
before(async () => {
  sim = await Sim.start('--quiet-market', '--users', '2');
  const { markets } = (await sim.rest('GET', '/markets?limit=200&status=open')).body;
  const cents = markets.filter((m) => m.price_ranges.some((r) => r.step === '0.0100') && !m.exchange_index);
  tickers = cents.map((m) => m.ticker);
});
const running = new Set();
after(() => {
  for (const p of running) p.kill('SIGKILL');
  return sim?.stop();
});

const quote = (market, side, price, count) => sim.trigger('quote', { market, side, price: String(price), count: String(count) });
const trade = (market, side, count, price) => sim.trigger('trade', { market, side, count: String(count), price: String(price) });

// A running script: what it prints in `out`, its end in `ended`. With `ask(word)` it prints `go word` and waits for it.
function start(text, args, { env, options = [], cwd = tempDir() } = {}) {
  const file = path.join(cwd, 'script.lua');
  if (text) fs.writeFileSync(file, text);
  const p = spawn(KALUA, ['run', '--allow-fs', cwd, ...options, file, '--', ...args],
    { cwd, env: { ...cleanEnv(), ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  const run = { process: p, out: '', err: '', cwd, file };
  running.add(p);
  p.on('close', () => running.delete(p));
  p.stdout.on('data', (d) => { run.out += d; });
  p.stderr.on('data', (d) => { run.err += d; });
  run.ended = new Promise((r) => p.on('close', r));
  run.said = (word) => until(`"${word}"`, () => {
    if (run.out.includes(`${word}\n`)) return true;
    if (p.exitCode !== null) throw new Error(`ended without "${word}":\n${run.out}\n${run.err}`);
    return false;
  });
  run.go = (word) => fs.writeFileSync(path.join(cwd, word), '');
  return run;
}

// What the scripts have in common: `step(word)` says that it is there and waits until the test has done its part.
const prelude = `
local kalshi, kalua, task = require "kalshi", require "kalua", require "task"
local ticker, folder = kalua.args[1], kalua.args[2]
local function step(word)
  print(word)
  while true do
    local f = io.open(folder .. "/" .. word)
    if f then f:close() return end
    task.sleep(0.02)
  end
end
local function order(t)
  t.ticker = t.ticker or ticker
  t.time_in_force = t.time_in_force or "good_till_canceled"
  t.self_trade_prevention_type = "taker_at_cross"
  return kalshi.create_order(t)
end
local function code(fn, ...)
  local ok, e = pcall(fn, ...)
  return ok and "done" or e.code or e.kind
end
local function wait_for(what, fn)
  for _ = 1, 3000 do
    local v = fn()
    if v then return v end
    task.sleep(0.02)
  end
  error("waited in vain for " .. what, 0)
end
`;

const life = `${prelude}
local sub = kalshi.subscribe{ channels = { "fill", "user_orders", "trade" }, market_tickers = { ticker } }
local seen = {}
task.spawn(function()
  for m in sub:messages() do
    if m.type == "fill" then seen[#seen + 1] = ("%s %s %.2f at %.4f, %s"):format(m.is_taker and "takes" or "makes", m.book_side,
      m.count_fp, m.yes_price_dollars, m.fee_cost) end
  end
end)
local start = kalshi.get_balance().balance_dollars
local book = kalshi.book(ticker)
wait_for("the ask", function() return book:best_ask() end)
local o = order{ side = "bid", price = 0.62, count = 5, time_in_force = "immediate_or_cancel" }
print("take", o.fill_count, o.remaining_count, o.average_fill_price, o.average_fee_paid)
print("kill", order{ side = "bid", price = 0.62, count = 1000, time_in_force = "fill_or_kill" }.fill_count)
print("cross", code(order, { side = "bid", price = 0.62, count = 1, post_only = true }))
print("poor", code(order, { side = "bid", price = 0.5, count = 1e6 }))
print("nowhere", code(order, { ticker = "NO-SUCH-MARKET", side = "bid", price = 0.5, count = 1 }))
o = order{ side = "bid", price = 0.42, count = 10, client_order_id = "life-" .. ticker }
print("rests", o.fill_count, o.remaining_count, kalshi.get_order_queue_position(o.order_id).queue_position_fp)
step "behind"
wait_for("the fill", function() return kalshi.get_order(o.order_id).order.fill_count_fp == 4 end)
local a = kalshi.amend_order(o.order_id, { ticker = ticker, side = "bid", price = 0.41, count = 12 })
print("amended", a.remaining_count)
print("decreased", kalshi.decrease_order(o.order_id, { reduce_by = 3 }).remaining_count)
print("canceled", kalshi.cancel_order(o.order_id).reduced_by)
print("again", code(kalshi.cancel_order, o.order_id))
local group = kalshi.create_order_group{ contracts_limit = 100 }.order_group_id
local batch = kalshi.batch_create_orders{ orders = {
  { ticker = ticker, side = "bid", price = 0.30, count = 2, order_group_id = group, time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" },
  { ticker = ticker, side = "ask", price = 0.70, count = 3, time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" },
  { ticker = ticker, side = "ask", price = 0.705, count = 3, time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" } } }.orders
print("batch", batch[1].remaining_count, batch[2].remaining_count, batch[3].error.code)
kalshi.trigger_order_group(group)
print("group", kalshi.get_order(batch[1].order_id).order.status)
print("all", kalshi.batch_cancel_orders{ orders = { { order_id = batch[2].order_id } } }.orders[1].reduced_by)
wait_for("all fills", function() return #seen >= 3 end)
for _, s in ipairs(seen) do print("fill", s) end
print("position", kalshi.get_positions{ ticker = ticker }.market_positions[1].position_fp)
wait_for("the account", function() return kalshi.positions{ ticker = ticker }[1].position == 9 end)
print("fills", #kalshi.fills{ ticker = ticker }, #kalshi.orders{ ticker = ticker, status = "resting" })
print("cash", ("%.4f"):format(kalshi.get_balance().balance_dollars - start))
o = order{ side = "bid", price = 0.10, count = 2 }
step "settle"
wait_for("the end of the order", function() return kalshi.get_order(o.order_id).order.status == "canceled" end)
local s = wait_for("the settlement", function() return kalshi.get_settlements{ ticker = ticker }.settlements[1] end)
print("settled", s.market_result, s.yes_count_fp, s.revenue)
print("late", code(order, { side = "bid", price = 0.10, count = 2 }) ~= "done")
print("end", ("%.4f"):format(kalshi.get_balance().balance_dollars - start))
sub:close()
`;

async function live(ticker, options, user) {
  await quote(ticker, 'ask', 0.60, 4);
  await quote(ticker, 'ask', 0.61, 20);
  await quote(ticker, 'bid', 0.42, 6);
  const cwd = tempDir();
  const run = start(life, [ticker, cwd], { env: sim.env(user), options, cwd });
  await run.said('behind');
  await quote(ticker, 'bid', 0.42, 20);
  await trade(ticker, 'ask', 10, 0.42);
  run.go('behind');
  await run.said('settle');
  await sim.trigger('settle', { market: ticker, result: 'yes' });
  run.go('settle');
  assert.equal(await run.ended, 0, `${run.out}\n${run.err}`);
  return run;
}

test('a script trades on paper as on the exchange, which never hears of it', async () => {
  const [real, paper] = await Promise.all([live(tickers[0], [], 0), live(tickers[1], ['--paper', '--paper-latency', '5'], PAPER)]);
  const words = (run) => run.out.trim().split('\n');
  assert.deepEqual(words(paper), words(real));
  assert.equal(words(real)[0], 'take\t5.0\t0.0\t0.602\t0.018');
  assert.match(real.out, /^fill\tmakes bid 4\.00 at 0\.4200, /m);
  assert.match(paper.err, /paper trading on sim: orders are filled here by live market data, and none is sent; 5\.0 ms each way; the account begins with 40000\.00 dollars/);
  assert.match(paper.err, /-- summary \(paper\) --/);
  assert.match(paper.err, /filled +9\.00 contracts \(9\.00 if pessimistic, 9\.00 if optimistic\)\n +profit +\+4\.\d+ dollars/);
  for (const list of ['orders', 'fills', 'positions', 'settlements', 'order_groups']) {
    const { body } = await sim.rest('GET', `/portfolio/${list}`, undefined, { user: PAPER });
    for (const rows of Object.values(body).filter(Array.isArray)) assert.deepEqual(rows, [], list);
  }
  assert.equal((await sim.rest('GET', '/portfolio/balance', undefined, { user: PAPER })).body.balance_dollars, '40000.0000');
});

const rough = `${prelude}
local book = kalshi.book(ticker)
local function take(price, count)
  return order{ side = "bid", price = price, count = count, time_in_force = "immediate_or_cancel" }.fill_count
end
local function status(o) return kalshi.get_order(o.order_id).order.status end
wait_for("the ask", function() return book:best_ask() end)
print("before", take(0.60, 1))
local o = order{ side = "bid", price = 0.20, count = 1 }
step "cut"
wait_for("the new ask", function() return not book.stale and book:best_ask() == 0.59 end)
print("after the cut", take(0.60, 3))
step "gap"
wait_for("another ask", function() return not book.stale and book:best_ask() == 0.58 end)
print("after the gap", take(0.60, 2))
step "pause"
wait_for("the pause", function() return code(take, 0.60, 1) == "MARKET_INACTIVE" end)
print("paused", status(o))
step "resume"
wait_for("the market", function() return code(order, { side = "bid", price = 0.01, count = 1 }) == "done" end)
print("resumed")
o = order{ side = "bid", price = 0.21, count = 1 }
step "close"
wait_for("the close", function() return status(o) == "canceled" end)
print("closed", code(order, { side = "bid", price = 0.20, count = 1 }))
`;

test('what befalls the live market and its feed reaches paper orders', async () => {
  const ticker = tickers[2], cwd = tempDir();
  await quote(ticker, 'ask', 0.60, 50);
  const run = start(rough, [ticker, cwd], { env: sim.env(PAPER), options: ['--paper', '--paper-latency', '1'], cwd });
  const at = async (word, then) => {
    await run.said(word);
    await then();
    run.go(word);
  };
  await at('cut', async () => {
    await sim.trigger('disconnect', { user: String(PAPER + 1) });
    await quote(ticker, 'ask', 0.59, 2);
  });
  await at('gap', async () => {
    await sim.trigger('gap', { user: String(PAPER + 1) });
    await quote(ticker, 'ask', 0.58, 1);
  });
  await at('pause', () => sim.trigger('pause', { market: ticker }));
  await at('resume', () => sim.trigger('resume', { market: ticker }));
  await at('close', () => sim.trigger('close', { market: ticker }));
  assert.equal(await run.ended, 0, `${run.out}\n${run.err}`);
  assert.match(run.out, /before\t1\.0\n.*after the cut\t3\.0\n.*after the gap\t2\.0\n.*paused\tresting\n.*closed\tMARKET_INACTIVE\n/s);
  assert.deepEqual((await sim.rest('GET', '/portfolio/orders', undefined, { user: PAPER })).body.orders, []);
});

test('an order meets the market as it is when it would be there, and not as it was', async () => {
  // Twice this, and what a busy machine adds, are within the 10 s of an attempt to write.
  const ticker = tickers[3], cwd = tempDir(), latency = 3000;
  await quote(ticker, 'ask', 0.60, 5);
  const run = start(`${prelude}
    local book = kalshi.book(ticker)
    wait_for("the ask", function() return book:best_ask() end)
    order{ side = "bid", price = 0.01, count = 1 } -- the market is mirrored
    task.spawn(function() task.sleep(0.1) print("sent") end)
    local t = kalua.now()
    print("gone", order{ side = "bid", price = 0.60, count = 5, time_in_force = "immediate_or_cancel" }.fill_count,
      kalua.now() - t >= ${2 * latency / 1000})`, [ticker, cwd], { env: sim.env(PAPER), options: ['--paper', '--paper-latency', String(latency)], cwd });
  await run.said('sent');
  await trade(ticker, 'bid', 5, 0.60);
  assert.equal(await run.ended, 0, run.err);
  assert.match(run.out, /^gone\t0\.0\ttrue$/m);
});

test('prod without --live is paper; what has no counterpart there is refused; a reload and a restart keep the account', async () => {
  const ticker = tickers[4], cwd = tempDir(), env = { ...sim.env(PAPER), KALSHI_ENV: 'prod' };
  await quote(ticker, 'ask', 0.60, 50);
  const state = path.join(cwd, 'state');
  const version = (n) => `${prelude}
    kalua.state.order = kalua.state.order or order{ side = "bid", price = 0.30, count = 1 }.order_id
    if kalua.generation == 1 then order{ side = "bid", price = 0.60, count = 7, time_in_force = "immediate_or_cancel" } end
    wait_for("the position", function() return (kalshi.positions{ ticker = ticker }[1] or {}).position == 7 end)
    print(kalua.env, kalua.paper, kalua.generation, kalshi.get_order(kalua.state.order).order.status)
    print(code(kalshi.create_rfq, { market_ticker = ticker, contracts = 1, rest_remainder = false }),
      code(kalshi.delete_api_key, "x"), code(kalshi.call, "POST", "/nothing/known"))
    print "version ${n}"
    task.sleep(60)`;
  const run = start(version(1), [ticker, cwd], { env, options: ['--state', state, '--paper-balance', '500'], cwd });
  await run.said('version 1');
  const ps = await kalua(['ps'], { cwd });
  assert.match(ps.stdout, /paper\/prod/);
  fs.writeFileSync(run.file, version(2));
  await run.said('version 2');
  run.process.kill('SIGINT');
  await run.ended;
  assert.match(run.out, /prod\ttrue\t1\tresting\n(paper_not_possible\t?){3}\nversion 1\nprod\ttrue\t2\tresting\n/);
  assert.match(run.err, /the account begins with 500\.00 dollars/);

  const again = await kalua(['--state', state, '-e', 'kalshi.get_positions().market_positions[1].position_fp',
    '-e', `kalshi.get_orders{ ticker = "${ticker}", status = "canceled" }.orders[1].yes_price_dollars`,
    '-e', 'kalshi.get_balance().balance_dollars'], { env });
  assert.equal(again.code, 0, again.stderr);
  assert.deepEqual(again.stdout.trim().split('\n'), ['7.0', '0.3', '495.68']);
  assert.deepEqual((await sim.rest('GET', '/portfolio/orders', undefined, { user: PAPER })).body.orders, []);

  const api = await kalua(['api', 'create_order', `ticker=${ticker}`, 'side=bid', 'price=0.5', 'count=1',
    'time_in_force=good_till_canceled', 'self_trade_prevention_type=taker_at_cross'], { env });
  assert.equal(api.code, 1);
  assert.match(api.stderr, /--live/);
  const keyless = await kalua(['-e', '1'], { env: { KALSHI_ENV: 'prod', KALSHI_REST_URL: sim.rest_url, KALSHI_WS_URL: sim.ws_url } });
  assert.equal(keyless.code, 3);
  assert.match(keyless.stderr, /paper trading needs an API key of prod for its market data/);
  for (const wrong of [['--paper', '--live'], ['--paper-latency', '3'], ['--paper-balance', '3']]) {
    const run2 = await kalua(['run', ...wrong, run.file], { env: sim.env(PAPER) });
    assert.equal(run2.code, 2, run2.stderr);
    assert.match(run2.stderr, /--paper/);
  }
});
