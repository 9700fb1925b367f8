// The commands as a person types them: exit codes, help, and what mistakes get.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, root, sleep, tempDir } from './peers.mjs';

let sim, ticker;
before(async () => {
  sim = await Sim.start();
  ticker = await sim.middle();
});
after(() => sim?.stop());

const script = (text, ...args) => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), text);
  return kalua(['--quiet', ...args.filter((a) => a.startsWith('--')), 's.lua'], { cwd, env: sim.env() });
};

test('--version and --help, of everything', async () => {
  assert.match((await kalua(['--version'])).stdout, /^kalua \d+\.\d+\.\d+\n$/);
  const help = await kalua(['--help']);
  assert.equal(help.code, 0);
  for (const c of ['run', 'sim', 'api', 'book', 'tail', 'demo', 'doctor', 'test']) {
    assert.match(help.stdout, new RegExp(`kalua ${c}`));
    const own = await kalua([c, '--help']);
    assert.equal(own.code, 0);
    assert.match(own.stdout, new RegExp(`^usage: kalua \\[?${c}`));
    assert.equal(own.stderr, '');
  }
});

test('usage errors exit 2 and say what to do', async () => {
  for (const args of [[], ['frobnicate'], ['run'], ['run', '--nope', 'x.lua'], ['book'], ['book', 'a', 'b'], ['api'],
    ['sim', '--port', 'abc'], ['sim', '--port', '70000'], ['sim', 'extra'], ['run', '--env'], ['api', 'get_markts'],
    ['api', 'get_markets', 'limt=3'], ['api', 'get_market'], ['api', 'get_markets', 'a', 'b']]) {
    const run = await kalua(args, { env: sim.env() });
    assert.equal(run.code, 2, `${args.join(' ')}: ${run.stderr}`);
    assert.ok(run.stderr.length > 0);
  }
  assert.match((await kalua(['api', 'get_markts'], { env: sim.env() })).stderr, /get_markets/);
  assert.match((await kalua(['api', 'get_markets', 'limt=3'], { env: sim.env() })).stderr, /limit/);
  assert.match((await kalua(['run', '--demo', 'x.lua'], { env: sim.env() })).stderr, /unknown option --demo; did you mean --env demo\?/);
});

test('a script that ends well exits 0', async () => {
  const run = await script('print("hello", 1, 2.5)');
  assert.deepEqual([run.code, run.stdout], [0, 'hello\t1\t2.5\n'], run.stderr);
});

test('a script that does not exist, has a syntax error or fails exits 1 with the place', async () => {
  const none = await kalua(['--quiet', 'none.lua'], { env: sim.env() });
  assert.equal(none.code, 1);
  assert.match(none.stderr, /none\.lua/);
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'maker.lua'), '');
  const ending = await kalua(['run', 'maker'], { cwd, env: sim.env() });
  assert.equal(ending.code, 1);
  assert.match(ending.stderr, /there is no script maker; did you mean maker\.lua\?/);
  const syntax = await script('local x =\nprint(x');
  assert.equal(syntax.code, 1);
  assert.match(syntax.stderr, /s\.lua:\d+:/);
  const failed = await script('local function f() error("boom") end\nf()');
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /s\.lua:1: boom/);
  assert.match(failed.stderr, /stack traceback/);
});

test('a missing module names where it was looked for', async () => {
  const run = await script('require "no.such.thing"');
  assert.equal(run.code, 1);
  assert.match(run.stderr, /no\.such\.thing/);
});

test('an error in a task that nobody awaits is told with its traceback, and the script goes on', async () => {
  const run = await script(`local task = require "task"
task.spawn(function() error("lost in a task") end)
task.sleep(0.1)
print "still here"`);
  assert.equal(run.stdout, 'still here\n');
  assert.match(run.stderr, /lost in a task/);
  assert.match(run.stderr, /stack traceback/);
});

