// kalua kill: all trading of this user stops, also that of a process that hangs, and does not begin again by itself.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, tempDir, until } from './peers.mjs';

const trader = (price, more = '') => `local kalshi, task, kalua = require "kalshi", require "task", require "kalua"
local t = kalshi.get_markets { status = "open", limit = 1 }.markets[1].ticker
local function quote()
  kalshi.create_order { ticker = t, side = "bid", price = ${price}, count = 1, time_in_force = "good_till_canceled",
    self_trade_prevention_type = "taker_at_cross" }
end
for _ = 1, 3 do quote() end
print "up"
kalua.on_stop(function() task.sleep(2) print "this is not to be waited for" end)
${more}
while true do task.sleep(0.05) end`;

// What rested is counted beside the cancel, which does not wait for it: where the count comes second it finds nothing.
const cleared = (orders) => `(${orders} canceled, none left|no orders left)`;

describe('kalua kill', () => {
  let sim;
  const running = [], home = tempDir();
  const env = (user) => ({ ...sim.env(user), XDG_STATE_HOME: home });
  before(async () => { sim = await Sim.start('--quiet-market', '--users', '3'); });
  after(async () => {
    running.forEach((r) => { if (r.p.exitCode === null) r.p.kill('SIGKILL'); });
    await sim?.stop();
  });

  async function run(name, text, user, files = {}, settings = env(user)) {
    const cwd = tempDir();
    for (const [file, content] of Object.entries(files)) fs.writeFileSync(path.join(cwd, file), content, { mode: 0o600 });
    fs.writeFileSync(path.join(cwd, name), text);
    const p = spawn(KALUA, ['--quiet', name], { cwd, env: { ...cleanEnv(), ...settings } });
    const r = { p, out: '', err: '' };
    running.push(r);
    p.stdout.on('data', (d) => { r.out += d; });
    p.stderr.on('data', (d) => { r.err += d; });
    r.ended = new Promise((resolve) => p.on('close', (code, signal) => resolve({ code, signal })));
    await until(name, () => r.out.includes('up') || (p.exitCode !== null && Promise.reject(new Error(r.err))));
    return r;
  }
  const resting = async (user) => (await sim.rest('GET', '/portfolio/orders?status=resting', undefined, { user })).body.orders.length;

  test('every process stops, one that hangs is killed, and nothing rests on their accounts', async () => {
    // The key of its second account is in the file of the profile itself.
    const hung = await run('hung.lua', `local other = require "kalshi".connect{ profile = "second" }
      other.order{ ticker = other.get_markets{ status = "open", limit = 1 }.markets[1].ticker, side = "bid", price = 0.02, count = 1 }
      ${trader(0.03)}`, 1, { '.env.second': `KALSHI_API_KEY_ID=${sim.users[2].key_id}\nKALSHI_PRIVATE_KEY="${fs.readFileSync(sim.users[2].key_path, 'utf8')}"\n` });
    const busy = await run('busy.lua', trader(0.02, 'for _ = 1, 4 do task.spawn(function() while true do quote() end end) end'), 0);
    await until('orders', async () => await resting(0) > 10 && await resting(1) === 3 && await resting(2) === 1);
    hung.p.kill('SIGSTOP');
    // Nor can the one that hangs be reached any more: others wait for it already.
    const folder = path.join(process.env.XDG_RUNTIME_DIR, 'kalua');
    const socket = fs.readdirSync(folder).find((f) => f.endsWith('.sock') && f.includes(String(hung.p.pid)));
    const waiting = Array.from({ length: 200 }, () => net.connect(path.join(folder, socket)).on('error', () => {}));
    const { code, stdout, stderr } = await kalua(['kill'], { env: { XDG_STATE_HOME: home } });
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, new RegExp(`busy \\(\\d+\\): stopped, ${cleared('\\d+ orders')}`));
    assert.match(stdout, /hung \(\d+\): did not answer, and was killed/);
    assert.match(stdout, new RegExp(`account \\S+ on sim: ${cleared('3 orders')}`));
    assert.match(stdout, new RegExp(`account \\S+ on sim, profile second: ${cleared('1 order')}`));
    assert.equal((await busy.ended).code, 130);
    assert.equal((await hung.ended).signal, 'SIGKILL');
    waiting.forEach((s) => s.destroy());
    assert.doesNotMatch(busy.out, /not to be waited for/);
    assert.doesNotMatch(busy.err, / error /);
    assert.deepEqual([await resting(0), await resting(1), await resting(2)], [0, 0, 0]);
    const released = await kalua(['kill', '--release'], { env: { XDG_STATE_HOME: home } });
    assert.equal(released.code, 0, released.stderr);
    assert.match(released.stdout, /allowed again/);
  });

  test('what another program left on the account of the options goes, too', async () => {
    const t = (await sim.rest('GET', '/markets?status=open&limit=1')).body.markets[0].ticker;
    let n = 0;
    await until('an order that is counted', async () => {
      await sim.rest('POST', '/portfolio/events/orders', { ticker: t, side: 'bid', price: '0.0200', count: '5', client_order_id: `x${++n}`,
        time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' });
      assert.equal(await resting(0), 1);
      const { code, stdout } = await kalua(['kill'], { env: env(0) });
      assert.equal(code, 0, stdout);
      assert.match(stdout, new RegExp(cleared('1 order')));
      assert.equal(await resting(0), 0);
      return stdout.includes('1 order canceled');
    });
  });

  test('until it is released nothing is sent to an exchange, whatever is started', async () => {
    const cwd = tempDir();
    fs.writeFileSync(path.join(cwd, 's.lua'), trader(0.02));
    const refused = await kalua(['s.lua'], { cwd, env: env(0) });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /trading was stopped by `kalua kill` at \S+; `kalua kill --release` allows it again/);
    assert.equal(await resting(0), 0);
    const stopped = await kalua(['ps'], { env: { XDG_STATE_HOME: home } });
    assert.equal(stopped.code, 0, stopped.stderr);
    assert.match(stopped.stdout,
      /^trading was stopped by `kalua kill` at \S+; `kalua kill --release` allows it again$/m);
    // An exchange inside the process is no trading.
    const inside = await kalua(['-e', 'kalshi.create_order{ticker=kalshi.get_markets{status="open",limit=1}.markets[1].ticker,side="bid",price=0.01,count=1,time_in_force="good_till_canceled",self_trade_prevention_type="taker_at_cross"}.order_id'], { env: { XDG_STATE_HOME: home } });
    assert.equal(inside.code, 0, inside.stderr);
    assert.equal((await kalua(['kill', '--release'], { env: { XDG_STATE_HOME: home } })).code, 0);
    const ps = await kalua(['ps'], { env: { XDG_STATE_HOME: home } });
    assert.equal(ps.code, 0, ps.stderr);
    assert.doesNotMatch(ps.stdout, /stopped/);
    const again = await run('again.lua', trader(0.02), 0);
    assert.equal(await resting(0), 3);
    again.p.kill('SIGKILL');
    await again.ended;
  });

  test('a key whose exchange is not named is told, since its account is not looked at', async () => {
    const cwd = tempDir();
    const file = (name, text) => fs.writeFileSync(path.join(cwd, name), text, { mode: 0o600 });
    const key = (user) => `KALSHI_API_KEY_ID=${sim.users[user].key_id}\nKALSHI_PRIVATE_KEY_PATH=${sim.users[user].key_path}\n`;
    const state = { XDG_STATE_HOME: home };
    file('.env', key(0)); // the environment stands on the command line of what trades
    file('.env.example', '#KALSHI_API_KEY_ID=\n');
    const bare = await kalua(['kill'], { cwd, env: state });
    assert.match(bare.stdout, new RegExp(`^account ${sim.users[0].key_id}: not looked at, and orders may still rest: .*\`kalua kill --env demo\` or \`kalua kill --env prod\`$`, 'm'), bare.stderr);
    assert.doesNotMatch(bare.stdout, /example|no account is configured/);
    assert.equal(bare.code, 1);
    const inside = await kalua(['kill', '--env', 'sim'], { cwd, env: state });
    assert.doesNotMatch(inside.stdout, /not looked at/, inside.stderr);
    assert.equal(inside.code, 0);
    file('.env', '');
    file('.env.second', key(1));
    file('.env.inside', `KALSHI_ENV=sim\n${key(2)}`); // it can be of no other exchange
    const profile = await kalua(['kill'], { cwd, env: state });
    assert.match(profile.stdout, new RegExp(`^account ${sim.users[1].key_id}, profile second: not looked at`, 'm'), profile.stderr);
    assert.doesNotMatch(profile.stdout, /inside/);
    assert.equal(profile.code, 1);
    fs.rmSync(path.join(cwd, '.env.second'));
    const none = await kalua(['kill'], { cwd, env: state });
    assert.match(none.stdout, /no account is configured/, none.stderr);
    assert.equal(none.code, 0);
    assert.equal((await kalua(['kill', '--release'], { env: state })).code, 0);
    // Not where the process that trades with it has cleared its account.
    const quiet = await run('quiet.lua', trader(0.02), 0);
    file('.env', key(0));
    const last = await kalua(['kill'], { cwd, env: state });
    assert.match(last.stdout, new RegExp(`quiet \\(\\d+\\): stopped, ${cleared('\\d+ orders')}`), last.stderr);
    assert.doesNotMatch(last.stdout, /not looked at/);
    assert.equal(last.code, 0);
    await quiet.ended;
    assert.equal((await kalua(['kill', '--release'], { env: state })).code, 0);
  });

  test('a process without a key has no orders: it is stopped at once, and nothing is said to rest', async () => {
    const { KALSHI_ENV, KALSHI_REST_URL, KALSHI_WS_URL } = env(0);
    const looker = await run('looker.lua', 'print "up" while true do require("task").sleep(0.05) end', 0, {},
      { KALSHI_ENV, KALSHI_REST_URL, KALSHI_WS_URL, XDG_STATE_HOME: home });
    const { code, stdout, stderr } = await kalua(['kill'], { env: { XDG_STATE_HOME: home } });
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /looker \(\d+\): stopped, no orders left/);
    assert.equal((await looker.ended).code, 130);
    assert.equal((await kalua(['kill', '--release'], { env: { XDG_STATE_HOME: home } })).code, 0);
  });

  test('where it cannot be known that nothing rests, the exit code is 1 and it is said', async () => {
    const key = path.join(tempDir(), 'key.pem');
    fs.copyFileSync(sim.key_path, key);
    fs.chmodSync(key, 0o600);
    const gone = { ...env(0), KALSHI_PRIVATE_KEY_PATH: key };
    await sim.stop();
    const { code, stdout, stderr } = await kalua(['kill'], { env: gone, timeout: 60000 });
    assert.equal(code, 1, stdout + stderr);
    assert.match(stdout, /orders may still rest: /);
  });
});
