// The money of the simulated exchange: shards, subaccounts, transfers, netting, the target allocation. Every answer is checked against
// the exchange's own schemas.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import test, { after, before } from 'node:test';
import { Sim, until } from './peers.mjs';
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

const uuid = () => crypto.randomUUID();
const shard0 = async (subaccount) => valid('GetBalance', await sim.rest('GET', `/portfolio/balance?exchange_index=0&subaccount=${subaccount}`))
  .balance_dollars;
const move = (over, options) => sim.rest('POST', '/portfolio/subaccounts/transfer',
  { client_transfer_id: uuid(), from_subaccount: 0, to_subaccount: 1, amount_cents: 12345, ...over }, options);

test('a subaccount is there once it was created, on each shard by itself', async () => {
  const { ticker } = byShard[0][0];
  const missing = refused(await sim.rest('POST', orders, order(ticker, { subaccount: 1 })), 404, 'user_not_found');
  assert.match(missing.details, /never created/);
  refused(await move({}), 404, 'user_not_found');
  const create = async (body) => valid('CreateSubaccount', await sim.rest('POST', '/portfolio/subaccounts', body), 201).subaccount_number;
  assert.deepEqual([await create({}), await create(undefined), await create({ exchange_index: 2 })], [1, 2, 1]);
  refused(await sim.rest('POST', '/portfolio/subaccounts', { exchange_index: 7 }), 400, 'invalid_parameters');
  const rows = valid('GetSubaccountBalances', await sim.rest('GET', '/portfolio/subaccounts/balances')).subaccount_balances;
  assert.deepEqual(rows.map((r) => [r.subaccount_number, r.exchange_index]),
    [[0, 0], [0, 1], [0, 2], [0, 3], [1, 0], [1, 2], [2, 0]]);
  refused(await sim.rest('POST', orders, order(ticker, { subaccount: 1 })), 400, 'insufficient_balance');
});

test('money moves between subaccounts once for each client_transfer_id', async () => {
  const id = uuid();
  valid('ApplySubaccountTransfer', await move({ client_transfer_id: id }));
  refused(await move({ client_transfer_id: id }), 409, 'transfer_already_exists');
  assert.deepEqual([await shard0(0), await shard0(1)], ['9876.5500', '123.4500']);
  valid('ApplySubaccountTransfer', await move({ client_transfer_id: id }, { user: 1 }).then((r) => (r.status === 404
    ? { status: 200, body: {} } : r))); // another user's ids are its own: it only lacks the subaccount
  valid('ApplySubaccountTransfer', await move({ from_subaccount: 1, to_subaccount: 2, amount_cents: 45 }));
  refused(await move({ from_subaccount: 1, to_subaccount: 2, amount_cents: 12301 }), 400, 'insufficient_balance');
  for (const wrong of [{ client_transfer_id: 'x' }, { client_transfer_id: undefined }, { amount_cents: 0 }, { amount_cents: -5 },
    { to_subaccount: 0 }, { to_subaccount: 64 }, { from_subaccount: undefined }, { exchange_index: 4 }]) {
    refused(await move(wrong), 400, 'invalid_parameters');
  }
  refused(await move({ amount_cents: '5' }), 400, 'bad_request');
  const first = valid('GetSubaccountTransfers', await sim.rest('GET', '/portfolio/subaccounts/transfers?limit=1'));
  assert.deepEqual(first.transfers.map((t) => [t.from_subaccount, t.to_subaccount, t.amount_cents]), [[1, 2, 45]]);
  const second = valid('GetSubaccountTransfers', await sim.rest('GET', `/portfolio/subaccounts/transfers?limit=1&cursor=${first.cursor}`));
  assert.deepEqual(second.transfers.map((t) => [t.from_subaccount, t.to_subaccount, t.amount_cents]), [[0, 1, 12345]]);
  assert.equal(second.cursor, '');
  assert.deepEqual(valid('GetSubaccountTransfers', await sim.rest('GET', '/portfolio/subaccounts/transfers', undefined, { user: 1 })).transfers, []);
});

