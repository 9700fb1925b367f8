// The simulator's REST answers against the exchange's own schemas, and its refusals as documented.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import net from 'node:net';
import test, { after, before } from 'node:test';
import { Sim } from './peers.mjs';
import { requestErrors, restErrors, wireErrorErrors } from './schema.mjs';

let sim, ticker, market;
before(async () => {
  sim = await Sim.start('--seed', '7');
  await new Promise((r) => setTimeout(r, 1500));
  // One in the middle, where a bid of a cent or three rests.
  const { body: { markets } } = await sim.rest('GET', '/markets?status=open&limit=1000');
  market = markets.find((m) => Number(m.yes_bid_dollars) > 0.2 && Number(m.yes_ask_dollars) < 0.8) ?? markets[0];
  ({ ticker } = market);
});
after(() => sim?.stop());

const valid = (operation, { status, body }, expected = 200) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(restErrors(operation, status, body), []);
  return body;
};
const order = (over = {}) => ({ ticker, side: 'bid', price: '0.0100', count: '5.00', time_in_force: 'good_till_canceled',
  self_trade_prevention_type: 'taker_at_cross', ...over });
const create = (over, options) => sim.rest('POST', '/portfolio/events/orders', order(over), options);

test('every public read answers by its schema', async () => {
  const series = market.ticker.split('-')[0];
  valid('GetExchangeStatus', await sim.rest('GET', '/exchange/status'));
  valid('GetExchangeSchedule', await sim.rest('GET', '/exchange/schedule'));
  valid('GetUserDataTimestamp', await sim.rest('GET', '/exchange/user_data_timestamp'));
  assert.ok(valid('GetSeriesList', await sim.rest('GET', '/series')).series.length >= 3);
  valid('GetSeries', await sim.rest('GET', `/series/${series}`));
  assert.ok(valid('GetEvents', await sim.rest('GET', '/events?with_nested_markets=true')).events.length >= 3);
  const event = valid('GetEvent', await sim.rest('GET', `/events/${market.event_ticker}`));
  assert.ok(event.markets.some((m) => m.ticker === ticker));
  assert.ok(valid('GetMarkets', await sim.rest('GET', '/markets?limit=1000')).markets.length >= 24);
  valid('GetMarket', await sim.rest('GET', `/markets/${ticker}`));
  const book = valid('GetMarketOrderbook', await sim.rest('GET', `/markets/${ticker}/orderbook`)).orderbook_fp;
  const prices = book.yes_dollars.map(([p]) => Number(p));
  assert.deepEqual(prices, [...prices].sort((a, b) => a - b), 'levels ascend');
  valid('GetMarketOrderbooks', await sim.rest('GET', `/markets/orderbooks?tickers=${ticker}`));
  assert.ok(valid('GetTrades', await sim.rest('GET', '/markets/trades?limit=5')).trades.length === 5);
  const now = Math.floor(Date.now() / 1000);
  const candles = valid('GetMarketCandlesticks', await sim.rest('GET',
    `/series/${series}/markets/${ticker}/candlesticks?start_ts=${now - 7200}&end_ts=${now + 60}&period_interval=60`));
  assert.ok(candles.candlesticks.length > 0);
  valid('BatchGetMarketCandlesticks', await sim.rest('GET',
    `/markets/candlesticks?market_tickers=${ticker}&start_ts=${now - 7200}&end_ts=${now + 60}&period_interval=1`));
  valid('GetAccountEndpointCosts', await sim.rest('GET', '/account/endpoint_costs'));
});

