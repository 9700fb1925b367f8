// Breakpoints: one task of a running script is stopped and looked into while everything else runs on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test, { after, describe } from 'node:test';
import { KALUA, cleanEnv, kalua, tempDir, until } from './peers.mjs';
import { Tmux } from './tmux.mjs';

const running = [];
after(() => {
  running.forEach((r) => r.p.exitCode === null && r.p.kill('SIGKILL'));
  Tmux.closeAll();
});

// Runs scripts in a process of their own, with a folder of running processes of its own.
async function run(files, ...args) {
  const [cwd, home] = [tempDir(), fs.mkdtempSync('/tmp/kalua-dbg-')];
  for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(cwd, name), text);
  const env = { ...cleanEnv(), XDG_RUNTIME_DIR: home, XDG_STATE_HOME: home, HOME: home };
  const names = Object.keys(files).filter((n) => !n.startsWith('lib'));
  const r = { cwd, env, out: '', err: '' };
  r.p = spawn(KALUA, ['--quiet', ...args, ...names], { cwd, env });
  running.push(r);
  r.p.stdout.on('data', (d) => { r.out += d; });
  r.p.stderr.on('data', (d) => { r.err += d; });
  r.cli = (words, o = {}) => kalua(words, { ...o, env });
  r.ended = new Promise((resolve) => r.p.on('close', resolve));
  r.end = async () => {
    r.p.kill('SIGTERM');
    assert.equal(await r.ended, 130, r.err); // by a signal
  };
  const folder = path.join(home, 'kalua');
  const socket = await until('the socket', () => (r.p.exitCode !== null && Promise.reject(new Error(r.err)))
    || (fs.existsSync(folder) && fs.readdirSync(folder).find((f) => f.endsWith('.sock'))));
  r.socket = path.join(folder, socket);
  return r;
}

// A session inside a script.
class Session {
  static async open(r, fields = {}) {
    const s = Object.assign(new Session(), { messages: [], last: 0 });
    let rest = '';
    s.socket = net.connect(r.socket);
    s.socket.on('data', (d) => {
      const lines = (rest + d).split('\n');
      rest = lines.pop();
      s.messages.push(...lines.map((l) => JSON.parse(l)));
    });
    s.id = s.send('prompt', fields);
    s.seen = 0;
    await s.event('ready');
    return s;
  }

  send(op, fields) {
    this.last += 1;
    this.socket.write(`${JSON.stringify({ id: this.last, op, ...fields })}\n`);
    return this.last;
  }

  async refused(op, fields) {
    const id = this.send(op, { session: this.id, ...fields });
    return until(`the answer to ${op}`, () => this.messages.find((m) => m.id === id && m.ok !== undefined));
  }

  async ask(op, fields) {
    const answer = await this.refused(op, fields);
    assert.ok(answer.ok, JSON.stringify(answer));
    return answer;
  }

  async parts(op, fields) {
    const answer = await this.ask(op, fields);
    return JSON.parse(this.messages.filter((m) => m.id === answer.id && m.event === 'part').map((m) => m.text).join(''));
  }

  // The next event of a name that was not asked for yet; `task`: of that one.
  async event(name, task) {
    return until(name, () => {
      const at = this.messages.findIndex((x, i) => i >= this.seen && x.id === this.id && x.event === name && (!task || x.task === task));
      if (at < 0) return false;
      this.seen = at + 1;
      return this.messages[at];
    });
  }

  close() { this.socket.destroy(); }
}

const MAKER = `local task = require "task"
local lib = require "lib.pricing"
n = 0
task.spawn(function()
  while true do task.sleep(0.01) print "other" end
end)
while true do
  n = n + 1
  local price = lib.fair(n)
  task.sleep(0.01)
end
`;
const PRICING = `local pricing = {}
function pricing.fair(n)
  local half = n / 2

  -- a comment
  return half
end
return pricing
`;
const files = { 'maker.lua': MAKER, 'second.lua': 'local task = require "task"\nwhile true do task.sleep(0.01) print "second" end\n' };


