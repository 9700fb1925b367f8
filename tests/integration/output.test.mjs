// print and the log when nobody reads them: the task that prints waits, and nothing else does.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { KALUA, Sim, cleanEnv, sleep, tempDir } from './peers.mjs';

let sim;
before(async () => { sim = await Sim.start(); });
after(() => sim?.stop());

const LINES = 100000; // 3 MB, much more than pipe and share
const flood = `for i = 1, ${LINES} do print(i, "of many lines that nobody reads") end`;
const calm = `
local task, log = require "task", require "log"
for i = 1, 40 do task.sleep(0.02) end
log.info("calm is done")
print "calm"`;

function folder(scripts) {
  const cwd = tempDir();
  for (const [name, text] of Object.entries(scripts)) fs.writeFileSync(path.join(cwd, name), text);
  return cwd;
}

const run = (cwd, args, stdio) =>
  spawn(KALUA, ['--quiet', '--cpu-ms', '60000', ...args], { cwd, env: { ...cleanEnv(), ...sim.env() }, stdio });
// With all of its output.
const ended = (child) => new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));

const shell = (cwd, line) => new Promise((resolve) => {
  execFile('bash', ['-c', line], { cwd, env: { ...cleanEnv(), ...sim.env(), KALUA }, maxBuffer: 1 << 26 },
    (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
});

const logOf = (cwd) => (fs.existsSync(path.join(cwd, 'log')) ? fs.readFileSync(path.join(cwd, 'log'), 'utf8') : '');

async function until(what, condition) {
  for (const end = Date.now() + 60000; !condition();) {
    assert.ok(Date.now() < end, what);
    await sleep(20);
  }
}

test('a script that prints to a reader that does not read waits, and others go on', async () => {
  const cwd = folder({ 'flood.lua': flood, 'calm.lua': calm });
  const child = run(cwd, ['--log-file', 'log', 'flood.lua', 'calm.lua'], ['ignore', 'pipe', 'inherit']);
  await until('the other script did not come to its end', () => logOf(cwd).includes('calm is done'));
  await sleep(100);
  assert.equal(child.exitCode, null); // the flood waits for its reader
  let text = '';
  child.stdout.on('data', (part) => { text += part; });
  assert.equal(await ended(child), 0);
  const lines = text.split('\n');
  assert.equal(lines.pop(), '');
  const of = (name) => lines.filter((l) => l.startsWith(`[${name}] `)).map((l) => l.slice(name.length + 3));
  assert.deepEqual(of('calm'), ['calm']);
  const printed = of('flood');
  assert.equal(printed.length, LINES);
  assert.equal(printed.findIndex((l, i) => l !== `${i + 1}\tof many lines that nobody reads`), -1);
});

test('a signal ends a script that waits for its reader, and says what is lost', async () => {
  const cwd = folder({ 'flood.lua': flood, 'calm.lua': calm });
  const child = run(cwd, ['--log-file', 'log', 'flood.lua', 'calm.lua'], ['ignore', 'pipe', 'inherit']);
  await until('the other script did not come to its end', () => logOf(cwd).includes('calm is done'));
  child.kill('SIGTERM');
  assert.equal(await ended(child), 130);
  assert.match(logOf(cwd), /\d+ printed lines are lost: what reads standard output had not taken them/);
});

test('where print cannot wait, lines are taken far beyond that, then dropped and counted', async () => {
  const text = ('x').repeat(1000);
  const cwd = folder({ 'sort.lua': `
local t = {}
for i = 1, 4000 do t[i] = i end
table.sort(t, function(a, b) print("${text}") return a < b end)
require "log".info("sorted")` });
  const child = run(cwd, ['--log-file', 'log', 'sort.lua'], ['ignore', 'pipe', 'pipe']);
  const log = () => (fs.existsSync(path.join(cwd, 'log')) ? fs.readFileSync(path.join(cwd, 'log'), 'utf8') : '');
  await until('it waited where it cannot', () => log().includes('sorted'));
  child.stdout.resume();
  assert.equal(await ended(child), 0);
  assert.match(log(), /printed lines are lost from here on/);
  assert.match(log(), /\d+ printed lines are lost/);
});

test('a log that nobody reads stops nobody', async () => {
  const cwd = folder({ 'logs.lua': `
local log = require "log"
for i = 1, 4000 do log.info(("y"):rep(1000)) end
print "went on"` });
  const child = run(cwd, ['--log-rate', '100000', 'logs.lua'], ['ignore', 'pipe', 'pipe']);
  let text = '';
  child.stdout.on('data', (part) => { text += part; });
  await until('it stopped at the log', () => text === 'went on\n');
  let said = '';
  child.stderr.on('data', (part) => { said += part; });
  assert.equal(await ended(child), 0);
  // The pipe is read late: the last line may be a part of one.
  for (const line of said.split('\n').slice(0, -1).filter((l) => l.includes('yyy'))) assert.match(line, /info {2}logs y{1000}$/);
  assert.match(said, /yyy/);
});

test('head, a full disk, a closed output and a file', async () => {
  const cwd = folder({ 'flood.lua': flood });
  const head = await shell(cwd, '"$KALUA" --quiet --cpu-ms 60000 flood.lua | head -1; echo ${PIPESTATUS[0]}');
  assert.deepEqual([head.stdout, head.stderr], ['1\tof many lines that nobody reads\n1\n', '']);
  const full = await shell(cwd, '"$KALUA" --quiet --cpu-ms 60000 flood.lua > /dev/full');
  assert.equal(full.code, 1);
  assert.equal(full.stderr, 'kalua: cannot write to standard output: No space left on device\n');
  const closed = await shell(cwd, '"$KALUA" --quiet --cpu-ms 60000 flood.lua >&-');
  assert.equal(closed.code, 1);
  assert.equal(closed.stderr, 'kalua: cannot write to standard output: Bad file descriptor\n');
  const file = await shell(cwd, '"$KALUA" --quiet --cpu-ms 60000 flood.lua > out && wc -l < out && tail -1 out');
  assert.equal(file.stdout, `${LINES}\n${LINES}\tof many lines that nobody reads\n`);
});

test('a pager that pauses gets everything once it reads on', async () => {
  const cwd = folder({ 'flood.lua': flood });
  const slow = await shell(cwd, '"$KALUA" --quiet --cpu-ms 60000 flood.lua | (sleep 1; cat) | tail -1');
  assert.equal(slow.stdout, `${LINES}\tof many lines that nobody reads\n`);
});
