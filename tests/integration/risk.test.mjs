// Risk limits over versions of a script, and the breaker: a script that has lost too much is stopped, its orders are
// canceled, and it is a person who lets it go on, whatever was restarted meanwhile.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, tempDir, until } from './peers.mjs';

const ORDER = `local function order(side, price, count, tif)
  return kalshi.create_order { ticker = T, side = side, price = price, count = count, time_in_force = tif or "good_till_canceled",
    self_trade_prevention_type = "taker_at_cross" }
end`;

describe('risk limits', () => {
  let sim, ticker;
  const running = [], home = tempDir();
  const env = () => ({ ...sim.env(0), XDG_STATE_HOME: home });
  before(async () => {
    sim = await Sim.start('--quiet-market', '--users', '2', '--speed', '0.01', '--markets', '40');
    const { body } = await sim.rest('GET', '/markets?status=open&limit=1000');
    ticker = body.markets.find((m) => Date.parse(m.close_time) > Date.now() + 12 * 3600e3).ticker;
  });
  after(async () => {
    running.forEach((r) => { if (r.p.exitCode === null) r.p.kill('SIGKILL'); });
    await sim?.stop();
  });

  function run(cwd, ...args) {
    const p = spawn(KALUA, ['run', '--quiet', ...args], { cwd, env: { ...cleanEnv(), ...env() } });
    const r = { p, out: '', err: '' };
    running.push(r);
    p.stdout.on('data', (d) => { r.out += d; });
    p.stderr.on('data', (d) => { r.err += d; });
    r.ended = new Promise((resolve) => p.on('close', (code) => resolve(code)));
    r.said = (text) => until(text, () => r.out.includes(text) || r.err.includes(text) ||
      (p.exitCode !== null && Promise.reject(new Error(`ended without ${text}: ${r.out}${r.err}`))));
    return r;
  }
  const script = (body) => `local kalshi, task, kalua = require "kalshi", require "task", require "kalua"\nlocal T = ${JSON.stringify(ticker)}\n${ORDER}\n${body}`;
  const other = (side, price, count) => sim.rest('POST', '/portfolio/events/orders', { ticker, side, price, count,
    time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' }, { user: 1 });

  test('what a version asks for holds while it runs; what is configured stays', async () => {
    const dir = tempDir(), file = path.join(dir, 'v.lua');
    const version = (n, more = '') => fs.writeFileSync(file, script(`${more}
print("version ${n}: " .. kalshi.limits().max_position)
while true do task.sleep(0.1) end -- ${n}`));
    fs.writeFileSync(path.join(dir, 'kalua.lua'), 'return { scripts = { "v.lua" }, risk = { max_position = 10 } }');
    version(1, 'kalshi.limits{ max_position = 5 }');
    const r = run(dir, '--probation', '600');
    await r.said('version 1: 5.0');
    version(2);
    await r.said('version 2: 10.0');
    // It tightens, proves wrong and is undone: what the one before had holds again.
    fs.writeFileSync(file, script(`kalshi.limits{ max_position = 1 }
local ok, e = pcall(kalshi.limits, { max_position = 2 })
print("version 3: " .. tostring(e))
task.sleep(0.3)
error "wrong" -- 3`));
    await r.said('version 3: validation: max_position cannot be made 2 contracts: it is 1 contracts, as this version asked before');
    await r.said('rolled back');
    const { stdout } = await kalua(['attach', 'v', '-e', 'kalua.generation, kalshi.limits().max_position'], { env: env() });
    assert.match(stdout, /^1, 5(\.0)?\s*$/); // to the last one that had outlived its probation
    // Reading is allowed to who only looks, tightening is not.
    const armed = await kalua(['attach', 'v', '-e', 'kalshi.limits{ max_position = 1 }'], { env: env() });
    assert.notEqual(armed.code, 0);
    assert.match(armed.stdout + armed.stderr, /permission/);
    r.p.kill('SIGINT');
    assert.equal(await r.ended, 130);
  });

  test('a loss beyond max_daily_loss halts the script until a person resumes it', async () => {
    const dir = tempDir();
    await other('ask', '0.6000', '20.00');
    await other('bid', '0.4000', '20.00');
    fs.writeFileSync(path.join(dir, 'loser.lua'), script(`
kalua.on_stop(function(why) print("loser ends: " .. why) end)
local rests, e = pcall(order, "bid", 0.02, 1)
print(rests and "loser begins" or "loser refused: " .. e.code .. ": " .. e.message)
pcall(function()
  order("bid", 0.6, 5, "immediate_or_cancel")
  order("ask", 0.4, 5, "immediate_or_cancel")
end)
while true do task.sleep(0.1) end`));
    fs.writeFileSync(path.join(dir, 'other.lua'), script('while true do task.sleep(0.1) end'));
    fs.writeFileSync(path.join(dir, 'kalua.lua'), 'return { scripts = { { "loser.lua", risk = { max_daily_loss = 0.9 } }, "other.lua" } }');
    const resting = async () => (await sim.rest('GET', '/portfolio/orders?status=resting')).body.orders.length;
    let r = run(dir, '--state', 'state');
    await r.said('loser begins');
    await r.said('loser ends: exit');
    await until('why', () => /loser.*halted: lost 1\.\d\d dollars today, and max_daily_loss is 0\.9 dollars/.test(r.err));
    await until('its orders to be canceled', async () => await resting() === 0);
    const refused = await kalua(['start', 'loser'], { env: env() });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /loser is halted: lost 1\.\d\d dollars today.*`kalua start loser --resume`/);
    r.p.kill('SIGINT');
    await r.ended;
    // The next process knows it, too.
    r = run(dir, '--state', 'state');
    await r.said('loser refused: halted: loser is halted: lost 1.');
    const lifted = await kalua(['start', 'loser', '--resume'], { env: env() });
    assert.equal(lifted.code, 0, lifted.stderr);
    assert.match(lifted.stdout, /\[loser\] resumed/);
    r.p.kill('SIGINT');
    await r.ended;
    // From here on its loss counts anew: it may lose as much again, and then it is halted again.
    r = run(dir, '--state', 'state');
    await r.said('loser begins');
    await r.said('loser ends: exit');
    await until('the end of it', async () => JSON.parse((await kalua(['ps', '--json'], { env: env() })).stdout)
      .find((s) => s.name === 'loser').phase === 'ended');
    const started = await kalua(['start', 'loser', '--resume'], { env: env() });
    assert.equal(started.code, 0, started.stderr);
    assert.match(started.stdout, /\[loser\] started/);
    r.p.kill('SIGINT');
    await r.ended;
  });

  test('limits of the account come from options and the environment', async () => {
    const dir = tempDir();
    fs.writeFileSync(path.join(dir, 's.lua'), script(`local a = kalshi.limits().account
print(a.max_exposure, a.max_order_count, a.min_balance, a.self_cross)
print(select(2, pcall(order, "bid", 0.5, 4)))`));
    fs.writeFileSync(path.join(dir, '.env'), 'KALUA_RISK=max_exposure=100,max_order_count=9\n');
    const { stdout, code } = await kalua(['--quiet', '--risk', 'max_order_count=3', '--risk', 'self_cross=false', 's.lua'], { cwd: dir, env: env() });
    assert.equal(code, 0);
    assert.match(stdout, /^100\.0\t3\.0\tnil\tfalse$/m);
    assert.match(stdout, /risk: account: an order for 4 contracts in \S+ is too large, and max_order_count is 3/);
    const wrong = await kalua(['--risk', 'max_ordr_count=3', 's.lua'], { cwd: dir, env: env() });
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--risk: no limit is called "max_ordr_count"; did you mean max_order_count\?/);
    fs.writeFileSync(path.join(dir, '.env'), 'KALUA_RISK=max_exposure\n');
    const file = await kalua(['s.lua'], { cwd: dir, env: env() });
    assert.equal(file.code, 3);
    assert.match(file.stderr, /KALUA_RISK: a limit is NAME=VALUE, as in max_position=100, and "max_exposure" is none/);
  });
});