test('every private read answers by its schema', async () => {
  const balance = valid('GetBalance', await sim.rest('GET', '/portfolio/balance'));
  assert.ok(balance.balance > 0);
  const parts = valid('GetSubaccountBalances', await sim.rest('GET', '/portfolio/subaccounts/balances'));
  assert.deepEqual(parts.subaccount_balances.map((b) => [b.subaccount_number, b.exchange_index]), [[0, 0], [0, 1], [0, 2], [0, 3]]);
  assert.deepEqual(balance.balance_breakdown.map((b) => [b.exchange_index, b.balance]),
    parts.subaccount_balances.map((b) => [b.exchange_index, b.balance]));
  assert.equal(balance.balance_breakdown.reduce((sum, b) => sum + Math.round(b.balance * 1e4), 0), Math.round(balance.balance_dollars * 1e4));
  valid('GetPositions', await sim.rest('GET', '/portfolio/positions'));
  valid('GetFills', await sim.rest('GET', '/portfolio/fills'));
  valid('GetOrders', await sim.rest('GET', '/portfolio/orders'));
  valid('GetSettlements', await sim.rest('GET', '/portfolio/settlements'));
  valid('GetAccountApiLimits', await sim.rest('GET', '/account/limits'));
  valid('GetApiKeys', await sim.rest('GET', '/api_keys'));
});

test('an order lives through create, read, amend, decrease and cancel', async () => {
  const body = order({ client_order_id: 'life-1' });
  assert.deepEqual(requestErrors('CreateOrderV2', body), []);
  const made = valid('CreateOrderV2', await sim.rest('POST', '/portfolio/events/orders', body), 201);
  assert.equal(made.remaining_count, '5.00');
  const id = made.order_id;
  assert.equal(valid('GetOrder', await sim.rest('GET', `/portfolio/orders/${id}`)).order.status, 'resting');
  valid('GetOrderQueuePosition', await sim.rest('GET', `/portfolio/orders/${id}/queue_position`));
  valid('GetOrderQueuePositions', await sim.rest('GET', `/portfolio/orders/queue_positions?market_tickers=${ticker}`));
  const amended = valid('AmendOrderV2', await sim.rest('POST', `/portfolio/events/orders/${id}/amend`,
    { ticker, side: 'bid', price: '0.0200', count: '7.00' }));
  assert.equal(amended.remaining_count, '7.00');
  const less = valid('DecreaseOrderV2', await sim.rest('POST', `/portfolio/events/orders/${id}/decrease`, { reduce_by: '4.00' }));
  assert.equal(less.remaining_count, '3.00');
  const gone = valid('CancelOrderV2', await sim.rest('DELETE', `/portfolio/events/orders/${id}`));
  assert.equal(gone.reduced_by, '3.00');
  const again = await sim.rest('DELETE', `/portfolio/events/orders/${id}`);
  valid('CancelOrderV2', again, 404);
  assert.equal(again.body.error.code, 'not_found');
});

test('batches answer per item, in order', async () => {
  const made = valid('BatchCreateOrdersV2', await sim.rest('POST', '/portfolio/events/orders/batched',
    { orders: [order(), order({ price: '0.0123456' }), order({ price: '0.0300' })] }), 201);
  assert.equal(made.orders.length, 3);
  assert.ok(made.orders[0].order_id && made.orders[1].error && made.orders[2].order_id);
  const gone = valid('BatchCancelOrdersV2', await sim.rest('DELETE', '/portfolio/events/orders/batched',
    { orders: [{ order_id: made.orders[0].order_id }, { order_id: '00000000-0000-4000-8000-000000000000' }] }));
  assert.equal(gone.orders[0].reduced_by, '5.00');
  assert.ok(gone.orders[1].error);
  const all = await sim.rest('DELETE', '/portfolio/events/orders');
  assert.equal(all.status, 204);
  assert.equal((await sim.rest('GET', '/portfolio/orders?status=resting')).body.orders.length, 0);
});

const refused = ({ status, body }, expected, code) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(wireErrorErrors(body), []);
  const got = body.error?.code ?? body.code ?? body.error ?? body.msg;
  if (code) assert.equal(got, code);
  return body;
};