test('mistakes in a call are refused before anything is sent, with the nearest name', async () => {
  const order = (over) => `require("kalshi").create_order{ ticker = "${ticker}", side = "bid", price = 0.5, count = 1,
    time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross", ${over} }`;
  const before = (await sim.rest('GET', '/portfolio/orders')).body.orders.length;
  for (const [text, expected] of [
    [order('prize = 0.5'), /price/], [order('price = 0.123456'), /grid|1\/10,?000|0\.0001/], [order('price = 0'), /price/], [order('count = 0'), /count/],
    [order('count = -3'), /count/], [order('count = 0.001'), /count/], [order('side = "buy"'), /bid/], [order('time_in_force = "gtc"'), /good_till_canceled/],
    ['require("kalshi").get_markt("X")', /get_market/], ['require("kalshi").get_market()', /ticker/],
    ['require("kalshi").get_markets{ limit = "many" }', /limit/], ['require("kalshi").subscribe{ channels = { "trades" } }', /trade/]]) {
    const run = await script(text);
    assert.equal(run.code, 1, text);
    assert.match(run.stderr, /validation/, text);
    assert.match(run.stderr, expected, text);
  }
  assert.equal((await sim.rest('GET', '/portfolio/orders')).body.orders.length, before);
});

test('a ticker that does not exist is a clear error, by REST and as a book', async () => {
  const rest = await script('require("kalshi").get_market "KXNOPE-1"');
  assert.equal(rest.code, 1);
  assert.match(rest.stderr, /404|not.found/);
  const book = await script('require("kalshi").book "KXNOPE-1"');
  assert.equal(book.code, 1);
  assert.match(book.stderr, /KXNOPE-1/);
  assert.equal((await kalua(['book', 'KXNOPE-1'], { env: sim.env() })).code, 1);
});

test('errors of the exchange keep its code and message', async () => {
  const run = await script(`local kalshi = require "kalshi"
local ok, err = pcall(kalshi.create_order, { ticker = "${ticker}", side = "bid", price = 0.99, count = 1, post_only = true,
  time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" })
print(ok, err.kind, err.status, err.code, err.operation)
print(tostring(err))`);
  assert.match(run.stdout, /^false\thttp\t400\tinvalid_order\tcreate_order\n/, run.stdout + run.stderr);
  assert.match(run.stdout, /post only cross/);
});

test('several scripts run at once, each with its name before its lines', async () => {
  const cwd = tempDir();
  for (const n of ['one', 'two']) {
    fs.writeFileSync(path.join(cwd, `${n}.lua`), `local task = require "task"\nfor i = 1, 3 do print(i) task.sleep(0.02) end`);
  }
  const run = await kalua(['--quiet', 'one.lua', 'two.lua'], { cwd, env: sim.env() });
  assert.equal(run.code, 0, run.stderr);
  const lines = run.stdout.trim().split('\n').sort();
  assert.deepEqual(lines, ['[one] 1', '[one] 2', '[one] 3', '[two] 1', '[two] 2', '[two] 3']);
});

test('arguments follow --, and a #! line is no error', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), '#!/usr/bin/env kalua\nprint(table.concat(require("kalua").args, "|"))');
  const run = await kalua(['--quiet', 's.lua', '--', 'a', '--b', 'c d'], { cwd, env: sim.env() });
  assert.deepEqual([run.code, run.stdout], [0, 'a|--b|c d\n'], run.stderr);
});

test('Ctrl-C runs on_stop, cancels what it cancels, and exits 130', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), `local kalshi, kalua, task = require "kalshi", require "kalua", require "task"
local o = kalshi.create_order{ ticker = "${ticker}", side = "bid", price = 0.01, count = 1, time_in_force = "good_till_canceled",
  self_trade_prevention_type = "taker_at_cross" }
kalua.on_stop(function(why) kalshi.cancel_order(o.order_id) print("stopped", why) end)
print(o.order_id)
while true do task.sleep(1) end`);
  const run = await kalua(['s.lua'], { cwd, env: sim.env(), kill: /\n/ });
  assert.equal(run.code, 130, run.stderr);
  const [id, stopped] = run.stdout.trim().split('\n');
  assert.equal(stopped, 'stopped\texit');
  assert.match(run.stderr, /orders +\d/);
  assert.equal((await sim.rest('GET', `/portfolio/orders/${id}`)).body.order.status, 'canceled');
});

