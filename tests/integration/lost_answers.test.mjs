// Writes of orders whose answer is lost, in every phase in which it can be: none happens twice, none is forgotten, and the
// script is told what became of it. What happened is counted at the simulator, not at the client.
import assert from 'node:assert/strict';
import test, { after, before, describe } from 'node:test';
import { WRITES, placeOrders, run } from './fault_cases.mjs';
import { FaultServer, faults } from './fault_server.mjs';
import { Sim } from './peers.mjs';

let sim, ticker;
before(async () => {
  sim = await Sim.start('--quiet-market');
  ({ body: { markets: [{ ticker }] } } = await sim.rest('GET', '/markets?series_ticker=KXNBAGAME&limit=1'));
});
after(() => sim?.stop());

async function faulty(t) {
  const server = await FaultServer.start({ sim });
  t.after(() => server.close());
  return server;
}

// Every order of the account, those that were canceled too.
async function allOrders() {
  const rows = [];
  for (let cursor = ''; ;) {
    const { body } = await sim.rest('GET', `/portfolio/orders?limit=1000&cursor=${encodeURIComponent(cursor)}`);
    rows.push(...body.orders);
    ({ cursor } = body);
    if (!cursor) return rows;
  }
}

// Nothing happened at the exchange: the write is sent once more.
const BEFORE = [faults.resetAfterHead, faults.resetBeforeForward, faults.closeBeforeForward,
  faults.status(500), faults.status(502, { html: true }), faults.status(503, { html: true }), faults.status(504)];
// It happened: it is looked up.
const AFTER = [faults.resetAfterForward, faults.closeAfterForward, faults.resetInHead, faults.resetInBody, faults.truncated,
  faults.badChunk, faults.notHttp, faults.headerBomb, faults.oversized, faults.bomb,
  faults.status(500, { carriedOut: true }), faults.status(502, { carriedOut: true, html: true }),
  faults.status(503, { carriedOut: true }), faults.status(504, { carriedOut: true })];
// The same in silence; slow to test.
const BEFORE_SILENCE = [faults.silenceBefore], AFTER_SILENCE = [faults.silence, faults.slowLoris];
// It happened, and was answered with a success that cannot be read.
const UNREADABLE = [faults.html, faults.text, faults.brokenJson, faults.empty, faults.noContent];

