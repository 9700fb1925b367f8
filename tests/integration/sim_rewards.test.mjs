// A liquidity programme pays who rests orders in its market, and nobody else.
import assert from 'node:assert/strict';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { Sim, sleep, tempDir, until } from './peers.mjs';
import { restErrors } from './schema.mjs';

let sim;
const args = ['--seed', '7', '--quiet-market', '--speed', '1000', '--users', '2', '--state', path.join(tempDir(), 'state')];
before(async () => { sim = await Sim.start(...args); });
after(() => sim?.stop());

const deposits = async (user) => {
  const { status, body } = await sim.rest('GET', '/portfolio/deposits', undefined, { user });
  assert.equal(status, 200);
  assert.deepEqual(restErrors('GetDeposits', status, body), []);
  return body.deposits;
};

test('resting on both sides of a book earns the reward for that time', async () => {
  // A market that lives on, with a programme that has a while to run.
  const programme = await until('a programme', async () => {
    const { incentive_programs: all } = (await sim.rest('GET', '/incentive_programs?status=active&limit=1000')).body;
    return all.find((p) => /^KX(FED|CPI|HOUSE)/.test(p.market_ticker) && Date.parse(p.end_date) - Date.now() > 10000);
  });
  const before = await Promise.all([0, 1].map((user) => deposits(user)));
  for (const [side, price] of [['bid', '0.2000'], ['ask', '0.8000']]) {
    const made = await sim.rest('POST', '/portfolio/events/orders', { ticker: programme.market_ticker, side, price, count: '300.00',
      time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' });
    assert.equal(made.status, 201, JSON.stringify(made.body));
  }
  // What was earned before a kill is paid after it, too, though nothing rests any more.
  await sleep(4000);
  assert.equal((await sim.rest('DELETE', '/portfolio/events/orders')).status, 204);
  sim.process.kill('SIGKILL');
  await sim.ended;
  sim = await Sim.start(...args);
  const paid = await until('the reward', async () => {
    const now = await deposits(0);
    return now.length > before[0].length && now[0];
  }, 45000);
  assert.ok(Date.now() > Date.parse(programme.end_date), 'not before the end of the period');
  const most = programme.period_reward / 100; // centi-cents to cents
  const amount = paid.amount_cents;
  // At least one second of the 22 that it lasts: how many are counted is the machine's affair.
  assert.ok(amount > most * 0.04 && amount <= most, `${amount} of ${most} cents`);
  const { incentive_programs: done } = (await sim.rest('GET', '/incentive_programs?status=paid_out&limit=10000')).body;
  assert.ok(done.some((p) => p.id === programme.id && p.paid_out));
  await sleep(300);
  assert.equal((await deposits(1)).length, before[1].length, 'who rested nothing is paid nothing');
});
