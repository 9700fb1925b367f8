// What an FCM member of the simulator sees and sets of its subtraders, and what that does to their orders.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import test, { after, before } from 'node:test';
import { Sim } from './peers.mjs';
import { restErrors } from './schema.mjs';

let sim, market, member;
before(async () => {
  sim = await Sim.start('--seed', '3', '--users', '2', '--quiet-market', '--fcm');
  ({ body: { markets: [market] } } = await sim.rest('GET', '/markets?status=open&limit=1'));
});
after(() => sim?.stop());

const valid = (operation, { status, body }, expected = 200) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(restErrors(operation, status, body), []);
  return body;
};
const ORDERS = '/portfolio/events/orders';
const order = (over = {}) => ({ ticker: market.ticker, side: 'bid', price: '0.1000', count: '10.00',
  time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross', ...over });

// A subtrader with a key bound to it: {id, warning, rest}.
async function subtrader(suffix, s = sim) {
  const { subtrader_id: id } = valid('CreateFCMSubtrader', await s.rest('POST', '/fcm/subtraders', { subtrader_suffix: suffix }), 201);
  const made = valid('GenerateApiKey', await s.rest('POST', '/api_keys/generate',
    { name: suffix, key_type: 'ed25519', fcm_subtrader_id: id }), 201);
  const key = crypto.createPrivateKey(made.private_key);
  const rest = (method, pathAndQuery, body) => {
    const at = String(Date.now()), { pathname } = new URL(s.rest_url + pathAndQuery);
    return s.rest(method, pathAndQuery, body, { headers: { 'KALSHI-ACCESS-KEY': made.api_key_id, 'KALSHI-ACCESS-TIMESTAMP': at,
      'KALSHI-ACCESS-SIGNATURE': crypto.sign(null, Buffer.from(at + method + pathname), key).toString('base64') } });
  };
  return { id, key: made.api_key_id, warning: made.warning, rest };
}
const setCap = (id, limit) => sim.rest('PUT', '/fcm/subtraders/event_contract_daily_cap', { subtrader_id: id, limit });
const cap = (id) => sim.rest('GET', `/fcm/subtraders/event_contract_daily_cap?subtrader_id=${id}`);

test('subtraders are made, named after their member, and listed', async () => {
  const a = await subtrader('alpha');
  ({ user_id: member } = { user_id: a.id.slice(0, -'_alpha'.length) });
  assert.match(member, /^[0-9a-f-]{36}$/);
  assert.match(a.warning, /daily cap/, 'a key without a cap behind it comes with a warning');
  const { subtraders } = valid('ListFCMSubtraders', await sim.rest('GET', '/fcm/subtraders'));
  assert.deepEqual(subtraders.map((t) => t.subtrader_id), [a.id]);
  assert.equal((await sim.rest('POST', '/fcm/subtraders', { subtrader_suffix: 'alpha' })).status, 409);
  for (const subtrader_suffix of ['', 'Alpha', 'a'.repeat(17), 'a_b', undefined])
    assert.equal((await sim.rest('POST', '/fcm/subtraders', { subtrader_suffix })).status, 400, subtrader_suffix);
  const bound = valid('GetApiKeys', await sim.rest('GET', `/api_keys?fcm_subtrader_id=${a.id}`)).api_keys;
  assert.deepEqual(bound.map((k) => [k.api_key_id, k.fcm_subtrader_id]), [[a.key, a.id]]);
  assert.equal((await a.rest('GET', '/api_keys')).status, 403, 'a bound key manages no keys');
  assert.equal((await a.rest('GET', '/fcm/subtraders')).status, 403);
});

test('who is no FCM member is told so by every operation', async () => {
  for (const [method, where, body] of [['GET', '/fcm/subtraders'], ['POST', '/fcm/subtraders', { subtrader_suffix: 'x' }],
    ['GET', '/fcm/orders?subtrader_id=x'], ['GET', '/fcm/fills'], ['GET', '/fcm/positions?subtrader_id=x'],
    ['GET', '/fcm/subtraders/event_contract_daily_cap?subtrader_id=x'],
    ['PUT', '/fcm/subtraders/event_contract_daily_cap', { subtrader_id: 'x', limit: '1' }],
    ['DELETE', '/fcm/subtraders/event_contract_daily_cap?subtrader_id=x'],
    ['GET', '/fcm/subtraders/blocked_categories?subtrader_id=x'],
    ['PUT', '/fcm/subtraders/blocked_categories', { subtrader_id: 'x', category: 'Sports', blocked: true }],
    ['POST', '/api_keys/generate', { name: 'x', fcm_subtrader_id: 'x' }]])
    assert.equal((await sim.rest(method, where, body, { user: 1 })).status, 403, `${method} ${where}`);
});

test('the daily cap bounds what a subtrader spends and has in the book', async () => {
  const b = await subtrader('bravo');
  assert.equal((await cap(b.id)).status, 404);
  const without = await b.rest('POST', ORDERS, order());
  assert.deepEqual([without.status, without.body.error.code], [400, 'event_contract_daily_cap_missing']);
  valid('UpdateFCMEventContractDailyCap', await setCap(b.id, '2.50'));
  let now = valid('GetFCMEventContractDailyCap', await cap(b.id));
  assert.deepEqual([now.limit, now.executed_utilization, now.resting_order_utilization, now.pending_order_utilization],
    ['2.500000', '0.000000', '0.000000', '0.000000']);
  assert.equal(now.cap_date, new Intl.DateTimeFormat('en-CA', { timeZone: 'America/New_York' }).format(new Date()));
  valid('CreateOrderV2', await b.rest('POST', ORDERS, order()), 201); // 10 at 0.10 and 0.063 of fees
  now = valid('GetFCMEventContractDailyCap', await cap(b.id));
  assert.equal(now.resting_order_utilization, '1.063000');
  const { body } = await b.rest('POST', ORDERS, order({ count: '20.00' }));
  assert.equal(body.error.code, 'event_contract_daily_cap_exceeded');
  const batch = valid('BatchCreateOrdersV2', await b.rest('POST', `${ORDERS}/batched`,
    { orders: [order({ count: '5.00' }), order({ count: '20.00' })] }), 201);
  assert.deepEqual(batch.orders.map((o) => o.error?.code), [undefined, 'event_contract_daily_cap_exceeded']);
  // The other side of the trade: what rests becomes executed.
  valid('CreateOrderV2', await sim.rest('POST', ORDERS, order({ side: 'ask', count: '15.00' }), { user: 1 }), 201);
  now = valid('GetFCMEventContractDailyCap', await cap(b.id));
  assert.deepEqual([now.executed_utilization, now.resting_order_utilization], ['1.500000', '0.000000']);
  // Selling again gives back, and needs no premium itself.
  valid('CreateOrderV2', await sim.rest('POST', ORDERS, order({ price: '0.0800', count: '15.00' }), { user: 1 }), 201);
  valid('UpdateFCMEventContractDailyCap', await setCap(b.id, '1.60'));
  valid('CreateOrderV2', await b.rest('POST', ORDERS, order({ side: 'ask', price: '0.0800', count: '15.00' })), 201);
  assert.equal(valid('GetFCMEventContractDailyCap', await cap(b.id)).executed_utilization, '0.300000');
  valid('DeleteFCMEventContractDailyCap', await sim.rest('DELETE', `/fcm/subtraders/event_contract_daily_cap?subtrader_id=${b.id}`));
  assert.equal((await sim.rest('DELETE', `/fcm/subtraders/event_contract_daily_cap?subtrader_id=${b.id}`)).status, 404);
  assert.equal((await b.rest('POST', ORDERS, order())).body.error.code, 'event_contract_daily_cap_missing');
  for (const limit of ['-1', 'much', undefined]) assert.equal((await setCap(b.id, limit)).status, 400);
  assert.equal((await setCap(`${member}_none`, '1')).status, 404);
});

test('a blocked category is refused until it is allowed again', async () => {
  const c = await subtrader('charlie');
  await setCap(c.id, '1000');
  const { events: [{ category }] } = (await sim.rest('GET', `/events?tickers=${market.event_ticker}`)).body;
  const block = (blocked) => sim.rest('PUT', '/fcm/subtraders/blocked_categories', { subtrader_id: c.id, category, blocked });
  assert.deepEqual(valid('UpdateFCMSubtraderBlockedCategories', await block(true)).categories, [category]);
  assert.deepEqual(valid('GetFCMSubtraderBlockedCategories', await sim.rest('GET',
    `/fcm/subtraders/blocked_categories?subtrader_id=${c.id}`)).categories, [category]);
  const refused = await c.rest('POST', ORDERS, order());
  assert.deepEqual([refused.status, refused.body.error.code], [403, 'category_blocked']);
  assert.deepEqual(valid('UpdateFCMSubtraderBlockedCategories', await block(false)).categories, []);
  valid('CreateOrderV2', await c.rest('POST', ORDERS, order()), 201);
});

test('orders, fills and positions of subtraders are read by their member, a page at a time', async () => {
  const [d, e] = [await subtrader('delta'), await subtrader('echo')];
  for (const t of [d, e]) await setCap(t.id, '1000');
  for (let i = 0; i < 3; i++)
    for (const t of [d, e])
      valid('CreateOrderV2', await t.rest('POST', ORDERS, order({ price: '0.2000', count: '1.00', client_order_id: `id-${i}` })), 201);
  valid('CreateOrderV2', await sim.rest('POST', ORDERS, order({ side: 'ask', price: '0.2000', count: '6.00' }), { user: 1 }), 201);
  const pages = async (field, operation, where) => {
    const rows = [];
    for (let cursor = ''; ;) {
      const page = valid(operation, await sim.rest('GET', `${where}&limit=2${cursor && `&cursor=${cursor}`}`));
      assert.ok(page[field].length <= 2);
      rows.push(...page[field]);
      if (!(cursor = page.cursor)) return rows;
    }
  };
  const of = await pages('orders', 'GetFCMOrders', `/fcm/orders?subtrader_id=${d.id}&status=executed`);
  assert.deepEqual(of.map((o) => o.client_order_id), ['id-2', 'id-1', 'id-0']);
  const both = await pages('orders', 'GetFCMOrders', '/fcm/orders?client_order_ids=id-0,id-2');
  assert.deepEqual(both.map((o) => o.client_order_id), ['id-2', 'id-2', 'id-0', 'id-0']);
  assert.equal(new Set(both.map((o) => o.user_id)).size, 2);
  assert.equal((await sim.rest('GET', '/fcm/orders')).status, 400, 'one of the two is needed');
  assert.equal((await sim.rest('GET', `/fcm/orders?subtrader_id=${d.id}&limit=1001`)).status, 400);
  assert.equal(valid('GetFCMOrders', await sim.rest('GET', `/fcm/orders?subtrader_id=${d.id}&cursor=garbage`)).orders.length, 3);
  assert.equal((await pages('fills', 'GetFCMFills', `/fcm/fills?subtrader_id=${d.id}`)).length, 3);
  assert.ok((await pages('fills', 'GetFCMFills', '/fcm/fills?x=')).length >= 6);
  const { market_positions: [p] } = valid('GetFCMPositions', await sim.rest('GET', `/fcm/positions?subtrader_id=${d.id}`));
  assert.deepEqual([p.ticker, p.position_fp], [market.ticker, '3.00']);
  assert.equal((await sim.rest('GET', `/fcm/positions?subtrader_id=${member}_none`)).status, 404);
});

test('with --fcm-fix-only a bound key has no REST, as on the exchange', async () => {
  const strict = await Sim.start('--quiet-market', '--fcm-fix-only');
  try {
    const t = await subtrader('foxtrot', strict);
    assert.equal((await t.rest('GET', '/portfolio/orders')).status, 403);
    assert.equal((await t.rest('POST', ORDERS, order())).status, 403);
  } finally { await strict.stop(); }
});