test('the summary tells YES from NO, and what orders that rest hold of the cash', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), `local kalshi, task = require "kalshi", require "task"
local t, o
repeat -- one in the middle: the first may be near its end
  task.sleep(0.05)
  for _, m in ipairs(kalshi.get_markets{ status = "open", limit = 100 }.markets) do
    if m.yes_bid_dollars >= 0.2 and m.yes_ask_dollars > 0 and m.yes_ask_dollars <= 0.8 then t = t or m.ticker end
  end
until t
repeat
  task.sleep(0.05)
  o = kalshi.order{ ticker = t, side = "no", price = 0.99, count = 2, time_in_force = "immediate_or_cancel" }
until o.filled > 0
print(("%.2f"):format(o.filled))
kalshi.order{ ticker = t, side = "yes", price = 0.01, count = 5, post_only = true }`);
  const run = await kalua(['s.lua'], { cwd });
  assert.equal(run.code, 0, run.stderr);
  const filled = run.stdout.trim();
  assert.match(run.stderr, /^ {2}held {6}up to 0\.05 dollars of that by 1 order still resting, until filled or canceled$/m);
  assert.ok(run.stderr.includes(`\n  position  0.00 YES and ${filled} NO (YES that was sold), worth `), run.stderr);
  assert.ok(run.stderr.includes(`dollars (+${filled} contracts since the start)\n`), run.stderr);
});

test('a second Ctrl-C ends a script that will not stop', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), `local kalua, task = require "kalua", require "task"
kalua.on_stop(function() task.sleep(3600) end)
print "up"
while true do pcall(task.sleep, 1) end`);
  let sent = 0, started;
  const run = await kalua(['--quiet', 's.lua'], { cwd, env: sim.env(), onOut: (out, p) => {
    if (out.includes('up') && !sent++) { started = Date.now(); p.kill('SIGINT'); setTimeout(() => p.kill('SIGINT'), 300); }
  } });
  assert.equal(run.code, 130, run.stderr);
  assert.ok(Date.now() - started < 15000);
});

// As `timeout -s INT`, npm and make do it: to the process, and to its group.
test('signals that come at once are one Ctrl-C', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), `local kalua, task = require "kalua", require "task"
kalua.on_stop(function() task.sleep(0.3) print "in good order" end)
print "up"
while true do task.sleep(1) end`);
  let sent = 0;
  const run = await kalua(['--quiet', 's.lua'], { cwd, env: sim.env(), onOut: (out, p) => {
    if (out.includes('up') && !sent++) for (const signal of ['SIGINT', 'SIGTERM', 'SIGINT']) p.kill(signal);
  } });
  assert.equal(run.code, 130, run.stderr);
  assert.equal(run.stdout, 'up\nin good order\n');
  assert.doesNotMatch(run.stderr, /stopping at once/);
});

test('an endless loop is broken and named, and other scripts live on', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'spin.lua'), 'local n = 0\nwhile true do n = n + 1 end');
  fs.writeFileSync(path.join(cwd, 'calm.lua'), 'local task = require "task"\ntask.sleep(2.5)\nprint "calm"');
  const run = await kalua(['--quiet', '--cpu-ms', '300', 'spin.lua', 'calm.lua'], { cwd, env: sim.env() });
  assert.equal(run.code, 1);
  assert.match(run.stderr, /spin\.lua:2/);
  assert.match(run.stdout, /\[calm\] calm/);
});

test('a script that eats memory gets an error and nobody else does', async () => {
  const run = await script('local t = {}\nfor i = 1, 1e9 do t[i] = ("x"):rep(1000) .. i end', '--mem=16', '--cpu-ms=60000');
  assert.equal(run.code, 1);
  assert.match(run.stderr, /not enough memory/);
});

