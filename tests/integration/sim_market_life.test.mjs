// Markets of the simulator through every status: what REST shows, what the lifecycle channel tells and does not tell, and what
// becomes of orders, pauses included. All against the exchange's schemas.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Sim, sleep } from './peers.mjs';
import { messageErrors, restErrors, wireErrorErrors } from './schema.mjs';

let sim, tickers, channel, checked = 0;
before(async () => {
  sim = await Sim.start('--seed', '13', '--users', '2', '--quiet-market');
  const { body } = await sim.rest('GET', '/markets?status=open&limit=1000');
  tickers = body.markets.filter((m) => m.exchange_index === 0 && m.price_level_structure === 'linear_cent').map((m) => m.ticker);
  channel = await sim.ws();
  channel.send('subscribe', { channels: ['market_lifecycle_v2', 'user_orders'] });
  await channel.wait('both channels', () => channel.messages.filter((m) => m.type === 'subscribed').length === 2);
});
after(async () => {
  await channel?.close();
  await sim?.stop();
  console.log(`# ${checked} answers and messages by their schema`);
});

const valid = (operation, { status, body }, expected = 200) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(restErrors(operation, status, body), []);
  checked++;
  return body;
};
const refused = ({ status, body }, expected, code) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(wireErrorErrors(body), []);
  checked++;
  assert.equal(body.error.code, code);
};
let used = 0;
const fresh = () => tickers[used++]; // a market of its own for each test
const read = async (ticker) => valid('GetMarket', await sim.rest('GET', `/markets/${ticker}`)).market;
const listed = async (status, ticker) =>
  valid('GetMarkets', await sim.rest('GET', `/markets?status=${status}&tickers=${ticker}`)).markets.length === 1;
const ORDERS = '/portfolio/events/orders';
const order = (ticker, over = {}) => ({ ticker, side: 'bid', price: '0.4000', count: '5.00', time_in_force: 'good_till_canceled',
  self_trade_prevention_type: 'taker_at_cross', ...over });
const create = (ticker, over, options) => sim.rest('POST', ORDERS, order(ticker, over), options);
const place = async (ticker, over, options) => valid('CreateOrderV2', await create(ticker, over, options), 201).order_id;
const orderOf = async (id) => valid('GetOrder', await sim.rest('GET', `/portfolio/orders/${id}`)).order;
const told = (ticker) => channel.messages.filter((m) => m.type === 'market_lifecycle_v2' && m.msg.market_ticker === ticker).map((m) => m.msg);
const lastOf = (id) => channel.messages.findLast((m) => m.type === 'user_order' && m.msg.order_id === id)?.msg;
const until = (ticker, event, n = 1) =>
  channel.wait(`${event} of ${ticker}`, () => told(ticker).filter((m) => m.event_type === event).length >= n);
const allValid = () => {
  for (const m of channel.messages) assert.deepEqual(messageErrors(m), [], JSON.stringify(m));
  checked += channel.messages.length;
};
// Every write to an order, and a new one, against a market that takes none.
const writesFail = async (ticker, id, status, code) => {
  refused(await create(ticker), status, code);
  refused(await sim.rest('POST', `${ORDERS}/${id}/amend`, { ticker, side: 'bid', price: '0.3000', count: '5.00' }), status, code);
  refused(await sim.rest('POST', `${ORDERS}/${id}/decrease`, { reduce_by: '1.00' }), status, code);
  refused(await sim.rest('DELETE', `${ORDERS}/${id}`), status, code);
};

test('a market that is paused keeps its orders, and loses them when it goes on', async () => {
  const ticker = fresh(), id = await place(ticker);
  await sim.trigger('pause', { market: ticker });
  assert.equal((await read(ticker)).status, 'inactive');
  assert.ok(await listed('paused', ticker) && !(await listed('open', ticker)));
  await writesFail(ticker, id, 400, 'MARKET_INACTIVE');
  assert.equal((await orderOf(id)).status, 'resting');
  await sim.trigger('resume', { market: ticker });
  assert.equal((await orderOf(id)).status, 'canceled');
  await until(ticker, 'activated');
  assert.deepEqual(told(ticker).map((m) => [m.event_type, m.is_deactivated]), [['deactivated', true], ['activated', false]]);
  await channel.wait('the end of the order', () => lastOf(id)?.status === 'canceled');
  assert.equal(lastOf(id).last_update_reason, 'HaltCancel');
});