describe('lost answers', { concurrency: 10 }, () => {
  for (const [operation, w] of Object.entries(WRITES)) {
    const slow = operation === 'create_order' || operation === 'amend_order';
    for (const [what, list, sent] of [
      ['did not happen', slow ? [...BEFORE, ...BEFORE_SILENCE] : BEFORE, 2],
      ['happened', slow ? [...AFTER, ...AFTER_SILENCE] : AFTER, 1],
      ['happened, and its answer is unreadable', UNREADABLE, 1],
    ]) {
      test(`${operation} that ${what} ends as done, once`, async (t) => {
        const server = await faulty(t);
        const name = (n) => `lost-${operation}-${sent}-${list.length}-${n}`;
        const ids = w.on ? await placeOrders(sim, ticker, list.map((_, n) => name(n))) : {};
        const mine = list.map((_, n) => w.mine(name(n), ids[name(n)]));
        list.forEach((f, n) => server.on(mine[n], f));
        const { cases, stderr, code } = await run(`local T, ID = "${ticker}", json.decode '${JSON.stringify(ids)}'
          task.all{ ${list.map((_, n) => `function() try("${n}", function() return ${w.call(name(n))} end) end`).join(',\n')} }`, server.env());
        assert.equal(code, 0, stderr);
        const orders = await allOrders();
        list.forEach((f, n) => {
          const got = cases[n], told = `${operation}, ${f.name}: ${JSON.stringify(got)}`;
          assert.equal(got?.ok, true, told);
          const requests = server.requests.filter(mine[n]);
          assert.equal(requests.length, sent, told);
          assert.equal(requests.filter((rq) => rq.forwarded).length, 1, told);
          const there = orders.filter((o) => o.client_order_id === name(n));
          assert.equal(there.length, 1, told);
          assert.ok(w.carriedOut(there[0]), `${told} ${JSON.stringify(there)}`);
          const answer = got.answer.orders ? got.answer.orders[0] : got.answer;
          assert.equal(answer.order_id, there[0].order_id, told);
          assert.equal(got.answer.resolved, sent === 1 ? true : undefined, told);
        });
      });
    }
  }

  test('a write that comes through late, after it was sent again, happens once', async (t) => {
    const server = await faulty(t);
    const names = [0, 700, 1500, 3000, 6000].map((ms) => [ms, `late-${ms}`]);
    for (const [ms, name] of names) server.on(WRITES.create_order.mine(name), faults.late(ms));
    const { cases, stderr } = await run(`local T = "${ticker}"
      task.all{ ${names.map(([, name]) => `function() try("${name}", function() return ${WRITES.create_order.call(name)} end) end`)} }
      task.sleep(6)`, server.env());
    const orders = await allOrders();
    for (const [, name] of names) {
      const there = orders.filter((o) => o.client_order_id === name);
      assert.equal(there.length, 1, name);
      assert.equal(cases[name]?.ok, true, `${JSON.stringify(cases[name])} ${stderr}`);
      assert.equal(cases[name].answer.order_id, there[0].order_id);
    }
  });

  test('the account channel tells what became of it where REST does not answer', async (t) => {
    const server = await faulty(t);
    const isRead = (rq) => rq.method === 'GET' && rq.path.startsWith('/portfolio/orders');
    server.on(isRead, faults.status(503), { times: 1e9 });
    server.on((rq) => rq.body?.client_order_id === 'by-channel', faults.resetAfterForward);
    server.on((rq) => rq.method === 'DELETE', faults.resetAfterForward);
    const { cases, stderr } = await run(`local book = kalshi.book "${ticker}"
      local function create(name)
        return kalshi.create_order{ ticker = "${ticker}", side = "bid", price = 0.01, count = 3, client_order_id = name,
          time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }
      end
      create "before" -- from the first order on the channel is listened to
      kalshi.subscribe{ channels = { "user_orders" } }:close() -- which takes until it is there
      local order
      try("create", function() order = create "by-channel" return order end)
      try("cancel", function() return kalshi.cancel_order(order.order_id) end)`, server.env());
    assert.equal(cases.create?.ok, true, `${JSON.stringify(cases)} ${stderr}`);
    assert.equal(cases.create.answer.resolved, true);
    assert.equal(cases.create.answer.remaining_count, 3);
    assert.equal(cases.cancel?.ok, true, `${JSON.stringify(cases)} ${stderr}`);
    assert.equal(cases.cancel.answer.reduced_by, 3);
    const there = (await allOrders()).filter((o) => o.client_order_id === 'by-channel');
    assert.deepEqual(there.map((o) => o.status), ['canceled']);
  });

  test('a decrease by a number is known where the order was made here', async (t) => {
    const server = await faulty(t);
    const list = [faults.resetBeforeForward, faults.resetAfterForward, faults.truncated, faults.status(503), faults.status(504, { carriedOut: true })];
    const isDecrease = (n) => (rq) => rq.path.endsWith('/decrease') && rq.body?.reduce_by === `${n + 1}.00`;
    list.forEach((f, n) => server.on(isDecrease(n), f));
    const { cases, stderr } = await run(`task.all{ ${list.map((_, n) => `function()
      local o = kalshi.create_order{ ticker = "${ticker}", side = "bid", price = 0.01, count = 10, client_order_id = "by-${n}",
        time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }
      try("${n}", function() return kalshi.decrease_order(o.order_id, { reduce_by = ${n + 1} }) end)
    end`)} }`, server.env());
    const orders = await allOrders();
    list.forEach((f, n) => {
      assert.equal(cases[n]?.ok, true, `${f.name}: ${JSON.stringify(cases[n])} ${stderr}`);
      assert.equal(cases[n].answer.remaining_count, 10 - (n + 1), f.name);
      assert.equal(orders.find((o) => o.client_order_id === `by-${n}`).remaining_count_fp, `${10 - (n + 1)}.00`, f.name);
    });
  });

  test('fills of an order whose answer was lost come with the looked-up answer', async (t) => {
    const maker = await Sim.start('--quiet-market', '--users', '2');
    t.after(() => maker.stop());
    const server = await FaultServer.start({ sim: maker });
    t.after(() => server.close());
    const { body: { markets: [m] } } = await maker.rest('GET', '/markets?series_ticker=KXNBAGAME&limit=1');
    for (const price of ['0.3000', '0.3100']) {
      const { status } = await maker.rest('POST', '/portfolio/events/orders', { ticker: m.ticker, side: 'ask', price, count: '2.00',
        time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' }, { user: 1 });
      assert.equal(status, 201);
    }
    server.on((rq) => rq.body?.client_order_id === 'filled', faults.resetAfterForward);
    const { cases, stderr } = await run(`try("filled", function() return kalshi.create_order{ ticker = "${m.ticker}", side = "bid", price = 0.35,
      count = 4, client_order_id = "filled", time_in_force = "immediate_or_cancel", self_trade_prevention_type = "taker_at_cross" } end)`, server.env());
    const direct = JSON.parse(server.requests.find((rq) => rq.body?.client_order_id === 'filled').answer);
    const got = cases.filled?.answer;
    assert.ok(got, stderr);
    assert.deepEqual([got.order_id, got.fill_count, got.remaining_count], [direct.order_id, 4, 0]);
    assert.ok(Math.abs(got.average_fill_price - Number(direct.average_fill_price)) < 1e-4, `${got.average_fill_price} ${direct.average_fill_price}`);
    assert.ok(Math.abs(got.average_fee_paid - Number(direct.average_fee_paid)) < 1e-4, `${got.average_fee_paid} ${direct.average_fee_paid}`);
  });

  test('what cannot be looked up is unknown, and the message says by what to look', async (t) => {
    const server = await faulty(t);
    server.on((rq) => rq.method === 'GET' && /^\/portfolio\/orders|^\/exchange\/user_data/.test(rq.path), faults.status(503), { times: Infinity });
    for (const [operation, w] of Object.entries(WRITES)) {
      const ids = w.on ? await placeOrders(sim, ticker, [`unknown-${operation}`]) : {};
      w.id = ids[`unknown-${operation}`];
      server.on(w.mine(`unknown-${operation}`, w.id), faults.resetAfterForward, { times: Infinity });
    }
    const ids = Object.fromEntries(Object.entries(WRITES).map(([o, w]) => [`unknown-${o}`, w.id]));
    const { cases, stderr } = await run(`local T, ID = "${ticker}", json.decode '${JSON.stringify(ids)}'
      task.all{ ${Object.entries(WRITES).map(([operation, w]) =>
    `function() try("${operation}", function() return ${w.call(`unknown-${operation}`, ', timeout = 6')} end) end`).join(',\n')} }`, server.env());
    for (const [operation, w] of Object.entries(WRITES)) {
      const got = cases[operation], told = `${operation}: ${JSON.stringify(got)} ${stderr}`;
      assert.equal(got?.ok, false, told);
      assert.deepEqual([got.code, got.retryable, got.operation], ['outcome_unknown', false, operation], told);
      assert.match(got.message, /may or may not have happened/, told);
      if (operation === 'create_order') assert.match(got.message, /client_order_id unknown-create_order/);
      assert.equal(server.requests.filter(w.mine(`unknown-${operation}`, w.id)).length, 1, told);
      assert.ok(got.seconds < 12, told);
    }
  });

  test('what did not happen and finds no time to be sent again says that, or that nobody can tell', async (t) => {
    const server = await faulty(t);
    const names = Array.from({ length: 20 }, (_, i) => [`never-${i}`, 1.05 + i / 5]);
    for (const [name] of names) server.on(WRITES.create_order.mine(name), faults.resetBeforeForward, { times: Infinity });
    const { cases, stderr } = await run(`local T = "${ticker}"
      task.all{ ${names.map(([name, s]) =>
    `function() try("${name}", function() return ${WRITES.create_order.call(name, `, timeout = ${s}`)} end) end`).join(',\n')} }`, server.env());
    for (const [name] of names) {
      const got = cases[name], told = `${JSON.stringify(got)} ${stderr}`;
      assert.equal(got?.ok, false, told);
      // The last try may also have ended before anything of it was sent.
      assert.equal(got.retryable, got.code !== 'outcome_unknown', told);
      assert.match(got.message, got.code === 'not_done' ? /did not happen.*may be sent again/
        : got.code === 'outcome_unknown' ? /may or may not have happened/ : /no connection|ran out of time|waited too long/, told);
    }
    assert.equal((await allOrders()).filter((o) => o.client_order_id.startsWith('never-')).length, 0);
  });
});
