// The prompt without a terminal: kalua -e, kalua repl < file; what a program that uses it relies on.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { KALUA, Sim, cleanEnv, kalua, tempDir } from './peers.mjs';
import { Tmux, inTerminal } from './tmux.mjs';

after(() => Tmux.closeAll());

const env = { XDG_RUNTIME_DIR: tempDir(), XDG_STATE_HOME: tempDir() };
const run = (args, o = {}) => kalua(args, { ...o, env: { ...env, ...o.env } });
const e = (...inputs) => run(inputs.flatMap((i) => ['-e', i]));
const piped = (input, ...args) => run(['repl', ...args], { input });

test('-e prints values as Lua has them; inputs share what they set, locals too; what waits is waited for', async () => {
  const cases = [
    ['1 + 1', '2\n'], ['"text"', '"text"\n'], ['1, nil, true', '1, nil, true\n'], ['{ 1, { a = 2.5 } }', '{ 1, { a = 2.5 } }\n'],
    ['x = 5', ''], ['print("said")', 'said\n'], ['nil', 'nil\n'], ['return 7', '7\n'], ['', ''],
    ['local a = 2', ''], ['b = 3', ''], ['a * b', '6\n'], ['_ + 1', '7\n'],
    ['print("first") task.sleep(0.05) print("second")', 'first\nsecond\n'],
    ['task.spawn(function() print("from a task") end) task.sleep(0.02)', 'from a task\n'], ['"last"', '"last"\n'],
    // The value of an expression behind statements is shown.
    ['x = 1; x + 1', '2\n'], ['local a = 5\na * 2', '10\n'], ['a', '5\n'], ['=a', '5\n'], ['x = 1 -- a; x', ''], ['s = "a; b"; s', '"a; b"\n'],
    ['for i = 1, 2 do x = i end; x', '2\n'], ['function f()\n  return 7\nend\nf()\n-- done', '7\n'], ['t = [[\nx]]', ''],
  ];
  assert.deepEqual(await e(...cases.map(([input]) => input)),
    { code: 0, signal: null, stdout: cases.map(([, output]) => output).join(''), stderr: '' });
});

test('inputs stop at the first that fails', async () => {
  const r = await e('print(1)', 'error "no more"', 'print(2)');
  assert.deepEqual([r.code, r.stdout], [1, '1\n']);
  assert.match(r.stderr, /no more/);
});

test('too few files that may be open are told, at whatever point', async () => {
  for (const [files, pattern] of [[8, /no event loop/], [14, /no event loop|the embedded exchange needs 20 file descriptors/]]) {
    const r = await promisify(execFile)('sh', ['-c', `ulimit -n ${files}; exec "$0" repl`, KALUA],
      { env: { ...cleanEnv(), ...env }, timeout: 60000 }).catch((why) => why);
    assert.equal(r.code, /the embedded exchange needs/.test(r.stderr) ? 3 : 1, `${files}: ${r.stderr}`);
    assert.match(r.stderr, pattern);
  }
});

test('exit codes say what was wrong', async () => {
  for (const [args, code, pattern] of [
    [['-e', '1 +'], 1, /near <eof>|unexpected/], [['-e', 'kalshi.get_market("NO-SUCH")'], 1, /not_found/],
    [['--rest-url', 'http://127.0.0.1:9/trade-api/v2', '--ws-url', 'ws://127.0.0.1:9/', '-e', 'kalshi.get_markets{ timeout = 1 }'], 4, /127\.0\.0\.1|connect|refused/i],
    [['--env', 'demo', '--key-id', 'x', '-e', '1'], 3, /private key/], [['repl', '--nonsense'], 2, /unknown option/],
    [['repl', '-e'], 2, /needs a value/], [['repl', 'no-such.lua'], 1, /no-such\.lua/],
  ]) {
    const r = await run(args);
    assert.equal(r.code, code, `${args}: ${r.stderr}`);
    assert.match(r.stderr, pattern, `${args}`);
    assert.equal(r.stdout, '', `${args}`);
  }
  const folder = fs.openSync(tempDir(), 'r');
  const r = await run(['repl'], { stdin: folder });
  fs.closeSync(folder);
  assert.deepEqual([r.code, r.stdout], [3, '']);
  assert.match(r.stderr, /^kalua: cannot read standard input: Is a directory$/m);
});

test('--json gives one document for each value', async () => {
  const r = await run(['repl', '--json', '-e', 'kalshi.get_exchange_status()', '-e', '1.5', '-e', '{ a = { 1, 2 }, s = "é" }', '-e', 'x = 1',
    '-e', 'kalshi.get_markets{ limit = 100 }']);
  assert.equal(r.code, 0, r.stderr);
  const documents = r.stdout.trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(documents[0].exchange_active, true);
  assert.ok(documents.pop().markets.length > 30, 'nothing is left out');
  assert.deepEqual(documents.slice(1), [1.5, { a: [1, 2], s: 'é' }]);
});

