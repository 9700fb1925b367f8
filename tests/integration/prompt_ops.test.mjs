// Sessions inside running strategies over the control socket: what an input may do, what its client is told, how it ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';
import { KALUA, Sim, cleanEnv, sleep, tempDir, until } from './peers.mjs';

let sim;
const processes = [];
before(async () => { sim = await Sim.start('--quiet-market'); });
after(async () => {
  processes.forEach((p) => p.exitCode === null && p.kill('SIGKILL'));
  await sim?.stop();
});

// Runs scripts in one process until each has printed "up".
async function run(files) {
  const home = fs.mkdtempSync('/tmp/kalua-ops-');
  const cwd = tempDir();
  const names = Object.keys(files);
  for (const name of names) fs.writeFileSync(path.join(cwd, name), files[name]);
  const p = spawn(KALUA, ['--quiet', '--cpu-ms', '3000', ...names], { cwd, env: { ...cleanEnv(), ...sim.env(), XDG_RUNTIME_DIR: home, XDG_STATE_HOME: home } });
  processes.push(p);
  const r = { p, home, cwd, out: '', err: '', write: (name, text) => fs.writeFileSync(path.join(cwd, name), text) };
  p.stdout.on('data', (d) => { r.out += d; });
  p.stderr.on('data', (d) => { r.err += d; });
  r.ended = new Promise((resolve) => p.on('close', resolve));
  await until('the scripts', () => r.out.split('\n').filter((l) => l.endsWith('up')).length >= names.length
    || (p.exitCode !== null && Promise.reject(new Error(r.err))));
  return r;
}

// The process ends well, which under a sanitizer is: it leaves nothing.
async function end(r, c) {
  c.close();
  r.p.kill('SIGTERM');
  assert.equal(await r.ended, 130, r.err);
}

class Client {
  constructor(r) {
    const folder = path.join(r.home, 'kalua');
    this.socket = net.connect(path.join(folder, fs.readdirSync(folder).find((f) => f.startsWith(`run-${r.p.pid}-`) && f.endsWith('.sock'))));
    this.socket.setEncoding('utf8');
    this.socket.on('error', () => {});
    this.messages = [];
    this.text = '';
    this.id = 0;
    this.socket.on('data', (d) => {
      const lines = (this.text + d).split('\n');
      this.text = lines.pop();
      this.messages.push(...lines.map((l) => JSON.parse(l)));
    });
  }

  send(op, fields = {}) {
    this.id += 1;
    this.socket.write(`${JSON.stringify({ id: this.id, op, ...fields })}\n`);
    return this.id;
  }

  of(id) { return this.messages.filter((m) => m.id === id); }
  event(id, name) { return until(`the event ${name}`, () => this.of(id).find((m) => m.event === name)); }
  answer(id) { return until(`the answer to ${id}`, () => this.of(id).find((m) => m.ok !== undefined)); }
  ask(op, fields) { return this.answer(this.send(op, fields)); }

  async session(fields) {
    const id = this.send('prompt', fields);
    await this.event(id, 'ready');
    return id;
  }

  // The outcome of an evaluation that was begun, with its values and what it printed.
  async outcome(id) {
    const a = await this.answer(id);
    const parts = this.of(id).filter((m) => m.event === 'part').map((m) => m.text).join('');
    return { ...a, document: parts ? JSON.parse(parts) : undefined, printed: this.of(id).filter((m) => m.event === 'print') };
  }

  // On a busy machine even a short input may seem to run for the 100 ms of who only looks: then it is typed again.
  async eval(session, source, fields) {
    for (let i = 0; ; i++) {
      const r = await this.outcome(this.send('eval', { session, source, ...fields }));
      if (i === 5 || fields?.once || !/ran for more than 100 ms/.test(JSON.stringify(r.document ?? ''))) return r;
    }
  }

  async value(session, source) {
    const r = await this.eval(session, source);
    assert.equal(r.status, 'value', `${source}: ${JSON.stringify(r)}`);
    return r.document;
  }

  close() { this.socket.destroy(); }
}

const field = (portrait, name) => portrait.h.find(([k]) => k === name)?.[1];

const LOOP = `local task = require "task"
n = 0
print "up"
while true do task.sleep(0.01); n = n + 1 end`;

