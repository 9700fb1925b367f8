// Paper against truth: the same strategy trades for real and on paper beside it, on one simulator with its traders, and
// the differences in fills and profit are told and bounded. A longer run, for figures: PAPER_TRUTH_SECONDS=300
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { Sim, kalua, tell, tempDir } from './peers.mjs';

const SECONDS = Number(process.env.PAPER_TRUTH_SECONDS ?? 3);
const SEED = process.env.PAPER_TRUTH_SEED ?? '20261126';
const MARKETS = 12;

let sim;
before(async () => { sim = await Sim.start('--seed', SEED, '--users', '2', '--markets', '24', '--rate', '600'); });
after(() => sim?.stop());

// A maker joins the best bid and the best ask of half of the markets and follows them; a taker buys and sells in turn at
// the best prices of the other half, so often in each, however long that takes, and the maker goes on as long. Neither
// takes its own orders, which the real book has and the live one beside paper has not, for those of others.
const script = `
local kalshi, kalua, task, json = require "kalshi", require "kalua", require "task", require "json"
local SIZE, TAKES <const> = 5, tonumber(kalua.args[1]) * 4
local begin, takers = kalua.now(), 0
local tickers = { table.unpack(kalua.args, 2) }

local function best(levels, own_price)
  for _, level in ipairs(levels) do
    local own = not kalua.paper and level[1] == own_price and SIZE or 0
    if level[2] - own > 2 * SIZE then return level[1] end -- what is smaller may be of the other process
  end
end
local orders = 0
local function order(t)
  t.self_trade_prevention_type = "taker_at_cross"
  orders = orders + 1
  local ok, o = pcall(kalshi.create_order, t)
  return ok and o or nil
end

local function quote(ticker, book, side)
  local id, price
  repeat
    local want = best(side == "bid" and book:bids(5) or book:asks(5), price)
    local left = id and kalshi.get_order(id).order.remaining_count_fp or 0
    if want ~= price or left == 0 then
      if left > 0 then pcall(kalshi.cancel_order, id, { market_ticker = ticker }) end
      local o = want and order{ ticker = ticker, side = side, price = want, count = SIZE, post_only = true,
        time_in_force = "good_till_canceled" }
      id, price = o and o.order_id, o and want
    end
    task.sleep(0.2)
  until takers == 0
  if id then pcall(kalshi.cancel_order, id, { market_ticker = ticker }) end
end

local function take(ticker, book)
  local side, left = "bid", TAKES
  while left > 0 do
    local price = best(side == "bid" and book:asks(5) or book:bids(5))
    if price then
      left = left - 1
      order{ ticker = ticker, side = side, price = price, count = SIZE, time_in_force = "immediate_or_cancel" }
    end
    side = side == "bid" and "ask" or "bid"
    task.sleep(0.25)
  end
  takers = takers - 1
end

local books = {}
local all = {}
for i, ticker in ipairs(tickers) do
  if i % 2 == 0 then takers = takers + 1 end
  all[#all + 1] = function()
    local book = kalshi.book(ticker)
    books[ticker] = book
    if i % 2 == 0 then return take(ticker, book) end
    task.all{ function() quote(ticker, book, "bid") end, function() quote(ticker, book, "ask") end }
  end
end
task.all(all)
local seconds = kalua.now() - begin

local sums = { maker = { fills = 0, contracts = 0, fees = 0, profit = 0 }, taker = { fills = 0, contracts = 0, fees = 0, profit = 0 } }
local kinds, middle = {}, {}
for i, ticker in ipairs(tickers) do
  kinds[ticker], middle[ticker] = i % 2 == 0 and "taker" or "maker", books[ticker]:mid() or 0.5
end
for f in kalshi.each.get_fills{ limit = 1000 } do
  local s, sign = sums[kinds[f.ticker]], f.book_side == "bid" and 1 or -1
  s.fills, s.contracts, s.fees = s.fills + 1, s.contracts + f.count_fp, s.fees + f.fee_cost
  s.profit = s.profit + sign * f.count_fp * (middle[f.ticker] - f.yes_price_dollars) - f.fee_cost
end
sums.orders, sums.seconds = orders, seconds
print(json.encode(sums))
`;

