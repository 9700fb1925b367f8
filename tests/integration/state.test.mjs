// kalua.state over a restart: `--state FILE`.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, tempDir, until } from './peers.mjs';

let sim;
before(async () => { sim = await Sim.start(); });
const started = [];
after(() => {
  started.forEach((p) => p.kill('SIGKILL'));
  return sim?.stop();
});

// Scripts in a folder of their own, with a state file in it.
function folder(scripts) {
  const cwd = tempDir();
  for (const [name, text] of Object.entries(scripts))
    fs.writeFileSync(path.join(cwd, `${name}.lua`), `local kalua, task = require "kalua", require "task"\n${text}`);
  const run = (args, options = {}) => kalua(['--quiet', '--state', 'state', ...args], { cwd, env: sim.env(), ...options });
  const start = (args, shell = '') => {
    const p = spawn('sh', ['-c', `${shell} exec "${KALUA}" --quiet --state state ${args.join(' ')}`],
      { cwd, env: { ...cleanEnv(), ...sim.env() }, stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(p);
    p.out = p.err = '';
    p.stdout.on('data', (d) => { p.out += d; });
    p.stderr.on('data', (d) => { p.err += d; });
    p.ended = new Promise((r) => p.on('close', (code) => r(code)));
    return p;
  };
  return { cwd, run, start };
}

test('a state is there after a restart, with its cycles, numbers and generation; others do not see it', async () => {
  const { cwd, run } = folder({
    one: `local s = kalua.state
      s.n = (s.n or 0) + 1
      s.self = s.self or s
      s.rate, s.whole = s.rate or 0.5, s.whole or 2.0
      print(s.n, kalua.generation, s.self == s, s.rate, s.whole, s.other)
      s.late = true`,
    two: 'print(next(kalua.state)); kalua.state.other = true',
  });
  assert.equal((await run(['one.lua'])).stdout, '1\t1\ttrue\t0.5\t2.0\tnil\n');
  assert.equal((await run(['two.lua'])).stdout, 'nil\n');
  const again = await run(['one.lua']);
  assert.deepEqual([again.code, again.stdout, again.stderr], [0, '2\t2\ttrue\t0.5\t2.0\tnil\n', '']);
  assert.deepEqual(fs.readdirSync(cwd).sort(), ['one.lua', 'state', 'state.orders', 'two.lua']);
  assert.equal(fs.statSync(path.join(cwd, 'state')).mode & 0o777, 0o600);
});

test('the embedded exchange is kept beside it', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), `local kalshi, kalua = require "kalshi", require "kalua"
    local t = kalua.state.ticker or kalshi.get_markets{ limit = 1, status = "open" }.markets[1].ticker
    kalua.state.ticker = t
    if not kalua.state.id then
      kalua.state.id = kalshi.create_order{ ticker = t, side = "bid", price = 0.01, count = 1, time_in_force = "good_till_canceled",
        self_trade_prevention_type = "taker_at_cross" }.order_id
    else
      print(kalshi.get_order(kalua.state.id).order.status)
    end`);
  const run = () => kalua(['--quiet', '--log', 'warn', '--state', 'state', 's.lua'], { cwd });
  const first = await run();
  assert.deepEqual([first.code, first.stderr], [0, '']);
  assert.match((await run()).stdout, /^(resting|executed)\n$/); // it knows the order; a market near its end may have filled it
  assert.deepEqual(fs.readdirSync(cwd).sort(), ['s.lua', 'state', 'state.exchange', 'state.orders']);
  const wrong = await kalua(['--quiet', '--state', 'state.exchange', 's.lua'], { cwd });
  assert.equal(wrong.code, 3);
  assert.match(wrong.stderr, /state\.exchange is the state file of a simulator/);
});

test('kalua.save waits for the disk, and a kill right after it loses nothing', async () => {
  const { run, start } = folder({
    s: `local s = kalua.state
      print("was", s.n)
      if kalua.args[1] then return end
      while true do
        s.n = (s.n or 0) + 1
        kalua.save()
        print(s.n)
        task.sleep(0.001)
      end`,
  });
  let last = 0;
  for (let round = 0; round < 3; round++) {
    const p = start(['s.lua']);
    await until('saved states', () => p.out.split('\n').length > 5);
    p.kill('SIGKILL');
    await p.ended;
    const [was, ...numbers] = p.out.trim().split('\n');
    assert.ok(Number(was.split('\t')[1] === 'nil' ? 0 : was.split('\t')[1]) >= last, was);
    last = Number(numbers.at(-1));
  }
  assert.ok(Number((await run(['s.lua', '--', 'x'])).stdout.split('\t')[1]) >= last);
});

