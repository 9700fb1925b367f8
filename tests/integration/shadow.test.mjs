// A new version beside the old one: kalua run --shadow, kalua shadow.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before, describe } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, tempDir, until } from './peers.mjs';
import { restErrors } from './schema.mjs';

let sim;
const running = [];
before(async () => { sim = await Sim.start('--quiet-market'); });
after(async () => {
  running.forEach((r) => r.p.exitCode === null && r.p.kill('SIGKILL'));
  await sim?.stop();
});

// Processes that see only each other.
class World {
  constructor() { this.env = { ...sim.env(), XDG_RUNTIME_DIR: fs.mkdtempSync('/tmp/kalua-shadow-') }; }

  cli(...args) { return kalua(args, { env: this.env, cwd: this.cwd }); }

  async run(files, ...args) {
    this.cwd = tempDir();
    for (const [name, text] of Object.entries(files)) fs.writeFileSync(path.join(this.cwd, name), text);
    const p = spawn(KALUA, ['run', ...args], { cwd: this.cwd, env: { ...cleanEnv(), ...this.env } });
    const r = { p, out: '', err: '' };
    running.push(r);
    p.stdout.on('data', (d) => { r.out += d; });
    p.stderr.on('data', (d) => { r.err += d; });
    r.ended = new Promise((resolve) => p.on('close', resolve));
    r.said = (text) => until(text, () => r.out.includes(text)
      || (p.exitCode !== null && Promise.reject(new Error(`${r.out}\n${r.err}`))));
    r.end = () => { p.kill('SIGINT'); return r.ended; };
    return r;
  }

  async table(name) {
    const { code, stdout, stderr } = await this.cli('shadow', name, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout)[0];
  }
}

const head = `local kalshi, task, kalua, json = require "kalshi", require "task", require "kalua", require "json"
local function order(ticker, price, count, more)
  local o = { ticker = ticker, side = "bid", price = price, count = count, time_in_force = "good_till_canceled",
    self_trade_prevention_type = "taker_at_cross" }
  for k, v in pairs(more or {}) do o[k] = v end
  return o
end
local MARKET = kalua.args[1]
`;
const rest = 'print("ready", kalua.name)\nwhile true do task.sleep(0.02) end\n';

const markets = async (n) => (await sim.rest('GET', '/markets?status=open&limit=100')).body.markets
  .slice(0, n).map((m) => m.ticker);

const resting = async (ticker) => (await sim.rest('GET', `/portfolio/orders?ticker=${ticker}&limit=100`)).body.orders;

