// Several strategies in one process, as people keep them: a folder, a project file, a service of systemd's.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, tempDir, until } from './peers.mjs';

let sim;
before(async () => { sim = await Sim.start('--quiet-market', '--markets', '2'); });
after(() => sim?.stop());

const folder = (files) => {
  const cwd = tempDir();
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(cwd, name)), { recursive: true });
    fs.writeFileSync(path.join(cwd, name), text);
  }
  return cwd;
};
const lines = (text) => text.split('\n').filter(Boolean).sort();
const args = "print(table.concat(require 'kalua'.args, ' '))\n";

test('a project file gives each script what it says, and the command line adds to it', async () => {
  const cwd = folder({
    'p/kalua.lua': `return { mem = 8, scripts = {
      { 'maker.lua', name = 'ny', args = { 'NY', 7 } }, 'maker.lua',
      { 'reader.lua', allow_fs = 'data' }, { 'hungry.lua', mem = 64 } } }`,
    'p/maker.lua': args,
    'p/reader.lua': "print(io.open('p/data/x'):read())",
    'p/hungry.lua': "print(#('x'):rep(1000):rep(20000))",
    'p/data/x': 'text of the file\n',
  });
  const run = await kalua(['run', '--quiet', 'p', '--', 'more'], { cwd, env: sim.env() });
  assert.deepEqual(lines(run.stdout), ['[hungry] 20000000', '[maker] more', '[ny] NY 7 more', '[reader] text of the file']);
  assert.equal(run.code, 0);
  assert.match(run.stderr, /reader.* allowed by p\/kalua\.lua: scripts\[3\]: files below p\/data\n/);
  const less = await kalua(['run', '--quiet', '--mem', '4'], { cwd: path.join(cwd, 'p'), env: sim.env() });
  assert.equal(less.code, 1);
  assert.match(less.stderr, /hungry.*memory/);
});

test('a folder without one is all its scripts, and none is started when one is wrong', async () => {
  const cwd = folder({ 'b.lua': args, 'a.lua': "print((require 'lib.m'))", 'lib/m.lua': 'return 7' });
  const run = await kalua(['--quiet', '.'], { cwd, env: sim.env() });
  assert.deepEqual(lines(run.stdout), ['[a] 7', '[b] ']);
  fs.writeFileSync(path.join(cwd, 'c.lua'), 'print(');
  const wrong = await kalua(['run', '.'], { cwd, env: sim.env() });
  assert.equal(wrong.stdout, '');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /c\.lua:1:/);
  fs.writeFileSync(path.join(cwd, 'kalua.lua'), "return { scripts = { { 'a.lua', cpu = 5 } } }");
  const unknown = await kalua(['run'], { cwd, env: sim.env() });
  assert.equal(unknown.code, 3);
  assert.equal(unknown.stderr, 'kalua: kalua.lua: scripts[1]: unknown key "cpu" (kalua explain project_key_unknown)\n');
});

test('a script that fails is started again when that is asked for', async () => {
  const cwd = folder({
    'kalua.lua': "return { scripts = { { 's.lua', on_failure = 'restart' } } }",
    's.lua': `local kalua = require 'kalua'
kalua.state.runs = (kalua.state.runs or 0) + 1
print('run', kalua.state.runs)
if kalua.state.runs < 2 then error('no luck') end`,
  });
  const run = await kalua(['run', '--quiet'], { cwd, env: sim.env() });
  assert.match(run.stdout, /^run\t1\nrun\t2\n$/);
  const stop = await kalua(['run', '--quiet', '--on-failure', 'stop', 'kalua.lua'], { cwd, env: sim.env() });
  assert.equal(stop.stdout, 'run\t1\n');
  assert.equal(stop.code, 1);
  const typo = await kalua(['run', '--on-failure', 'retry'], { cwd, env: sim.env() });
  assert.equal(typo.code, 2);
});