// A trade between the two users: the first buys.
const trade = async (ticker, price, count) => {
  const side = { price, count };
  valid('CreateOrderV2', await sim.rest('POST', orders, order(ticker, { ...side, side: 'ask' }), { user: 1 }), 201);
  return valid('CreateOrderV2', await sim.rest('POST', orders, order(ticker, side)), 201);
};
const positions = async (query) => valid('GetPositions', await sim.rest('GET', `/portfolio/positions${query}`)).market_positions;

test('contracts move between subaccounts at a price', async () => {
  const { ticker } = byShard[0][0];
  await trade(ticker, '0.4000', '10.00');
  const body = { client_transfer_id: uuid(), from_subaccount: 0, to_subaccount: 1, market_ticker: ticker, side: 'yes', count: 4, price: '0.6000' };
  const send = (over) => sim.rest('POST', '/portfolio/subaccounts/positions/transfer', { ...body, client_transfer_id: uuid(), ...over });
  const before = [Number(await shard0(0)), Number(await shard0(1))];
  valid('ApplySubaccountPositionTransfer', await send({ client_transfer_id: body.client_transfer_id }));
  refused(await send({ client_transfer_id: body.client_transfer_id }), 409, 'transfer_already_exists');
  assert.deepEqual([await shard0(0), await shard0(1)], [(before[0] + 2.4).toFixed(4), (before[1] - 2.4).toFixed(4)]);
  const [from] = await positions(`?ticker=${ticker}`), [to] = await positions(`?ticker=${ticker}&subaccount=1`);
  assert.deepEqual([from.position_fp, from.realized_pnl_dollars, to.position_fp, to.market_exposure_dollars],
    ['6.00', '0.800000', '4.00', '2.400000']);
  refused(await send({ count: 7 }), 400, 'invalid_order_size');
  refused(await send({ side: 'no' }), 400, 'invalid_order_size');
  refused(await send({ market_ticker: 'NOPE' }), 404, 'not_found');
  for (const wrong of [{ price: '2' }, { price: '0.12345' }, { count: 0 }, { side: 'bid' }, { market_ticker: undefined }])
    assert.equal((await send(wrong)).status, 400, JSON.stringify(wrong));
});

test('netting returns what several NO are sure to pay, and takes it back when it is turned off', async () => {
  const { events } = (await sim.rest('GET', '/events?with_nested_markets=true&limit=200')).body;
  const { markets: [a, b], exchange_index: shard } = events.find((e) => e.mutually_exclusive && e.markets.length > 2
    && e.event_ticker !== byShard[0][0].event_ticker);
  assert.ok(events.every((e) => e.collateral_return_type === (e.mutually_exclusive ? 'MECNET' : '')));
  const set = (enabled) => sim.rest('PUT', '/portfolio/subaccounts/netting', { subaccount_number: 0, enabled }, { user: 1 });
  const balance = async () => Number((await sim.rest('GET', `/portfolio/balance?exchange_index=${shard}`, undefined, { user: 1 })).body.balance_dollars);
  await trade(a.ticker, '0.3000', '10.00');
  const before = await balance();
  await trade(b.ticker, '0.4000', '10.00'); // user 1 is short of both: of 20 NO at least 10 pay
  assert.equal((await balance() - before).toFixed(4), '4.0000');
  valid('UpdateSubaccountNetting', await set(false));
  assert.equal((await balance() - before).toFixed(4), '-6.0000');
  const rows = valid('GetSubaccountNetting', await sim.rest('GET', '/portfolio/subaccounts/netting', undefined, { user: 1 })).netting_configs;
  assert.deepEqual(rows.map((r) => [r.subaccount_number, r.exchange_index, r.enabled]), [0, 1, 2, 3].map((i) => [0, i, false]));
  valid('UpdateSubaccountNetting', await set(true));
  assert.equal((await balance() - before).toFixed(4), '4.0000');
  refused(await sim.rest('PUT', '/portfolio/subaccounts/netting', { subaccount_number: 9, enabled: true }), 404, 'user_not_found');
  refused(await sim.rest('PUT', '/portfolio/subaccounts/netting', { subaccount_number: 0 }), 400, 'invalid_parameters');
  refused(await sim.rest('PUT', '/portfolio/subaccounts/netting', { enabled: true }), 400, 'invalid_parameters');
});