describe('side by side', { concurrency: 4 }, () => {
  test('the new version quotes on paper until it is promoted', async () => {
    const w = new World();
    const [market] = await markets(1);
    const quoter = (price) => `${head}
      kalshi.get_market(MARKET) -- and so its shard
      kalua.state.runs = (kalua.state.runs or 0) + 1
      local same = kalshi.create_order(order(MARKET, 0.01, 7))
      local own = kalshi.create_order(order(MARKET, ${price}, 5))
      kalshi.amend_order(own.order_id, { ticker = MARKET, side = "bid", price = ${price}, count = 4 })
      kalshi.cancel_order(same.order_id)
      print("runs", kalua.state.runs, own.order_id)\n${rest}`;
    const r = await w.run({ 'old.lua': quoter(0.02), 'new.lua': quoter(0.03) }, '--shadow', 'new.lua=old.lua', '--', market);
    await r.said('[old] ready');
    await r.said('[old+shadow] ready');
    const prices = async () => (await resting(market)).map((o) => Number(o.yes_price_dollars));
    assert.deepEqual([...new Set(await prices())].sort(), [0.01, 0.02]);
    assert.match(r.out, /\[old\+shadow\] runs\t1\tshadow-2\n/);

    const t = await until('the comparison', async () => {
      const now = await w.table('old');
      return now.undecided === 0 && now;
    });
    assert.deepEqual([t.name, t.shadow, t.path, t.phase], ['old', 'old+shadow', 'new.lua', 'running']);
    assert.deepEqual([t.same, t.only_old, t.only_new, t.left_out], [2, 2, 2, 0]);
    const rows = t.differences.map((d) => `${d.who} ${d.operation} ${d.ticker} ${d.side} ${d.price} ${d.count}`).sort();
    assert.deepEqual(rows, [
      `new amend_order ${market} bid 0.0300 4.00`, `new create_order ${market} bid 0.0300 5.00`,
      `old amend_order ${market} bid 0.0200 4.00`, `old create_order ${market} bid 0.0200 5.00`]);
    const lines = (await w.cli('shadow')).stdout.split('\n');
    assert.equal(lines[0], 'new.lua beside old: 2 same, 2 only old, 2 only new');
    assert.match(lines[2], /^TIME {10}WHO {2}OPERATION {5}TICKER +SIDE {2}PRICE {2}COUNT$/);
    assert.ok(lines.every((l) => l.length <= 80), lines.join('\n'));
    assert.equal(new Set(lines.slice(2, 7).map((l) => l.length)).size, 1, lines.join('\n'));
    assert.equal((await w.cli('shadow', 'old', '--lines', '1')).stdout.split('\n')[2], '(3 before these)');

    const promoted = await w.cli('shadow', 'old', '--promote');
    assert.match(promoted.stdout, /^\[old\] promoted in [\d.]+ ms, generation 2\n$/, promoted.stderr);
    await r.said('[old] runs\t2'); // with the state of the one that ran, not with that of the shadow
    await until('its orders', async () => (await prices()).includes(0.03));
    await until('the end of the shadow', async () => (await w.table('old')).phase === 'ended');
    const ps = JSON.parse((await w.cli('ps', '--json')).stdout).find((s) => s.name === 'old');
    assert.deepEqual([ps.path, ps.generation], ['new.lua', 2]);
    assert.deepEqual((await w.table('old')).only_new, 2); // what the promoted one does is compared with nothing
    assert.equal(await r.end(), 130);
    assert.match(r.err, /\n {2}shadow {4}of old: 2 same, 2 only old, 2 only new\n/);
    assert.match(r.err, /\[old\] promoted new\.lua in /);
  });

  test('every write is answered in the shape of the exchange, and none reaches it', async () => {
    const w = new World();
    const [, market] = await markets(2);
    const calls = `${head}
      local raw = { raw = "text" }
      local function say(name, status, ok, answer)
        if ok then print("answer", name, status, answer) else
          local e = answer
          print("error", name, e.kind, e.status or 0, e.code or "", e.message) end
        return ok and answer ~= "" and json.decode(answer) or {}
      end
      local function call(name, status, ...) return say(name, status, pcall(kalshi[name], ...)) end
      local text = { raw = "text", client_order_id = "mine", order_group_id = nil }
      local g = call("create_order_group", 201, { contracts_limit = 5, raw = "text" })
      local a = call("create_order", 201, order(MARKET, 0.02, 3, { raw = "text", client_order_id = "mine", order_group_id = g.order_group_id }))
      call("create_order", 201, order(MARKET, 0.02, 3, { raw = "text", time_in_force = "fill_or_kill" }))
      call("amend_order", 200, a.order_id, { ticker = MARKET, side = "bid", price = 0.03, count = 6, updated_client_order_id = "mine2", raw = "text" })
      call("decrease_order", 200, a.order_id, { reduce_by = 2, raw = "text" })
      call("cancel_order", 200, a.order_id, raw)
      call("cancel_order", 200, a.order_id, raw)
      local b = call("batch_create_orders", 201, { orders = { order(MARKET, 0.02, 1), order(MARKET, 0.03, 2, { order_group_id = g.order_group_id }) }, raw = "text" })
      call("trigger_order_group", 200, g.order_group_id, raw)
      call("batch_cancel_orders", 200, { orders = { { order_id = b.orders[1].order_id }, { order_id = b.orders[2].order_id },
        { order_id = "5d2f1c3a-8f0e-4c61-9b7e-2a4d6e8f0a1b" } }, raw = "text" })
      call("delete_order_group", 200, g.order_group_id, raw)
      call("cancel_order", 200, kalua.args[2], raw)
      call("cancel_order", 200, kalua.args[2], raw)
      call("create_rfq", 201, { market_ticker = MARKET, contracts = 5, rest_remainder = false })
      call("generate_api_key", 201, { name = "x" })
      print("numbers", math.type(kalshi.create_order(order(MARKET, 0.02, 3)).remaining_count))
      print("free", kalshi.call("POST", "/portfolio/events/orders", order(MARKET, 0.02, 3)).remaining_count)
      print("cancel_all", kalshi.cancel_all())
      print("http", pcall(require("http").post, "${sim.rest_url}/x", { body = "x" }))
      print("get", require("http").get("${sim.rest_url}/exchange/status").status)
      print("ws", pcall(require("ws").connect, "${sim.ws_url}"))
      print("file", pcall(io.open, "out.txt", "w"))
      print("run", pcall(os.execute, "touch out.txt"))
      print("stats", kalua.stats().errors)\n${rest}`;
    const mine = (await sim.rest('POST', '/portfolio/events/orders', { ticker: market, side: 'bid', price: '0.0100', count: '9.00',
      time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross', client_order_id: 'real' })).body;
    const keys = (await sim.rest('GET', '/api_keys')).body.api_keys.length;
    const r = await w.run({ 'quiet.lua': head + rest, 'all.lua': head + 'print("mine", #kalshi.orders { ticker = MARKET })\n' + calls.slice(head.length) },
      '--quiet', '--allow-all', '--shadow', 'all.lua=quiet.lua', '--', market, mine.order_id);
    await r.said('[quiet+shadow] ready');
    const lines = r.out.split('\n').filter((l) => l.startsWith('[quiet+shadow] ')).map((l) => l.slice(15).split('\t'));
    const ids = { create_order: 'CreateOrderV2', amend_order: 'AmendOrderV2', decrease_order: 'DecreaseOrderV2', cancel_order: 'CancelOrderV2',
      batch_create_orders: 'BatchCreateOrdersV2', batch_cancel_orders: 'BatchCancelOrdersV2', create_order_group: 'CreateOrderGroup',
      trigger_order_group: 'TriggerOrderGroup', delete_order_group: 'DeleteOrderGroup' };
    const answers = lines.filter(([k]) => k === 'answer').map(([, name, status, text]) => {
      const body = JSON.parse(text);
      assert.deepEqual(restErrors(ids[name], Number(status), body), [], `${name}: ${text}`);
      return [name, body];
    });
    const of = (name, i = 0) => answers.filter(([n]) => n === name)[i]?.[1];
    assert.equal(of('create_order').remaining_count, '3.00');
    assert.equal(of('create_order').client_order_id, 'mine');
    assert.equal(of('create_order', 1).remaining_count, '0.00'); // nothing fills here
    assert.deepEqual([of('amend_order').order_id, of('amend_order').client_order_id, of('amend_order').remaining_count],
      [of('create_order').order_id, 'mine2', '6.00']);
    assert.equal(of('decrease_order').remaining_count, '4.00');
    assert.equal(of('cancel_order').reduced_by, '4.00');
    assert.equal(of('cancel_order', 1).reduced_by, '9.00'); // a real one
    assert.deepEqual(of('batch_cancel_orders').orders.map((o) => [o.reduced_by, o.error?.code]),
      [['1.00', undefined], ['0.00', 'not_found'], ['0.00', 'shadow_no_answer']]);
    const errors = lines.filter(([k]) => k === 'error').map(([, name, kind, status, code]) => `${name} ${kind} ${status} ${code}`);
    assert.deepEqual(errors, ['cancel_order http 404 not_found', 'cancel_order http 404 not_found', 'create_rfq shadow 0 shadow_no_answer',
      'generate_api_key shadow 0 shadow_no_answer']);
    const said = (key) => lines.find(([k]) => k === key)?.slice(1).join(' ');
    assert.match(said('free'), /^3/);
    assert.equal(said('cancel_all'), 'true');
    for (const key of ['http', 'ws', 'file', 'run']) assert.match(said(key), /^false shadow: this is a shadow of quiet/, key);
    assert.equal(said('get'), '200');
    // Nothing of it is there.
    assert.deepEqual((await resting(market)).map((o) => [o.order_id, o.status]), [[mine.order_id, 'resting']]);
    assert.equal((await sim.rest('GET', '/api_keys')).body.api_keys.length, keys);
    assert.equal((await sim.rest('GET', '/portfolio/order_groups')).body.order_groups.length, 0);
    assert.equal(fs.existsSync(path.join(w.cwd, 'out.txt')), false);
    assert.equal((await w.cli('shadow', 'quiet+shadow', '--stop')).stdout, '[quiet+shadow] stopped\n');
    assert.equal((await w.table('quiet')).phase, 'ended');
    assert.equal(JSON.parse((await w.cli('ps', '--json')).stdout).find((s) => s.name === 'quiet').phase, 'running');
    await r.end();
  });

  test('a shadow that fails is nothing to the script', async () => {
    const w = new World();
    const stopper = `${head} kalua.state.known = "yes"
      print("ready", kalua.name)
      while not io.open("stop") do task.sleep(0.02) end\n`;
    const r = await w.run({ 'old.lua': stopper, 'bad.lua': 'require("task").sleep(0.01)\nerror "too bad"\n' },
      '--quiet', '--allow-fs', '.', '--shadow', 'bad.lua=old');
    // `old` is neither a file nor a script without old.lua beside it.
    assert.equal(await r.ended, 2);
    assert.match(r.err, /--shadow: .*old/);
    const again = await w.run({ 'old.lua': stopper, 'bad.lua': 'require("task").sleep(0.01)\nerror "too bad"\n' },
      '--quiet', '--allow-fs', '.', '--shadow', 'bad.lua=old', 'old.lua');
    await again.said('[old] ready');
    const t = await until('its end', async () => {
      const now = await w.table('old');
      return now.phase === 'failed' && now;
    });
    assert.match(t.last_error, /bad\.lua:2: .*too bad/);
    assert.match((await w.cli('shadow', 'old')).stdout, /^bad\.lua beside old: .*\nit failed: bad\.lua:2: /);
    const promoted = await w.cli('shadow', 'old', '--promote');
    assert.equal(promoted.code, 1);
    assert.match(promoted.stderr, /not promoted: its shadow has failed: .*`kalua start old\+shadow` starts it again/);
    // Both ways to another try: the same file as it is now, and a file of its own.
    fs.writeFileSync(path.join(w.cwd, 'bad.lua'), 'while true do require("task").sleep(0.02) end\n');
    assert.equal((await w.cli('start', 'old+shadow')).code, 0);
    assert.equal((await w.table('old')).phase, 'running');
    fs.writeFileSync(path.join(w.cwd, 'late.lua'), `${head}print("carried", kalua.state.known)\n${rest}`);
    assert.match((await w.cli('shadow', 'old', '--start', 'late.lua')).stderr, /old has a shadow that runs: end it with `kalua shadow old --stop`/);
    assert.equal((await w.cli('shadow', 'old', '--stop')).code, 0);
    assert.match((await w.cli('shadow', 'old', '--start', 'late.lua')).stdout, /^\[old\+shadow(-2)?\] started\n$/);
    await again.said('carried\tyes');
    fs.writeFileSync(path.join(w.cwd, 'stop'), '');
    assert.equal(await again.ended, 0); // the shadow ends with the script
  });

  test('mistakes are said before anything runs', async () => {
    const w = new World();
    const cwd = tempDir();
    for (const name of ['old.lua', 'new.lua', 'other.lua']) fs.writeFileSync(path.join(cwd, name), 'print "RAN"\n');
    fs.writeFileSync(path.join(cwd, 'broken.lua'), 'local = 1\n');
    const wrong = [
      [['--shadow', 'new.lua'], /--shadow takes NEW=OLD, as in --shadow new\.lua=old\.lua, not "new\.lua"/],
      [['--shadow', 'none.lua=old.lua'], /--shadow: there is no file none\.lua/],
      [['--shadow', './old.lua=old.lua'], /\.\/old\.lua and old\.lua are the same file; copy it/],
      [['--shadow', 'new.lua=none.lua', 'old.lua'], /none\.lua is neither a file nor the name of a script that is run here/],
      [['--shadow', 'new.lua=old.lua', '--shadow', 'other.lua=old.lua'], /old\.lua has two shadows; it can have one at a time/],
      [['--shadow', 'broken.lua=old.lua'], /broken\.lua:1: .*near '='/, 1]];
    await Promise.all(wrong.map(async ([args, message, code = 2]) => {
      const r = await kalua(['run', '--quiet', ...args], { env: w.env, cwd });
      assert.match(r.stderr, message);
      assert.equal(r.code, code, r.stderr);
      assert.equal(r.stdout, '');
    }));
    const none = await w.cli('shadow');
    assert.deepEqual([none.code, none.stdout], [0, 'no running script has a shadow\n']);
    assert.match((await w.cli('shadow', '--promote')).stderr, /of which script\?/);
  });
});
