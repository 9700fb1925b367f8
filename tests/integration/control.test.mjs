// What runs, seen and changed from another terminal: kalua ps, logs, reload, stop, start; and the socket behind them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, sleep, tempDir, until } from './peers.mjs';

let sim;
const worlds = [];
before(async () => { sim = await Sim.start('--quiet-market'); });
after(async () => {
  worlds.flatMap((w) => w.running).forEach((r) => r.p.exitCode === null && r.p.kill('SIGKILL'));
  await sim?.stop();
});

const loop = (more = '') => `local task, log = require "task", require "log"
print("up")
${more}
while true do task.sleep(0.02) end`;

async function end(r) {
  r.p.kill('SIGTERM');
  return r.ended;
}

// A folder of running processes of its own, so that tests may run side by side.
class World {
  constructor(home = fs.mkdtempSync('/tmp/kalua-ctl-')) {
    this.home = home;
    this.folder = path.join(home, 'kalua');
    this.env = { ...sim.env(), XDG_RUNTIME_DIR: home };
    this.running = [];
    worlds.push(this);
  }

  cli(...args) { return kalua(args, { env: this.env }); }

  async ps() {
    const { code, stdout, stderr } = await this.cli('ps', '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  }

  async shown(name) { return (await this.ps()).find((s) => s.name === name); }

  // Runs scripts in a process of their own until all have begun.
  async run(files, ...args) {
    const cwd = tempDir();
    const names = Object.keys(files);
    for (const name of names) fs.writeFileSync(path.join(cwd, name), files[name]);
    const p = spawn(KALUA, ['--quiet', ...args, ...names], { cwd, env: { ...cleanEnv(), ...this.env } });
    const r = { p, cwd, out: '', err: '' };
    this.running.push(r);
    p.stdout.on('data', (d) => { r.out += d; });
    p.stderr.on('data', (d) => { r.err += d; });
    r.ended = new Promise((resolve) => p.on('close', (code) => resolve(code)));
    await until('the scripts', () => r.out.split('\n').filter((l) => l.endsWith('up')).length >= names.length
      || (p.exitCode !== null && Promise.reject(new Error(r.err))));
    return r;
  }

  socket(pid) { return path.join(this.folder, this.files(pid).find((f) => f.endsWith('.sock'))); }
  files(pid) { return fs.readdirSync(this.folder).filter((f) => f.startsWith(`run-${pid}-`)); }
}

// A plain client of a socket: what it was told, as objects.
function plain(file) {
  const c = { messages: [], text: '' };
  c.socket = net.connect(file);
  c.socket.on('error', () => {});
  c.closed = new Promise((r) => c.socket.on('close', r));
  c.socket.on('data', (d) => {
    const lines = (c.text + d).split('\n');
    c.text = lines.pop();
    c.messages.push(...lines.map((l) => JSON.parse(l)));
  });
  c.wait = (what, fn) => until(what, () => c.messages.find(fn));
  return c;
}

describe('side by side', { concurrency: 4 }, () => {
  describe('the socket', { concurrency: 1 }, () => {
    let r, w, half, idle, begun;
    before(async () => {
      w = new World();
      r = await w.run({ 'target.lua': loop() });
      begun = Date.now();
      [half, idle] = [plain(w.socket(r.p.pid)), plain(w.socket(r.p.pid))];
      half.socket.write('{"id":1,"op":');
    });
    after(() => end(r));

    test('garbage and a thousand clients leave the script alone', async () => {
      for (const text of ['GET / HTTP/1.1\r\n\r\n', '\0\0\0\n', '{"op":"ps"}}\n', `${'['.repeat(100000)}\n`, 'x'.repeat(400000)]) {
        const c = plain(w.socket(r.p.pid));
        c.socket.write(text);
        await c.closed;
        assert.equal(c.messages.at(-1).error?.kind, 'validation', JSON.stringify(c.messages));
      }
      const many = [];
      while (many.length < 1000) { // by the hundred: more than that the system lets nobody wait to be accepted
        many.push(...Array.from({ length: 100 }, () => plain(w.socket(r.p.pid))));
        await until('them to be answered', () => many.every((c) => c.messages.length > 0 || c.socket.destroyed));
      }
      const told = many.filter((c) => c.messages.some((m) => m.error?.kind === 'rate_limit')).length;
      assert.ok(told >= 500, `${told} were told`); // those of the first 64 that stay silent make room after 10 s
      many.forEach((c) => c.socket.destroy());
      await until('room', async () => (await w.shown('target'))?.phase === 'running');
      const descriptors = () => fs.readdirSync(`/proc/${r.p.pid}/fd`).length;
      await until('their descriptors', () => descriptors() < 60);
      assert.equal((await w.shown('target')).errors, 0);
    });

    test('another user is refused', { skip: process.getuid() !== 0 && 'needs root' }, async () => {
      const socket = w.socket(r.p.pid);
      assert.equal(fs.statSync(socket).mode & 0o777, 0o600);
      const attempt = (uid) => new Promise((resolve) => {
        const text = `const s = require('net').connect(${JSON.stringify(socket)}); let n = 0;
          s.on('data', (d) => { n += d.length; s.end(); }); s.on('error', (e) => console.log(e.code)); s.on('close', () => console.log(n > 0));`;
        const p = spawn(process.execPath, ['-e', text], { uid, gid: uid, cwd: '/' });
        let out = '';
        p.stdout.on('data', (d) => { out += d; });
        p.on('close', () => resolve(out));
      });
      assert.match(await attempt(65534), /EACCES/);
      // Even where somebody opened the folder and the socket to all.
      fs.chmodSync(w.home, 0o711);
      fs.chmodSync(w.folder, 0o711);
      fs.chmodSync(socket, 0o666);
      assert.match(await attempt(65534), /false/);
      assert.match(await attempt(0), /true/);
      const open = await w.cli('ps');
      assert.equal(open.code, 3);
      assert.match(open.stderr, /must belong to this user and be closed to others/);
      fs.chmodSync(w.folder, 0o700);
      fs.chmodSync(socket, 0o600);
    });

    test('neither a request that does not get complete nor one that does not begin is waited for longer than 10 s', async () => {
      await Promise.all([half.closed, idle.closed]);
      assert.ok(Date.now() - begun >= 9000);
      for (const c of [half, idle]) assert.equal(c.messages.at(-1).error.kind, 'timeout');
    });
  });

  test('nothing runs: says so, and is no error', async () => {
    const w = new World();
    const none = await w.cli('ps');
    assert.deepEqual([none.code, none.stdout], [0, 'no script of this user is running\n']);
    assert.deepEqual(await w.ps(), []);
    for (const args of [['stop', 'x'], ['logs'], ['reload', 'x']]) {
      const r = await w.cli(...args);
      assert.equal(r.code, 1);
      assert.match(r.stderr, /no script of this user is running; start one/);
    }
    for (const args of [['stop'], ['ps', 'x'], ['logs', 'a', 'b'], ['logs', '-n', 'x'], ['reload', '--now', 'x']]) assert.equal((await w.cli(...args)).code, 2, args.join(' '));
  });

  describe('a process of two scripts', { concurrency: 1 }, () => {
    let r, w;
    before(async () => { w = new World(); r = await w.run({ 'maker.lua': loop('require("kalua").on_stop(function() print("bye") end)'), 'taker.lua': loop() }, '--no-watch'); });
    after(() => end(r));
    const save = (text) => fs.writeFileSync(path.join(r.cwd, 'maker.lua'), text);

    test('ps: a table of 80 columns, and more as JSON', async () => {
      const { code, stdout } = await w.cli('ps');
      assert.equal(code, 0);
      const lines = stdout.trimEnd().split('\n');
      assert.match(lines[0], /^NAME +PID +ENV +STATE +GEN +UP +RELOADS +TASKS +MEMORY +ERRORS$/);
      assert.match(lines[1], new RegExp(`^maker +${r.p.pid} +sim +running +1 +\\d+s +0 +1 +\\d+K +0$`));
      assert.match(lines[2], /^taker /);
      assert.equal(lines.length, 3);
      for (const l of lines) assert.ok(l.length <= 80, l);
      const maker = await w.shown('maker');
      assert.deepEqual([maker.pid, maker.env, maker.path, maker.phase, maker.generation, maker.failed, maker.last_error],
        [r.p.pid, 'sim', 'maker.lua', 'running', 1, false, '']);
      assert.match(maker.hash, /^[0-9a-f]{16}$/);
      assert.ok(Math.abs(Date.now() - maker.started_ms) < 60000);
      assert.equal((await w.cli('ps', '--names')).stdout, 'maker\ntaker\n');
    });

    test('reload: a good version, a bad one, and again a good one', async () => {
      save(loop('log.info "second"'));
      const good = await w.cli('reload', 'maker');
      assert.match(good.stdout, /^\[maker\] reloaded in \d+\.\d ms, generation 2\n$/, good.stderr);
      assert.equal(good.code, 0);
      save('x = = 1');
      const bad = await w.cli('reload', 'maker');
      assert.equal(bad.code, 1);
      assert.equal(bad.stdout, '');
      assert.match(bad.stderr, /^kalua: \[maker\] not reloaded: maker\.lua:1: .* \(generation 2 goes on\)\n$/);
      const table = (await w.cli('ps')).stdout;
      assert.match(table, /\n\n\[maker\] not reloaded: maker\.lua:1: /);
      const maker = await w.shown('maker');
      assert.deepEqual([maker.generation, maker.reloads, maker.refused], [2, 1, 1]);
      save(loop());
      assert.equal((await w.cli('reload', `${r.p.pid}:maker`)).code, 0);
      const mended = await w.shown('maker');
      assert.deepEqual([mended.generation, mended.last_error], [3, '']);
      save('x = = 1');
      assert.equal((await w.cli('reload', 'maker')).code, 1);
      assert.notEqual((await w.shown('maker')).last_error, '');
      save(loop());
      const both = await w.cli('reload', String(r.p.pid));
      assert.match(both.stdout, /^\[maker\] reloaded .* generation 4\n\[taker\] reloaded .* generation 2\n$/, both.stderr);
    });

    test('logs: what was printed and logged, by script; the reload too', async () => {
      const maker = await w.cli('logs', 'maker');
      assert.equal(maker.code, 0);
      assert.match(maker.stdout, /^\d\d:\d\d:\d\d\.\d{3} print maker up\n/);
      assert.match(maker.stdout, /\d info {2}maker second\n/);
      assert.match(maker.stdout, /\d error maker .*not reloaded: maker\.lua:1/);
      assert.doesNotMatch(maker.stdout, /taker/);
      const last = await w.cli('logs', 'maker', '-n', '1');
      assert.equal(last.stdout, `${maker.stdout.trimEnd().split('\n').at(-1)}\n`);
      assert.equal((await w.cli('logs', 'maker', '-n', '0')).stdout, '');
      const all = (await w.cli('logs', '--json')).stdout.trimEnd().split('\n').map((l) => JSON.parse(l));
      assert.ok(['maker', 'taker'].every((n) => all.some((l) => l.source === n && l.msg === 'up' && l.level === 'print' && l.pid === r.p.pid)));
      assert.deepEqual(all.map((l) => l.ts), all.map((l) => l.ts).sort());
      const process_ = await w.cli('logs', String(r.p.pid));
      assert.match(process_.stdout, /taker up/);
    });

    test('stop waits for the end; the others go on; start runs it anew', async () => {
      save(loop('require("kalua").on_stop(function() task.sleep(0.3) print("bye") end)'));
      await w.cli('reload', 'maker');
      const stopped = await w.cli('stop', 'maker');
      assert.deepEqual([stopped.code, stopped.stdout], [0, '[maker] stopped\n'], stopped.stderr);
      await until('what it prints at its end', () => r.out.includes('[maker] bye'));
      const maker = await w.shown('maker');
      assert.deepEqual([maker.phase, maker.failed, maker.tasks], ['ended', false, 0]);
      assert.notEqual((await w.shown('taker')).phase, 'ended');
      assert.equal((await w.cli('stop', 'maker')).code, 0); // as it is
      const reload = await w.cli('reload', 'maker');
      assert.equal(reload.code, 1);
      const ups = r.out.split('[maker] up').length;
      const started = await w.cli('start', 'maker');
      assert.match(started.stdout, /^\[maker\] started, generation \d+\n$/, started.stderr);
      await until('its output', () => r.out.split('[maker] up').length > ups);
      assert.match((await w.shown('maker')).phase, /^(running|probation)$/);
      const twice = await w.cli('start', 'maker');
      assert.equal(twice.code, 1);
      assert.match(twice.stderr, /^kalua: \[maker\] not started: maker is running/);
      // Without waiting for its handlers.
      save(loop('require("kalua").on_stop(function() print("begun") task.sleep(1) print("handled") end)'));
      await w.cli('reload', 'maker');
      assert.equal((await w.cli('stop', '--now', 'maker')).code, 0);
      assert.doesNotMatch(r.out, /handled/);
      save('error "no way"');
      await w.cli('start', 'maker');
      await until('its end', async () => (await w.shown('maker')).failed);
      assert.match((await w.cli('ps')).stdout, /^maker .* failed /m);
      assert.match((await w.cli('logs', 'maker', '-n', '8')).stdout, /error maker .*no way/);
    });

    test('a name that nobody has: the candidates', async () => {
      const r1 = await w.cli('stop', 'mker');
      assert.deepEqual([r1.code, r1.stderr], [1, 'kalua: no running script is called "mker"; there are: maker, taker (kalua explain no_such_script)\n']);
      assert.equal((await w.cli('stop', `${r.p.pid}:mker`)).code, 1);
      assert.equal((await w.cli('stop', '1:maker')).code, 1);
      // One that is wrong, and nothing is done to the others.
      assert.equal((await w.cli('stop', 'taker', 'mker')).code, 1);
      assert.notEqual((await w.shown('taker')).phase, 'ended');
    });
  });

  test('logs -f: lines as they come, over a reload, until the process ends', async (t) => {
    const w = new World();
    const r = await w.run({ 'talk.lua': loop('print("first")') }, '--no-watch');
    const p = spawn(KALUA, ['logs', '-f', '-n', '1', 'talk'], { env: { ...cleanEnv(), ...w.env } });
    t.after(() => p.kill('SIGKILL'));
    let out = '';
    p.stdout.on('data', (d) => { out += d; });
    const over = new Promise((resolve) => p.on('close', (code) => resolve(code)));
    await until('the past', () => out.includes('first'));
    assert.equal(out.split('\n').length, 2);
    fs.writeFileSync(path.join(r.cwd, 'talk.lua'), 'print("second") print("a\\nb\\27[31m") require("task").sleep(3600)');
    assert.equal((await w.cli('reload', 'talk')).code, 0);
    await until('the new version', () => out.includes('print talk b\\x1b[31m\n'));
    assert.match(out, /print talk second\n.*print talk a\n.*print talk b/);
    assert.equal((await w.cli('stop', 'talk')).code, 0); // and with it its process
    assert.equal(await over, 0);
    assert.equal(await r.ended, 0);
    assert.deepEqual(await w.ps(), []);
  });

  test('a reader of logs that is too slow is told of lines that it missed', async () => {
    const w = new World();
    const r = await w.run({ 'flood.lua': loop('task.spawn(function() while true do for i = 1, 400 do print(("x"):rep(100), i) end task.sleep(0.001) end end)') }, '--no-watch');
    const c = plain(w.socket(r.p.pid));
    await c.wait('the hello', (m) => m.protocol === 1);
    c.socket.write('{"id":1,"op":"logs","name":"flood","follow":true}\n');
    await c.wait('a line', (m) => m.event === 'line');
    await until('the news', async () => { // how long it takes until no more fits is the machine's affair
      c.socket.pause();
      await sleep(700);
      c.socket.resume();
      await sleep(50);
      return c.messages.some((m) => m.event === 'lost');
    });
    const numbers = c.messages.filter((m) => m.event === 'line').map((m) => m.number);
    assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
    c.socket.write('{"id":2,"op":"cancel","call":1}\n');
    await c.wait('the end', (m) => m.id === 1 && m.ok);
    c.socket.end();
    await end(r);
  });

  test('two processes of one name: the second is NAME-2; a killed one leaves nothing', async () => {
    const w = new World();
    const first = await w.run({ 'twin.lua': loop('print(require("kalua").name)') });
    const second = await w.run({ 'twin.lua': loop('print(require("kalua").name)') });
    await until('their names', () => /^twin$/m.test(first.out) && /^twin-2$/m.test(second.out));
    assert.deepEqual((await w.ps()).map((s) => s.name), ['twin', 'twin-2']);
    first.p.kill('SIGKILL');
    await first.ended;
    assert.equal(w.files(first.p.pid).length, 2);
    assert.deepEqual((await w.ps()).map((s) => s.name), ['twin-2']);
    assert.deepEqual(w.files(first.p.pid), []);
    const third = await w.run({ 'twin.lua': loop() });
    assert.deepEqual((await w.ps()).map((s) => s.name).sort(), ['twin', 'twin-2']);
    // A process that hangs is shown, and the others are not kept from answering.
    third.p.kill('SIGSTOP');
    const rows = await w.ps();
    assert.deepEqual(rows.find((s) => s.pid === third.p.pid), { name: 'twin', pid: third.p.pid, phase: 'no answer' });
    assert.equal(rows.find((s) => s.pid === second.p.pid).phase, 'running');
    third.p.kill('SIGCONT');
    await Promise.all([end(second), end(third)]);
  });

  test('a folder that cannot be used is said once, and the script runs', async () => {
    const w = new World();
    const r = await kalua(['--quiet', 's.lua', 't.lua'], { env: { ...w.env, XDG_RUNTIME_DIR: '/proc/nowhere' }, cwd: (() => {
      const cwd = tempDir();
      for (const f of ['s.lua', 't.lua']) fs.writeFileSync(path.join(cwd, f), 'print "done"');
      return cwd;
    })() });
    assert.equal(r.code, 0);
    assert.equal(r.stdout.split('done').length, 3);
    assert.equal(r.stderr.match(/warn/g).length, 1, r.stderr);
    assert.match(r.stderr, /kalua ps. does not show this process: .*\/proc\/nowhere/);
  });

  test('a process is found again after its folder was removed, as at a logout', async () => {
    const w = new World();
    const r = await w.run({ 'night.lua': loop() });
    assert.equal((await w.shown('night')).pid, r.p.pid);
    fs.rmSync(w.home, { recursive: true, maxRetries: 5, retryDelay: 100 }); // it may just look for its folder
    assert.deepEqual(await w.ps(), []);
    await until('that it finds no place', () => /warn {2}kalua `kalua ps` does not show this process/.test(r.err));
    fs.mkdirSync(w.home, { mode: 0o700 });
    await until('it', async () => (await w.shown('night'))?.phase === 'running');
    assert.equal((await w.cli('stop', 'night')).code, 0);
    assert.equal(await r.ended, 0);
  });

  test('a folder whose path is too long for a socket', async () => {
    const w = new World(path.join(fs.mkdtempSync('/tmp/kalua-ctl-'), 'x'.repeat(200)));
    fs.mkdirSync(w.home);
    const r = await w.run({ 'deep.lua': loop() });
    assert.equal((await w.cli('ps', '--names')).stdout, 'deep\n');
    assert.equal((await w.cli('stop', 'deep')).code, 0);
    assert.equal(await r.ended, 0);
  });
});