const signed = (x) => `${x < 0 ? '' : '+'}${x.toFixed(2)}`;

test('the same strategy, for real and on paper, comes to much the same', async () => {
  const { markets } = (await sim.rest('GET', '/markets?limit=200&status=open')).body;
  // One that closes meanwhile has no prices any more, for which the taker would wait for ever.
  const later = Date.now() + (SECONDS * 2 + 300) * 1000;
  const tickers = markets.filter((m) => m.yes_bid_dollars > 0.1 && m.yes_ask_dollars < 0.9 && Date.parse(m.close_time) > later)
    .sort((a, b) => b.volume_fp - a.volume_fp).slice(0, MARKETS).map((m) => m.ticker);
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'both.lua'), script);
  const [real, paper] = await Promise.all([[[], 0], [['--paper'], 1]].map(([options, user]) =>
    kalua(['run', ...options, 'both.lua', '--', String(SECONDS), ...tickers],
      { cwd, env: sim.env(user), timeout: (SECONDS + 150) * 1000 })));
  assert.equal(real.code, 0, real.stderr);
  assert.equal(paper.code, 0, paper.stderr);
  const truth = JSON.parse(real.stdout), told = JSON.parse(paper.stdout);
  for (const kind of ['maker', 'taker']) {
    const r = truth[kind], p = told[kind];
    tell(`paper against truth, ${kind}, ${SECONDS} s in ${tickers.length / 2} markets: ${r.contracts.toFixed(2)} contracts for real, ${p.contracts.toFixed(2)} on paper; `
      + `profit ${signed(r.profit)} and ${signed(p.profit)} dollars`);
  }
  tell(`paper against truth: ${truth.orders} orders in ${truth.seconds.toFixed(1)} s for real, ${told.orders} in ${told.seconds.toFixed(1)} s on paper`);
  const bounds = /filled +([\d.]+) contracts \(([\d.]+) if pessimistic, ([\d.]+) if optimistic\)/.exec(paper.stderr);
  tell(`paper against truth: ${bounds?.[0].replace(/ +/g, ' ')}; ${/profit.*/.exec(paper.stderr)?.[0].replace(/ +/g, ' ')}`);
  assert.ok(bounds, paper.stderr);

  // Who takes is told nearly exactly; the queue of who rests is a guess, and its fills come in bunches: a few seconds tell
  // little of how many they are. On a machine that has no time for both they are not of the same seconds.
  const alike = [truth, told].every((x) => x.seconds < 1.5 * SECONDS + 1);
  const ratio = (kind) => told[kind].contracts / truth[kind].contracts;
  const perContract = (kind) => Math.abs(told[kind].profit / told[kind].contracts - truth[kind].profit / truth[kind].contracts);
  assert.ok(truth.taker.contracts > 50, 'the taker trades');
  assert.ok(ratio('taker') > 0.6 && ratio('taker') < 1.5, `taker: ${ratio('taker')}`);
  if (alike) assert.ok(perContract('taker') < 0.03, `taker: ${perContract('taker')} dollars a contract`);
  const bunches = Math.min(truth.maker.fills, told.maker.fills);
  if (alike && bunches >= 100) assert.ok(ratio('maker') > 0.33 && ratio('maker') < 3, `maker: ${ratio('maker')}`);
  if (alike && bunches >= 10) {
    assert.ok(perContract('maker') < 0.1, `maker: ${perContract('maker')} dollars a contract`);
  }
  const orders = (await sim.rest('GET', '/portfolio/orders?limit=1', undefined, { user: 1 })).body.orders;
  assert.deepEqual(orders, [], 'the live exchange has orders of paper');
});
