// Order groups of the simulator: the seven operations, orders in them, and their channel, against the exchange's schemas.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Sim, sleep } from './peers.mjs';
import { requestErrors, restErrors, wireErrorErrors, messageErrors } from './schema.mjs';

let sim, ticker, checked = 0;
before(async () => {
  sim = await Sim.start('--seed', '11', '--users', '2', '--quiet-market');
  // An old market of the default shard.
  const { body } = await sim.rest('GET', '/markets?status=open&limit=1000');
  ({ ticker } = body.markets.find((m) => m.exchange_index === 0));
});
after(async () => {
  await sim?.stop();
  console.log(`# ${checked} answers and messages by their schema`);
});

const valid = (operation, { status, body }, expected = 200) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(restErrors(operation, status, body), []);
  checked++;
  return body;
};
const refused = (operation, { status, body }, expected, code) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(wireErrorErrors(body), []);
  checked++;
  assert.equal(body.error?.code ?? body.code ?? body.msg, code);
};
const newGroup = async (body, options) => {
  assert.deepEqual(requestErrors('CreateOrderGroup', body), []);
  return valid('CreateOrderGroup', await sim.rest('POST', '/portfolio/order_groups/create', body, options), 201);
};
const path = (id, action = '') => `/portfolio/order_groups/${id}${action && `/${action}`}`;
const getGroup = async (id) => valid('GetOrderGroup', await sim.rest('GET', path(id)));
const order = (over = {}) => ({ ticker, side: 'ask', price: '0.5000', count: '5.00', time_in_force: 'good_till_canceled',
  self_trade_prevention_type: 'taker_at_cross', ...over });
const create = (over, options) => sim.rest('POST', '/portfolio/events/orders', order(over), options);
const cancelAll = async () => {
  for (const user of [0, 1]) await sim.rest('DELETE', '/portfolio/events/orders', undefined, { user });
};

test('a group is created, listed, read, limited, triggered, reset and deleted', async () => {
  const made = await newGroup({ contracts_limit: 100 });
  assert.equal(made.subaccount, 0);
  assert.equal(made.exchange_index, 0);
  const id = made.order_group_id;
  const row = (await valid('GetOrderGroups', await sim.rest('GET', '/portfolio/order_groups'))).order_groups.find((g) => g.id === id);
  assert.deepEqual(row, { id, contracts_limit_fp: '100.00', is_auto_cancel_enabled: true, exchange_index: 0 });
  const { order_id } = (await create({ order_group_id: id })).body;
  assert.deepEqual(await getGroup(id), { contracts_limit_fp: '100.00', is_auto_cancel_enabled: true, orders: [order_id], exchange_index: 0 });
  assert.deepEqual(valid('UpdateOrderGroupLimit', await sim.rest('PUT', path(id, 'limit'), { contracts_limit_fp: '250.50' })), {});
  assert.equal((await getGroup(id)).contracts_limit_fp, '250.50');
  assert.deepEqual(valid('TriggerOrderGroup', await sim.rest('PUT', path(id, 'trigger'), {})), {});
  const triggered = await getGroup(id);
  assert.deepEqual(triggered.orders, []);
  assert.equal(triggered.is_auto_cancel_enabled, false);
  const gone = valid('GetOrder', await sim.rest('GET', `/portfolio/orders/${order_id}`)).order;
  assert.equal(gone.status, 'canceled');
  assert.equal(gone.order_group_id, id);
  refused('CreateOrderV2', await create({ order_group_id: id }), 400, 'exceeded_order_group_risk_limit');
  assert.deepEqual(valid('ResetOrderGroup', await sim.rest('PUT', path(id, 'reset'))), {});
  const back = (await create({ order_group_id: id })).body;
  assert.deepEqual((await getGroup(id)).orders, [back.order_id]);
  assert.deepEqual(valid('DeleteOrderGroup', await sim.rest('DELETE', path(id))), {});
  assert.equal(valid('GetOrder', await sim.rest('GET', `/portfolio/orders/${back.order_id}`)).order.status, 'canceled');
  refused('GetOrderGroup', await sim.rest('GET', path(id)), 404, 'not_found');
  refused('DeleteOrderGroup', await sim.rest('DELETE', path(id)), 404, 'not_found');
  refused('CreateOrderV2', await create({ order_group_id: id }), 404, 'order_group_not_found');
});