test('bad orders are refused with the documented codes', async () => {
  refused(await create({ price: '0.00005' }), 400);
  refused(await create({ price: '0.0000' }), 400, 'invalid_price');
  refused(await create({ price: '1.0000' }), 400, 'invalid_price');
  refused(await create({ count: '0.00' }), 400);
  refused(await create({ count: '-1.00' }), 400);
  refused(await create({ count: 5 }), 400, 'bad_request');
  refused(await create({ price: 0.05 }), 400, 'bad_request');
  refused(await create({ side: 'buy' }), 400);
  refused(await create({ time_in_force: 'GTC' }), 400);
  refused(await create({ ticker: 'NOPE' }), 404, 'not_found');
  refused(await create({ count: '90000000.00' }), 400, 'insufficient_balance');
  const cross = refused(await create({ price: '0.9900', post_only: true }), 400, 'invalid_order');
  assert.equal(cross.error.details, 'post only cross');
  refused(await sim.rest('POST', '/portfolio/events/orders', '{"ticker":'), 400, 'bad_request');
  refused(await sim.rest('POST', '/portfolio/events/orders', '[]'), 400, 'bad_request');
  refused(await sim.rest('POST', '/portfolio/events/orders', {}), 400);
  assert.equal((await create({ client_order_id: 'twice', price: '0.0100' })).status, 201);
  refused(await create({ client_order_id: 'twice', price: '0.0100' }), 409, 'order_already_exists');
  const legacy = refused(await sim.rest('POST', '/portfolio/orders', {}), 410, 'deprecated_v1_order_endpoint');
  assert.match(JSON.stringify(legacy), /events\/orders/);
});

test('bad queries are refused, unknown things are not found', async () => {
  refused(await sim.rest('GET', '/markets?limit=5000'), 400);
  refused(await sim.rest('GET', '/markets?status=bogus'), 400);
  refused(await sim.rest('GET', '/markets/NOPE'), 404, 'not_found');
  refused(await sim.rest('GET', '/nothing/here'), 404);
  const page = await sim.rest('GET', '/markets?limit=2&cursor=garbage');
  assert.equal(page.body.markets.length, 2, 'a garbage cursor is page one');
});

test('a long or oddly written query is read to its end', async () => {
  const many = [ticker, ...Array.from({ length: 150 }, (_, i) => `KXNOSUCHMARKET-${i}`)].join(',');
  const { body } = await sim.rest('GET', `/markets?tickers=${many}`);
  assert.deepEqual(body.markets.map((m) => m.ticker), [ticker]);
  assert.equal((await sim.rest('GET', '/markets?&&limit=2&&status=open&')).body.markets.length, 2);
});

// The answers of the server to bytes sent as they are, until it closes the connection.
const exchangeBytes = (text) => new Promise((resolve, reject) => {
  let answer = '';
  const socket = net.connect(Number(new URL(sim.rest_url).port), '127.0.0.1', () => socket.write(text));
  socket.setTimeout(60000, () => socket.destroy(new Error(`still open after: ${answer}`)));
  socket.on('data', (d) => { answer += d; });
  socket.on('error', reject);
  socket.on('end', () => { socket.end(); resolve(answer); });
});

