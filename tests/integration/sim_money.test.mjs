// The money of the simulated exchange: shards, subaccounts, transfers, fees, settlement. Every answer is checked against
// the exchange's own schemas.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Sim } from './peers.mjs';
import { restErrors } from './schema.mjs';

let sim, byShard;
before(async () => {
  sim = await Sim.start('--seed', '11', '--quiet-market', '--users', '2');
  const { markets } = (await sim.rest('GET', '/markets?status=open&limit=1000')).body;
  byShard = {};
  for (const m of markets) (byShard[m.exchange_index] ??= []).push(m);
});
after(() => sim?.stop());

const valid = (operation, { status, body }, expected = 200) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(restErrors(operation, status, body), []);
  return body;
};
const refused = ({ status, body }, wanted, code) => {
  assert.equal(status, wanted, JSON.stringify(body));
  assert.equal(body.error?.code ?? body.code, code);
  return body.error ?? body;
};
const order = (ticker, over = {}) => ({ ticker, side: 'bid', price: '0.0100', count: '5.00', time_in_force: 'good_till_canceled',
  self_trade_prevention_type: 'taker_at_cross', ...over });
const orders = '/portfolio/events/orders';
const balances = async (query = '', options) => Object.fromEntries(
  valid('GetBalance', await sim.rest('GET', `/portfolio/balance${query}`, undefined, options)).balance_breakdown
    .map((b) => [b.exchange_index, b.balance]));

test('series, events and markets name their shard, and crypto is on shard 2', async () => {
  assert.ok(byShard[0] && byShard[2], Object.keys(byShard).join());
  for (const [shard, list] of Object.entries(byShard)) {
    const event = valid('GetEvent', await sim.rest('GET', `/events/${list[0].event_ticker}`)).event;
    assert.equal(event.exchange_index, Number(shard));
    const { series } = valid('GetSeries', await sim.rest('GET', `/series/${event.series_ticker}`));
    assert.equal(series.exchange_index, Number(shard));
    assert.equal(series.category === 'Crypto', shard === '2');
  }
});

test('each shard has money of its own, which pays for orders there only', async () => {
  assert.deepEqual(await balances(), { 0: '10000.0000', 1: '10000.0000', 2: '10000.0000', 3: '10000.0000' });
  assert.deepEqual(await balances('?exchange_index=2'), { 2: '10000.0000' });
  const { ticker } = byShard[2][0];
  const made = valid('CreateOrderV2', await sim.rest('POST', orders, order(ticker, { price: '0.5000', count: '20000.00' })), 201);
  assert.deepEqual(await balances(), { 0: '10000.0000', 1: '10000.0000', 2: '0.0000', 3: '10000.0000' });
  refused(await sim.rest('POST', orders, order(ticker)), 400, 'insufficient_balance');
  assert.equal(valid('GetBalance', await sim.rest('GET', '/portfolio/balance')).balance, 3000000);
  assert.equal(valid('GetBalance', await sim.rest('GET', '/portfolio/balance?exchange_index=2')).balance, 0);
  assert.equal(valid('GetOrders', await sim.rest('GET', '/portfolio/orders?exchange_index=2')).orders.length, 1);
  assert.equal(valid('GetOrders', await sim.rest('GET', '/portfolio/orders?exchange_index=0')).orders.length, 0);
  valid('CancelOrderV2', await sim.rest('DELETE', `${orders}/${made.order_id}?exchange_index=2`));
  assert.deepEqual(await balances('?exchange_index=2'), { 2: '10000.0000' });
});

test('a write reaches the shard it names, that of its market, or shard 0', async () => {
  const { ticker } = byShard[2][0];
  const place = async (over) => valid('CreateOrderV2', await sim.rest('POST', orders, order(ticker, over)), 201).order_id;
  await sim.rest('DELETE', `${orders}/${await place({ exchange_index: -1 })}?market_ticker=${ticker}`);
  refused(await sim.rest('POST', orders, order(ticker, { exchange_index: 0 })), 404, 'not_found');
  refused(await sim.rest('POST', orders, order(ticker, { exchange_index: 9 })), 404, 'not_found');
  const id = await place({ exchange_index: 2 });
  const lost = refused(await sim.rest('DELETE', `${orders}/${id}`), 404, 'not_found');
  assert.match(lost.details, /market_ticker/, 'the answer says how to reach it');
  refused(await sim.rest('DELETE', `${orders}/${id}?exchange_index=1`), 404, 'not_found');
  refused(await sim.rest('DELETE', `${orders}/${id}?market_ticker=${byShard[0][0].ticker}`), 404, 'not_found');
  const amend = (over) => sim.rest('POST', `${orders}/${id}/amend`, { ticker, side: 'bid', price: '0.0200', count: '5.00', ...over });
  refused(await amend({ exchange_index: 0 }), 404, 'not_found');
  valid('AmendOrderV2', await amend());
  refused(await sim.rest('POST', `${orders}/${id}/decrease`, { reduce_by: '1' }), 404, 'not_found');
  valid('DecreaseOrderV2', await sim.rest('POST', `${orders}/${id}/decrease`, { reduce_by: '1', market_ticker: ticker }));
  valid('DecreaseOrderV2', await sim.rest('POST', `${orders}/${id}/decrease`, { reduce_by: '1', exchange_index: 2 }));
  const batch = valid('BatchCancelOrdersV2', await sim.rest('DELETE', `${orders}/batched`,
    { orders: [{ order_id: id }, { order_id: id, exchange_index: -1, market_ticker: ticker }] }));
  assert.deepEqual(batch.orders.map((o) => o.error?.code), ['not_found', undefined]);
  assert.equal(valid('GetOrderQueuePositions', await sim.rest('GET', `/portfolio/orders/queue_positions?market_tickers=${ticker}`))
    .queue_positions.length, 0);
});
