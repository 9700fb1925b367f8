// Stores of scripts over kills, restarts and two processes at once. The rest: tests/unit/test_store.c, tests/lua/test_store.lua.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, root, tempDir, until } from './peers.mjs';

let sim;
before(async () => { sim = await Sim.start(); });
const started = [];
after(() => {
  started.forEach((p) => p.kill('SIGKILL'));
  return sim?.stop();
});

function folder(scripts) {
  const cwd = tempDir(), env = { ...sim.env(), XDG_STATE_HOME: path.join(cwd, 'state') };
  for (const [name, text] of Object.entries(scripts))
    fs.writeFileSync(path.join(cwd, `${name}.lua`), `local store, task, kalua = require "store", require "task", require "kalua"\n${text}`);
  const run = (args) => kalua(['--quiet', ...args], { cwd, env });
  const start = (args) => {
    const p = spawn(KALUA, ['--quiet', ...args], { cwd, env: { ...cleanEnv(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(p);
    p.out = p.err = '';
    p.stdout.on('data', (d) => { p.out += d; });
    p.stderr.on('data', (d) => { p.err += d; });
    p.ended = new Promise((r) => p.on('close', (code) => r(code)));
    return p;
  };
  return { cwd, env, run, start };
}

test('a kill takes nothing that set has returned for; a SIGTERM nothing that was to be written', async () => {
  const { run, start } = folder({
    s: `if kalua.args[1] then print(store.get("n", 0), store.get("late", 0), #store.last("l", 100000)) return end
      kalua.on_stop(function() for i = 1, 200 do task.spawn(function() store.add("late", 1) end) end task.yield() end)
      for i = 1, math.huge do
        store.batch(function(b) b.set("n", i) b.append("l", i) end)
        print(i)
      end`,
  });
  const p = start(['s.lua']);
  await until('writes', () => p.out.split('\n').length > 30);
  p.kill('SIGKILL');
  await p.ended;
  const said = Number(p.out.trim().split('\n').pop());
  const [n, late, items] = (await run(['s.lua', '--', 'show'])).stdout.trim().split('\t').map(Number);
  // Lines go out at the end of a turn of the loop, while the store's thread may have written the next one.
  assert.ok(n >= said && n <= said + 2, `${n} is kept, and ${said} was said`);
  assert.deepEqual([late, items], [0, n]);
  const again = start(['s.lua']);
  await until('writes', () => again.out.split('\n').length > 5);
  again.kill('SIGTERM');
  await again.ended;
  assert.equal((await run(['s.lua', '--', 'show'])).stdout.split('\t')[1], '200');
});

test('two processes share a store, and no update of either is lost', async () => {
  const { cwd, run } = folder({
    one: 'local s = store.open "both" for i = 1, 100 do s.update("n", function(n) return (n or 0) + 1 end) s.add("m", 1) end',
    two: 'local s = store.open "both" for i = 1, 100 do s.update("n", function(n) return (n or 0) + 1 end) s.add("m", 1) end',
    show: 'local s = store.open "both" print(s.get "n", s.get "m")',
  });
  const results = await Promise.all([run(['one.lua']), run(['two.lua'])]);
  assert.deepEqual(results.map((r) => [r.code, r.stdout, r.stderr]), [[0, '', ''], [0, '', '']]);
  assert.equal((await run(['show.lua'])).stdout, '200\t200\n');
  assert.deepEqual(fs.readdirSync(path.join(cwd, 'state/kalua/store/sim')), ['shared']);
});

test('a damaged file is said with its code and left as it is', async () => {
  const { cwd, run } = folder({ s: 'store.set("k", 1)' });
  assert.equal((await run(['s.lua'])).code, 0);
  const file = path.join(cwd, 'state/kalua/store/sim/s.db');
  fs.writeFileSync(file, 'no database');
  const r = await run(['s.lua']);
  assert.equal(r.code, 3);
  assert.match(r.stderr, /s\.db is no store of Kalua.*\(kalua explain store_foreign\)/s);
  assert.equal(fs.readFileSync(file, 'utf8'), 'no database');
});

test('the example records closing prices and goes on after a restart', async () => {
  const { cwd, run, start } = folder({});
  const example = path.join(root, 'scripts/examples/closing_prices.lua'), file = path.join(cwd, 'closing_prices.lua');
  fs.copyFileSync(example, file);
  const first = start(['closing_prices.lua']);
  const [, ticker] = await until('a price', () => first.out.match(/\n(\S+)\tnow\t/));
  first.kill('SIGKILL');
  await first.ended;
  // It is tomorrow: the price that was seen last is the one of the end of the day.
  fs.writeFileSync(file, fs.readFileSync(example, 'utf8').replaceAll('kalua.now()', '(kalua.now() + 86400)'));
  const second = start(['closing_prices.lua', '--', ticker]);
  await until('a closing price', () => second.out.includes(`\n${ticker}\t20`));
  second.kill('SIGTERM');
  await second.ended;
  const shown = await run(['closing_prices.lua', '--', 'show']);
  assert.match(shown.stdout, new RegExp(`^${ticker}\\t\\d{4}-\\d\\d-\\d\\d 0\\.\\d{4}\\n`, 'm'), shown.stdout + shown.stderr);
});