test('a key that is refused at the first start ends a script, whatever on_failure says; one that is refused later does not', async (t) => {
  const project = "return { scripts = { 's.lua' }, on_failure = 'restart' }";
  for (const call of ['kalshi.get_balance()', "local b <close> = kalshi.book('T')"]) {
    const cwd = folder({ 'kalua.lua': project, 's.lua': `local kalshi = require 'kalshi'\n${call}` });
    const run = await kalua(['run', '--quiet'], { cwd, timeout: 20000, env: { ...sim.env(), KALSHI_API_KEY_ID: '11111111-2222-3333-4444-555555555555' } });
    assert.equal(run.code, 3, `${call}: ${run.stderr}`);
    assert.doesNotMatch(run.stderr, /started again/);
  }
  const key = (await sim.rest('POST', '/api_keys/generate', { name: 'passing' })).body;
  const cwd = folder({
    'kalua.lua': project,
    'key.pem': key.private_key,
    's.lua': `local kalshi, kalua = require 'kalshi', require 'kalua'
kalua.state.runs = (kalua.state.runs or 0) + 1
if kalua.state.runs == 1 then error 'no luck' end
kalshi.delete_api_key{ api_key = '${key.api_key_id}' }
print 'deleted'
kalshi.get_balance()`,
  });
  fs.chmodSync(path.join(cwd, 'key.pem'), 0o600);
  const p = spawn(KALUA, ['run', '--quiet'], { cwd, env: { ...cleanEnv(), ...sim.env(), KALSHI_API_KEY_ID: key.api_key_id, KALSHI_PRIVATE_KEY_PATH: 'key.pem' } });
  const ended = new Promise((r) => p.on('close', (code) => r(code)));
  t.after(() => p.kill('SIGKILL'));
  let err = '';
  p.stdout.resume();
  p.stderr.on('data', (d) => { err += d; });
  await until('that it is started again', () => /no luck.*started again in 1 s[^]*authentication_error.*started again in 2 s/.test(err)
    || (p.exitCode !== null && Promise.reject(new Error(err))));
  p.kill('SIGINT');
  assert.equal(await ended, 130);
});

test('a project file that is saved meanwhile is looked at', async () => {
  const cwd = folder({ 's.lua': "print 'runs' require 'task'.sleep(100)", 'kalua.lua': "return { scripts = { 's.lua' } }" });
  const p = spawn(KALUA, ['run', '--quiet'], { cwd, env: { ...cleanEnv(), ...sim.env() } });
  const ended = new Promise((r) => p.on('close', (code) => r(code)));
  let out = '', err = '';
  p.stdout.on('data', (d) => { out += d; });
  p.stderr.on('data', (d) => { err += d; });
  await until('the script', () => out.includes('runs'));
  fs.writeFileSync(path.join(cwd, 'kalua.lua'), "return { scripts = { 's.lua' }, memory = 5 }");
  await until('the refusal', () => err.includes('the next start would fail: kalua.lua: unknown key "memory"'));
  fs.writeFileSync(path.join(cwd, 'kalua.lua'), "return { scripts = { 's.lua' }, mem = 5 }");
  await until('the consent', () => err.includes('holds from the next start'));
  p.kill();
  assert.equal(await ended, 130);
});

// Node has no datagram sockets of the local kind.
const manager = `import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('"bound"', flush=True)
while True: print(json.dumps(s.recv(4096).decode()), flush=True)`;

test('systemd is told of start, reload, end and every turn of the loop', async () => {
  const cwd = folder({ 's.lua': `local kalua, task = require 'kalua', require 'task'
print(kalua.generation, os.getenv 'NOTIFY_SOCKET', os.getenv 'WATCHDOG_USEC')
task.sleep(100)` });
  const socket = path.join(cwd, 'notify');
  const listener = spawn('/usr/bin/python3', ['-c', manager, socket]);
  let told = '', out = '';
  listener.stdout.on('data', (d) => { told += d; });
  const messages = () => told.split('\n').slice(0, -1).map((l) => JSON.parse(l));
  await until('the socket', () => messages().includes('bound'));
  const p = spawn(KALUA, ['run', '--quiet', '--allow-env', 'NOTIFY_SOCKET', '--allow-env', 'WATCHDOG_USEC', 's.lua'],
    { cwd, env: { ...cleanEnv(), ...sim.env(), NOTIFY_SOCKET: socket, WATCHDOG_USEC: '200000' } });
  const ended = new Promise((r) => p.on('close', (code) => r(code)));
  p.stdout.on('data', (d) => { out += d; });
  await until('READY', () => messages().includes('READY=1'));
  await until('its status', () => messages().includes('STATUS=1 of 1 scripts run on sim'));
  await until('three signs of life', () => messages().filter((m) => m === 'WATCHDOG=1').length > 2);
  p.kill('SIGHUP');
  const isReload = (m) => /^RELOADING=1\nMONOTONIC_USEC=\d+$/.test(m);
  await until('RELOADING', () => messages().some(isReload));
  await until('READY again', () => messages().lastIndexOf('READY=1') > messages().findIndex(isReload));
  await until('the second generation', () => out.includes('2\tnil\tnil\n'));
  assert.equal(out, '1\tnil\tnil\n2\tnil\tnil\n');
  p.kill('SIGTERM');
  assert.equal(await ended, 130);
  await until('STOPPING', () => messages().includes('STOPPING=1'));
  assert.equal(messages().filter((m) => m === 'STOPPING=1').length, 1);
  listener.kill();
});