test('a subaccount that is locked for a settlement advance has no orders and takes none', async () => {
  const { ticker } = byShard[0][0];
  const lock = (method, over) => sim.rest(method, '/portfolio/subaccounts/settlement-advance-lock', { subaccount_number: 1, ...over });
  const made = valid('CreateOrderV2', await sim.rest('POST', orders, order(ticker, { subaccount: 1 })), 201);
  refused(await lock('DELETE'), 409, 'subaccount_not_locked');
  valid('LockSubaccountForSettlementAdvance', await lock('PUT'));
  refused(await lock('PUT'), 409, 'subaccount_already_locked');
  assert.equal(valid('GetOrder', await sim.rest('GET', `/portfolio/orders/${made.order_id}`)).order.status, 'canceled');
  refused(await sim.rest('POST', orders, order(ticker, { subaccount: 1 })), 409, 'subaccount_locked');
  refused(await move({ from_subaccount: 1, to_subaccount: 0, amount_cents: 1 }), 409, 'subaccount_locked');
  valid('UnlockSubaccountForSettlementAdvance', await lock('DELETE'));
  valid('ApplySubaccountTransfer', await move({ from_subaccount: 1, to_subaccount: 0, amount_cents: 1 }));
  refused(await lock('PUT', { subaccount_number: 5 }), 404, 'user_not_found');
  refused(await lock('PUT', { subaccount_number: null }), 400, 'invalid_parameters');
});

const across = (over, options) => sim.rest('POST', '/portfolio/intra_exchange_instance_transfer', { source: 'event_contract',
  destination: 'event_contract', amount: 500000, source_exchange_shard: 0, destination_exchange_shard: 3, ...over }, options);
const transferred = (id) => until(`transfer ${id}`, async () => {
  const { transfer } = valid('GetIntraExchangeInstanceTransfer', await sim.rest('GET', `/portfolio/intra_exchange_instance_transfers/${id}`));
  return transfer.status === 'complete' && transfer;
});

test('money goes to another shard in a moment, and is on its way until then', async () => {
  const before = await balances();
  const { transfer_id: id } = valid('IntraExchangeInstanceTransfer', await across({}));
  const after = await balances();
  assert.equal((before[0] - after[0]).toFixed(4), '50.0000');
  const { transfer } = valid('GetIntraExchangeInstanceTransfer', await sim.rest('GET', `/portfolio/intra_exchange_instance_transfers/${id}`));
  if (transfer.status !== 'complete') assert.equal(after[3], before[3]); // nor was it when the balance was read
  const row = await transferred(id);
  assert.deepEqual([row.amount, row.source_exchange_shard, row.destination_exchange_shard], ['50.0000', 0, 3]);
  assert.equal((await balances())[3], (Number(before[3]) + 50).toFixed(4));
  // from and to subaccounts
  const { transfer_id: back } = valid('IntraExchangeInstanceTransfer', await across({ source_exchange_shard: 3,
    destination_exchange_shard: 2, destination_subaccount: 1, amount: 1 }));
  await transferred(back);
  assert.deepEqual(await balances('?exchange_index=2&subaccount=1'), { 2: '0.0001' });
  const all = valid('GetIntraExchangeInstanceTransfers', await sim.rest('GET', '/portfolio/intra_exchange_instance_transfers')).transfers;
  assert.deepEqual(all.map((t) => t.transfer_id), [back, id]);
  const page = valid('GetIntraExchangeInstanceTransfers', await sim.rest('GET', '/portfolio/intra_exchange_instance_transfers?limit=1'));
  assert.notEqual(page.cursor, '');
  refused(await across({ amount: 2e12 }), 400, 'insufficient_balance');
  refused(await across({ destination_subaccount: 9 }), 404, 'user_not_found');
  for (const wrong of [{ amount: 0 }, { destination_exchange_shard: 0 }, { destination_exchange_shard: 4 }, { source: 'margined' }, { source: 'x' }])
    refused(await across(wrong), 400, 'invalid_parameters');
  refused(await sim.rest('GET', `/portfolio/intra_exchange_instance_transfers/${uuid()}`), 404, 'not_found');
});