test('a file is read as if it were typed, blocks over several lines and commands too', async () => {
  const r = await piped('for i = 1, 2 do\n  print(i)\nend\nt = {\n  1,\n  2 }\n#t\n:json t\n-- nothing\n');
  assert.deepEqual([r.code, r.stderr, r.stdout], [0, '', '1\n2\n2\n[1,2]\n']);
  const bad = await piped('1\nfor\n\n2\nprint "abc\n3\nkalshi.each.get_series_list{}\n:orders\n:tasks\nfor i = 1, 2 do', '--keep-going');
  assert.deepEqual([bad.code, bad.stdout], [1, '1\n2\n3\nno resting orders\nno task runs\n']);
  assert.match(bad.stderr, /<name> expected near <eof>[^]*unfinished string[^]*no pages[^]*'end' expected/);
  assert.doesNotMatch(bad.stderr, /traceback/, 'frames of our own modules are no news');
});

test('an order from the command line, and its cancel; :full leaves nothing out', async () => {
  const r = await e('m = kalshi.get_markets{ status = "open", limit = 1 }.markets[1]',
    'o = kalshi.create_order{ ticker = m.ticker, side = "bid", price = 0.01, count = 3, time_in_force = "good_till_canceled", '
    + 'self_trade_prevention_type = "taker_at_cross", post_only = true }', '#kalshi.orders()', 'kalshi.cancel_order(o.order_id).reduced_by // 1 | 0',
    'print "--"', ':full m', 'print "--"', ':full { m, m }');
  const [figures, card, table] = r.stdout.split('--\n');
  assert.deepEqual([r.code, r.stderr, figures], [0, '', '1\n3\n']);
  assert.match(card, /^ {2}updated_time +20/m);
  assert.doesNotMatch(card, /more$|…/m);
  assert.doesNotMatch(table, /not shown|…/);
});

test('a prompt inside a script sees what that has, and it runs on', async () => {
  const dir = tempDir();
  fs.writeFileSync(path.join(dir, 'own.lua'), 'local kalua = require "kalua"\nn = 7\nkalua.state.at = 1\nprint("runs", kalua.args[1])\n'
    + 'require("task").every(0.01, function() n = n + 1 end)\n');
  const r = await run(['repl', 'own.lua', '--', 'word'], { cwd: dir, input: 'kalua.state.at\ntask.sleep(0.2)\nn > 7\nkalua.name\n' });
  assert.deepEqual([r.code, r.stdout], [0, 'runs\tword\n1\ntrue\n"own"\n'], r.stderr);
});

test('what fails is only that input: an endless loop, an error, a method that is not called', async () => {
  const r = await run(['repl', '--cpu-ms', '100', '--keep-going', '-e', 'while true do end', '-e', '"still here"', '-e', 'x = 1\n\nerror "here"',
    '-e', '("x"):rep']);
  assert.deepEqual([r.code, r.stdout], [2, '"still here"\n']);
  assert.match(r.stderr, /ran for more than 100 ms[^]*prompt:3: here[^]*rep is called: \("x"\):rep\(…\)/, 'lines are those of the whole');
});

