// kalua attach: a prompt inside a running script, over real sockets and in a real terminal.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { ControlClient } from './control_client.mjs';
import { KALUA, cleanEnv, kalua, tempDir, until } from './peers.mjs';
import { Tmux } from './tmux.mjs';

const MAKER = `local task, kalua = require 'task', require 'kalua'
kalua.state.n = 1
Turns = 0
local limit = 40
local function quote(price, ...)
  local bid = { price = price, count = limit }
  task.sleep(600)
  return bid
end
task.spawn(function() for _ = 1, math.huge do task.sleep(0.02) Turns = Turns + 1 end end)
task.spawn(quote, 0.42, 'more')
print 'up'
task.sleep(600)
`;

const state = tempDir();
// A folder in which only this process is found; the journal is in one for all.
const surroundings = () => ({ ...cleanEnv(), XDG_RUNTIME_DIR: tempDir(), XDG_STATE_HOME: state });
const running = new Set();

// Starts scripts: {name: text}.
class Running {
  static async start(scripts, ...args) {
    const r = new Running();
    r.env = surroundings();
    r.dir = tempDir();
    const files = Object.entries(scripts).map(([name, text]) => r.write(name, text));
    r.process = spawn(KALUA, [...args, ...files], { env: r.env, cwd: r.dir, stdio: ['ignore', 'pipe', 'pipe'] });
    r.out = '';
    r.process.stdout.on('data', (d) => { r.out += d; });
    r.process.stderr.on('data', (d) => { r.out += d; });
    r.ended = new Promise((resolve) => r.process.on('close', resolve));
    running.add(r);
    await until('the scripts', () => r.out.split('up').length > files.length);
    return r;
  }

  write(name, text) {
    const file = path.join(this.dir, `${name}.lua`);
    fs.writeFileSync(file, text);
    return file;
  }

  attach(args, o = {}) { return kalua(['attach', ...args], { ...o, env: this.env }); }
  e(...inputs) { return this.attach(inputs.flatMap((i) => ['-e', i])); }
  // Behind its end its exit code is on the screen, for tmux does not always know it.
  async terminal(...args) {
    return Tmux.start(['attach', ...args], { env: this.env, program: ['sh', '-c', '"$0" "$@"; echo "code $?"', KALUA] });
  }

  connect() { return new ControlClient(this.env.XDG_RUNTIME_DIR); }

  async stop(signal = 'SIGINT') {
    this.process.kill(signal);
    running.delete(this);
    return this.ended;
  }
}

after(() => {
  for (const r of running) r.process.kill('SIGKILL');
  Tmux.closeAll();
});

const journal = () => fs.readFileSync(path.join(state, 'kalua', 'journal'), 'utf8').trim().split('\n').map((l) => JSON.parse(l));

let maker;
before(async () => { maker = await Running.start({ maker: MAKER }, '--no-watch'); });

test('values, tasks, variables and figures: all that only looks', async () => {
  assert.deepEqual(await maker.attach(['maker', '-e', 'kalua.state', '--json']), { code: 0, signal: null, stdout: '{"n":1}\n', stderr: '' });
  const r = await maker.attach(['--keep-going'], { input: `Turns > 0, kalua.name, limit
:tasks
:tasks 3
:locals 3
:task 3
bid.price, limit
:task 0
limit
:stats
:subs
:log
:log debug
:log info
kalua.state.n +
  0
:tasks 99
:nonsense
:log loud
` });
  assert.equal(r.code, 1);
  for (const line of [/^true\n?,? ?"maker"\n?,? ?nil$/m, /^ +1 +waiting +maker\.lua:13 +main chunk +sleep, [\d.]+ s left$/m,
    /^ +3 +waiting +maker\.lua:7 +maker\.lua:11 +sleep, [\d.]+ s left$/m, /^0 +sleep\n1 +a function at maker\.lua:7$/m,
    /^ +price = 0\.42$/m, /^ +bid = \{ count = 40, price = 0\.42 \}$/m, /^ +\.\.\.\[1\] = "more"$/m, /^ +limit = 40$/m, /^0\.42\n?,? ?40$/m,
    /^\*1 +a function at maker\.lua:7$/m, /^nil$/m,
    /^is +running, generation 1, up for/m, /^memory +\d.* may have 256\.0 MiB$/m, /^time +.* of the last .*%\)$/m,
    /^turns +\d+.* each, the longest .*measuring takes \d+ ns\)$/m, /^tasks +3 of 20,000$/m, /^timers +[23] of 20,000$/m, /^REST +/m,
    /^tokens +read \d+ of \d+/m, /^prompts +.*, this one$/m, /^no book, subscription or connection is open$/m,
    /^the log level is info\nthe log level is debug now, it was info\nthe log level is info now, it was debug\n1$/m]) assert.match(r.stdout, line);
  for (const line of [/^there is no task 99, or it has ended$/m, /no command :nonsense/, /`level` is/]) assert.match(r.stderr, line);
});

