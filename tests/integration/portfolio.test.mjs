// What trading has come to, as two scripts in the same markets of one account see it: at every moment at which nothing is
// on its way the account's portfolio is what the exchange's own lists say, to the last digit, the scripts' together with
// what others did on the account are the account's, and settled markets are paid to whoever held them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import test, { after, before } from 'node:test';
import { all } from './order_record.mjs';
import { KALUA, Sim, cleanEnv, tempDir, until } from './peers.mjs';

let sim, tickers, p;
const said = {};
let marks = 0, err = '';

// Trades for some time, then is quiet for a longer one, in which it says what it has.
const script = `
local kalshi, task, json, kalua = require "kalshi", require "task", require "json", require "kalua"
local tickers = { table.unpack(kalua.args) }
kalshi.positions() -- from here on the account is kept
local resting = {}
local function trade()
  local side = math.random(2) == 1 and "bid" or "ask"
  local rests = math.random(4) == 1
  local o = kalshi.create_order{
    ticker = tickers[math.random(#tickers)], side = side, count = math.random(300) / 100,
    price = rests and (side == "bid" and 0.45 or 0.55) or side == "bid" and 0.99 or 0.01,
    time_in_force = rests and "good_till_canceled" or "immediate_or_cancel",
    self_trade_prevention_type = math.random(2) == 1 and "maker" or "taker_at_cross",
  }
  if o.remaining_count > 0 then resting[#resting + 1] = o.order_id end
end
while true do
  if kalua.now() % 4 < 0.7 then
    pcall(trade)
    task.sleep(0.03)
  else
    for _, id in ipairs(resting) do pcall(kalshi.cancel_order, id) end
    resting = {}
    local one, two = kalshi.portfolio{ script = "one" }, kalshi.portfolio{ script = "two" }
    print(json.encode{ own = kalshi.portfolio(), one = one, two = two, account = kalshi.portfolio{ account = true },
      positions = kalshi.positions() })
    task.sleep(0.08)
  end
end
`;

before(async () => {
  sim = await Sim.start('--speed', '20');
  tickers = (await sim.rest('GET', '/markets?limit=200&status=open')).body.markets
    .filter((m) => Number(m.yes_bid_size_fp) > 0 && Number(m.yes_ask_size_fp) > 0 && m.price_ranges.some((r) => r.step === '0.0100'))
    .sort((a, b) => b.close_time.localeCompare(a.close_time)).slice(0, 5).map((m) => m.ticker);
  const cwd = tempDir();
  for (const name of ['one', 'two']) fs.writeFileSync(path.join(cwd, `${name}.lua`), script);
  fs.writeFileSync(path.join(cwd, 'kalua.lua'),
    `return { scripts = { { "one.lua", args = { ${tickers.map((t) => `"${t}"`)} } }, { "two.lua", args = { ${tickers.map((t) => `"${t}"`)} } } } }`);
  p = spawn(KALUA, ['run', '--quiet', cwd], { cwd, env: { ...cleanEnv(), ...sim.env() } });
  p.stderr.on('data', (d) => { err += d; });
  readline.createInterface({ input: p.stdout }).on('line', (l) => {
    const [, name, text] = l.match(/^\[(\w+)\] (.*)$/);
    said[name] = { ...JSON.parse(text), times: (said[name]?.times ?? 0) + 1 };
  });
});
after(() => { p?.kill('SIGKILL'); return sim?.stop(); });

const listed = async () => ({
  positions: (await sim.rest('GET', '/portfolio/positions?limit=1000&settlement_status=all')).body.market_positions,
  settlements: (await sim.rest('GET', '/portfolio/settlements?limit=1000')).body.settlements,
  fills: await all(sim, '/portfolio/fills'),
});
const ended = () => (p.exitCode !== null ? Promise.reject(new Error(`it ended: ${err}`)) : false);

// Payouts are asked for at intervals and not told, so both learn of them a little after the exchange's list has them.
const paidOut = ({ one, two }, settlements) => [one, two].every(({ account }) => {
  const paid = byTicker(account.settled), held = byTicker(account.positions);
  return settlements.every(({ ticker: t }) => paid[t] || !held[t]);
});

// What both say, and what the exchange lists, while that does not change.
async function quiet() {
  for (;;) {
    const lists = await listed();
    const times = (name) => said[name]?.times ?? 0, from = { one: times('one'), two: times('two') };
    // What they said first may have been on its way before.
    await until('both to speak', () => ended() || ['one', 'two'].every((name) => times(name) >= from[name] + 2));
    await until('the payouts to be known', () => ended() || paidOut(said, lists.settlements));
    const { one, two } = said;
    if (JSON.stringify(await listed()) === JSON.stringify(lists)) return { one, two, ...lists };
  }
}

const near = (a, b, what) => assert.ok(Math.abs(a - b) < 5e-7, `${what}: ${a} is not ${b}`);
const sum = (list, of) => list.reduce((s, x) => s + of(x), 0);
const byTicker = (list) => Object.fromEntries(list.map((x) => [x.ticker, x]));

// Of one moment, since marks move, and where all are known.
function profits({ one, two, account }, others) {
  const marked = [one, two, account].every((x) => x.positions.every((h) => h.mark !== undefined));
  if (!marked || others.fees) return;
  near(one.profit + two.profit, account.profit, 'profit of both');
  marks++;
}

