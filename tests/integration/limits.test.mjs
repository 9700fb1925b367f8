// Rate limits kept on the client's side, seen from outside: a burst goes out as fast as the account's buckets allow and is
// never refused, what takes risk off goes first, and no script starves another.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { describe } from 'node:test';
import { run } from './fault_cases.mjs';
import { FaultServer, faults, simStats } from './fault_server.mjs';
import { KALUA, Sim, kalua, tempDir } from './peers.mjs';

async function exchange(t, tier) {
  const sim = await Sim.start('--quiet-market', '--tier', tier);
  t.after(() => sim.stop());
  const { body: { markets: [{ ticker }] } } = await sim.rest('GET', '/markets?series_ticker=KXNBAGAME&limit=1', undefined, { headers: {} });
  return { sim, ticker };
}

const create = (ticker, more = '') => `kalshi.create_order{ ticker = "${ticker}", side = "bid", price = 0.01, count = 1,
  time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross"${more} }`;

describe('limits', { concurrency: 3 }, () => {
  test('a burst of 500 calls on a basic account takes as long as its buckets need, and none is refused', async (t) => {
    const { sim, ticker } = await exchange(t, 'basic');
    const READS = 250, CREATES = 100, CANCELS = 150;
    const { cases, stderr } = await run(`local begin = kalua.now()
      local jobs, last = {}, { read = 0, write = 0 }
      local function add(n, kind, fn)
        for _ = 1, n do
          jobs[#jobs + 1] = function()
            local ok, e = pcall(fn)
            if not ok and e.status ~= 404 then error(e) end
            last[kind] = kalua.now() - begin
          end
        end
      end
      add(${READS}, "read", function() kalshi.get_exchange_schedule{ timeout = 60 } end)
      add(${CREATES}, "write", function() ${create(ticker, ', timeout = 60')} end)
      add(${CANCELS}, "write", function() kalshi.cancel_order("00000000-0000-4000-8000-000000000000", { timeout = 60 }) end)
      local ticks = 0
      local clock = task.spawn(function() while true do task.sleep(0.02) ticks = ticks + 1 end end)
      try("burst", function() task.all(jobs) clock:cancel() last.slow = (kalua.now() - begin) / (ticks * 0.02) last.limited = kalshi.status().rate_limited return last end)`, sim.env());
    assert.equal(cases.burst?.ok, true, `${JSON.stringify(cases.burst)} ${stderr}`);
    const { read, write, limited, slow } = cases.burst.answer;
    const ideal = { read: (READS * 10 - 600) / 200, write: (CREATES * 10 + CANCELS * 2 - 300) / 100 };
    // How much longer than asked a sleep takes tells what a busy machine adds.
    for (const [kind, took] of Object.entries({ read, write }))
      assert.ok(took <= ideal[kind] * 1.3 * slow + 2, `${kind}s took ${took.toFixed(2)} s, the bucket allows ${ideal[kind].toFixed(2)} s`);
    assert.equal(limited, 0);
    assert.equal((await simStats(sim)).rate_limited, 0);
  });

  test('a distance to the exchange makes no 429 either', async (t) => {
    const { sim } = await exchange(t, 'basic');
    const server = await FaultServer.start({ sim });
    t.after(() => server.close());
    server.on(() => true, faults.delay(60), { times: Infinity });
    const { cases, stderr } = await run(`local jobs = {}
      for i = 1, 100 do jobs[i] = function() kalshi.get_exchange_schedule{ timeout = 60 } end end
      try("burst", function() task.all(jobs) return kalshi.status().rate_limited end)`, server.env());
    assert.equal(cases.burst?.answer, 0, `${JSON.stringify(cases.burst)} ${stderr}`);
    assert.equal((await simStats(sim)).rate_limited, 0);
  });

  test('cancels go before creates that wait for tokens', async (t) => {
    const { sim, ticker } = await exchange(t, 'basic');
    const server = await FaultServer.start({ sim });
    t.after(() => server.close());
    const { cases, stderr } = await run(`local done = 0
      for _ = 1, 100 do task.spawn(function() pcall(function() ${create(ticker)} end) done = done + 1 end) end
      repeat task.sleep(0.02) until done > 35 -- what the bucket held has gone out
      local waiting = kalshi.budget().waiting
      local at = kalua.now()
      pcall(kalshi.cancel_order, "x")
      try("cancel", function() return { at = at, waiting = waiting } end)`, server.env());
    assert.ok(cases.cancel?.answer.waiting >= 10, `${JSON.stringify(cases.cancel)} ${stderr}`);
    const cancel = server.requests.find((rq) => rq.method === 'DELETE');
    const creates = server.requests.filter((rq) => rq.method === 'POST');
    // Those that had their tokens may have been on their way already, and some more where this process was busy.
    const overtook = creates.filter((rq) => rq.id < cancel.id && rq.at >= cases.cancel.answer.at * 1000).length;
    assert.ok(overtook < cases.cancel.answer.waiting, `${overtook} creates arrived between the call of the cancel and the cancel`);
    assert.ok(creates.filter((rq) => rq.id > cancel.id).length >= 5, 'creates waited behind it');
  });

  test('creates go before reads that wait for a connection', async (t) => {
    const { sim, ticker } = await exchange(t, 'prestige');
    const server = await FaultServer.start({ sim });
    t.after(() => server.close());
    const isRead = (rq) => rq.path === '/exchange/schedule';
    server.on(isRead, faults.delay(300), { times: Infinity });
    const { cases, stderr } = await run(`local done = 0
      for _ = 1, 100 do task.spawn(function() pcall(kalshi.get_exchange_schedule) done = done + 1 end) end
      repeat task.sleep(0.02) until done > 0
      local at = kalua.now()
      try("create", function() ${create(ticker)} return { at = at } end)`, server.env());
    assert.equal(cases.create?.ok, true, `${JSON.stringify(cases.create)} ${stderr}`);
    const order = server.requests.find((rq) => rq.method === 'POST');
    const reads = server.requests.filter(isRead);
    const overtook = reads.filter((rq) => rq.id < order.id && rq.at >= cases.create.answer.at * 1000).length;
    // As many as there are connections may be on their way, and as many again where this process was busy.
    assert.ok(overtook <= 2 * 16, `${overtook} reads arrived between the call of the create and the create`);
    assert.ok(reads.filter((rq) => rq.id > order.id).length >= 20, 'reads waited behind it');
  });

  test('a script that floods does not starve another', async (t) => {
    const { sim } = await exchange(t, 'basic');
    const server = await FaultServer.start({ sim });
    t.after(() => server.close());
    const cwd = tempDir();
    fs.writeFileSync(path.join(cwd, 'flood.lua'), `local kalshi, task = require "kalshi", require "task"
      local jobs = {}
      for i = 1, 300 do jobs[i] = function() kalshi.get_markets{ limit = 1, series_ticker = "FLOOD", timeout = 60 } end end
      task.all(jobs)`);
    fs.writeFileSync(path.join(cwd, 'polite.lua'), `local kalshi, task = require "kalshi", require "task"
      task.sleep(1)
      for i = 1, 10 do print(require "kalua".now()) kalshi.get_markets{ limit = 1, series_ticker = "POLITE", timeout = 60 } end`);
    const { code, stdout, stderr } = await kalua(['--quiet', 'flood.lua', 'polite.lua'], { cwd, env: server.env() });
    assert.equal(code, 0, stderr);
    const requests = server.requests.filter((rq) => /FLOOD|POLITE/.test(rq.path));
    const who = requests.map((rq) => (rq.path.includes('POLITE') ? 'polite' : 'flood'));
    assert.equal(who.length, 310, 'each call arrived once');
    const last = who.lastIndexOf('polite');
    // While one of its calls waits the other has its turn, and no more than a few. What arrives before it has asked again
    // depends on the machine, and has overtaken nobody.
    const called = [...stdout.matchAll(/\] ([\d.]+)$/gm)].map((m) => Number(m[1]) * 1000);
    assert.equal(called.length, 10, stdout);
    const arrived = who.flatMap((w, i) => (w === 'polite' ? [i] : []));
    const overtook = arrived.map((at, i) => requests.slice(0, at).filter((rq, n) => who[n] === 'flood' && rq.at >= called[i]).length);
    assert.ok(overtook.reduce((a, b) => a + b) <= 50, `calls of the flood that arrived before each of the other's ten: ${overtook}`);
    assert.ok(who.length - last > 100, `the other was done ${who.length - last} calls before the end`);
    assert.equal((await simStats(sim)).rate_limited, 0);
  });

  test('orders that name a shard have the tokens of that shard', async (t) => {
    const { sim, ticker } = await exchange(t, 'basic');
    const server = await FaultServer.start({ sim });
    t.after(() => server.close());
    // The common bucket is used up; an order on shard 2 need not wait for it.
    const { cases, stderr } = await run(`local done = 0
      for _ = 1, 80 do task.spawn(function() pcall(function() ${create(ticker, ', exchange_index = 0')} end) done = done + 1 end) end
      repeat task.sleep(0.02) until done > 30
      try("shard", kalshi.cancel_order, "x", { exchange_index = 2 })
      try("shards", function() return { left = kalshi.budget().shards[2], waiting = kalshi.budget().waiting } end)`, server.env());
    assert.equal(cases.shard?.status, 404, `${JSON.stringify(cases.shard)} ${stderr}`);
    assert.ok(cases.shards.answer.waiting >= 10, JSON.stringify(cases.shards));
    assert.ok(cases.shards.answer.left > 200, JSON.stringify(cases.shards));
    assert.equal((await simStats(sim)).rate_limited, 0);
  });

  test('a batch that can never fit is refused here with the number that does; one that fits goes out whole', async (t) => {
    const { sim, ticker } = await exchange(t, 'basic');
    const { cases, stderr } = await run(`local function batch(n)
        local orders = {}
        for i = 1, n do orders[i] = { ticker = "${ticker}", side = "bid", price = 0.01, count = 1, time_in_force = "good_till_canceled",
          self_trade_prevention_type = "taker_at_cross" } end
        return #kalshi.batch_create_orders{ orders = orders }.orders
      end
      try("large", batch, 31) try("fits", batch, 30)`, sim.env());
    assert.equal(cases.large?.kind, 'validation', `${JSON.stringify(cases.large)} ${stderr}`);
    assert.match(cases.large.message, /30/);
    assert.equal(cases.fits?.answer, 30, `${JSON.stringify(cases.fits)} ${stderr}`);
    assert.equal((await simStats(sim)).rate_limited, 0);
  });

  test('--order-rate counts what adds to orders: decreases, triggers of a group and cancels always pass', async (t) => {
    const { sim, ticker } = await exchange(t, 'basic');
    const { cases, stderr } = await run(`local id = ${create(ticker, ', count = 9').replace('count = 1,', '')}.order_id
      try("create", function() ${create(ticker)} end)
      try("amend", kalshi.amend_order, id, { ticker = "${ticker}", side = "bid", price = 0.01, count = 8 })
      try("decrease", kalshi.decrease_order, id, { reduce_by = 1 })
      try("free form", kalshi.call, "POST", "/portfolio/events/orders/" .. id .. "/decrease", { reduce_by = "1.00" })
      try("group", kalshi.create_order_group, { contracts_limit = 10 })
      try("trigger", kalshi.trigger_order_group, "00000000-0000-4000-8000-000000000000")
      try("cancel", kalshi.cancel_order, id)`, sim.env(), { options: ['--order-rate', '0.01'] });
    for (const name of ['create', 'amend', 'group']) assert.equal(cases[name]?.code, 'order_rate_ceiling', `${name}: ${JSON.stringify(cases[name])} ${stderr}`);
    for (const name of ['decrease', 'free form', 'cancel']) assert.equal(cases[name]?.ok, true, `${name}: ${JSON.stringify(cases[name])} ${stderr}`);
    assert.equal(cases['free form'].answer.remaining_count, 7);
    assert.equal(cases.trigger?.status, 404, JSON.stringify(cases.trigger)); // by the exchange: there is no such group
  });

  test('the simulator enforces what it says: a client that does not wait is refused, and a tier that there is not is an error', async (t) => {
    const { sim } = await exchange(t, 'basic');
    // 60 at once and 20 a second are allowed: more than any machine needs the time for. Signed once, since that takes longest.
    const headers = sim.headers('GET', '/trade-api/v2/exchange/status');
    const answers = await Promise.all(Array.from({ length: 300 }, () => sim.rest('GET', '/exchange/status', undefined, { headers })));
    const refused = answers.filter((a) => a.status === 429);
    assert.ok(refused.length > 0 && refused.length <= 240, `${refused.length} of 300 refused`);
    for (const r of refused) {
      assert.deepEqual(r.body, { error: 'too many requests' });
      assert.equal(r.headers.get('retry-after'), null);
    }
    assert.equal((await simStats(sim)).rate_limited, refused.length);
    const p = spawn(KALUA, ['sim', '--tier', 'gold'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let err = '';
    p.stderr.on('data', (d) => { err += d; });
    assert.equal(await new Promise((r) => p.on('close', r)), 2);
    assert.match(err, /--tier is basic, .*not "gold"/);
  });
});