describe('over the control socket', { concurrency: 4 }, () => {
  test('one task is stopped, looked into, and goes on', async () => {
    const r = await run({ ...files, 'lib_pricing.lua': PRICING, 'maker.lua': MAKER.replace('lib.pricing', 'lib_pricing') });
    const looking = await Session.open(r, { name: 'maker' });
    assert.deepEqual((await looking.refused('break', { file: 'maker.lua', line: 8 })).error.kind, 'permission');
    const s = await Session.open(r, { name: 'maker', armed: true });
    for (const [fields, pattern] of [
      [{ file: 'no.lua', line: 1 }, /no file no\.lua is loaded; there is maker\.lua, lib_pricing\.lua/],
      [{ file: 'maker.lua', line: 99 }, /maker\.lua has no code at line 99/], [{ file: 'maker.lua', line: 0 }, /`line` is an integer/],
      [{ line: 1 }, /`file`/], [{ file: 'maker.lua', line: 8, condition: 'n =' }, /condition "n =" is no expression/],
    ]) assert.match((await s.refused('break', fields)).error.message, pattern);

    const b = await s.ask('break', { file: 'lib_pricing.lua', line: 4, condition: 'half * 2 == n' });
    assert.deepEqual([b.breakpoint, b.file, b.line, b.wanted], [1, 'lib_pricing.lua', 6, 4]);
    const stop = await s.event('stopped');
    assert.deepEqual([stop.task, stop.why, stop.file, stop.line, stop.breakpoint], [1, 'break', 'lib_pricing.lua', 6, 1]);
    assert.equal((await looking.event('stopped')).line, 6, 'who only looks is told, too');

    const at = [r.out.split('other').length, r.out.split('second').length];
    await until('the others', () => r.out.split('other').length > at[0] + 5 && r.out.split('second').length > at[1] + 5);
    const { tasks: [t] } = await s.ask('tasks', { task: 1 });
    assert.equal(t.status, 'stopped');
    assert.match(t.waits, /a debugger, at lib_pricing\.lua:6 \(breakpoint 1\)/);
    assert.deepEqual(t.frames.map((f) => [f.file, f.line]), [['lib_pricing.lua', 6], ['maker.lua', 9]]);
    const locals = await s.parts('locals', { task: 1, frame: 0 });
    assert.deepEqual(locals.map((l) => l.name).slice(0, 2), ['n', 'half'], 'with what the line before has set');
    await s.ask('select', { task: 1, frame: 0 });
    assert.deepEqual(await s.parts('eval', { source: 'half * 2 == n', mode: 'draw' }), [true]);
    await s.ask('eval', { source: 'half = 21', mode: 'draw' });
    const source = await s.ask('source', { file: 'lib_pricing.lua', line: 6, around: 1 });
    assert.deepEqual([source.first, source.lines], [5, ['  -- a comment', '  return half', 'end']]);

    await s.ask('unbreak', { breakpoint: 1 });
    for (const [how, line] of [['out', 10], ['over', 8], ['over', 9], ['into', 3], ['out', 10]]) {
      await s.ask('step', { task: 1, how });
      assert.equal((await s.event('stopped')).line, line, how);
    }
    await s.ask('select', { task: 1, frame: 0 });
    assert.match((await s.refused('step', { task: 1, how: 'back' })).error.message, /"into", "over" or "out"/);
    await s.ask('continue', { task: 1 });
    assert.equal((await s.event('went_on')).task, 1);
    assert.match((await s.refused('continue', { task: 1 })).error.message, /task 1 is not stopped/);
    await s.ask('suspend', { task: 2 });
    assert.deepEqual([(await s.event('stopped')).why], ['pause']);
    const { breakpoints, stops } = await looking.ask('breaks');
    assert.deepEqual([breakpoints, stops.map((x) => x.task)], [[], [2]]);
    assert.deepEqual((await looking.ask('breaks')).files, ['maker.lua', 'lib_pricing.lua']);

    // Who leaves without a word leaves nothing behind.
    await s.ask('break', { file: 'maker.lua', line: 8 });
    await s.event('stopped');
    s.close();
    await until('it to go on', async () => (await looking.ask('breaks')).stops.length === 0);
    assert.deepEqual((await looking.ask('breaks')).breakpoints, []);
    const before = r.out.split('other').length;
    await until('task 2', () => r.out.split('other').length > before + 3);
    looking.close();
    await r.end();
  });

  test('a callback of the hot path is stopped, and a reload lets it go', async () => {
    const text = (more) => `local kalshi, task = require "kalshi", require "task"
local count = 0
for _, m in ipairs(kalshi.get_markets{ status = "open", limit = 10 }.markets) do
  kalshi.book(m.ticker):on_delta(function(_, delta)
    count = count + 1
    local size = delta
  end)
end
print "up"
while true do task.sleep(0.05) ${more} end
`;
    const r = await run({ 'hot.lua': text('') }, '--speed', '20');
    const s = await Session.open(r, { armed: true });
    await until('the callbacks', () => r.out.includes('up'));
    await s.ask('break', { file: 'hot.lua', line: 6, condition: 'count > 3' });
    const stop = await s.event('stopped');
    assert.equal(stop.line, 6);
    const locals = await s.parts('locals', { task: stop.task, frame: 0 });
    assert.ok(locals.find((l) => l.name === 'count').value > 3);
    await s.ask('step', { task: stop.task, how: 'over' });
    assert.equal((await s.event('stopped', stop.task)).line, 7);
    fs.writeFileSync(path.join(r.cwd, 'hot.lua'), text('print "new"').replace('local size = delta', 'local size = -delta'));
    const went = await s.event('went_on');
    assert.equal(went.text, 'another version has taken over');
    await until('the new version', () => r.out.includes('new'));
    const note = await until('the note', () => s.messages.find((m) => m.event === 'note'));
    assert.match(note.text, /breakpoint 1: line 6 of hot\.lua is another one now: local size = -delta/);
    assert.equal((await s.event('stopped')).line, 6, 'it is there in the new version');
    s.close();
    await r.end();
  });

  test('an endless loop is stopped where it is, looked into, and ended', async () => {
    const r = await run({ 'loop.lua': `local task = require "task"
task.spawn(function()
  while not go do task.sleep(0.02) end
  local count = 0
  while not done do
    count = count + 1
  end
  print("done")
end)
function f(x)
  return x + 1
end
task.spawn(function()
  while not go do task.sleep(0.02) end
  while true do end
end)
while true do task.sleep(0.05) end
` }, '--cpu-ms', '150');
    const s = await Session.open(r, { armed: true });
    await s.ask('on_loop', { on: true });
    await s.ask('eval', { source: 'go = true', mode: 'draw' });
    assert.equal((await s.event('stopped', 2)).why, 'loop'); // the other one may be the first
    const count = async () => (await s.parts('locals', { task: 2, frame: 0 })).find((l) => l.name === 'count').value;
    const so_far = await count();
    assert.ok(so_far > 100);
    await s.ask('continue', { task: 2 });
    await s.event('stopped', 2);
    assert.ok(await count() > so_far, 'it has run on');
    await s.ask('eval', { source: 'done = true', mode: 'draw' });
    await s.ask('continue', { task: 2 });
    await until('its end', () => r.out.includes('done'));
    await until('the other one', async () => (await s.ask('breaks')).stops.some((x) => x.task === 3));
    await s.ask('cancel_task', { task: 3 });
    await until('its error', () => /loop\.lua:15: ran for more than 150 ms without waiting/.test(r.err), r.err);

    // Inputs of a prompt are not stopped, tasks that they start are.
    await s.ask('break', { file: 'loop.lua', line: 11 });
    assert.deepEqual(await s.parts('eval', { source: 'f(1)', mode: 'draw' }), [2]);
    await until('a note', () => s.messages.some((m) => m.event === 'note' && /an input of a prompt came to loop\.lua:11/.test(m.text)));
    await s.ask('eval', { source: 'task.spawn(f, 2)', mode: 'draw' });
    await until('the stop', () => s.messages.some((m) => m.event === 'stopped' && m.line === 11));
    s.close();
    await r.end();
  });

  test('run --break waits for attach; inputs that come through a pipe debug', async () => {
    const r = await run({ 'maker.lua': MAKER.replace('lib.pricing', 'lib_pricing'), 'lib_pricing.lua': PRICING }, '--break', 'lib_pricing.lua:6 if n == 3');
    await until('the log', () => r.err.includes('task 1 is stopped at lib_pricing.lua:6 (breakpoint 1)'));
    assert.match(r.err, /`kalua attach maker` looks at it/);
    const looked = await r.cli(['attach', 'maker', '-e', 'half']);
    assert.match(looked.stdout, /task 1 stopped at lib_pricing\.lua:6 \(breakpoint 1\)\n[^]*-> 6 {4}return half\n[^]*^1\.5$/m);
    const input = [':arm', ':out', ':where', ':next', 'n', ':break 9 if price > 3 if false', ':break maker.lua:10 once if price > 3', ':break', ':unbreak 1',
      ':continue', 'repeat task.sleep(0.01) until n == 7', 'task.sleep(0.2)', 'price', ':where', ':break'].join('\n');
    const all = await r.cli(['attach', 'maker', '--keep-going'], { input });
    const texts = ['-> 10    task.sleep(0.01)', 'the main chunk at maker.lua:10', '(step)', '3', 'breakpoint 2 at maker.lua:10',
      '1  lib_pricing.lua:6 if n == 3  (hit once, of --break)', '2  maker.lua:10 once if price > 3', 'breakpoint 1 is removed',
      'stopped at maker.lua:10 (breakpoint 2)', '3.5'];
    let at = 0;
    for (const text of texts) {
      const found = all.stdout.indexOf(text, at);
      assert.ok(found >= 0, `${text} is not behind ${at} in:\n${all.stdout}\n${all.stderr}`);
      at = found;
    }
    assert.match(all.stderr, /no expression of Lua/);
    const n = r.out.split('other').length;
    await until('it to run on', () => r.out.split('other').length > n + 3);
    await r.end();
    const wrong = await kalua(['run', 'x.lua', '--break', 'x.lua'], { cwd: r.cwd });
    assert.deepEqual([wrong.code, /--break takes FILE:LINE/.test(wrong.stderr)], [2, true]);
  });

  test('an input of a pipe waits for a step that takes its time, since the next one looks at where it led', async () => {
    const r = await run({ 'slow.lua': 'local task = require "task"\ntask.sleep(3)\nprint "on"\ntask.sleep(100)\n' }, '--break', 'slow.lua:2');
    await until('the stop', () => r.err.includes('task 1 is stopped at slow.lua:2'));
    const looked = await r.cli(['attach', 'slow'], { input: ':arm\n:next\n:where\n' });
    assert.equal(looked.code, 0, looked.stdout + looked.stderr);
    assert.match(looked.stdout, /the main chunk at slow\.lua:3/);
    await r.end();
  });

  test('in a terminal', async () => {
    const r = await run({ 'maker.lua': MAKER.replace('lib.pricing', 'lib_pricing').replace('print "other"', ''), 'lib_pricing.lua': PRICING });
    const t = await Tmux.start(['attach', 'maker'], { env: { XDG_RUNTIME_DIR: r.env.XDG_RUNTIME_DIR, XDG_STATE_HOME: r.env.XDG_STATE_HOME } });
    await t.shows(/^maker> *$/m);
    await t.line(':break maker.lua:9');
    await t.shows(/:arm first/);
    await t.line(':arm');
    await t.shows(/^maker!> *$/m);
    await t.line(':break maker.lua:9');
    await t.shows((lines, text) => /task 1 stopped at maker\.lua:9 \(breakpoint 1\)/.test(text) && /-> +9 {4}local price = lib\.fair\(n\)/.test(text)
      && lines.findLast((l) => l) === 'maker!>');
    await t.line(':step');
    await t.shows(/-> +3 {4}local half = n \/ 2/);
    await t.keys('Enter'); // the last step again
    await t.shows(/-> +6 {4}return half/);
    await t.line('half == n / 2');
    await t.shows(/^true$/m);
    await t.line(':up');
    await t.shows(/frame 1, the main chunk at maker\.lua:9/);
    await t.line(':locals');
    await t.shows(/lib/);
    await t.line(':unbreak all');
    await t.line(':continue');
    await t.line(':tasks');
    await t.shows(/1 {2}waiting {2}maker\.lua:10/);
    await t.keys('C-d');
    assert.equal(await t.code(), 0);
    await t.close();
    await r.end();
  });
});