test('a length that is not one number is refused, and the connection ends', async () => {
  for (const length of ['5abc', '-5', '+14', '0x0e', '1e1', '1'.repeat(40)]) {
    const answer = await exchangeBytes(`POST /trade-api/v2/portfolio/events/orders HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 400 [^]*Content-Length is not/, length);
    assert.equal(answer.split('HTTP/1.').length, 2, `one answer to a length of ${length}`);
  }
});

test('connections that never finish their request do not keep others out', async () => {
  const idle = Array.from({ length: 200 }, () => net.connect(Number(new URL(sim.rest_url).port), '127.0.0.1'));
  idle.forEach((s) => { s.on('error', () => {}); s.write('GET /trade-api'); });
  await new Promise((r) => setTimeout(r, 300));
  let ended = 0;
  idle.forEach((s) => s.on('close', () => ended++));
  assert.match(await exchangeBytes('GET /trade-api/v2/exchange/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 200 /);
  assert.equal(ended, 0, 'nobody had to go first');
  idle.forEach((s) => s.destroy());
});

test('pages are complete and without repeats', async () => {
  const list = async () => (await sim.rest('GET', '/markets?limit=1000')).body.markets.map((m) => m.ticker);
  for (let all, after = await list(); JSON.stringify(all) !== JSON.stringify(after);) { // somebody may ask for a new combo meanwhile
    all = after;
    const paged = [];
    let cursor = '';
    do {
      const page = (await sim.rest('GET', `/markets?limit=7&cursor=${encodeURIComponent(cursor)}`)).body;
      paged.push(...page.markets.map((m) => m.ticker));
      ({ cursor } = page);
    } while (cursor);
    after = await list();
    if (JSON.stringify(all) === JSON.stringify(after)) assert.deepEqual(paged, all);
  }
});

test('signatures, keys and clocks are checked as documented', async () => {
  const p = '/portfolio/balance';
  const url = new URL(sim.rest_url + p);
  const good = sim.headers('GET', url.pathname);
  refused(await sim.rest('GET', p, undefined, { headers: {} }), 401, 'signature_is_missing_from_headers');
  const wrong = refused(await sim.rest('GET', p, undefined,
    { headers: { ...good, 'KALSHI-ACCESS-SIGNATURE': good['KALSHI-ACCESS-SIGNATURE'].replace(/^./, (c) => (c === 'A' ? 'B' : 'A')) } }), 401, 'authentication_error');
  assert.equal(wrong.error.details, 'INCORRECT_API_KEY_SIGNATURE');
  const unknown = refused(await sim.rest('GET', p, undefined,
    { headers: { ...good, 'KALSHI-ACCESS-KEY': '00000000-0000-4000-8000-000000000000' } }), 401, 'authentication_error');
  assert.equal(unknown.error.details, 'NOT_FOUND');
  for (const skew of [-60000, 60000]) {
    refused(await sim.rest('GET', p, undefined, { headers: sim.headers('GET', url.pathname, 0, Date.now() + skew) }), 401,
      'header_timestamp_expired');
  }
  refused(await sim.rest('GET', p, undefined, { headers: sim.headers('POST', url.pathname) }), 401, 'authentication_error');
  assert.equal((await sim.rest('GET', '/exchange/status', undefined, { headers: {} })).status, 200, 'public data needs no key');
});

test('curl gets the same answer', () => {
  const text = execFileSync('curl', ['-sS', '--fail', `${sim.rest_url}/markets/${ticker}`], { encoding: 'utf8' });
  assert.deepEqual(restErrors('GetMarket', 200, JSON.parse(text)), []);
});

test('the same seed gives the same market, another seed another', async () => {
  const twins = await Promise.all([Sim.start('--seed', '99'), Sim.start('--seed', '99'), Sim.start('--seed', '100')]);
  try {
    // The oldest trades: what the traders did before anybody could ask, times aside.
    const facts = await Promise.all(twins.map(async (s) => {
      const { markets } = (await s.rest('GET', '/markets?limit=1000')).body;
      const { trades } = (await s.rest('GET', '/markets/trades?limit=1000')).body;
      return { markets: markets.map((m) => [m.ticker, m.title, m.price_level_structure]),
        trades: trades.reverse().slice(0, 20).map((t) => [t.trade_id, t.ticker, t.count_fp, Number(t.yes_price_dollars)]) };
    }));
    assert.equal(facts[0].trades.length, 20);
    assert.deepEqual(facts[0].markets, facts[1].markets);
    // Each begins at its own time, and what is worth less with less time left may be rounded to the next tick: with a
    // moment between them a price differs, and after some trades what follows from it.
    const alike = ([a, b]) => {
      const n = a.trades.findIndex((t, i) => {
        const u = b.trades[i] ?? [];
        return `${t.slice(0, 3)}` !== `${u.slice(0, 3)}` || Math.abs(t[3] - u[3]) > 0.0101;
      });
      return n < 0 ? 20 : n;
    };
    assert.ok(alike(facts) >= 5, JSON.stringify(facts.map((f) => f.trades)));
    assert.equal(alike(facts.slice(1)), 0);
  } finally {
    assert.deepEqual(await Promise.all(twins.map((s) => s.stop())), [0, 0, 0]);
  }
});