test('a state is saved now and then, and after a swap', async () => {
  const { cwd, run, start } = folder({
    s: `kalua.state.version = 1
      print "up"
      for i = 1, math.huge do kalua.state.n = i; task.sleep(0.05) end`,
  });
  const p = start(['s.lua']);
  const file = path.join(cwd, 'state');
  const size = () => fs.statSync(file).mtimeMs;
  await until('the start', () => p.out.includes('up'));
  for (let i = 0; i < 2; i++) {
    const last = size();
    await until('a save', () => size() > last);
  }
  fs.writeFileSync(path.join(cwd, 's.lua'), `local kalua, task = require "kalua", require "task"
    print("version 2 goes on", kalua.state.version)
    kalua.state.version = 2
    for i = 1, math.huge do kalua.state.n = i; task.sleep(0.05) end`);
  await until('the swap', () => p.out.includes('version 2 goes on\t1'));
  for (let i = 0; i < 3; i++) { // at the swap, and what the new version made of it
    const last = size();
    await until('a save', () => size() > last);
  }
  p.kill('SIGKILL');
  await p.ended;
  fs.writeFileSync(path.join(cwd, 's.lua'), 'local kalua = require "kalua"; print(kalua.state.version, kalua.generation)');
  assert.equal((await run(['s.lua'])).stdout, '2\t3\n');
});

test('a second process with the same file is refused', async () => {
  const { run, start } = folder({ s: 'print "up"; task.sleep(60)', other: '' });
  const p = start(['s.lua']);
  await until('the first', () => p.out.includes('up'));
  const second = await run(['other.lua']);
  assert.equal(second.code, 3);
  assert.match(second.stderr, /another process uses it/);
  p.kill('SIGTERM');
  assert.equal(await p.ended, 130);
  assert.equal((await run(['other.lua'])).code, 0);
});

test('what cannot be saved is said once, with its path, and the last good state stays', async () => {
  const { run } = folder({
    s: `local s = kalua.state
      print(s.good)
      s.good = 1
      kalua.save()
      s.deep = { { refresh = print } }
      local ok, e = pcall(kalua.save)
      print(ok, e.kind, e.message)
      if not kalua.args[1] then task.sleep(3.5) end`,
  });
  const first = await run(['s.lua']);
  assert.match(first.stdout, /^nil\nfalse\tvalidation\tkalua\.state\.deep\[1\]\.refresh: a function is not plain data/);
  assert.equal(first.stderr.match(/what was saved last stays/g).length, 1, first.stderr);
  assert.match(first.stderr, /kalua\.state\.deep\[1\]\.refresh: a function/);
  assert.match((await run(['s.lua', '--', 'x'])).stdout, /^1\n/);
});

test('a full disk is an error in the log, of kalua.save, and at the end', async () => {
  const { run, start } = folder({
    s: `local s = kalua.state
      print(s.text and #s.text)
      if s.text then return end
      s.text = "small"
      kalua.save()
      s.text = ("x"):rep(200000)
      local ok, e = pcall(kalua.save)
      print(ok, e.kind)`,
  });
  const p = start(['s.lua'], 'ulimit -f 100;'); // blocks of 512 bytes
  assert.equal(await p.ended, 3, p.err);
  assert.equal(p.out, 'nil\nfalse\tconfig\n');
  assert.match(p.err, /error state state file state: writing failed/);
  assert.match(p.err, /\nkalua: state file state: writing failed/);
  assert.equal((await run(['s.lua'])).stdout, '5\n');
});

test('a damaged file and one of something else are refused, and left as they are', async () => {
  const { cwd, run } = folder({ s: 'kalua.state.text = ("x"):rep(5000)' });
  assert.equal((await run(['s.lua'])).code, 0);
  const file = path.join(cwd, 'state');
  const bytes = fs.readFileSync(file);
  bytes[bytes.indexOf('xxxxxxxx') + 4] ^= 1;
  fs.writeFileSync(file, bytes);
  const damaged = await run(['s.lua']);
  assert.equal(damaged.code, 3);
  assert.match(damaged.stderr, /state is damaged: .*go back to a copy of it, or name a new file/);
  assert.deepEqual(fs.readFileSync(file), bytes);
  fs.writeFileSync(file, 'my notes');
  const other = await run(['s.lua']);
  assert.equal(other.code, 3);
  assert.match(other.stderr, /state is not a state file of Kalua/);
  assert.equal(fs.readFileSync(file, 'utf8'), 'my notes');
});

test('without --state kalua.save returns false', async () => {
  const { cwd } = folder({ s: 'print(kalua.save())' });
  assert.equal((await kalua(['--quiet', 's.lua'], { cwd, env: sim.env() })).stdout, 'false\n');
});