test('a group is of one subaccount, one shard and one user', async () => {
  const place = { subaccount: 2, exchange_index: 3 };
  refused('CreateOrderGroup', await sim.rest('POST', '/portfolio/order_groups/create', { contracts_limit: 10, ...place }), 404, 'user_not_found');
  for (const subaccount of [1, 2]) {
    const { body } = await sim.rest('POST', '/portfolio/subaccounts', { exchange_index: 3 });
    assert.equal(body.subaccount_number, subaccount);
  }
  const { order_group_id: id } = await newGroup({ contracts_limit_fp: '10.00', ...place });
  assert.equal((await getGroup(id)).exchange_index, 3);
  const list = async (query, options) =>
    valid('GetOrderGroups', await sim.rest('GET', `/portfolio/order_groups${query}`, undefined, options)).order_groups.map((g) => g.id);
  assert.ok((await list('')).includes(id), 'without a filter all subaccounts are meant');
  assert.ok((await list('?subaccount=2')).includes(id));
  assert.ok(!(await list('?subaccount=0')).includes(id));
  assert.ok(!(await list('', { user: 1 })).includes(id));
  valid('GetOrderGroup', await sim.rest('GET', `${path(id)}?subaccount=2`));
  refused('GetOrderGroup', await sim.rest('GET', `${path(id)}?subaccount=0`), 404, 'not_found');
  refused('GetOrderGroup', await sim.rest('GET', path(id), undefined, { user: 1 }), 404, 'not_found');
  // Changes default to subaccount 0 and shard 0.
  for (const query of ['', '?subaccount=2', '?exchange_index=3', '?subaccount=2&exchange_index=0'])
    refused('TriggerOrderGroup', await sim.rest('PUT', path(id, 'trigger') + query, {}), 404, 'not_found');
  refused('CreateOrderV2', await create({ order_group_id: id }), 404, 'order_group_not_found');
  valid('TriggerOrderGroup', await sim.rest('PUT', `${path(id, 'trigger')}?subaccount=2&exchange_index=3`, {}));
  valid('ResetOrderGroup', await sim.rest('PUT', `${path(id, 'reset')}?subaccount=2&exchange_index=3`, {}));
  valid('UpdateOrderGroupLimit', await sim.rest('PUT', `${path(id, 'limit')}?subaccount=2&exchange_index=3`, { contracts_limit: 7 }));
  valid('DeleteOrderGroup', await sim.rest('DELETE', `${path(id)}?subaccount=2&exchange_index=3`));
});

test('bad limits and places are refused', async () => {
  const bad = (body, code) => async () =>
    refused('CreateOrderGroup', await sim.rest('POST', '/portfolio/order_groups/create', body), 400, code);
  await bad({}, 'invalid_parameters')();
  await bad({ contracts_limit: 0 }, 'invalid_parameters')();
  await bad({ contracts_limit: 1000001 }, 'invalid_parameters')();
  await bad({ contracts_limit_fp: '0.99' }, 'invalid_parameters')();
  await bad({ contracts_limit_fp: '1000000.01' }, 'invalid_parameters')();
  await bad({ contracts_limit_fp: 'many' }, 'invalid_parameters')();
  await bad({ contracts_limit: 5, contracts_limit_fp: '5.01' }, 'invalid_parameters')();
  await bad({ contracts_limit: '5' }, 'bad_request')();
  await bad({ contracts_limit: 5, subaccount: 64 }, 'invalid_parameters')();
  await bad({ contracts_limit: 5, exchange_index: 4 }, 'invalid_parameters')();
  await bad('[', 'bad_request')();
  const { order_group_id: id } = await newGroup({ contracts_limit: 5, contracts_limit_fp: '5.00' });
  refused('UpdateOrderGroupLimit', await sim.rest('PUT', path(id, 'limit'), {}), 400, 'invalid_parameters');
  refused('UpdateOrderGroupLimit', await sim.rest('PUT', path(id, 'limit'), { contracts_limit: -1 }), 400, 'invalid_parameters');
  assert.equal((await getGroup(id)).contracts_limit_fp, '5.00');
});

