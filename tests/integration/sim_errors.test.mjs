// The error bodies and codes of the exchange, one after another, and the rules that every list keeps.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import test, { after, before } from 'node:test';
import { Sim } from './peers.mjs';
import { wireErrorErrors } from './schema.mjs';

let sim, ticker, other;
before(async () => {
  sim = await Sim.start('--seed', '7', '--quiet-market', '--users', '2');
  ({ body: { markets: [{ ticker }, { ticker: other }] } } = await sim.rest('GET', '/markets?status=open&limit=2'));
});
after(() => sim?.stop());

const ORDERS = '/portfolio/events/orders';
const order = (over = {}) => ({ ticker, side: 'bid', price: '0.1000', count: '5.00', time_in_force: 'good_till_canceled',
  self_trade_prevention_type: 'taker_at_cross', ...over });
const place = (over, options) => sim.rest('POST', ORDERS, order(over), options);
// [status, code, details] of an error in the usual shape.
const said = ({ status, body }) => {
  assert.deepEqual(wireErrorErrors(body), []);
  assert.ok(body.error?.code, JSON.stringify(body));
  return [status, body.error.code, body.error.details];
};

test('orders: what is wrong has a code of its own', async () => {
  const { body: { order_id: id } } = await place({ client_order_id: 'first' });
  const amend = (over) => sim.rest('POST', `${ORDERS}/${id}/amend`, { ticker, side: 'bid', price: '0.1000', count: '5.00', ...over });
  const cases = [
    [place({ ticker: undefined }), 400, 'invalid_parameters'],
    [place({ side: 'buy' }), 400, 'invalid_parameters'],
    [place({ price: '0.12345' }), 400, 'invalid_price'],
    [place({ price: '1.0000' }), 400, 'invalid_price'],
    [place({ count: '0.00' }), 400, 'invalid_order_size'],
    [place({ count: '1000000.00', price: '0.9000' }), 400, 'insufficient_balance'],
    [place({ client_order_id: 'first' }), 409, 'order_already_exists'],
    [place({ ticker: 'NONE' }), 404, 'not_found'],
    [amend({ side: 'ask' }), 400, 'order_side_mismatch'],
    [amend({ ticker: other }), 400, 'order_ticker_mismatch'],
    [amend({ client_order_id: 'second' }), 400, 'order_id_and_client_order_id_mismatch'],
    [sim.rest('DELETE', `${ORDERS}/${crypto.randomUUID()}`), 404, 'not_found'],
    [sim.rest('POST', '/portfolio/orders', {}), 410, 'deprecated_v1_order_endpoint'],
    [sim.rest('GET', '/no/such/path'), 404, 'not_found'],
    [sim.rest('PATCH', '/portfolio/balance', {}), 405, 'method_not_allowed'],
  ];
  for (const [call, ...expected] of cases) assert.deepEqual(said(await call).slice(0, 2), expected);
  await place({ side: 'ask', price: '0.2000' }, { user: 1 });
  assert.deepEqual(said(await place({ price: '0.2000', post_only: true })), [400, 'invalid_order', 'post only cross']);
  // A canceled order, an executed one and one that never was answer alike.
  assert.equal((await sim.rest('DELETE', `${ORDERS}/${id}`)).status, 200);
  const [gone, never] = [await sim.rest('DELETE', `${ORDERS}/${id}`), await sim.rest('DELETE', `${ORDERS}/${crypto.randomUUID()}`)];
  assert.deepEqual(gone.body, never.body);
});

test('a body that cannot be decoded is the flat shape; one without its type is refused for that', async () => {
  for (const body of ['{', '', '[]', '{"ticker":1}', JSON.stringify(order({ price: 0.1 })), JSON.stringify(order({ count: 5 }))]) {
    const { status, body: answer } = await sim.rest('POST', ORDERS, body);
    assert.deepEqual([status, answer.code, answer.message, typeof answer.details], [400, 'bad_request', 'bad request', 'string'], body);
    assert.deepEqual(wireErrorErrors(answer), []);
  }
  const untyped = (method, where, body, type) => {
    const headers = { ...sim.headers(method, `/trade-api/v2${where}`), ...(type && { 'content-type': type }) };
    return fetch(sim.rest_url + where, { method, body, headers }).then(async (r) => ({ status: r.status, body: await r.json().catch(() => undefined) }));
  };
  const text = Buffer.from(JSON.stringify(order()));
  assert.deepEqual(said(await untyped('POST', ORDERS, text)).slice(0, 2), [400, 'invalid_content_type']);
  assert.deepEqual(said(await untyped('POST', ORDERS, text, 'text/plain')).slice(0, 2), [400, 'invalid_content_type']);
  assert.equal((await untyped('POST', ORDERS, text, 'Application/JSON; charset=utf-8')).status, 201);
  const { body: { order_group_id: group } } = await sim.rest('POST', '/portfolio/order_groups/create', { contracts_limit: 10 });
  assert.deepEqual(said(await untyped('PUT', `/portfolio/order_groups/${group}/reset`)).slice(0, 2), [400, 'invalid_content_type'],
    'a PUT without a body as well');
  assert.equal((await untyped('PUT', `/portfolio/order_groups/${group}/reset`, '{}', 'application/json')).status, 200);
});