test('nothing is changed before it is armed; what is typed is journalled, and what was armed is in the log', async () => {
  const changes = ['kalua.state.n = 5', 'rawset(kalua.state, "n", 5)', 'n = 5', ':reload', ':pause', ':resume', ':stop'];
  const r = await maker.attach(['--keep-going'], { input: [...changes, 'kalua.state.n', 'n', ':arm', 'kalua.state.n = 2', 'kalua.state.n',
    'api_key = "not to be kept"', ':disarm', 'kalua.state.n = 3'].join('\n') });
  assert.equal(r.stderr.match(/permission: .*:arm first/g).length, changes.length + 1, r.stderr);
  assert.equal(r.stdout, '1\nnil\narmed: what is typed can change maker (sim); :disarm ends that\n2\nlooking only, until :arm\n');
  const armed = await maker.attach(['--arm', '-e', 'kalua.state.n', '-e', 'error "no"', '-e', '"not reached"']);
  assert.deepEqual([armed.code, armed.stdout], [1, '2\n']);
  await until('the journal', () => journal().some((m) => m.text === 'error "no"'));
  const of = (text) => journal().find((m) => m.text === text);
  assert.deepEqual([of('kalua.state.n = 5').armed, of('kalua.state.n = 5').outcome], [false, 'error']);
  assert.deepEqual([of('kalua.state.n = 2').armed, of('kalua.state.n = 2').outcome], [true, 'value']);
  assert.equal(of('kalua.state.n = 2').strategy, 'maker');
  assert.ok(of('api_key = "[secret]"') && !JSON.stringify(journal()).includes('not to be kept'));
  assert.match(maker.out, /info +maker prompt of .*: eval kalua\.state\.n = 2 -> value/);
  assert.doesNotMatch(maker.out, /kalua\.state\.n = 5|not to be kept/);
  assert.equal(fs.statSync(path.join(state, 'kalua', 'journal')).mode & 0o777, 0o600);
});

test(':task N without a frame means what lasts as long as the task, wherever it waits', async () => {
  const busy = await Running.start({ busy: `local task = require 'task'
local book = 'of the main chunk'
local function send(price) task.sleep(0.001) return price end
local function quote(side) local price = #side send(price) task.sleep(0.001) end
print 'up'
while true do quote 'bid' quote 'ask' task.sleep(0.001) end
` });
  const r = await busy.e(':task 1', ...Array(50).fill('book'), ':locals', ':task', ':where', 'book');
  assert.equal(r.code, 0, r.stderr);
  assert.equal(r.stdout.match(/^"of the main chunk"$/mg).length, 51, r.stdout);
  assert.match(r.stdout, /^task 1, the main chunk at busy\.lua:6$/m);
  assert.match(r.stdout, /^ +book = "of the main chunk"$/m);
  assert.equal(r.stdout.match(/^ *\*\d +the main chunk at busy\.lua:6$/mg).length, 3, r.stdout);
  await busy.stop();
});

test('the words for what is wrong on the command line', async () => {
  for (const [args, code, pattern] of [[['nobody', '-e', '1'], 1, /nobody/], [['a', 'b'], 2, /inside of one script/],
    [['--log', 'loud'], 2, /--log is error/]]) {
    const bad = await maker.attach(args);
    assert.equal(bad.code, code, `${args}: ${bad.stderr}`);
    assert.match(bad.stderr, pattern);
  }
});

test('two at once both get what they ask for, and hear of each other', async () => {
  const [a, b] = [maker.connect(), maker.connect()];
  const first = await a.session();
  const second = await b.session();
  const note = (c, pattern) => until(`a note like ${pattern}`, () => c.events.some((m) => m.event === 'note' && pattern.test(m.text)));
  await Promise.all(Array.from({ length: 6 }, async (_, i) => {
    const [x, y] = await Promise.all([a.ask('eval', { session: first, source: `${i}`, mode: 'draw' }), b.ask('tasks', { session: second })]);
    assert.ok(x.ok && y.ok && y.total >= 3);
  }));
  assert.equal((await b.ask('arm', { session: second, on: true })).armed, true);
  await note(a, /is armed now and can change the script$/);
  const seen = await a.ask('inspect', { session: first });
  assert.deepEqual(seen.sessions.map((s) => [s.armed, s.own ?? false]), [[false, true], [true, false]]);
  assert.ok(seen.run.resumes > 0 && seen.run.longest <= seen.run.ran);
  b.close();
  await until('one session', async () => (await a.ask('inspect', { session: first })).sessions.length === 1);
  assert.equal((await a.ask('inspect', { session: 99 })).error.kind, 'validation');
  a.close();
});

test('requests that are wrong are refused, and the session goes on', async () => {
  const c = maker.connect();
  const session = await c.session();
  for (const [op, fields] of [['tasks', { n: 201 }], ['tasks', { after: -1 }], ['tasks', { task: 'x' }], ['locals', { task: 1, frame: 77 }],
    ['locals', {}], ['inspect', { n: 1e6 }], ['inspect', { session: 99 }], ['log_level', { level: 7 }], ['journal', {}]])
    assert.equal((await c.ask(op, { session, ...fields })).error?.kind, 'validation', `${op} ${JSON.stringify(fields)}`);
  assert.equal((await c.ask('tasks', { session, n: 1, frames: 0 })).tasks.length, 1);
  c.close();
});