function compare({ one, two, positions, settlements, fills }, others = { fees: 0, held: {} }) {
  for (const { account, positions: rows } of [one, two]) {
    const held = byTicker(account.positions), paid = byTicker(account.settled), known = byTicker(rows);
    const settled = new Set(settlements.map((s) => s.ticker));
    for (const row of positions) {
      const h = held[row.ticker], s = paid[row.ticker], k = known[row.ticker];
      if (settled.has(row.ticker)) {
        assert.ok(s, `${row.ticker} has settled: ${JSON.stringify(h)}`);
        near(s.realized_pnl, Number(row.realized_pnl_dollars), `realized of ${row.ticker}, which settled`);
        near(s.fees_paid, Number(row.fees_paid_dollars), `fees of ${row.ticker}, which settled`);
        continue;
      }
      near(h?.position ?? 0, Number(row.position_fp), `position in ${row.ticker}`);
      near(k.position, Number(row.position_fp), `kalshi.positions of ${row.ticker}`);
      if (!h) continue;
      near(h.exposure, Number(row.market_exposure_dollars), `cost of ${row.ticker}`);
      near(h.realized_pnl, Number(row.realized_pnl_dollars), `realized of ${row.ticker}`);
      near(h.fees_paid, Number(row.fees_paid_dollars), `fees of ${row.ticker}`);
      const worth = h.position > 0 ? h.mark : 1 - h.mark;
      if (h.mark !== undefined) near(worth * Math.abs(h.position) - h.exposure, h.unrealized_pnl, `unrealized of ${row.ticker}`);
      assert.equal(h.outcome_side, h.position > 0 ? 'yes' : 'no');
      near(k.average_price, h.average_price, `average price of ${row.ticker}`);
    }
    near(account.fees, sum(positions, (r) => Number(r.fees_paid_dollars)), 'fees');
    near(account.realized, sum(positions, (r) => Number(r.realized_pnl_dollars)), 'realized');
    near(account.profit, account.realized + account.unrealized - account.fees, 'profit');
    assert.equal(account.fills, fills.length);
  }
  for (const said of [one, two]) profits(said, others);
  const a = two.account;
  near(one.own.fees + two.own.fees + others.fees, a.fees, 'fees of both');
  for (const t of tickers) {
    const of = (list) => byTicker(list)[t]?.position ?? 0;
    near(of(one.own.positions) + of(two.own.positions) + (others.held[t] ?? 0), of(a.positions), `position of both in ${t}`);
  }
}

test('at every quiet moment the account is as the exchange lists it, and the scripts together are the account', async () => {
  let rounds = 0, fills = 0;
  while (rounds < 2) {
    const s = await quiet();
    compare(s);
    assert.equal(s.one.own.script, 'one');
    if (s.fills.length > fills && s.one.own.fills > 0 && s.two.own.fills > 0) rounds++;
    fills = s.fills.length;
  }
  assert.ok(marks > 0);
});

test('what settles is paid to those who held it', async () => {
  const [yes, no, open] = await until('three markets to be held', async () => {
    const { one, two } = await quiet();
    const held = one.account.positions.map((h) => h.ticker);
    const both = tickers.filter((t) => held.includes(t) && [one, two].some(({ own }) => byTicker(own.positions)[t]));
    return both.length >= 3 && both;
  });
  await sim.trigger('settle', { market: yes, result: 'yes' });
  await sim.trigger('settle', { market: no, result: 'no' });
  await sim.trigger('determine', { market: open, result: 'yes' });
  const s = await until('the payouts', async () => {
    const now = await quiet();
    const paid = byTicker(now.one.account.settled);
    const worth = byTicker(now.one.account.positions)[open]; // which is asked for, too
    return paid[yes] && paid[no] && (!worth || worth.mark === 1) && now;
  });
  compare(s);
  const worth = byTicker(s.one.account.positions)[open];
  if (worth) assert.equal(worth.mark, 1, 'a result that is known is what it is worth');
  const flat = (list, t) => byTicker(list)[t];
  for (const t of [yes, no]) {
    const [a, b, all] = [s.one.own.settled, s.two.own.settled, s.one.account.settled].map((list) => flat(list, t));
    near((a?.realized_pnl ?? 0) + (b?.realized_pnl ?? 0), all.realized_pnl, `realized of both in ${t}`);
    assert.equal(all.settlement, t === yes ? 1 : 0);
  }
});

test('what others do on the account is the account\'s alone', async () => {
  const { markets } = (await sim.rest('GET', `/markets?tickers=${tickers.join()}`)).body;
  const { ticker } = markets.find((m) => m.status === 'active' && Number(m.yes_ask_size_fp) > 0);
  const { status, body } = await sim.rest('POST', '/portfolio/events/orders', { ticker, side: 'bid', price: '0.9900', count: '3.00',
    client_order_id: 'another-program', time_in_force: 'immediate_or_cancel', self_trade_prevention_type: 'maker' });
  assert.equal(status, 201, JSON.stringify(body));
  const s = await quiet();
  const mine = s.fills.filter((f) => f.order_id === body.order_id);
  compare(s, { fees: sum(mine, (f) => Number(f.fee_cost)), held: { [ticker]: sum(mine, (f) => Number(f.count_fp)) } });
});

test('nothing had to be taken over from the exchange', () => {
  assert.doesNotMatch(err, /portfolio.*from now on/);
});