test('truth is written as clients write it: Python says True', async () => {
  const [{ body: plain }, { body: nested }] = [await sim.rest('GET', '/events?limit=1'),
    await sim.rest('GET', '/events?limit=1&with_nested_markets=true')];
  assert.notDeepEqual(plain, nested);
  for (const yes of ['True', 'TRUE', 't', 'T', '1'])
    assert.deepEqual((await sim.rest('GET', `/events?limit=1&with_nested_markets=${yes}`)).body, nested, yes);
  for (const no of ['False', 'FALSE', 'f', 'F', '0'])
    assert.deepEqual((await sim.rest('GET', `/events?limit=1&with_nested_markets=${no}`)).body, plain, no);
  for (const neither of ['yes', 'tRUE', '2'])
    assert.equal((await sim.rest('GET', `/events?limit=1&with_nested_markets=${neither}`)).status, 400, neither);
});

test('signatures: missing, stale, unknown, wrong', async () => {
  const where = '/portfolio/balance', pathname = `/trade-api/v2${where}`;
  const call = (headers) => sim.rest('GET', where, undefined, { headers });
  const good = () => sim.headers('GET', pathname);
  assert.deepEqual(said(await call({})).slice(0, 2), [401, 'signature_is_missing_from_headers']);
  assert.deepEqual(said(await call(sim.headers('GET', pathname, 0, Date.now() - 60000))).slice(0, 2), [401, 'header_timestamp_expired']);
  assert.deepEqual(said(await call(sim.headers('GET', pathname, 0, Date.now() + 60000))).slice(0, 2), [401, 'header_timestamp_expired']);
  assert.deepEqual(said(await call({ ...good(), 'KALSHI-ACCESS-KEY': crypto.randomUUID() })), [401, 'authentication_error', 'NOT_FOUND']);
  assert.deepEqual(said(await call({ ...good(), 'KALSHI-ACCESS-SIGNATURE': 'AAAA' })),
    [401, 'authentication_error', 'INCORRECT_API_KEY_SIGNATURE']);
});

test('every list refuses a limit beyond its most, and takes a garbage cursor for none', async () => {
  const file = new URL('../../runtime/kalshi/spec/', import.meta.url);
  const api = JSON.parse(fs.readFileSync(new URL('openapi.json', file), 'utf8'));
  const deref = (o) => (o.$ref ? o.$ref.slice(2).split('/').reduce((a, k) => a[k], api) : o);
  let tried = 0;
  for (const [where, item] of Object.entries(api.paths)) {
    const { get } = item;
    const params = (get?.parameters ?? []).map(deref);
    const limit = params.find((p) => p.name === 'limit' || p.name === 'page_size');
    if (!limit?.schema.maximum || where.includes('{') || where.startsWith('/fcm')) continue;
    const needed = params.some((p) => p.required && p.name === 'limit') ? '&limit=2' : '';
    const over = await sim.rest('GET', `${where}?${limit.name}=${limit.schema.maximum + 1}`);
    if (over.status === 501) continue;
    assert.equal(over.status, 400, where);
    assert.match(over.body.msg, new RegExp(`^Parameter validation failed for ${get.operationId}: `), where);
    assert.equal((await sim.rest('GET', `${where}?${limit.name}=many`)).status, 400, where);
    const strip = (answer) => JSON.stringify(answer.body).replace(/"(as_of|updated)_t[^,}]*/g, '');
    const [first, garbage] = [await sim.rest('GET', `${where}?x=1${needed}`), await sim.rest('GET', `${where}?cursor=garbage${needed}`)];
    assert.equal(garbage.status, 200, `${where}: ${JSON.stringify(garbage.body)}`);
    assert.equal(strip(garbage), strip(first), where);
    tried++;
  }
  assert.ok(tried >= 12, `${tried} lists`);
});
