// A script is replaced while messages come: every one is handled by exactly one version, in order, whether the versions ask
// for the same or for longer and shorter lists; and an order that is on its way is sent once and known to the next version.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { KALUA, cleanEnv, sleep, tempDir, tell, until } from './peers.mjs';

class Running {
  constructor(name, source, args) {
    this.file = path.join(tempDir(), name);
    this.save(source);
    this.out = '';
    this.err = '';
    this.process = spawn(KALUA, ['run', '--quiet', ...args, this.file], { env: cleanEnv() });
    this.process.stdout.on('data', (d) => { this.out += d; });
    this.process.stderr.on('data', (d) => { this.err += d; });
    this.ended = new Promise((r) => this.process.on('close', r));
  }

  // Written beside it and moved there, as editors do.
  save(source) {
    fs.writeFileSync(`${this.file}.new`, source);
    fs.renameSync(`${this.file}.new`, this.file);
  }

  said(text) {
    return until(text, () => {
      assert.doesNotMatch(this.err, /not reloaded|rolled back| error /);
      assert.equal(this.process.exitCode, null, this.err);
      return this.err.includes(text) || this.out.includes(text);
    });
  }

  async reload(source, generation) {
    this.save(source);
    await this.said(`generation ${generation}\n`);
  }

  async stop() {
    this.process.kill('SIGTERM');
    await this.ended;
    return this.out.split('\n').filter(Boolean);
  }
}

const RELOADS = 50;

// Three ways to read: one subscription to all, one whose list changes with each version, and the deltas of a book.
const reader = (version) => `
  local kalshi, task, kalua = require "kalshi", require "task", require "kalua"
  local VERSION <const> = ${version}
  local state = kalua.state
  state.tickers = state.tickers or (function()
    local list = {}
    for i, m in ipairs(kalshi.get_markets{ status = "open", limit = 4 }.markets) do list[i] = m.ticker end
    return list
  end)()
  local t = state.tickers
  local lists = { { t[1], t[2] }, { t[1], t[2], t[3] }, { t[4], t[2], t[1] } }
  local book = kalshi.book(t[1])
  local all = kalshi.subscribe{ channels = { "orderbook_delta" }, market_tickers = t }
  local some = kalshi.subscribe{ channels = { "orderbook_delta" }, market_tickers = lists[VERSION % 3 + 1] }
  task.spawn(function()
    for m in some:messages() do
      if m.market_ticker == t[1] or m.market_ticker == t[2] then print("some", m.seq, m.type) end
    end
  end)
  task.spawn(function() for d in book:deltas() do print("delta", d.seq) end end)
  book:on_delta(function(_, _, _, _, _, seq) print("call", seq) end)
  for m in all:messages() do
    print("all", m.seq, m.type, m.market_ticker == t[1] and 1 or m.market_ticker == t[2] and 2 or 0)
  end
`;

test(`every message is handled once over ${RELOADS} reloads`, async () => {
  const r = new Running('reader.lua', reader(1), ['--markets', '4', '--rate', '300', '--log', 'info']);
  await until('messages', () => r.out.includes('call'));
  for (let v = 2; v <= RELOADS + 1; v++) await r.reload(reader(v), v);
  await until('enough of them', () => (r.out.match(/^all\t/gm) ?? []).length > 1000);
  const lines = (await r.stop()).map((l) => l.split('\t'));
  const of = (kind) => lines.filter((l) => l[0] === kind);
  const all = of('all'), first = Number(all[0][1]);
  all.forEach((l, i) => assert.equal(Number(l[1]), first + i, `all: message ${first + i} is missing or was handled twice`));
  const some = of('some').map((l) => Number(l[1]));
  // The snapshots that a new list brings are for all; the changes must be the same ones.
  const deltas = (list) => list.filter((l) => l[2] === 'orderbook_delta').map((l) => Number(l[1]));
  const expected = deltas(all.filter((l) => l[3] !== '0'));
  const from = Math.max(expected[0], deltas(of('some'))[0]), to = Math.min(expected.at(-1), some.at(-1));
  const within = (list) => list.filter((n) => n >= from && n <= to);
  assert.deepEqual(within(deltas(of('some'))), within(expected), 'the subscription whose list changes');
  const one = deltas(all.filter((l) => l[3] === '1'));
  for (const kind of ['delta', 'call']) {
    const got = of(kind).map((l) => Number(l[1])), snapshots = new Set(all.filter((l) => l[2] !== 'orderbook_delta').map((l) => Number(l[1])));
    const a = Math.max(one[0], got[0]), b = Math.min(one.at(-1), got.at(-1));
    const inside = (list) => list.filter((n) => n >= a && n <= b && !snapshots.has(n));
    assert.deepEqual(inside(got), inside(one), `${kind}: what the book's changes were`);
  }
  assert.ok(all.length > 1000);
  tell(`${RELOADS} reloads under ${all.length} messages: each handled once, in order`);
});

