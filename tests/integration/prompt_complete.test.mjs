// Completion at the prompt: what the other end says of its names, over the control socket; and what a person sees who
// presses Tab.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';
import { KALUA, Sim, cleanEnv, sleep, tell, tempDir, until } from './peers.mjs';
import { Tmux, inTerminal } from './tmux.mjs';

let sim;
let script;
before(async () => { sim = await Sim.start('--quiet-market'); });
after(async () => {
  Tmux.closeAll();
  script?.kill('SIGKILL');
  await sim?.stop();
});

// A connection to the control socket of a process that runs one script.
class Client {
  static async open(home) {
    const folder = path.join(home, 'kalua');
    let socket;
    await until('the socket', () => {
      socket = fs.existsSync(folder) && fs.readdirSync(folder).find((f) => f.endsWith('.sock'));
      return socket;
    });
    const c = new Client();
    c.socket = net.connect(path.join(folder, socket));
    c.messages = [];
    let rest = '';
    c.socket.on('data', (d) => {
      const lines = (rest + d).split('\n');
      rest = lines.pop();
      c.messages.push(...lines.map((l) => JSON.parse(l)));
    });
    c.id = 0;
    return c;
  }

  send(op, fields = {}) {
    this.id += 1;
    this.socket.write(`${JSON.stringify({ id: this.id, op, ...fields })}\n`);
    return this.id;
  }

  async ask(op, fields) {
    const id = this.send(op, fields);
    let answer;
    await until(`the answer to ${op}`, () => {
      answer = this.messages.find((m) => m.id === id && m.ok !== undefined);
      return answer;
    });
    return answer;
  }
}

const SOURCE = `
local task, kalshi = require "task", require "kalshi"
quotes = { bid = 0.42, name = "KX", nested = { { deep = true } } }
Maker = {} Maker.__index = Maker
function Maker.quote() error "code was run" end
maker = setmetatable({ size = 5 }, Maker)
local function bad() error "code was run" end
trap = setmetatable({ own = 1 }, { __index = bad, __pairs = bad, __tostring = bad, __len = bad })
book = kalshi.book(kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker)
local chosen_here, shadow = { only_in_frame = 1 }, 1
local shadow = { inner = 2 }
print "up"
while true do task.sleep(0.05) end`;

describe('names of a running script', () => {
  let client;
  let session;
  let out = '';

  before(async () => {
    const cwd = tempDir();
    const home = fs.mkdtempSync('/tmp/kalua-cpl-');
    fs.writeFileSync(path.join(cwd, 'maker.lua'), SOURCE);
    script = spawn(KALUA, ['--quiet', 'maker.lua'], { cwd, env: { ...cleanEnv(), ...sim.env(), XDG_RUNTIME_DIR: home } });
    script.stdout.on('data', (d) => { out += d; });
    script.stderr.on('data', (d) => { out += d; });
    await until('the script', () => out.includes('up') || (script.exitCode !== null && Promise.reject(new Error(out))));
    client = await Client.open(home);
    session = client.send('prompt');
    await until('the session', () => client.messages.find((m) => m.event === 'ready'));
  });
  after(() => client?.socket.end());

  const members = async (fields) => {
    const answer = await client.ask('members', { session, ...fields });
    assert.ok(answer.ok, JSON.stringify(answer));
    return answer;
  };
  const names = (answer) => answer.items.map((i) => i.name).sort();

  test('globals, modules and the names of the session', async () => {
    const all = names(await members({}));
    for (const name of ['quotes', 'maker', 'print', 'kalshi', 'task', 'kalua']) assert.ok(all.includes(name), name);
    assert.deepEqual(names(await members({ path: [], prefix: 'quo' })), ['quotes']);
  });

  test('fields, methods and types, behind a path', async () => {
    assert.deepEqual((await members({ path: ['quotes'] })).items.sort((a, b) => (a.name < b.name ? -1 : 1)), [
      { name: 'bid', type: 'number', text: '0.42' }, { name: 'name', type: 'string', text: '"KX"' },
      { name: 'nested', type: 'table', text: '1 value' }]);
    assert.deepEqual(names(await members({ path: ['quotes', 'nested', 1] })), ['deep']);
    assert.deepEqual(names(await members({ path: ['maker'] })), ['quote', 'size']);
    assert.deepEqual(names(await members({ path: ['maker'], method: true })), ['quote']);
    assert.deepEqual(names(await members({ path: ['trap'] })), ['own']);
    assert.deepEqual(names(await members({ path: ['trap', 'x', 'y'] })), []);
  });

  test('objects of the runtime, and operations', async () => {
    const book = await members({ path: ['book'] });
    assert.equal(book.name, 'kalshi.Book');
    for (const name of ['ticker', 'seq', 'best_bid', 'sweep']) assert.ok(names(book).includes(name), name);
    assert.ok(names(await members({ path: ['kalshi'] })).includes('get_market_orderbook'));
    assert.ok(names(await members({ path: ['kalshi', 'each'] })).includes('get_markets'));
  });

  test('names that inputs declare', async () => {
    const armed = await client.ask('arm', { session, on: true });
    assert.ok(armed.ok, JSON.stringify(armed));
    const answer = await client.ask('eval', { session, source: 'local chosen = { mid = 0.5 }' });
    assert.equal(answer.status, 'value', JSON.stringify(answer));
    assert.deepEqual(names(await members({ prefix: 'chos' })), ['chosen']);
    assert.deepEqual(names(await members({ path: ['chosen'] })), ['mid']);
  });

  test('variables of the selected frame, the innermost of a name', async () => {
    assert.deepEqual(names(await members({ prefix: 'chosen_' })), []);
    const { tasks } = await client.ask('tasks', { session });
    const frame = tasks[0].frames.find((f) => f.what === 'main').level;
    const selected = await client.ask('select', { session, task: tasks[0].id, frame });
    assert.ok(selected.ok, JSON.stringify(selected));
    assert.deepEqual(names(await members({ prefix: 'chosen_' })), ['chosen_here']);
    assert.deepEqual(names(await members({ path: ['chosen_here'] })), ['only_in_frame']);
    assert.equal((await members({ prefix: 'shadow' })).items[0].type, 'table');
    assert.deepEqual(names(await members({ path: ['shadow'] })), ['inner']);
    await client.ask('select', { session, task: 0 });
    assert.deepEqual(names(await members({ prefix: 'chosen_' })), []);
  });

  test('what cannot be asked is refused with what is wrong', async () => {
    for (const fields of [{ path: [1] }, { path: 'quotes' }, { path: [true] }, { path: ['a', {}] },
      { path: Array(101).fill('a') }]) {
      const answer = await client.ask('members', { session, ...fields });
      assert.equal(answer.ok, false, JSON.stringify(fields));
      assert.match(answer.error.message, /path/);
    }
    assert.match((await client.ask('members', { session: 999 })).error.message, /session/);
    assert.doesNotMatch(out, /error|code was run/); // nothing of the script's was run, and nothing failed
  });
});

