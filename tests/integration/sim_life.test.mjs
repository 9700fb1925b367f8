// The life of the simulated exchange: its hours, pauses, the rules of order writes, and its markets' filters, against the
// exchange's schemas.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import test, { after, before } from 'node:test';
import { Sim } from './peers.mjs';
import { messageErrors, requestErrors, restErrors, wireErrorErrors } from './schema.mjs';

let sim, ticker, checked = 0;
before(async () => {
  sim = await Sim.start('--seed', '12', '--users', '2', '--quiet-market', '--tier', 'basic', '--post-only-throttle', '3');
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
const refused = ({ status, body }, expected, code) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(wireErrorErrors(body), []);
  checked++;
  if (code) assert.equal(body.error?.code ?? body.code ?? body.error, code);
  return body;
};
const order = (over = {}) => ({ ticker, side: 'bid', price: '0.0200', count: '1.00', time_in_force: 'good_till_canceled',
  self_trade_prevention_type: 'taker_at_cross', ...over });
const create = (over, options) => sim.rest('POST', '/portfolio/events/orders', order(over), options);
const batch = (orders, options) => sim.rest('POST', '/portfolio/events/orders/batched', { orders }, options);

test('the schedule shows the weekly maintenance, and the status every shard', async () => {
  const { schedule } = valid('GetExchangeSchedule', await sim.rest('GET', '/exchange/schedule'));
  const [hours] = schedule.standard_hours;
  assert.deepEqual(hours.thursday, [{ open_time: '00:00', close_time: '03:00' }, { open_time: '05:00', close_time: '00:00' }]);
  assert.deepEqual(hours.friday, [{ open_time: '00:00', close_time: '00:00' }]);
  const eastern = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', weekday: 'long', hour: '2-digit', hourCycle: 'h23' });
  const shown = (time) => eastern.formatToParts(new Date(time)).filter((p) => p.type !== 'literal').map((p) => p.value).join(' ');
  assert.equal(schedule.maintenance_windows.length, 4);
  let last = Date.now();
  for (const w of schedule.maintenance_windows) {
    assert.equal(shown(w.start_datetime), 'Thursday 03');
    assert.equal(shown(w.end_datetime), 'Thursday 05');
    assert.ok(Date.parse(w.end_datetime) > last, 'windows ascend, from now on');
    last = Date.parse(w.end_datetime);
  }
  const status = valid('GetExchangeStatus', await sim.rest('GET', '/exchange/status'));
  assert.equal(status.trading_active, true, 'no pause for it unless asked');
  assert.equal(status.exchange_estimated_resume_time, null);
  assert.deepEqual(status.exchange_index_statuses.map((r) => [r.exchange_index, r.exchange_active, r.trading_active]),
    [0, 1, 2, 3].map((i) => [i, true, true]));
  refused(await sim.rest('GET', '/exchange/announcements'), 404, 'not_found');
});

test('a batch is as large as the write budget, and is paid for as a whole', async () => {
  const thirty = Array.from({ length: 30 }, () => order());
  refused(await batch([...thirty, order()]), 429, 'too many requests');
  assert.deepEqual(requestErrors('BatchCreateOrdersV2', { orders: thirty }), []);
  // Several at once: the bucket holds one of them.
  const answers = (await Promise.all(Array.from({ length: 5 }, () => batch(thirty)))).sort((a, b) => a.status - b.status);
  const { orders } = valid('BatchCreateOrdersV2', answers[0], 201);
  assert.equal(orders.length, 30);
  refused(answers.at(-1), 429, 'too many requests');
});

test('cancel all takes one subaccount, or all', async () => {
  const options = { user: 1 };
  for (const subaccount of [0, 0]) valid('CreateOrderV2', await create({ subaccount }, options), 201);
  const resting = async () => (await sim.rest('GET', '/portfolio/orders?status=resting', undefined, options)).body.orders.length;
  assert.equal(await resting(), 2);
  assert.equal((await sim.rest('DELETE', '/portfolio/events/orders?subaccount=5', undefined, options)).status, 204);
  assert.equal(await resting(), 2);
  refused(await sim.rest('DELETE', '/portfolio/events/orders?subaccount=64', undefined, options), 400);
  const gone = await sim.rest('DELETE', '/portfolio/events/orders', undefined, options);
  valid('CancelAllOrders', gone, 204);
  assert.equal(gone.body, undefined);
  assert.equal(await resting(), 0);
});

test('an expiration is in seconds and to come', async () => {
  const options = { user: 1 };
  const now = Math.floor(Date.now() / 1000);
  refused(await create({ expiration_time: now - 1 }, options), 400, 'invalid_parameters');
  const { error } = refused(await create({ expiration_time: Date.now() + 60000 }, options), 400, 'invalid_parameters');
  assert.match(error.details, /seconds/);
  const { order_id: id } = valid('CreateOrderV2', await create({ expiration_time: now + 600 }, options), 201);
  const read = valid('GetOrder', await sim.rest('GET', `/portfolio/orders/${id}`, undefined, options)).order;
  assert.equal(Date.parse(read.expiration_time), (now + 600) * 1000);
  assert.equal(read.order_group_id, null);
});

test('post-only orders that cross too often are held back where a throttle is asked for', async () => {
  const options = { user: 1 };
  valid('CreateOrderV2', await create({ side: 'ask', price: '0.9000' }, options), 201);
  const crossing = { price: '0.9500', post_only: true };
  for (let i = 0; i < 3; i++) {
    const { error } = refused(await create(crossing, options), 400, 'invalid_order');
    assert.equal(error.details, 'post only cross');
  }
  refused(await create(crossing, options), 429, 'too many requests');
  refused(await create({ post_only: true }, options), 429);
  const { orders: [item] } = valid('BatchCreateOrdersV2', await batch([order({ post_only: true })], options), 201);
  assert.equal(item.error.code, 'too_many_requests');
  valid('CreateOrderV2', await create({}, options), 201);
});

test('the filters of markets go together as documented', async () => {
  const ok = async (query, test = () => true) => {
    const { markets } = valid('GetMarkets', await sim.rest('GET', `/markets?${query}`));
    assert.ok(markets.every(test), query);
    return markets;
  };
  const hour = 3600, now = Math.floor(Date.now() / 1000);
  assert.ok((await ok('status=open', (m) => m.status === 'active')).length > 0);
  await ok('status=unopened', (m) => m.status === 'initialized');
  await ok('status=paused', (m) => m.status === 'inactive');
  await ok('status=closed', (m) => ['closed', 'determined', 'disputed', 'amended'].includes(m.status));
  await ok('status=settled', (m) => m.status === 'finalized');
  assert.ok((await ok(`min_created_ts=${now - 400 * 24 * hour}&status=open`)).length > 0);
  assert.ok((await ok(`max_close_ts=${now + 400 * 24 * hour}`)).length > 0);
  await ok(`min_close_ts=${now}&status=closed`);
  await ok(`min_settled_ts=${now - hour}`, (m) => m.status === 'finalized');
  await ok(`min_settled_ts=${now - hour}&status=settled`);
  await ok('min_updated_ts=1');
  await ok('min_updated_ts=1&mve_filter=exclude');
  await ok(`min_updated_ts=1&mve_filter=exclude&series_ticker=${ticker.split('-')[0]}`);
  assert.equal((await ok(`min_updated_ts=${now + hour}`)).length, 0);
  for (const query of ['status=active', 'status=open,closed', `min_created_ts=${now}&status=closed`, `min_close_ts=${now}&status=open`,
    `min_settled_ts=${now}&status=closed`, `min_created_ts=${now}&max_close_ts=${now}`, 'min_updated_ts=1&status=open',
    'min_updated_ts=1&mve_filter=only', `min_updated_ts=1&series_ticker=${ticker.split('-')[0]}`, `min_updated_ts=1&tickers=${ticker}`])
    refused(await sim.rest('GET', `/markets?${query}`), 400);
});

// The lines are what the simulator says, word for word: unit/test_sim_lifecycle.c.
test('every message of the lifecycle channels and of order groups is one of the schema', () => {
  const lines = fs.readFileSync(new URL('../fixtures/sim_lifecycle.jsonl', import.meta.url), 'utf8').trim().split('\n').map(JSON.parse);
  const kinds = new Set();
  for (const m of lines) {
    assert.deepEqual(messageErrors(m), [], JSON.stringify(m));
    kinds.add(`${m.type} ${m.msg.event_type ?? ''}`.trim());
    checked++;
  }
  const both = ['created', 'deactivated', 'activated', 'close_date_updated', 'determined', 'settled'];
  assert.deepEqual([...kinds].sort(), ['event_lifecycle',
    ...[...both, 'price_level_structure_updated', 'metadata_updated'].map((t) => `market_lifecycle_v2 ${t}`),
    ...both.map((t) => `multivariate_market_lifecycle ${t}`),
    ...['created', 'limit_updated', 'triggered', 'reset', 'deleted'].map((t) => `order_group_updates ${t}`)].sort());
});