test('the target allocation moves free money to its shares, and leaves what orders hold', async () => {
  const get = async () => valid('GetTargetBalanceAllocation', await sim.rest('GET', '/portfolio/target_balance_allocation', undefined, { user: 1 }));
  const set = (body) => sim.rest('POST', '/portfolio/target_balance_allocation', body, { user: 1 });
  const money = () => balances('', { user: 1 });
  assert.deepEqual(await get(), { allocations: [], resting_margin_reservation: 'sum' });
  for (const wrong of [{ allocations: [{ exchange_index: 0, percent: 99 }] }, { allocations: [{ exchange_index: 5, percent: 100 }] }, {},
    { allocations: [{ exchange_index: 0, percent: 50 }, { exchange_index: 0, percent: 50 }] }, { allocations: [], resting_margin_reservation: 'x' }])
    refused(await set(wrong), 400, 'invalid_parameters');
  valid('CreateOrderV2', await sim.rest('POST', orders, order(byShard[2][0].ticker, { price: '0.5000', count: '2000.00' }), { user: 1 }), 201);
  const resting = valid('GetPortfolioRestingOrderTotalValue', await sim.rest('GET', '/portfolio/summary/total_resting_order_value', undefined, { user: 1 }));
  assert.equal(resting.total_resting_order_value, 100000);
  assert.equal(resting.resting_order_value_breakdown[2].balance, '1000.0000');
  const wanted = { allocations: [{ exchange_index: 0, percent: 70 }, { exchange_index: 3, percent: 30 }], resting_margin_reservation: 'sum' };
  valid('SetTargetBalanceAllocation', await set(wanted));
  assert.deepEqual(await get(), wanted);
  await until('the rebalancing', async () => Number((await money())[3]) > 11000);
  const now = await money(), total = Object.values(now).reduce((sum, v) => sum + Number(v), 0);
  assert.ok(Number(now[1]) < 0.01 && Number(now[2]) < 0.01, JSON.stringify(now));
  assert.ok(Math.abs(now[3] - total * 0.3) < 0.05, JSON.stringify(now));
  valid('SetTargetBalanceAllocation', await set({ allocations: [] }));
  assert.deepEqual(await get(), { allocations: [], resting_margin_reservation: 'sum' });
});

test('what an account started with was deposited, and nothing was withdrawn', async () => {
  const all = valid('GetDeposits', await sim.rest('GET', '/portfolio/deposits')).deposits;
  assert.deepEqual(all.map((d) => [d.amount_cents, d.status]), [1, 2, 3, 4].map(() => [1000000, 'applied']));
  const page = valid('GetDeposits', await sim.rest('GET', '/portfolio/deposits?limit=3'));
  const rest = valid('GetDeposits', await sim.rest('GET', `/portfolio/deposits?limit=3&cursor=${page.cursor}`));
  assert.deepEqual([...page.deposits, ...rest.deposits].map((d) => d.id), all.map((d) => d.id));
  assert.deepEqual(valid('GetWithdrawals', await sim.rest('GET', '/portfolio/withdrawals')).withdrawals, []);
  assert.equal((await sim.rest('GET', '/portfolio/deposits?limit=501')).status, 400);
});