test('permissions: no files, no programs, no environment without a flag', async () => {
  const run = await script(`
    for _, call in ipairs{ "io.open('x')", "os.execute('true')", "os.getenv('HOME')", "io.popen('true')" } do
      print(select(2, pcall(load(call))))
    end
    print(package, debug.getinfo)`);
  const lines = run.stdout.trim().split('\n');
  ['--allow-fs', '--allow-run', '--allow-env', '--allow-run'].forEach((flag, i) => assert.ok(lines[i].includes(flag), run.stdout));
  assert.equal(lines[4], 'nil\tnil', run.stderr);
});

test('kalua book prints lines, or objects', async () => {
  const shown = async (...options) => {
    for (let seconds = 2; ; seconds *= 3) { // in which the book must have come
      const r = await kalua(['book', ticker, ...options, '--seconds', String(seconds)], { env: sim.env() });
      assert.equal(r.code, 0, r.stderr);
      if (r.stdout || seconds > 30) return r.stdout;
    }
  };
  assert.ok((await shown()).startsWith(ticker));
  for (const line of (await shown('--json')).trim().split('\n')) {
    const b = JSON.parse(line);
    assert.equal(b.ticker, ticker);
    assert.ok(Array.isArray(b.bids) && Array.isArray(b.asks));
  }
});

test('without anything, the exchange is inside the process', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), 'local k = require "kalshi"\nprint(#k.get_markets{ limit = 5 }.markets, k.get_balance().balance_dollars > 0)');
  const run = await kalua(['--quiet', 's.lua'], { cwd });
  assert.deepEqual([run.code, run.stdout], [0, '5\ttrue\n'], run.stderr);
});

test('an exchange that is not there is exit code 4', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), 'require("task").timeout(3, function() require("kalshi").get_exchange_status() end)');
  const run = await kalua(['--quiet', 's.lua'], { cwd, env: { ...sim.env(), KALSHI_REST_URL: 'http://127.0.0.1:1/trade-api/v2' } });
  assert.equal(run.code, 4, run.stderr);
});

test('a command whose connection is refused says so soon, and not after half a minute', async () => {
  const began = Date.now();
  const run = await kalua(['api', 'get_exchange_status', '--log', 'debug'], { env: { ...sim.env(), KALSHI_REST_URL: 'http://127.0.0.1:1/trade-api/v2' }, timeout: 60000 });
  assert.equal(run.code, 4, run.stderr);
  assert.match(run.stderr, /cannot connect to '127\.0\.0\.1:1': Connection refused; is it running, and is the port right\?/);
  assert.equal(run.stderr.match(/again in \d+ ms/g).length, 2, run.stderr);
  assert.ok(Date.now() - began < 20000, run.stderr);
});

test('too few file descriptors are said, whatever their number, and nothing hangs', async () => {
  for (const n of [18, 25]) {
    const run = spawnSync('sh', ['-c', `ulimit -n ${n} && exec "$0" -e 1`, KALUA], { encoding: 'utf8', env: cleanEnv(), timeout: 60000 });
    assert.ok(run.status === 1 || run.status === 3, `${n}: ${run.status ?? run.signal} ${run.stderr}`);
    assert.match(run.stderr, /file descriptors, and there is room for \d+: allow more|too many open files/, `${n}: ${run.stderr}`);
  }
});

test('orders to prod need --live', async () => {
  const run = await kalua(['api', 'create_order', `ticker=${ticker}`, 'side=bid', 'price=0.01', 'count=1',
    'time_in_force=good_till_canceled', 'self_trade_prevention_type=taker_at_cross'], { env: { ...sim.env(), KALSHI_ENV: 'prod' } });
  assert.equal(run.code, 1);
  assert.match(run.stderr, /--live/);
});