// Each version sends one order, which the exchange answers late; it is replaced meanwhile, the second one without being kept
// for a return. The last one finds all of them.
const trader = (version, last) => `
  local kalshi, task, kalua = require "kalshi", require "task", require "kalua"
  local VERSION <const>, LAST <const> = ${version}, ${last}
  local state = kalua.state
  kalshi.orders()
  state.ticker = state.ticker or kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
  state.starts = (state.starts or 0) + 1
  local function known(id)
    for _, o in ipairs(kalshi.orders{ status = "all" }) do
      if o.client_order_id == id then return o end
    end
  end
  for before = 1, VERSION - 1 do
    local id = "order-" .. before
    while not known(id) do task.sleep(0.02) end
    print("known", id, VERSION)
  end
  print("sends", VERSION)
  kalshi.create_order{ ticker = state.ticker, client_order_id = "order-" .. VERSION, side = "bid", price = 0.01, count = 1,
    time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }
  print("answered", VERSION)
  if VERSION == LAST then
    local count
    repeat -- the exchange's reads lag behind
      task.sleep(0.05)
      count = {}
      for _, o in ipairs(kalshi.get_orders{ ticker = state.ticker, limit = 200 }.orders) do
        count[o.client_order_id] = (count[o.client_order_id] or 0) + 1
      end
    until count["order-" .. LAST]
    for v = 1, LAST do print("exchange", "order-" .. v, count["order-" .. v]) end
    print("starts", state.starts)
    print("done")
  end
  task.sleep(600)
`;

test('orders that are on their way at a reload are sent once, and known to the next version', async () => {
  const LAST = 3;
  const r = new Running('trader.lua', trader(1, LAST), ['--markets', '2', '--log', 'info', '--faults', 'create_order:latency=8s']);
  for (let v = 1; v < LAST; v++) {
    await r.said(`sends\t${v}\n`);
    await sleep(150);
    await r.reload(trader(v + 1, LAST), v + 1);
  }
  await r.said('done');
  const lines = await r.stop();
  for (let v = 1; v <= LAST; v++) {
    assert.ok(lines.includes(`exchange\torder-${v}\t1`), lines.join('\n'));
    assert.equal(lines.filter((l) => l === `sends\t${v}`).length, 1);
  }
  assert.ok(lines.includes('known\torder-1\t2') && lines.includes('known\torder-2\t3'));
  assert.ok(!lines.includes('answered\t1') && !lines.includes('answered\t2'), 'the answer came to the next version');
  assert.ok(lines.includes(`starts\t${LAST}`));
});

// Eighty orders at once are seven seconds more than the rate limits let through at once; the version that made them is
// replaced meanwhile, and no other is kept.
const crowd = (version) => `
  local kalshi, task, kalua = require "kalshi", require "task", require "kalua"
  local state = kalua.state
  state.ticker = state.ticker or kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
  kalshi.orders()
  if ${version} == 1 then
    for i = 1, 80 do
      task.spawn(kalshi.create_order, { ticker = state.ticker, client_order_id = "crowd-" .. i, side = "bid", price = 0.01, count = 1,
        time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" })
    end
    task.yield()
    print "asked"
  else
    print("waiting", kalshi.budget().waiting > 0)
    while #kalshi.orders() < 80 do task.sleep(0.05) end
    print "all"
  end
  task.sleep(600)
`;

test('orders that wait for their turn at a reload are sent', async () => {
  const r = new Running('crowd.lua', crowd(1), ['--markets', '2', '--log', 'info', '--tier', 'basic', '--probation', '0']);
  await r.said('asked');
  await r.reload(crowd(2), 2);
  await r.said('all');
  assert.ok((await r.stop()).includes('waiting\ttrue'));
});

// The version that runs changes its state all the time, so the new one is built twice.
const asker = (version, url) => `
  local kalshi, task, kalua, http = require "kalshi", require "task", require "kalua", require "http"
  local VERSION <const>, state = ${version}, kalua.state
  local before = kalshi.status().calls
  local ticker = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
  local first, second = http.get("${url}/count").body, http.get("${url}/count").body
  http.post("${url}/post", first .. second)
  print("asked", VERSION, kalshi.status().calls - before, first, second, state.n)
  while true do task.sleep(0.002) state.n = (state.n or 0) + 1 end
`;

test('a version that is built twice asks nobody twice, and acts once it is live', async () => {
  let gets = 0;
  const posts = [];
  const server = http.createServer((req, res) => {
    let body = '';
    req.on('data', (d) => { body += d; });
    req.on('end', () => {
      if (req.method === 'POST') posts.push(body);
      else gets++;
      const text = String(gets);
      setTimeout(() => res.end(text), 100);
    });
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const url = `http://127.0.0.1:${server.address().port}`;
  const r = new Running('asker.lua', asker(1, url), ['--markets', '2', '--log', 'info', '--audit', '0', '--allow-net', '127.0.0.1']);
  try {
    await r.said('asked\t1\t');
    await sleep(300);
    await r.reload(asker(2, url), 2);
    await r.said('asked\t2\t');
    const line = (await r.stop()).at(-1).split('\t');
    assert.deepEqual(line.slice(1, 5), ['2', '0', '3', '4']); // the calls were those of the first build
    assert.ok(Number(line[5]) > 0);
    assert.equal(gets, 4);
    assert.deepEqual(posts, ['12', '34']);
  } finally {
    r.process.kill('SIGKILL');
    server.close();
  }
});