test('NAME? of a value, a word without its colon, a mistyped command; without UTF-8 drawings are of ASCII', async () => {
  const input = 'x = 5\n_ = 7\nx?\nbook = kalshi.book(kalshi.get_markets{ limit = 1 }.markets[1].ticker)\nbook?\nprint?\n_\n'
    + 'exit = 4\nexit\nexit = nil\n:hlep\nexit\nprint "not reached"\n';
  const r = await run(['repl', '--keep-going'], { input, env: { LC_ALL: 'C' } });
  assert.match(r.stdout, /\d +#+\n/);
  assert.doesNotMatch(r.stdout, /[^\n -~]/);
  assert.match(r.stdout, /^x is a number\.\n5\nbook is a kalshi\.Book\.\nKX[^]*\n:help kalshi\.Book says more\.\nprint\(.*\)[^]*\n7\n4\n$/);
  assert.deepEqual([r.code, r.stderr], [1, 'there is no command :hlep; did you mean :help, :step?\n']);
});

test('Ctrl-C ends what runs and all of it: 130; -e leaves standard input alone', async () => {
  for (const [args, input] of [[['-e', 'print(1) task.sleep(60)', '-e', 'print(2)'], 'not mine\n'], [['repl', '--keep-going'], 'print(1) task.sleep(60)\nprint(2)\n']]) {
    const r = await run(args, { input, kill: /./ });
    assert.deepEqual(r, { code: 130, signal: null, stdout: '1\n', stderr: 'cancelled\n' });
  }
});

test('output that cannot be written is an error, but for a reader that has had enough', async () => {
  const shell = async (text) => {
    const p = spawnSync('/bin/sh', ['-c', text], { env: { ...cleanEnv(), ...env, KALUA }, encoding: 'utf8', timeout: 60000 });
    return { code: p.status, stdout: p.stdout, stderr: p.stderr };
  };
  const full = await shell('"$KALUA" -e 1+1 > /dev/full');
  assert.equal(full.code, 1);
  assert.match(full.stderr, /^kalua: cannot write to standard output: No space left on device\n$/);
  const head = await shell('"$KALUA" -e "for i = 1, 100000 do print(i) end" | head -1');
  assert.deepEqual([head.stdout, head.stderr], ['1\n', '']);
});

test('what a newcomer writes is answered with what it is called here', inTerminal(['repl'], { env: { TERM: 'dumb' }, columns: 150, rows: 70 }, async (t) => {
  await t.shows(/^kalua>/m);
  await t.line('m = kalshi.get_markets{ limit = 1 }.markets[1]; book = kalshi.book(m.ticker)');
  for (const [input, answer] of [
    ['no.such', /attempt to index/], ['6 * 7', /42/], // a mistake is no end
    ['x != 5', /"not equal" is ~= in Lua/], ['x += 1', /Lua has no \+=/], ['a && b', /"and" is a word/],
    ['if x = 5 then end', /compared with ==/], ['m.yes_bid', /did you mean yes_bid_dollars\?/],
    ['m.volume + 1', /did you mean volume_fp\?/], ['book:bestbid()', /did you mean best_bid\?/],
    ['kalshi:balance()', /called with a dot: kalshi\.balance\(\)/], ['kalshi.candles()', /:help \?candles looks for it/],
    ['kalshi.each.get_markets{ limit = 1 }', /for row in kalshi\.each\.get_markets\{ limit = 1 \} do/],
    ['kalshi.create_order{ ticker = m.ticker, side = "no", price = 0.6, count = 1 }', /to buy NO at q: side = "ask", price = 1 - q/],
    ['book:sweep', /:help sweep says with what/], [':help ?frobnicate', /nothing has to do with "frobnicate"/],
    [':watch kalshi.book(m.ticker)', /what is watched can only look/],
  ]) {
    await t.line(input);
    await t.shows(answer);
  }
  await t.line(':quit');
  assert.equal(await t.code(), 0);
}));

test('a simulator that is a process of its own is named, and outlived', async () => {
  const sim = await Sim.start();
  const t = await Tmux.start(['repl', '--rest-url', sim.rest_url, '--ws-url', sim.ws_url], { env: { TERM: 'dumb' }, columns: 100 });
  try {
    await t.shows(/simulator at http:\/\/127\.0\.0\.1:\d+\./);
    await sim.stop();
    await t.line('kalshi.get_exchange_status{ timeout = 1 }');
    await t.shows(/^network: /m);
    await t.line('6 * 7');
    await t.shows(/^42$/m);
  } finally {
    await t.close();
  }
});

test('a script that uses a module as a prompt does is told what is missing', async () => {
  const folder = tempDir();
  fs.writeFileSync(path.join(folder, 'my.lua'), 'print(kalua.name)\n');
  const r = await run(['run', 'my.lua'], { cwd: folder });
  assert.equal(r.code, 1);
  assert.match(r.stderr, /my\.lua:1: attempt to index a nil value \(global 'kalua'\); local kalua = require "kalua" is missing/);
});

test('what was typed is saved as a script that does the same', async () => {
  const folder = tempDir();
  const inputs = ['kalshi.get_markets{ limit = 1 }', 'ticker = _.markets[1].ticker', 'no.such', 'local a = 2; a * 3', '=_ + 1', 'print(_, #ticker > 3)'];
  const saved = await run(['repl', '--keep-going', ...[...inputs, ':save my.lua', ':save my.lua'].flatMap((i) => ['-e', i])], { cwd: folder });
  assert.match(saved.stdout, /^5 inputs in my\.lua; kalua run my\.lua$/m);
  assert.match(saved.stderr, /my\.lua exists already/);
  assert.equal(fs.readFileSync(path.join(folder, 'my.lua'), 'utf8'), `local kalshi = require "kalshi"

_ = kalshi.get_markets{ limit = 1 }
ticker = _.markets[1].ticker
local a = 2;_ = a * 3
_ = _ + 1
print(_, #ticker > 3)
`);
  assert.match((await run(['run', '--quiet', 'my.lua'], { cwd: folder })).stdout, /^7\ttrue$/m);
});