test('early close, reopening, determination, dispute, amendment and settlement', async () => {
  const ticker = fresh(), id = await place(ticker), other = await place(ticker, { price: '0.4500' });
  await place(ticker, { side: 'ask', price: '0.4500' }, { user: 1 });
  const before = await read(ticker);
  assert.equal(before.result, '');
  assert.equal(before.settlement_value_dollars, undefined);
  await sim.trigger('close', { market: ticker });
  const closed = await read(ticker);
  assert.equal(closed.status, 'closed');
  assert.ok(Date.parse(closed.close_time) < Date.parse(before.close_time));
  assert.ok(await listed('closed', ticker));
  await writesFail(ticker, id, 400, 'MARKET_INACTIVE');
  await channel.wait('the end of the order', () => lastOf(id)?.status === 'canceled');
  assert.equal(lastOf(id).last_update_reason, 'CloseCancel');
  assert.equal((await orderOf(other)).status, 'executed');

  await sim.trigger('close', { market: ticker, in: '1h' });
  assert.equal((await read(ticker)).status, 'active');
  await until(ticker, 'activated');
  const again = await place(ticker);
  await sim.trigger('determine', { market: ticker, result: 'yes' });
  const determined = await read(ticker);
  assert.deepEqual([determined.status, determined.result, determined.settlement_value_dollars], ['determined', 'yes', '1.0000']);
  assert.equal(determined.settlement_ts, undefined);
  assert.equal((await orderOf(again)).status, 'canceled');
  await sim.trigger('dispute', { market: ticker });
  assert.equal((await read(ticker)).status, 'disputed');
  assert.ok(await listed('closed', ticker) && !(await listed('settled', ticker)));
  assert.equal((await sim.triggered('settle', { market: ticker })).status, 409, 'a disputed market is not paid');
  await sim.trigger('amend', { market: ticker, result: '0.37' });
  const amended = await read(ticker);
  assert.deepEqual([amended.status, amended.result, amended.settlement_value_dollars], ['amended', 'scalar', '0.3700']);
  await sim.trigger('settle', { market: ticker });
  const final = await read(ticker);
  assert.deepEqual([final.status, final.result], ['finalized', 'scalar']);
  assert.ok(Date.parse(final.settlement_ts) > 0);
  assert.ok(await listed('settled', ticker));
  const { settlements: [paid] } = valid('GetSettlements', await sim.rest('GET', `/portfolio/settlements?ticker=${ticker}`));
  assert.deepEqual([paid.market_result, paid.revenue, paid.yes_count_fp], ['scalar', 185, '5.00']);
  const ts = Math.floor(Date.parse(final.settlement_ts) / 1000);
  const { markets } = valid('GetMarkets', await sim.rest('GET', `/markets?min_settled_ts=${ts}&max_settled_ts=${ts}`));
  assert.ok(markets.some((m) => m.ticker === ticker));

  await until(ticker, 'settled');
  assert.deepEqual(told(ticker).map((m) => [m.event_type, m.result]), [['close_date_updated', undefined],
    ['close_date_updated', undefined], ['activated', undefined], ['close_date_updated', undefined], ['determined', 'yes'],
    ['determined', 'scalar'], ['settled', undefined]], 'and nothing of the dispute');
});

test('a close by time is not told', async () => {
  const ticker = fresh(), id = await place(ticker);
  await sim.trigger('close', { market: ticker, in: '1s' });
  await channel.wait('the close', () => lastOf(id)?.status === 'canceled');
  assert.equal(lastOf(id).last_update_reason, 'CloseCancel');
  assert.equal((await read(ticker)).status, 'closed');
  await sleep(200);
  assert.deepEqual(told(ticker).map((m) => m.event_type), ['close_date_updated'], 'only the new date was');
});

test('a new price grid leaves resting orders, and metadata moves updated_time', async () => {
  const ticker = fresh();
  refused(await create(ticker, { price: '0.4010' }), 400, 'invalid_price');
  await sim.trigger('structure', { market: ticker, name: 'deci_cent' });
  const id = await place(ticker, { price: '0.4010' });
  await sim.trigger('structure', { market: ticker, name: 'linear_cent' });
  const now = await read(ticker);
  assert.equal(now.price_level_structure, 'linear_cent');
  assert.deepEqual(now.price_ranges, [{ start: '0.0000', end: '1.0000', step: '0.0100' }]);
  assert.equal((await orderOf(id)).status, 'resting');
  refused(await create(ticker, { price: '0.4010' }), 400, 'invalid_price');
  valid('AmendOrderV2', await sim.rest('POST', `${ORDERS}/${id}/amend`, { ticker, side: 'bid', price: '0.4010', count: '2.00' }));
  const since = Math.floor(Date.now() / 1000);
  await place(ticker, { side: 'ask', price: '0.4000', count: '1.00' }, { user: 1 }); // trades
  assert.equal((await read(ticker)).updated_time, now.updated_time, 'a trade is no update of the description');
  await sim.trigger('strike', { market: ticker, type: 'between', floor: '5', cap: '9.5', title: 'Between 5 and 9.5' });
  const changed = await read(ticker);
  assert.deepEqual([changed.strike_type, changed.floor_strike, changed.cap_strike, changed.yes_sub_title],
    ['between', 5, 9.5, 'Between 5 and 9.5']);
  assert.ok(Date.parse(changed.updated_time) > Date.parse(now.updated_time));
  const { markets } = valid('GetMarkets', await sim.rest('GET', `/markets?min_updated_ts=${since}`));
  assert.ok(markets.some((m) => m.ticker === ticker));
  await until(ticker, 'metadata_updated');
  assert.deepEqual(told(ticker).map((m) => m.event_type), ['price_level_structure_updated', 'price_level_structure_updated', 'metadata_updated']);
  assert.equal((await sim.triggered('structure', { market: ticker, name: 'nope' })).status, 400);
});