describe('side by side', { concurrency: 4 }, () => {
  describe('a session', { concurrency: 1 }, () => {
    let r, c, s;
    before(async () => {
      r = await run({ 'maker.lua': LOOP, 'taker.lua': LOOP });
      c = new Client(r);
      s = await c.session({ name: 'maker', armed: true });
    });
    after(() => end(r, c));

    test('is in one strategy, which is named where there are several', async () => {
      const [ready] = c.of(s);
      assert.deepEqual([ready.name, ready.env, ready.generation, ready.armed, ready.pid], ['maker', 'sim', 1, true, r.p.pid]);
      assert.match(ready.path, /maker\.lua$/);
      assert.match((await c.ask('prompt')).error.message, /several scripts.*maker, taker/);
      assert.match((await c.ask('prompt', { name: 'nobody' })).error.message, /called "nobody".*maker, taker/);
      const other = await c.session({ name: 'taker', armed: true });
      await c.eval(other, 'mine = "taker"');
      assert.deepEqual(await c.value(s, 'mine, kalua.name'), [null, 'maker']);
      assert.deepEqual(await c.value(other, 'mine, kalua.name'), ['taker', 'taker']);
    });

    test('gives values, errors with their kind and place, and asks for more', async () => {
      const two = await c.eval(s, '1 + 1, "a"');
      assert.deepEqual([two.status, two.document, two.values, two.waited], ['value', [2, 'a'], 2, false]);
      assert.ok(two.ms >= 0 && two.ms < 60000);
      assert.deepEqual((await c.eval(s, 'for i = 1, 2 do')).status, 'more');
      const bad = await c.eval(s, 'local x = 1\nx = x + {}');
      assert.equal(bad.status, 'error');
      assert.match(bad.document[0], /^prompt:2: attempt to perform arithmetic on a table value/);
      assert.equal(bad.traceback, 'stack traceback:\n\tprompt:2: in main chunk');
      const refused = await c.eval(s, 'kalshi.get_market("NO-SUCH")');
      assert.deepEqual([refused.status, refused.kind, refused.waited], ['error', 'http', true]);
      assert.equal(refused.document[0].err, true);
      assert.equal(field(refused.document[0], 'where'), 'prompt:1');
      const chunk = await c.eval(s, 'x = nil + 1', { chunk: 'lib/setup.lua' });
      assert.match(chunk.document[0], /^lib\/setup\.lua:1: /);
      assert.deepEqual(await c.value(s, ''), []);
    });

    test('gives what an input prints to that input, whole and in order', async () => {
      const long = 'é'.repeat(50000);
      const got = await c.eval(s, `print("one", 2); print(("é"):rep(50000)); print("bytes \\xff"); return 3`);
      let text = '';
      for (const m of got.printed) text += m.text + (m.more ? '' : '\n');
      assert.equal(text, `one\t2\n${long}\nbytes \ufffd\n`);
      assert.deepEqual(got.document, [3]);
      assert.doesNotMatch(r.out, /one/);
    });

    // A client that could not take it all would have been dropped.
    test('says what is left out of more than a client can be sent at once', async () => {
      const lines = await c.eval(s, `("x"):rep(400):gsub(".", function() print(("y"):rep(50000)) end)`);
      const texts = lines.printed.map((m) => m.text);
      const left = texts.map((t) => /^\((\d+) lines are left out/.exec(t)).filter(Boolean);
      assert.equal(left.length, 1);
      assert.ok(Number(left[0][1]) > 300, left[0][0]);
      assert.equal(lines.status, 'value');
      const long = await c.eval(s, `print(("z"):rep(20 << 20)); print "behind it"; return 1`);
      assert.match(long.printed.at(-2).text, /^\(\d{8} bytes more of this line are left out\)$/);
      assert.equal(long.printed.at(-1).text, 'behind it');
      assert.deepEqual(long.document, [1]);
    });
    test('tells what other tasks said before the answer', async () => {
      const follow = c.send('logs', { name: 'maker', n: 0, follow: true });
      for (let i = 0; i < 20; i++) {
        const id = c.send('eval', { session: s, source: `task.spawn(function() print("said ${i}") end); task.sleep(0.001)` });
        await c.answer(id);
        const at = c.messages.findIndex((m) => m.id === id && m.ok !== undefined);
        const said = c.messages.findIndex((m) => m.id === follow && m.msg === `said ${i}`);
        assert.ok(said >= 0 && said < at, `${i}: ${said} ${at}`);
      }
      await c.ask('cancel', { call: follow });
    });

    test('sends a large value in parts, as fast as it is read', async () => {
      const d = new Client(r);
      const session = await d.session({ name: 'maker', armed: true });
      await d.eval(session, 'local t = {}; for i = 1, 30000 do t[i] = ("row %07d "):format(i):rep(10) end; rows = t');
      d.socket.pause();
      const id = d.send('eval', { session, source: 'rows', mode: 'whole' });
      await sleep(200);
      assert.deepEqual(await c.value(s, '1 + 1'), [2]); // nobody waits for who does not read
      d.socket.resume();
      const whole = await d.outcome(id);
      assert.equal(whole.document[0].a.length, 30000);
      assert.equal(whole.document[0].a[29999], 'row 0030000 '.repeat(10));
      const drawn = await d.eval(session, 'rows');
      assert.ok(drawn.document[0].na > 10000, 'what a person looks at is bounded');
      await d.eval(session, 'rows = nil');
      d.close();
    });

    test('can be cancelled, and cancels what it evaluates when its client goes', async () => {
      const tasks = async () => (await c.ask('ps')).strategies.find((g) => g.name === 'maker').tasks;
      const before = await tasks();
      const id = c.send('eval', { session: s, source: 'task.sleep(60)' });
      const stubborn = c.send('eval', { session: s, source: 'while true do pcall(task.sleep, 60) end' });
      await until('them to wait', async () => await tasks() === before + 2);
      await c.ask('cancel', { call: id });
      assert.deepEqual((await c.answer(id)).status, 'cancelled');
      await c.ask('cancel', { call: stubborn });
      assert.deepEqual((await c.answer(stubborn)).status, 'cancelled');
      const gone = new Client(r);
      const session = await gone.session({ name: 'maker', armed: true });
      gone.send('eval', { session, source: 'local t <close> = setmetatable({}, { __close = function() left = true end }); task.sleep(60)' });
      await until('it to wait', async () => await tasks() === before + 1);
      gone.close();
      await until('it to end', async () => await tasks() === before);
      assert.deepEqual(await c.value(s, 'left'), [true]);
      const ended = await c.session({ name: 'maker', armed: true });
      const inside = c.send('eval', { session: ended, source: 'task.sleep(60)' });
      await c.ask('cancel', { call: ended });
      assert.equal((await c.answer(inside)).status, 'cancelled');
      assert.match((await c.ask('eval', { session: ended, source: '1' })).error.message, /session/);
    });

    test('is no other client’s, and takes no wrong requests', async () => {
      const d = new Client(r);
      for (const [op, fields, pattern] of [
        ['eval', { session: s, source: '1' }, /session/], ['eval', {}, /session/], ['eval', { session: '1' }, /session/],
        ['arm', { session: s, on: true }, /session/], ['watch', { session: s, source: '1' }, /session/],
      ]) assert.match((await d.ask(op, fields)).error.message, pattern);
      for (const [op, fields, pattern] of [
        ['eval', {}, /`source` is a text/], ['eval', { source: 7 }, /`source` is a text/], ['arm', {}, /true or false/],
        ['arm', { on: 1 }, /true or false/], ['watch', {}, /expression/], ['watch', { source: 'x'.repeat(5000) }, /expression/],
        ['watch', { source: '1', every_ms: 1 }, /every_ms/], ['watch', { source: '1', every_ms: 'x' }, /every_ms/],
        ['select', {}, /task/], ['select', { task: 1, frame: -1 }, /frame/], ['select', { task: 99 }, /no task 99/],
        ['select', { task: 1, frame: 1e9 }, /no frame/],
      ]) assert.match((await c.ask(op, { session: s, ...fields })).error.message, pattern, `${op} ${JSON.stringify(fields)}`);
      assert.deepEqual(await c.value(s, '1'), [1]);
      d.close();
    });

    test('sees the variables of a selected frame', async () => {
      await c.eval(s, 'local function work(price) local count = 3; task.sleep(60); return price, count end; worker = task.spawn(work, 0.42)');
      const { tasks } = await c.ask('tasks', { session: s });
      const { id } = tasks.find((t) => t.frames.some((f) => f.name === 'work' || /prompt/.test(f.file)));
      assert.equal((await c.ask('select', { session: s, task: id, frame: 1 })).ok, true);
      assert.deepEqual(await c.value(s, 'price, count'), [{ n: '0.42' }, 3]);
      await c.eval(s, 'count = 4');
      assert.deepEqual(await c.value(s, 'count, rawget(_G, "count")'), [4, null]);
      await c.eval(s, 'worker:cancel()');
      assert.match(field((await c.eval(s, 'count')).document[0], 'message'), /is gone, task \d+ has ended/);
      assert.deepEqual(await c.value(s, 'count'), [null]);
    });

    test('leaves no trace in the strategy', async () => {
      const before = (await c.ask('ps')).strategies.find((g) => g.name === 'maker');
      const many = Array.from({ length: 50 }, () => new Client(r));
      await Promise.all(many.map(async (d, i) => {
        const session = await d.session({ name: 'maker', armed: i % 2 === 0 });
        d.send('watch', { session, source: 'n', every_ms: 50 });
        await d.eval(session, 'error("no")');
        await d.eval(session, 'nosuch()');
        if (i % 3) d.send('eval', { session, source: 'task.sleep(60)' });
      }));
      many.forEach((d) => d.close());
      await until('them to be gone', async () => (await c.ask('ps')).strategies.find((g) => g.name === 'maker').tasks === before.tasks);
      const now = (await c.ask('ps')).strategies.find((g) => g.name === 'maker');
      assert.deepEqual([now.errors, now.phase, now.last_error], [0, 'running', '']);
      assert.doesNotMatch(r.err, / (warn|error) /);
    });
  });

  describe('who only looks', { concurrency: 1 }, () => {
    let r, c, s;
    before(async () => {
      r = await run({ 'maker.lua': `local task, kalshi = require "task", require "kalshi"
ticker = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
book = kalshi.book(ticker)
sub = kalshi.subscribe{ channels = { "trade" } }
count = 0
function change() count = count + 1 end
print "up"
while true do task.sleep(0.01) end` });
      c = new Client(r);
      s = await c.session();
    });
    after(() => end(r, c));

    test('reads books, the account and the exchange', async () => {
      for (const source of ['book:best_bid()', 'book:best_ask()', 'book:bids(3)', 'book:depth()', 'book:mid()', 'book.ticker == ticker',
        'book.stale', 'tostring(book)', 'tostring(sub)', 'kalshi.orders()', 'kalshi.fills()', 'kalshi.positions()', 'kalshi.balance()',
        'kalshi.budget()', 'kalshi.status()', 'kalshi.subscriptions()', 'kalshi.get_market(ticker).market.status',
        'kalshi.get_orders{ status = "resting" }', 'kalshi.call("GET", "/exchange/status")', 'kalshi.describe "get_market"',
        'kalua.state', 'kalua.stats().memory', 'json.encode(kalshi.get_market(ticker))', 'sub:available()']) {
        const got = await c.eval(s, source);
        assert.ok(got.status === 'value' || got.kind !== 'permission', `${source}: ${JSON.stringify(got)}`);
      }
      assert.deepEqual(await c.value(s, 'book.ticker == ticker'), [true]);
    });

    test('changes nothing, at the exchange neither', async () => {
      for (const source of ['count = 1', 'change()', 'book:close()', 'book:wait(0)', 'book:changes()', 'sub:close()', 'sub:messages()',
        'sub:add{ ticker }', 'kalshi.book(ticker)', 'kalshi.books{ ticker }', 'kalshi.subscribe{ channels = { "trade" } }', 'kalshi.cancel_all()',
        'kalshi.create_order{ ticker = ticker, side = "bid", count = 1, price = 0.01 }', 'kalshi.cancel_order("x")',
        'kalshi.batch_cancel_orders{}', 'kalshi.call("DELETE", "/portfolio/orders/x")', 'kalshi.call("post", "/portfolio/orders")',
        'http.get("http://127.0.0.1/")', 'ws.connect("ws://127.0.0.1/")', 'log.info("x")', 'rawset(_G, "count", 1)',
        'setmetatable(book, nil)', 'task.spawn(change)', 'book:on_delta(change)']) {
        const got = await c.eval(s, source);
        assert.deepEqual([got.status, got.kind], ['error', 'permission'], `${source}: ${JSON.stringify(got)}`);
        assert.match(field(got.document[0], 'message'), /:arm first$/, source);
      }
      assert.deepEqual(await c.value(s, 'count, #kalshi.orders()'), [0, 0]);
    });

    test('may change something once it is armed, and no longer when it is not', async () => {
      assert.equal((await c.ask('arm', { session: s, on: true })).armed, true);
      await c.value(s, 'change(); local mine = 1');
      assert.deepEqual(await c.value(s, 'count, mine'), [1, 1]);
      const other = new Client(r);
      const t = await other.session();
      assert.equal((await other.eval(t, 'change()')).kind, 'permission'); // each for itself
      other.close();
      assert.equal((await c.ask('arm', { session: s, on: false })).armed, false);
      assert.equal((await c.eval(s, 'change()')).kind, 'permission');
      assert.deepEqual(await c.value(s, 'count, mine'), [1, 1]);
    });

    test('is not given long', async () => {
      const long = await c.eval(s, '("a"):rep(200):find((".-"):rep(8) .. "b")', { once: true });
      assert.match(long.document[0], /ran for more than 100 ms without waiting, which is the limit of an input/);
    });
  });

  describe('what is watched', { concurrency: 1 }, () => {
    let r, c, s;
    before(async () => {
      r = await run({ 'maker.lua': LOOP });
      c = new Client(r);
      s = await c.session({ armed: true });
    });
    after(() => end(r, c));

    const told = (id) => {
      const values = [];
      let parts = '';
      for (const m of c.of(id)) {
        if (m.event === 'part') parts += m.text;
        if (m.event !== 'value') continue;
        values.push({ status: m.status, kind: m.kind, document: JSON.parse(parts) });
        parts = '';
      }
      return values;
    };

    test('is told when it has changed, and only then', async () => {
      await c.eval(s, 'level = 1; touched = 0');
      await c.value(s, '"mine"');
      const id = c.send('watch', { session: s, source: 'level, "x"', every_ms: 50 });
      await c.event(id, 'value');
      await sleep(300);
      assert.equal(told(id).length, 1);
      await c.eval(s, 'level = { 2 }');
      await until('the change', () => told(id).length === 2);
      await c.eval(s, 'level = nil; local m = setmetatable(_G, { __index = function(_, k) error("no " .. k, 0) end })');
      await until('the error', () => told(id).length === 3);
      await c.eval(s, 'local m = setmetatable(_G, nil)');
      await until('its end', () => told(id).length === 4);
      assert.deepEqual(told(id).map((v) => v.status), ['value', 'value', 'error', 'value']);
      assert.deepEqual(told(id)[0].document, [1, 'x']);
      assert.equal(told(id)[2].kind, 'permission'); // code of the script's is not run
      await c.ask('cancel', { call: id });
      assert.equal((await c.answer(id)).ok, true);
      const count = c.of(id).length;
      await c.eval(s, 'level = 5; task.sleep(0.2)');
      assert.equal(c.of(id).length, count);
      assert.deepEqual(await c.value(s, '_'), ['mine']); // it is nobody's last value
    });

    test('cannot change anything though the session can, and is bounded in number', async () => {
      const id = c.send('watch', { session: s, source: 'rawset(_G, "touched", 1)', every_ms: 50 });
      await c.event(id, 'value');
      assert.equal(told(id)[0].kind, 'permission');
      const more = Array.from({ length: 7 }, () => c.send('watch', { session: s, source: 'n', every_ms: 50 }));
      await Promise.all(more.map((w) => c.event(w, 'value')));
      assert.match((await c.ask('watch', { session: s, source: '1' })).error.message, /8 expressions are watched already/);
      assert.deepEqual(await c.value(s, 'touched'), [0]);
      await c.ask('cancel', { call: s });
      await Promise.all([id, ...more].map((w) => c.answer(w)));
      s = await c.session({ armed: true });
    });
  });

  test('a session goes on in another version, and says when there is none', async () => {
    const r = await run({ 'maker.lua': LOOP });
    const c = new Client(r);
    const s = await c.session({ armed: true });
    await c.value(s, 'local mine = 1; kalua.state.kept = 7');
    const waits = c.send('eval', { session: s, source: 'task.sleep(60)' });
    const watched = c.send('watch', { session: s, source: 'kalua.generation', every_ms: 50 });
    await c.event(watched, 'value');
    r.write('maker.lua', `${LOOP} -- two`); // which is seen by itself; asking for it, too, could make two of it
    const cancelled = await c.answer(waits);
    assert.deepEqual([cancelled.status, cancelled.message], ['cancelled', 'another version of the script has taken over']);
    const version = await c.event(s, 'version');
    assert.deepEqual([version.generation, version.phase], [2, 'running']);
    assert.deepEqual(await c.value(s, 'kalua.generation, mine, kalua.state.kept'), [2, null, 7]);
    await until('the watch to follow', () => c.of(watched).filter((m) => m.event === 'part').at(-1)?.text === '[2]');
    // Paused: it can be looked at.
    await c.ask('pause', { name: 'maker' });
    const [n] = await c.value(s, 'n');
    await sleep(50);
    assert.deepEqual(await c.value(s, 'n'), [n]);
    assert.equal((await c.eval(s, 'kalshi.get_exchange_status().exchange_active')).document[0], true);
    await c.ask('resume', { name: 'maker' });
    await until('it to go on', async () => (await c.value(s, 'n'))[0] > n);
    // It ends, and the process with it.
    const last = c.send('eval', { session: s, source: 'task.sleep(60)' });
    c.send('stop', { name: 'maker' });
    assert.equal((await c.answer(last)).status, 'cancelled');
    await until('the end', () => c.of(s).find((m) => m.event === 'version' && m.phase === 'ended'));
    assert.equal(await r.ended, 0, r.err);
    assert.doesNotMatch(r.err, / (warn|error) /);
  });
});