describe('in a terminal', () => {
  const size = { columns: 100, rows: 30 };

  test('names, keys, values, files and commands', inTerminal(['repl'], size, async (t) => {
    // The line that is being typed, and whether Tab led to it.
    const typed = (end) => (lines) => lines.some((l) => l.startsWith('kalua>') && l.endsWith(end));
    const clear = async () => {
      await t.keys('C-c');
      await t.shows((lines) => lines.filter((l) => l).at(-1) === 'kalua>');
    };
    // A machine that stands still answers too late for one Tab; a person presses it again.
    const tab = (wanted) => {
      let pressed = 0;
      return until(String(wanted), async () => {
        if (pressed++) tell(`Tab was pressed again for ${wanted}`);
        await t.keys('Tab');
        return t.shows(wanted, 8000).catch(() => false);
      });
    };
    fs.writeFileSync(path.join(t.folder, 'maker_of_books.lua'), 'made = 1\n');
    await t.shows('kalua>');
    await t.line('quoted = { lower = 0.41, upper = 0.43 }');
    await t.shows((lines) => lines.filter((l) => l).at(-1) === 'kalua>');
    await t.type('print(quoted.up');
    await tab(typed('print(quoted.upper'));
    await clear();
    await t.type('kalshi.orderb');
    await tab(/get_market_orderbook\s+get_market_orderbooks/);
    await clear();
    await t.type('kalshi.get_markets{ sta');
    await tab(typed('kalshi.get_markets{ status ='));
    await t.shows('status = string: unopened|open|paused|closed|settled'); // the hint
    await t.type('"op');
    await tab(typed('{ status = "open'));
    await clear();
    await t.type(':loa');
    await tab(typed(':load'));
    await t.type(' maker');
    await tab(typed(':load maker_of_books.lua'));
  }));

  test('tickers, which the prompt has read for itself and learns from what is shown', inTerminal(['repl'], size, async (t) => {
    await t.shows('kalua>');
    await t.line('for m in kalshi.each.get_markets{ status = "open", max = 1 } do first = m.ticker:match "^[^-]+" end print("of", first)');
    const shown = await t.shows(/^of\s+KX/m);
    const series = shown.find((l) => l.startsWith('of')).split(/\s+/)[1];
    for (let i = 0; i < 200; i++) { // the page comes a moment after the prompt
      await t.type(`kalshi.book("${series}`);
      await t.keys('Tab');
      await sleep(300);
      if (new RegExp(`"?${series}-\\d`).test(await t.text())) break;
      await t.keys('C-c');
    }
    await t.shows(new RegExp(`${series}-\\d`));
  }));
});