const status = async () => valid('GetExchangeStatus', await sim.rest('GET', '/exchange/status'));

test('in a trading pause orders can be canceled, and not placed or amended', async () => {
  const ticker = fresh(), stays = await place(ticker), goes = await place(ticker, { cancel_order_on_pause: true });
  await sim.trigger('pause', { for: '10m' });
  const now = await status();
  assert.deepEqual([now.exchange_active, now.trading_active], [true, false]);
  assert.ok(Date.parse(now.exchange_estimated_resume_time) > Date.now() + 500000);
  assert.ok(now.exchange_index_statuses.every((r) => r.exchange_active && !r.trading_active));
  refused(await create(ticker), 400, 'trading_is_paused');
  refused(await sim.rest('POST', `${ORDERS}/${stays}/amend`, { ticker, side: 'bid', price: '0.3000', count: '5.00' }), 400, 'trading_is_paused');
  const { orders: [item] } = valid('BatchCreateOrdersV2', await sim.rest('POST', `${ORDERS}/batched`, { orders: [order(ticker)] }), 201);
  assert.equal(item.error.code, 'trading_is_paused');
  valid('DecreaseOrderV2', await sim.rest('POST', `${ORDERS}/${stays}/decrease`, { reduce_by: '1.00' }));
  assert.equal((await orderOf(goes)).status, 'canceled');
  await channel.wait('the halted order', () => lastOf(goes)?.status === 'canceled');
  assert.equal(lastOf(goes).last_update_reason, 'HaltCancel');
  valid('CancelOrderV2', await sim.rest('DELETE', `${ORDERS}/${stays}`));
  await sim.trigger('resume');
  assert.equal((await status()).exchange_estimated_resume_time, null);
  await place(ticker);
});

test('one shard pauses alone', async () => {
  const ticker = fresh();
  await sim.trigger('pause', { shard: '2' });
  const now = await status();
  assert.deepEqual(now.exchange_index_statuses.map((r) => r.trading_active), [true, true, false, true]);
  assert.equal(now.trading_active, true, 'the whole is as its default shard');
  const crypto = (await sim.rest('GET', '/markets?status=open&limit=1000')).body.markets.find((m) => m.exchange_index === 2);
  refused(await create(crypto.ticker, { price: crypto.price_ranges.at(-1).step }), 400, 'trading_is_paused');
  await place(ticker);
  await sim.trigger('resume', { shard: '2' });
  assert.ok((await status()).exchange_index_statuses.every((r) => r.trading_active));
});

test('in an exchange pause nothing works', async () => {
  allValid(); // the channel goes now
  const ticker = fresh(), id = await place(ticker);
  const group = valid('CreateOrderGroup', await sim.rest('POST', '/portfolio/order_groups/create', { contracts_limit: 5 }), 201).order_group_id;
  await sim.trigger('maintenance');
  const now = await status();
  assert.deepEqual([now.exchange_active, now.trading_active, now.intra_exchange_transfers_active], [false, false, false]);
  await writesFail(ticker, id, 503, 'exchange_is_paused');
  refused(await sim.rest('DELETE', ORDERS), 503, 'exchange_is_paused');
  refused(await sim.rest('PUT', `/portfolio/order_groups/${group}/trigger`, {}), 503, 'exchange_is_paused');
  refused(await sim.rest('POST', '/portfolio/intra_exchange_instance_transfer', { source: 'event_contract', destination: 'event_contract',
    amount: 10000, source_exchange_shard: 0, destination_exchange_shard: 1 }), 503, 'exchange_is_paused');
  assert.equal((await orderOf(id)).status, 'resting');
  await sim.trigger('resume');
  valid('CancelOrderV2', await sim.rest('DELETE', `${ORDERS}/${id}`));
});
