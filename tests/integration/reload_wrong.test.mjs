// The old version keeps earning while the new one is wrong, in each of the ways in which one can be: it is refused, or it
// takes over and goes again, and the orders of the version that is right go on, without one left out or sent twice.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { KALUA, cleanEnv, tempDir, until } from './peers.mjs';

const HEAD = `local kalshi, task, kalua = require "kalshi", require "task", require "kalua"
local state = kalua.state
for _, m in ipairs(state.ticker and {} or kalshi.get_markets{ status = "open", limit = 1000 }.markets) do
  if m.yes_bid_dollars > 0.2 and m.yes_ask_dollars < 0.8 then state.ticker = m.ticker end -- where a bid of a cent rests
end
local function earn()
  state.n = (state.n or 0) + 1
  local order = kalshi.create_order{ ticker = state.ticker, side = "bid", price = 0.01, count = 1, client_order_id = "n" .. state.n,
    time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }
  kalshi.cancel_order(order.order_id)
  print("earned", kalua.generation, state.n)
end
`;
const GOOD = `${HEAD}
while true do earn(); task.sleep(0.01) end
`;

// What is wrong, the source, what is said about it, and whether it was live for a while.
const WRONG = [
  ['syntax', `${HEAD}while true do earn(\n`, /not reloaded: .*unexpected symbol|not reloaded: .*'\)' expected/, false],
  ['missing module', `${HEAD}require "no.such.module"\n`, /not reloaded: .*module 'no\.such\.module' not found/, false],
  ['error at start', `${HEAD}kalshi.get_exchange_status()\nerror "at start"\n`, /not reloaded: .*at start/, false],
  ['error in the first event', `${HEAD}
for book in kalshi.book(state.ticker):changes() do error "first event" end\n`, /rolled back: .*first event/, true],
  ['endless start', `${HEAD}while true do end\n`, /not reloaded: .*ran for more than 300 ms/, false],
  ['memory at start', `${HEAD}local t = {}\nfor i = 1, 1e9 do t[i] = ("x"):rep(100) .. i; if i % 100 == 0 then task.yield() end end\n`,
    /not reloaded: .*not enough memory/, false],
  ['incompatible state', `${HEAD}kalua.migrate(5, function(s) return s end)\nwhile true do task.sleep(1) end\n`,
    /not reloaded: .*kalua\.state is of schema 1/, false],
  ['error after 5 s', `${HEAD}task.sleep(5)\nerror "after five seconds"\n`, /rolled back: .*after five seconds/, true],
  ['deadlock', `${HEAD}local a, b = task.channel(1), task.channel(1)
task.spawn(function() a:recv(); b:send(1) end)\ntask.sleep(0.05)\nb:recv()\na:send(1)\n`, /rolled back: deadlock/, true],
  ['orders refused', `${HEAD}
while true do
  kalshi.create_order{ ticker = "NO-SUCH-MARKET", side = "bid", price = 0.5, count = 1, time_in_force = "good_till_canceled",
    self_trade_prevention_type = "taker_at_cross" }
end\n`, /rolled back: .*http/, true],
];

test('ten kinds of wrong', async () => {
  const file = path.join(tempDir(), 'bot.lua');
  const save = (text) => {
    fs.writeFileSync(`${file}.new`, text);
    fs.renameSync(`${file}.new`, file);
  };
  save(GOOD);
  const bot = spawn(KALUA, ['run', '--quiet', '--cpu-ms', '300', '--mem', '4', file], { env: cleanEnv() });
  const ended = new Promise((r) => bot.on('close', r));
  let out = '';
  let err = '';
  bot.stdout.on('data', (d) => { out += d; });
  bot.stderr.on('data', (d) => { err += d; });
  const earned = () => [...out.matchAll(/^earned\t(\d+)\t(\d+)$/gm)].map((m) => ({ by: Number(m[1]), n: Number(m[2]) }));
  const more = async (what, k = 3) => {
    const before = earned().length;
    await until(what, () => {
      assert.equal(bot.exitCode, null, err);
      return earned().length >= before + k;
    });
  };
  try {
    await more('the first orders');
    for (const [what, source, said] of WRONG) {
      const from = err.length;
      save(source);
      await until(what, () => said.test(err.slice(from))).catch((e) => { throw new Error(`${e.message}: ${err.slice(from)}`); });
      assert.match(err.slice(from), /\(generation 1 goes on( again)?\)/, what);
      await more(`orders after ${what}`);
    }
    save(`${GOOD}-- right again\n`);
    await until('the next version', () => /reloaded in [\d.]+ ms, generation 6$/m.test(err));
    await more('orders of the next version');
  } finally {
    bot.kill('SIGTERM');
    await ended;
  }
  // Only the versions that are right have earned. No number is missing and none is there twice, but for the one whose order was
  // under way when the last version took over: it was sent, and nobody was there any more to say so.
  const list = earned();
  const last = list.at(-1).by;
  assert.deepEqual([...new Set(list.map((x) => x.by))], [1, last]);
  list.slice(1).forEach((x, i) => assert.ok(x.n === list[i].n + 1 || (x.by !== list[i].by && x.n === list[i].n + 2), `${list[i].n}, ${x.n}`));
  assert.equal(WRONG.filter((w) => w[3]).length, (err.match(/rolled back: /g) ?? []).length);
});
