// scripts/examples/{settlements,rebalancer}.lua on an exchange on which nothing trades but them and this test.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import test from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, root, tempDir, until } from './peers.mjs';

const example = (name) => path.join(root, 'scripts/examples', `${name}.lua`);

let sim, tickers, event;
test.before(async () => {
  sim = await Sim.start('--quiet-market', '--seed', '5');
  const { markets } = (await sim.rest('GET', '/markets?limit=1000&status=open')).body;
  const cents = markets.filter((m) => m.price_ranges.every((r) => r.step === '0.0100') && !m.exchange_index);
  event = cents.find((m) => cents.filter((o) => o.event_ticker === m.event_ticker).length >= 3).event_ticker;
  tickers = cents.filter((m) => m.event_ticker === event).map((m) => m.ticker);
});
test.after(() => sim.stop());

const quote = (market, side, price, count) => sim.trigger('quote', { market, side, price: String(price), count: String(count) });
const trade = (market, side, count, price) => sim.trigger('trade', { market, side, count: String(count), price: String(price) });
const position = async (ticker) => Number((await sim.rest('GET', `/portfolio/positions?ticker=${ticker}`)).body
  .market_positions.find((p) => p.ticker === ticker)?.position_fp ?? 0);
const resting = async () => (await sim.rest('GET', '/portfolio/orders?status=resting')).body.orders;

function start(name, args) {
  const p = spawn(KALUA, ['run', '--quiet', example(name), '--', ...args], { cwd: tempDir(), env: { ...cleanEnv(), ...sim.env() } });
  const run = { process: p, out: '', err: '' };
  p.stdout.on('data', (d) => { run.out += d; });
  p.stderr.on('data', (d) => { run.err += d; });
  run.ended = new Promise((r) => p.on('close', r));
  run.says = (what) => until(`${what}`, () => what.test(run.out) || (p.exitCode !== null && Promise.reject(new Error(run.out + run.err))));
  return run;
}

test('positions go to their targets by resting orders that follow the market, and stay within the band', async () => {
  const [a, b, c] = tickers;
  for (const t of [a, b, c]) {
    await quote(t, 'bid', 0.40, 50);
    await quote(t, 'ask', 0.60, 50);
  }
  // 20 % of 100 dollars in NO of `b`, at half a dollar each and no fee of makers: 40.
  const run = start('rebalancer', ['once', 'budget=100', 'band=10', `${a}=30`, `${b}=-20%`, `${c}=0`]);
  try {
    await until('both orders', async () => (await resting()).length === 2);
    const first = Object.fromEntries((await resting()).map((o) => [o.ticker, `${o.book_side} ${o.yes_price_dollars} ${o.remaining_count_fp}`]));
    assert.deepEqual(first, { [a]: 'bid 0.4000 30.00', [b]: 'ask 0.6000 40.00' });
    await quote(a, 'bid', 0.42, 5); // the order follows
    await until('the better bid', async () => (await resting()).some((o) => o.ticker === a && o.yes_price_dollars === '0.4200'));
    await trade(a, 'ask', 17, 0.42); // 5 of the quote's, 12 of ours
    await until('12 contracts', async () => await position(a) === 12);
    await trade(a, 'ask', 18, 0.42);
    await trade(b, 'bid', 90, 0.60);
    await quote(b, 'ask', 0.60, 10); // without a price a share is no number
    assert.equal(await run.ended, 0, run.err);
    assert.match(run.out, /^all there; fees [\d.]+$/m);
    assert.deepEqual([await position(a), await position(b), await position(c)], [30, -40, 0], run.out);
    assert.deepEqual(await resting(), []);
  } finally {
    run.process.kill('SIGKILL');
  }

  // Within the band nothing is done; the other way it sells.
  const within = await kalua(['run', '--quiet', example('rebalancer'), '--', 'once', 'band=10', `${a}=32`], { env: sim.env() });
  assert.equal(within.code, 0, within.stderr);
  assert.equal(await position(a), 30);
  for (const [args, said] of [[[`${a}=5%`], /budget=DOLLARS/], [['budget=5', `${a}=60%`, `${b}=-60%`], /add up to 120 %/], [['fast'], /fast: TICKER=COUNT/]]) {
    const wrong = await kalua(['run', '--quiet', example('rebalancer'), '--', ...args], { env: sim.env() });
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, said);
  }
});

test('what settled is told as it comes, and afterwards for each market, each event and in total', async () => {
  const [a, b] = tickers;
  const live = start('settlements', ['live']);
  try {
    await live.says(/profit\n/);
    await sim.trigger('settle', { market: a, result: 'yes' });
    await live.says(new RegExp(`^${a} +yes +30\\.00 +0\\.00 .* 30\\.00 `, 'm'));
    await sim.trigger('settle', { market: b, result: 'yes' });
    await live.says(/^2 since the start/m);
  } finally {
    live.process.kill('SIGINT');
    await live.ended;
  }
  const { settlements } = (await sim.rest('GET', '/portfolio/settlements')).body;
  const sum = (f) => settlements.reduce((x, s) => x + f(s), 0);
  const profit = sum((s) => s.revenue / 100 - Number(s.yes_total_cost_dollars) - Number(s.no_total_cost_dollars) - Number(s.fee_cost));
  const day = (offset) => new Date(Date.now() + offset * 86400e3).toISOString().slice(0, 10);
  const all = await kalua(['run', '--quiet', example('settlements'), '--', day(-1), day(1)], { env: sim.env() });
  assert.equal(all.code, 0, all.stderr);
  const last = all.stdout.trim().split('\n').at(-1);
  assert.match(last, /^2 markets of 1 events +30\.00 +40\.00 /);
  assert.equal(Number(last.trim().split(/ +/).at(-1)), Number(profit.toFixed(2)));
  assert.match(all.stdout, new RegExp(`^ {2}${event} `, 'm'));
  const before = await kalua(['run', '--quiet', example('settlements'), '--', '2001-01-01', '2001-12-31'], { env: sim.env() });
  assert.equal(before.stdout, 'nothing has settled\n');
  const wrong = await kalua(['run', '--quiet', example('settlements'), '--', '2001-02-29'], { env: sim.env() });
  assert.match(wrong.stderr, /there is no day 2001-02-29/);
});
