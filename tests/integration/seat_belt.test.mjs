// The seat belt and leases against an exchange: what it holds when the process does not, and what it does not lose.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';
import { KALUA, Sim, becomes, cleanEnv, kalua, tempDir, until } from './peers.mjs';

describe('on the exchange’s side', { concurrency: true }, () => {
  let sim, markets;
  const running = [], homes = [tempDir(), tempDir(), tempDir(), tempDir()]; // kalua kill reaches those of one of them
  const env = (user) => ({ ...sim.env(user), XDG_STATE_HOME: homes[user], XDG_RUNTIME_DIR: homes[user] });
  before(async () => {
    sim = await Sim.start('--quiet-market', '--users', '5');
    markets = (await sim.rest('GET', '/markets?status=open&limit=4')).body.markets.map((m) => m.ticker);
  });
  after(async () => {
    running.forEach((r) => { if (r.p.exitCode === null) r.p.kill('SIGKILL'); });
    await sim?.stop();
  });

  // Each user of a market of its own.
  const text = (body, user) => `local kalshi, task = require "kalshi", require "task"\nlocal t = "${markets[user]}"\n${body}`;
  async function run(name, body, user, ...options) {
    const cwd = tempDir();
    fs.writeFileSync(path.join(cwd, `${name}.lua`), text(body, user));
    fs.writeFileSync(path.join(cwd, 'stay.lua'), 'require "task".sleep(1000)');
    const p = spawn(KALUA, ['run', '--quiet', '--state', 's', ...options, `${name}.lua`, 'stay.lua'], { cwd, env: { ...cleanEnv(), ...env(user) } });
    const r = { p, out: '', err: '', cwd };
    running.push(r);
    p.stdout.on('data', (d) => { r.out += d; });
    p.stderr.on('data', (d) => { r.err += d; });
    r.ended = new Promise((resolve) => p.on('close', (code) => resolve(code)));
    return r;
  }
  // Somebody takes what rests.
  const take = (user, price, count) => sim.rest('POST', '/portfolio/events/orders', { ticker: markets[user], side: 'ask', price, count,
    time_in_force: 'immediate_or_cancel', self_trade_prevention_type: 'taker_at_cross' }, { user: 4 });
  const says = (r, text) => until(text, () => r.out.includes(text)
    || (r.p.exitCode !== null && Promise.reject(new Error(r.err + r.out))));
  const resting = async (user) => (await sim.rest('GET', '/portfolio/orders?status=resting', undefined, { user })).body.orders;
  const groups = async (user) => (await sim.rest('GET', '/portfolio/order_groups', undefined, { user })).body.order_groups ?? [];

  test('too many fills trigger the group, which stops the script until a person resumes it', async () => {
    const r = await run('belted', `
      for _ = 1, 3 do kalshi.order { ticker = t, side = "bid", price = 0.02, count = 4 } end
      print "up"
      while true do task.sleep(0.05) end`, 0, '--order-groups', '5');
    await says(r, 'up');
    const [group] = await groups(0);
    assert.equal(group.contracts_limit_fp, '5.00');
    assert.deepEqual((await resting(0)).map((o) => o.order_group_id), Array(3).fill(group.id));
    await take(0, '0.0200', '8');
    await until('the breaker', () => /belted is halted: its order group was triggered at the exchange: more than 5 contracts in 15 s/.test(r.err));
    assert.deepEqual(await resting(0), []);
    fs.writeFileSync(path.join(r.cwd, 'belted.lua'), text(`
      local o = kalshi.order { ticker = t, side = "bid", price = 0.02, count = 1 }
      print("again", o.group_id, o.own_group_id)
      o:cancel()
      while true do task.sleep(0.05) end`, 0));
    const refused = await kalua(['start', 'belted'], { env: env(0) });
    assert.match(refused.stderr, /belted is halted: its order group was triggered/);
    const resumed = await kalua(['start', 'belted', '--resume'], { env: env(0) });
    assert.equal(resumed.code, 0, resumed.stderr);
    await says(r, 'again');
    assert.ok(r.out.includes(`again\t${group.id}\tnil`), r.out);
    assert.deepEqual((await groups(0)).map((g) => g.is_auto_cancel_enabled), [true]);
    r.p.kill('SIGINT');
    await r.ended;
    assert.deepEqual(await groups(0), [], 'nothing rested at the end, so there is no group any more');
  });

  test('kalua kill triggers the group, and the next run goes on with it', async () => {
    const body = `
      kalshi.order { ticker = t, side = "bid", price = 0.02, count = 4 }
      print "up"
      while true do task.sleep(0.05) end`;
    const r = await run('killed', body, 1, '--order-groups', '50');
    await says(r, 'up');
    const [group] = await groups(1);
    const { code, stdout, stderr } = await kalua(['kill'], { env: env(1) });
    assert.equal(code, 0, stdout + stderr);
    await r.ended;
    assert.deepEqual(await resting(1), []);
    assert.deepEqual((await groups(1)).map((g) => [g.id, g.is_auto_cancel_enabled]), [[group.id, false]]);
    assert.equal((await kalua(['kill', '--release'], { env: env(1) })).code, 0);
    const p = spawn(KALUA, ['run', '--quiet', '--state', 's', '--order-groups', '50', 'killed.lua'], { cwd: r.cwd, env: { ...cleanEnv(), ...env(1) } });
    running.push({ p });
    await until('an order of the next run', async () => (await resting(1)).some((o) => o.order_group_id === group.id));
    p.kill('SIGKILL');
  });

  test('leased orders are renewed with what is left of them', async () => {
    const r = await run('leased', `
      local o = kalshi.order { ticker = t, side = "bid", price = 0.03, count = 7 }
      print "up"
      while o.filled < 2 do task.sleep(0.01) end
      local first = o.id
      repeat o:wait(20) until o.id ~= first and o.status == "resting"
      print("renewed", o.reason, o.count, o.filled, o.remaining, kalshi.find_order(first) == o, #kalshi.own_orders { status = "all" })
      while true do task.sleep(0.05) end`, 2, '--lease', '5');
    await says(r, 'up');
    await until('what is taken', async () => (await take(2, '0.0300', '2')).body.fill_count === '2.00'); // none, while it is renewed
    await says(r, 'renewed');
    assert.match(r.out, /renewed\s+lease\s+7(\.0)?\s+2(\.0)?\s+5(\.0)?\s+true\s+1/);
    await becomes('what is left, but at the moment of a renewal', ['5.00'], async () => (await resting(2)).map((o) => o.remaining_count_fp));
    r.p.kill('SIGKILL');
  });

  test('a process that is stopped loses its leased orders within the lease, and no others', async () => {
    const r = await run('stopped', `
      kalshi.order { ticker = t, side = "bid", price = 0.03, count = 7 }
      kalshi.order { ticker = t, side = "bid", price = 0.02, count = 2, expires_in = 600 }
      print "up"
      while true do task.sleep(0.05) end`, 3, '--lease', '5');
    await says(r, 'up');
    await until('both, but at the moment of a renewal', async () => (await resting(3)).length === 2);
    r.p.kill('SIGSTOP');
    await until('the lease to end', async () => (await resting(3)).length === 1);
    assert.deepEqual((await resting(3)).map((o) => o.yes_price_dollars), ['0.0200']);
    r.p.kill('SIGKILL');
  });
});