test('fills above the limit trigger it, and its channel and the orders tell', async () => {
  await cancelAll();
  const [mine, other] = await Promise.all([sim.ws(0), sim.ws(1)]);
  for (const c of [mine, other]) c.send('subscribe', { channels: ['order_group_updates', 'user_orders'] });
  await Promise.all([mine, other].map((c) => c.wait('both channels', () => c.messages.filter((m) => m.type === 'subscribed').length === 2)));
  const { order_group_id: id } = await newGroup({ contracts_limit: 8 });
  const batch = valid('BatchCreateOrdersV2', await sim.rest('POST', '/portfolio/events/orders/batched', {
    orders: ['0.5000', '0.5100', '0.5200'].map((price) => order({ price, order_group_id: id }))
      .concat(order({ order_group_id: '00000000-0000-4000-8000-000000000000' })) }), 201);
  assert.equal(batch.orders[3].error.code, 'order_group_not_found');
  const ids = batch.orders.slice(0, 3).map((o) => o.order_id);
  await create({ side: 'bid', price: '0.5200', count: '14.00' }, { user: 1 });
  // The second order is too much: it fills in full, and the third goes.
  const counts = [];
  for (const o of ids) {
    const { status, fill_count_fp: filled } = valid('GetOrder', await sim.rest('GET', `/portfolio/orders/${o}`)).order;
    counts.push([status, filled]);
  }
  assert.deepEqual(counts, [['executed', '5.00'], ['executed', '5.00'], ['canceled', '0.00']]);
  valid('ResetOrderGroup', await sim.rest('PUT', path(id, 'reset'), {}));
  valid('UpdateOrderGroupLimit', await sim.rest('PUT', path(id, 'limit'), { contracts_limit_fp: '9.50' }));
  valid('DeleteOrderGroup', await sim.rest('DELETE', path(id)));
  const updates = () => mine.messages.filter((m) => m.type === 'order_group_updates');
  await mine.wait('the end of the group', () => updates().some((m) => m.msg.event_type === 'deleted'));
  assert.deepEqual(updates().map((m) => [m.seq, m.msg.event_type, m.msg.contracts_limit_fp]), [
    [1, 'created', '8.00'], [2, 'triggered', undefined], [3, 'reset', undefined], [4, 'limit_updated', '9.50'], [5, 'deleted', undefined]]);
  assert.ok(updates().every((m) => m.msg.order_group_id === id));
  const last = mine.messages.findLast((m) => m.type === 'user_order' && m.msg.order_id === ids[2]).msg;
  assert.equal(last.status, 'canceled');
  assert.equal(last.order_group_id, id);
  assert.equal(last.last_update_reason, undefined, 'the wire has no word for this reason');
  await sleep(200);
  assert.ok(!other.messages.some((m) => m.type === 'order_group_updates'), 'groups are private');
  for (const m of [...mine.messages, ...other.messages]) {
    assert.deepEqual(messageErrors(m), []);
    checked++;
  }
  await Promise.all([mine.close(), other.close()]);
});

test('a taker in a group fills in full before the group is triggered', async () => {
  await cancelAll();
  const { order_group_id: id } = await newGroup({ contracts_limit: 3 });
  const waiting = (await create({ price: '0.9000', order_group_id: id })).body.order_id;
  await create({ side: 'bid', price: '0.4000', count: '10.00' }, { user: 1 });
  const made = valid('CreateOrderV2', await create({ price: '0.4000', count: '12.00', order_group_id: id }), 201);
  assert.equal(made.fill_count, '10.00');
  assert.equal(made.remaining_count, '0.00');
  assert.equal((await sim.rest('GET', `/portfolio/orders/${waiting}`)).body.order.status, 'canceled');
  assert.equal((await getGroup(id)).is_auto_cancel_enabled, false);
});
