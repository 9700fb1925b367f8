// API keys of the simulator: making and deleting them, their types, scopes and subaccounts, on REST and on the feed.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import WebSocket from 'ws';
import { Sim, kalua, tempDir, until } from './peers.mjs';
import { restErrors } from './schema.mjs';

let sim, ticker;
before(async () => {
  sim = await Sim.start('--seed', '7', '--users', '2', '--quiet-market');
  ({ body: { markets: [{ ticker }] } } = await sim.rest('GET', '/markets?status=open&limit=1'));
});
after(() => sim?.stop());

const valid = (operation, { status, body }, expected = 200) => {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(restErrors(operation, status, body), []);
  return body;
};

// A holder of a key: signs by its type, as a client of the exchange does.
const holder = (s, id, pem) => {
  const key = crypto.createPrivateKey(pem);
  const headers = (method, pathname) => {
    const at = String(Date.now()), text = Buffer.from(at + method + pathname);
    const signature = key.asymmetricKeyType === 'ed25519' ? crypto.sign(null, text, key)
      : crypto.sign('sha256', text, { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    return { 'KALSHI-ACCESS-KEY': id, 'KALSHI-ACCESS-TIMESTAMP': at, 'KALSHI-ACCESS-SIGNATURE': signature.toString('base64') };
  };
  return {
    id,
    rest: (method, pathAndQuery, body) => s.rest(method, pathAndQuery, body,
      { headers: headers(method, new URL(s.rest_url + pathAndQuery).pathname) }),
    // Resolves to {status} of a refused handshake, or to a connection.
    ws: () => new Promise((resolve) => {
      const socket = new WebSocket(s.ws_url, { headers: headers('GET', new URL(s.ws_url).pathname) });
      const messages = [];
      socket.on('message', (d) => messages.push(JSON.parse(d.toString())));
      socket.on('unexpected-response', (_, res) => resolve({ status: res.statusCode }));
      socket.on('error', () => {});
      const closed = new Promise((r) => socket.on('close', (code) => r(code)));
      socket.on('open', () => resolve({ status: 101, socket, messages, closed }));
    }),
  };
};
const generate = async (over = {}, s = sim, user = 0) => {
  const made = valid('GenerateApiKey', await s.rest('POST', '/api_keys/generate', { name: 'test', ...over }, { user }), 201);
  return holder(s, made.api_key_id, made.private_key);
};
const order = (over = {}) => ({ ticker, side: 'bid', price: '0.0100', count: '5.00', time_in_force: 'good_till_canceled',
  self_trade_prevention_type: 'taker_at_cross', ...over });
const ORDERS = '/portfolio/events/orders';

test('generated keys of both types sign for the account, and a deleted one does not', async () => {
  const before = valid('GetApiKeys', await sim.rest('GET', '/api_keys')).api_keys.length;
  const rsa = await generate({ name: 'rsa' }), ed = await generate({ name: 'ed', key_type: 'ed25519' });
  const { api_keys: keys } = valid('GetApiKeys', await sim.rest('GET', '/api_keys'));
  assert.equal(keys.length, before + 2);
  assert.deepEqual(keys.filter((k) => [rsa.id, ed.id].includes(k.api_key_id)).map((k) => [k.name, k.key_type, k.scopes]),
    [['rsa', 'rsa', ['read', 'write']], ['ed', 'ed25519', ['read', 'write']]]);
  const mine = valid('GetBalance', await sim.rest('GET', '/portfolio/balance')).balance;
  for (const k of [rsa, ed]) assert.equal(valid('GetBalance', await k.rest('GET', '/portfolio/balance')).balance, mine);
  const open = await ed.ws();
  assert.equal(open.status, 101);
  assert.equal((await sim.rest('DELETE', `/api_keys/${ed.id}`, undefined, { user: 1 })).status, 404, 'of another account');
  assert.equal((await sim.rest('DELETE', `/api_keys/${ed.id}`)).status, 204);
  await open.closed; // its connection ends with it
  const refused = await ed.rest('GET', '/portfolio/balance');
  assert.equal(refused.status, 401);
  assert.equal(refused.body.error.details, 'NOT_FOUND');
  assert.equal((await ed.ws()).status, 401);
  assert.equal((await sim.rest('DELETE', `/api_keys/${ed.id}`)).status, 404);
});

test('a key made by its holder is registered by its public half, once', async () => {
  for (const [type, options] of [['rsa', { modulusLength: 2048 }], ['ed25519', undefined]]) {
    const { publicKey, privateKey } = crypto.generateKeyPairSync(type, options);
    const public_key = publicKey.export({ type: 'spki', format: 'pem' });
    const { api_key_id } = valid('CreateApiKey', await sim.rest('POST', '/api_keys', { name: type, public_key }), 201);
    const k = holder(sim, api_key_id, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    valid('GetBalance', await k.rest('GET', '/portfolio/balance'));
    assert.equal((await sim.rest('POST', '/api_keys', { name: 'again', public_key })).status, 409);
  }
  const pem = (n) => crypto.generateKeyPairSync('rsa', { modulusLength: n }).publicKey.export({ type: 'spki', format: 'pem' });
  for (const body of [{ name: 'x' }, { public_key: pem(2048) }, { name: 'x', public_key: 'no key' },
    { name: 'x', public_key: pem(1024) }, { name: 'x', public_key: pem(2048), scopes: ['write'] },
    { name: 'x', public_key: pem(2048), scopes: ['trade'] }, { name: 'x', public_key: pem(2048), subaccount: 64 },
    { name: 'x', public_key: pem(2048), scopes: [] }]) {
    const { status, body: answer } = await sim.rest('POST', '/api_keys', body);
    assert.deepEqual([status, answer.error?.code], [400, 'invalid_parameters'], JSON.stringify(body));
  }
  assert.equal((await sim.rest('POST', '/api_keys/generate', { name: 7 })).body.code, 'bad_request');
});

test('below Premier no public key can be registered, but keys can be generated', async () => {
  const basic = await Sim.start('--tier', 'basic', '--quiet-market');
  try {
    const { status, body } = await basic.rest('POST', '/api_keys', { name: 'x', public_key: 'x' });
    assert.deepEqual([status, body.error.code], [403, 'forbidden']);
    await generate({ key_type: 'ed25519' }, basic);
  } finally { await basic.stop(); }
});

test('scopes allow what they name and nothing else', async () => {
  const of = (...scopes) => generate({ scopes, key_type: 'ed25519' });
  const [read, balance, trade, transfer] = [await of('read'), await of('read::portfolio_balance'), await of('write::trade'),
    await of('write::transfer')];
  const code = async (k, method, where, body) => (await k.rest(method, where, body)).status;
  assert.equal(await code(read, 'GET', '/portfolio/orders'), 200);
  const refused = await read.rest('POST', ORDERS, order());
  assert.equal(refused.status, 403);
  assert.deepEqual(Object.keys(refused.body.error), ['code', 'message', 'details']);
  assert.match(refused.body.error.details, /scope write or write::trade/);
  assert.equal(await code(read, 'POST', '/api_keys/generate', { name: 'x' }), 403, 'a key that may not write makes no keys');
  assert.equal(await code(balance, 'GET', '/portfolio/balance'), 200);
  assert.equal(await code(balance, 'GET', '/portfolio/positions'), 403);
  assert.equal(await code(trade, 'POST', ORDERS, order()), 201);
  assert.equal(await code(trade, 'DELETE', ORDERS), 204);
  assert.equal(await code(trade, 'GET', '/portfolio/orders'), 403);
  assert.equal(await code(transfer, 'POST', ORDERS, order()), 403);
  assert.notEqual(await code(transfer, 'POST', '/portfolio/subaccounts/transfer', {}), 403);
  assert.equal(await code(trade, 'POST', '/portfolio/subaccounts/transfer', {}), 403);
  assert.equal(await code(trade, 'GET', '/markets?limit=1'), 200, 'what anybody may see needs no scope');
  assert.equal(await code(trade, 'GET', `/markets/${ticker}/orderbook`), 200);
  assert.equal((await read.ws()).status, 101);
  assert.equal((await trade.ws()).status, 403);
});

test('a key locked to a subaccount acts there and nowhere else', async () => {
  await sim.rest('POST', '/portfolio/subaccounts', {});
  await sim.rest('POST', '/portfolio/subaccounts/transfer',
    { client_transfer_id: crypto.randomUUID(), from_subaccount: 0, to_subaccount: 1, amount_cents: 100000 });
  const locked = await generate({ subaccount: 1, key_type: 'ed25519' });
  assert.equal(valid('GetBalance', await locked.rest('GET', '/portfolio/balance')).balance, 100000, 'omitted means the locked one');
  assert.equal('balance_breakdown' in (await locked.rest('GET', '/portfolio/balance')).body, false);
  assert.equal((await locked.rest('GET', '/portfolio/balance?subaccount=0')).status, 403);
  const main = valid('CreateOrderV2', await sim.rest('POST', ORDERS, order()), 201);
  const own = valid('CreateOrderV2', await locked.rest('POST', ORDERS, order()), 201);
  assert.deepEqual(valid('GetOrders', await locked.rest('GET', '/portfolio/orders')).orders.map((o) => o.order_id), [own.order_id]);
  assert.equal((await locked.rest('POST', ORDERS, order({ subaccount: 0 }))).status, 403);
  assert.equal((await locked.rest('GET', `/portfolio/orders/${main.order_id}`)).status, 404);
  assert.equal((await locked.rest('GET', `/portfolio/orders/${main.order_id}/queue_position`)).status, 404);
  valid('GetOrderQueuePosition', await locked.rest('GET', `/portfolio/orders/${own.order_id}/queue_position`));
  assert.deepEqual(valid('GetOrderQueuePositions', await locked.rest('GET',
    `/portfolio/orders/queue_positions?market_tickers=${ticker}`)).queue_positions.map((q) => q.order_id), [own.order_id]);
  assert.equal((await locked.rest('DELETE', `${ORDERS}/${main.order_id}`)).status, 404);
  // A batch with one foreign entry is refused whole.
  const batch = await locked.rest('POST', `${ORDERS}/batched`, { orders: [order(), order({ subaccount: 2 })] });
  assert.equal(batch.status, 403);
  assert.equal(valid('GetOrders', await locked.rest('GET', '/portfolio/orders')).orders.length, 1);
  const two = valid('BatchCreateOrdersV2', await locked.rest('POST', `${ORDERS}/batched`, { orders: [order(), order()] }), 201);
  assert.equal(two.orders.length, 2);
  const gone = valid('BatchCancelOrdersV2', await locked.rest('DELETE', `${ORDERS}/batched`,
    { orders: [{ order_id: own.order_id }, { order_id: main.order_id }] }));
  assert.deepEqual(gone.orders.map((o) => o.error?.code), [undefined, 'not_found']);
  for (const [method, where, body] of [['GET', '/api_keys'], ['POST', '/api_keys/generate', { name: 'x' }],
    ['POST', '/portfolio/subaccounts', {}], ['GET', '/portfolio/subaccounts/balances'],
    ['POST', '/portfolio/subaccounts/transfer', {}], ['POST', '/portfolio/intra_exchange_instance_transfer', {}],
    ['POST', '/communications/block-trade-proposals', {}], ['GET', '/communications/block-trade-proposals'],
    ['GET', '/portfolio/deposits'], ['POST', '/account/api_usage_level/upgrade', {}]])
    assert.equal((await locked.rest(method, where, body)).status, 403, `${method} ${where}`);
  assert.equal((await locked.rest('DELETE', ORDERS)).status, 204);
  assert.equal(valid('GetOrder', await sim.rest('GET', `/portfolio/orders/${main.order_id}`)).order.status, 'resting',
    'cancel-all stays in the subaccount');
  await sim.rest('DELETE', ORDERS);
});

test('the private channels of a locked key tell of its subaccount only, and other own orders are not marked', async () => {
  const locked = await generate({ subaccount: 1, key_type: 'ed25519' });
  const c = await locked.ws();
  c.socket.send(JSON.stringify({ id: 1, cmd: 'subscribe', params: { channels: ['user_orders', 'fill'] } }));
  c.socket.send(JSON.stringify({ id: 2, cmd: 'subscribe', params: { channels: ['orderbook_delta'], market_tickers: [ticker] } }));
  await until('the subscriptions', () => c.messages.filter((m) => m.type === 'subscribed').length === 3);
  const place = (subaccount, client_order_id) => sim.rest('POST', ORDERS, order({ subaccount, client_order_id, price: '0.0200' }));
  await place(0, 'foreign');
  await place(1, 'own');
  await until('the order', () => c.messages.some((m) => m.type === 'user_order'));
  await until('both levels', () => c.messages.filter((m) => m.type === 'orderbook_delta').length === 2);
  assert.deepEqual(c.messages.filter((m) => m.type === 'user_order').map((m) => m.msg.client_order_id), ['own']);
  assert.deepEqual(c.messages.filter((m) => m.type === 'orderbook_delta').map((m) => m.msg.client_order_id), [undefined, 'own']);
  c.socket.terminate();
  await sim.rest('DELETE', ORDERS);
});

test('after the region attestation lapsed keys trade no sports, elections, entertainment', async () => {
  const s = await Sim.start('--quiet-market', '--region-expires', '0');
  try {
    const { api_key_region_expiration_ts: at } = valid('GetApiKeys', await s.rest('GET', '/api_keys'));
    assert.ok(at > 0 && at <= Date.now() / 1000 + 1);
    const { events } = (await s.rest('GET', '/events?status=open&with_nested_markets=true')).body;
    const of = (categories) => events.find((e) => categories.includes(e.category)).markets[0].ticker;
    const place = (t, price = '0.0100') => s.rest('POST', ORDERS, order({ ticker: t, price }));
    const { status, body } = await place(of(['Sports', 'Elections']));
    assert.deepEqual([status, body.error.code], [403, 'region_attestation_expired']);
    valid('CreateOrderV2', await place(of(['Economics', 'Crypto', 'Climate and Weather', 'Financials'])), 201);
    const batch = valid('BatchCreateOrdersV2', await s.rest('POST', `${ORDERS}/batched`,
      { orders: [order({ ticker: of(['Sports']) }), order({ ticker: of(['Economics', 'Crypto']) })] }), 201);
    assert.deepEqual(batch.orders.map((o) => o.error?.code), ['region_attestation_expired', undefined]);
  } finally { await s.stop(); }
});

test('a key that exists already is taken over by --user: its id, and its private or public half', async () => {
  const folder = tempDir(), write = (name, text) => { const f = path.join(folder, name); fs.writeFileSync(f, text, { mode: 0o600 }); return f; };
  const rsa = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }), ed = crypto.generateKeyPairSync('ed25519');
  const pkcs1 = write('rsa.pem', rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }));
  const spki = write('ed.pub', ed.publicKey.export({ type: 'spki', format: 'pem' }));
  const id = crypto.randomUUID();
  const s = await Sim.start('--quiet-market', '--user', `${id}=${pkcs1}`, '--user', `my-desk=${spki}`);
  try {
    assert.equal(s.users.length, 3);
    assert.deepEqual(s.users[1], { key_id: id, key_path: pkcs1 });
    assert.deepEqual(s.users[2], { key_id: 'my-desk', public_key_path: spki });
    const one = holder(s, id, rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const two = holder(s, 'my-desk', ed.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const ids = new Set();
    const { body: { markets: [market] } } = await s.rest('GET', '/markets?status=open&limit=1');
    for (const k of [one, two]) {
      valid('GetBalance', await k.rest('GET', '/portfolio/balance'));
      const made = valid('CreateOrderV2', await k.rest('POST', ORDERS, order({ ticker: market.ticker })), 201);
      ids.add(valid('GetOrder', await k.rest('GET', `/portfolio/orders/${made.order_id}`)).order.user_id);
      assert.equal((await k.ws()).status, 101);
    }
    assert.equal(ids.size, 2, 'an account each');
  } finally { await s.stop(); }
  assert.ok(fs.existsSync(pkcs1), 'a file that was brought along stays');
  for (const [args, say] of [[['--user', 'nonsense'], /ID=FILE/], [['--user', `a b=${spki}`], /ID=FILE/],
    [['--user', `x=${folder}/none`], /no such file/], [['--user', `x=${write('bad', 'no key')}`], /not PEM|not a PEM/],
    [['--user', `x=${spki}`, '--user', `x=${pkcs1}`], /given twice/]]) {
    const { code, stderr } = await kalua(['sim', ...args]);
    assert.notEqual(code, 0);
    assert.match(stderr, say);
  }
});