test('in a terminal: typing, a value that is followed, Ctrl-D; the script goes on', async () => {
  const t = await maker.terminal();
  await t.shows(/Looking only, until :arm/);
  await t.line('kalua.state.n');
  await t.shows(/^2$/m);
  await t.line('price');
  await t.shows(/^task 3 has a variable of that name: after :task 3, /m);
  await t.line(':task 3');
  await t.line('price');
  await t.shows(/^0\.42$/m);
  await t.line(':task 0');
  await t.line(':watch Turns 0.1');
  await t.shows((lines) => new Set(lines.map((l) => l.match(/^\[1\] Turns = (\d+)$/)?.[1]).filter(Boolean)).size >= 3);
  await t.line(':unwatch 1');
  await t.line(':arm');
  await t.shows(/^maker!> ?$/m);
  await t.line(':stop');
  await t.shows(/:stop maker ends it/);
  await t.keys('C-d');
  await t.shows(/^code 0$/m);
  await t.close();
  assert.equal(maker.process.exitCode, null);
});

test('a reload while a prompt is there: it is in the new version then; one that is killed leaves the script as it is', async () => {
  const t = await maker.terminal('--arm');
  await t.shows(/Armed\./);
  await t.line(':task 3');
  await t.line('limit');
  await t.shows(/^40$/m);
  await t.line(':watch Version or "none yet"');
  await t.shows(/\[1\] .* = "none yet"/);
  maker.write('maker', MAKER.replace('Turns = 0', 'Turns, Version = 0, "second"'));
  await t.line(':reload');
  await t.shows(/reloaded in .* ms, generation \d/);
  await t.shows(/\[1\] .* = "second"/);
  await t.line('limit, kalua.state.n');
  await t.shows(/^nil, 1$/m);
  await t.line(':locals');
  await t.shows(/of which task\?/);
  execFileSync('pkill', ['-KILL', '-P', await t.pid()]);
  await t.close();
  const c = maker.connect();
  const session = await c.session();
  await until('the end of the other session', async () => (await c.ask('inspect', { session })).sessions.length === 1);
  assert.equal((await c.ask('eval', { session, source: 'Turns > 0', mode: 'draw' })).status, 'value');
  c.close();
});

test('a process that is killed while a prompt is there', async () => {
  const t = await maker.terminal();
  await t.shows(/Looking only/);
  await maker.stop('SIGKILL');
  await t.shows(/the process has ended/);
  await t.shows(/^code 1$/m);
  await t.close();
  const r = await maker.e('1');
  assert.deepEqual([r.code, r.stdout], [1, '']);
  assert.match(r.stderr, /no script of this user is running/);
});

let pair;
test('several scripts: which one is asked at a terminal, and must be said elsewhere', async () => {
  pair = await Running.start({ left: MAKER, right: 'local task = require "task"\nprint "up"\nwhile not Go do task.sleep(0.02) end\nerror "over"\n' });
  const r = await pair.e('kalua.name');
  assert.equal(r.code, 1);
  assert.match(r.stderr, /several scripts are running, say which:\n +\d+:left +running, sim\n +\d+:right +running, sim\n/);
  assert.equal((await pair.attach([`${pair.process.pid}:left`, '-e', 'kalua.name'])).stdout, '"left"\n');
  const t = await pair.terminal();
  await t.shows(/1 +\d+:left.*\n.*2 +\d+:right.*\nwhich one\? \[1-2\]/);
  await t.line('2');
  await t.shows(/^right> ?$/m);
  await t.line('kalua.name');
  await t.shows(/^"right"$/m);
  await t.keys('C-d');
  await t.shows(/^code 0$/m);
  await t.close();
});

test('a script that ends while a prompt is there, of itself or by :stop', async () => {
  const t = await pair.terminal('right', '--arm');
  await t.shows(/Armed\./);
  await t.line('Go = true');
  await t.shows(/right has ended: .*over/);
  await t.shows(/^code 1$/m);
  await t.close();
  const stopped = await pair.attach(['left', '--arm', '-e', ':stop']);
  assert.deepEqual([stopped.code, stopped.stderr], [0, '']);
  assert.match(stopped.stdout, /left has stopped/);
  await pair.ended;
});

test('a script that works without pause answers in between', async () => {
  const busy = await Running.start({ busy: 'local task = require "task"\nprint "up"\nlocal turns = 0\nwhile true do\n'
    + '  turns = turns + 1\n  for i = 1, 300000 do end\n  task.yield()\nend\n' });
  const r = await busy.e(':tasks', ':locals 1', ':stats', '1 + 1');
  assert.equal(r.code, 0, r.stderr);
  assert.match(r.stdout, /^ +1 +ready +busy\.lua:\d +main chunk +its turn$/m);
  assert.match(r.stdout, /^ +turns = \d+$/m);
  assert.match(r.stdout, /^2$/m);
  await busy.stop();
});