test('a key that is not there or refused is said before a strategy starts for money or on paper', async () => {
  const script = path.join(tempDir(), 's.lua');
  fs.writeFileSync(script, 'print "began"');
  const { KALSHI_REST_URL, KALSHI_WS_URL, KALSHI_PRIVATE_KEY_PATH } = sim.env(), urls = { KALSHI_REST_URL, KALSHI_WS_URL, KALSHI_ENV: 'prod' };
  const [none, other] = await Promise.all([kalua(['--live', script], { env: urls }),
    kalua([script], { env: { ...urls, KALSHI_PRIVATE_KEY_PATH, KALSHI_API_KEY_ID: 'of-another-environment' } })]);
  for (const r of [none, other]) assert.deepEqual([r.code, r.stdout], [3, ''], r.stderr);
  assert.match(none.stderr, /^kalua: --live sends orders, which needs an API key of prod: give --key-id and --key/);
  assert.match(other.stderr, /kalua: paper trading reads the market of prod with the key: .* 401 .*that the key belongs to this environment/);
});

test('a full disk for the log does not stop a script', async () => {
  const run = await script('local log = require "log"\nfor i = 1, 100 do log.info("line " .. i) end\nprint "done"', '--log-file=/dev/full');
  assert.deepEqual([run.code, run.stdout], [0, 'done\n'], run.stderr);
});

test('kalua.expect sets exit code 5', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), 'require("kalua").expect{ fills = ">1000" }');
  const run = await kalua(['s.lua'], { cwd, env: sim.env() });
  assert.equal(run.code, 5, run.stderr);
  assert.match(run.stderr, /fills > 1000/);
});

test('a simulator that does not come up in time is not left behind by its test', async () => {
  const cwd = tempDir(), file = path.join(cwd, 'peer.mjs');
  fs.writeFileSync(file, `import { Sim } from ${JSON.stringify(path.join(root, 'tests/integration/peers.mjs'))};
try { await Sim.startIn(-1); } catch (e) { console.log(e.message); }`);
  const run = spawnSync(process.execPath, [file], { env: { ...cleanEnv(), KALUA }, encoding: 'utf8', timeout: 30000 });
  assert.deepEqual([run.status, run.stdout], [0, 'waited -1 ms in vain for the simulator\n'], run.stderr);
});

test('kalua sim ends on SIGTERM with 0 and leaves no key behind', async () => {
  const s = await Sim.start('--users', '2', '--quiet-market');
  assert.equal(s.users.length, 2);
  assert.equal(fs.statSync(s.key_path).mode & 0o777, 0o600);
  await sleep(100);
  assert.equal(await s.stop(), 0);
  assert.ok(!fs.existsSync(s.key_path));
});

test('the examples run', async () => {
  const dir = path.join(root, 'scripts/examples');
  const table = await kalua(['--quiet', path.join(dir, 'scanner.lua'), '--', 'spread', '5'], { env: sim.env() });
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /open markets/);
  const book = await kalua(['--quiet', path.join(dir, 'hello_book.lua')], { env: sim.env(), kill: /bid [\d.]+ x [\d.]+ +ask/ });
  assert.equal(book.code, 130, book.stderr);
  assert.match(book.stdout, /bid [\d.]+ x [\d.]+ +ask/);
  const maker = await kalua([path.join(dir, 'market_maker.lua')], { env: sim.env(), kill: /quoting 0/, killAfter: 8000 });
  assert.equal(maker.code, 130, maker.stderr);
  assert.match(maker.stdout, /quoting 0/);
  assert.match(maker.stdout, /stopped with a position/);
  assert.match(maker.stderr, /errors +0/);
  const momentum = await kalua([path.join(dir, 'momentum.lua')], { env: sim.env(), kill: /watching/, killAfter: 12000 });
  assert.equal(momentum.code, 130, momentum.stderr);
  assert.match(momentum.stderr, /errors +0/);
  const resting = (await sim.rest('GET', '/portfolio/orders?status=resting')).body.orders
    .filter((o) => /\d/.test(o.yes_price_dollars) && o.yes_price_dollars !== '0.0100');
  assert.deepEqual(resting, [], 'the market maker took its quotes back');
});
