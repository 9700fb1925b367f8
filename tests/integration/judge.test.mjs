// Who judges the judges: right requests pass, each wrong one is refused for its reason, and the comparison of answers
// finds every kind of change. A conformance run that refuses nothing would prove nothing.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import test, { after, before } from 'node:test';
import { parse } from 'lossless-json';
import { differences, expected } from './decoded.mjs';
import { operations } from './document.mjs';
import { Judge, makeKey } from './judge.mjs';
import { tempDir } from './peers.mjs';

const key = makeKey(tempDir(), 'rsa', { modulusLength: 2048 });
let judge;
before(async () => { judge = await Judge.start(key); });
after(() => judge?.stop());

// Sends a request as it is given, with a right signature unless told otherwise: {status, text}.
function send(url, { method = 'GET', target, body, headers = {}, sign = {} }) {
  const at = new URL(url);
  const address = `${at.pathname === '/' ? '' : at.pathname}${target}`;
  const time = String(sign.time ?? Date.now());
  const text = `${time}${sign.method ?? method}${sign.path ?? `/trade-api/v2${target.split('?')[0]}`}`;
  const signature = crypto.sign('sha256', Buffer.from(text), { key: key.private, saltLength: 32,
    padding: crypto.constants.RSA_PKCS1_PSS_PADDING }).toString('base64');
  const all = { accept: 'application/json', 'user-agent': 'test',
    ...(method === 'GET' ? { 'accept-encoding': 'identity' } : {}),
    'kalshi-access-key': key.id, 'kalshi-access-timestamp': time, 'kalshi-access-signature': signature,
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    ...headers };
  for (const [k, v] of Object.entries(all)) if (v === undefined) delete all[k];
  return new Promise((resolve, reject) => {
    const req = http.request({ host: at.hostname, port: at.port, path: address, method, headers: all }, async (res) => {
      let answer = '';
      for await (const c of res) answer += c;
      resolve({ status: res.statusCode, text: answer });
    });
    req.on('error', reject);
    req.setTimeout(60000, () => req.destroy(new Error(`no answer to ${method} ${address}`)));
    req.removeHeader('connection'); // Node's own
    req.end(body);
  });
}

const order = (over) => JSON.stringify({ ticker: 'KX-A', side: 'bid', count: '5.00', price: '0.4200',
  time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross', ...over });
const orders = '/portfolio/events/orders', batch = `${orders}/batched`;
const create = (over, rest = {}) => ({ method: 'POST', target: orders, body: order(over), ...rest });
const markets = (query) => ({ target: `/markets?${query}` });

const right = {
  'a list of markets': markets('limit=5&status=open&tickers=KX-A%2CKX-B'),
  'two books': { target: '/markets/orderbooks?tickers=KX-A&tickers=KX-B' },
  'an order': create({}),
  'a batch of cancels': { method: 'DELETE', target: batch, body: '{"orders":[{"order_id":"x"}]}' },
  'a POST of nothing': { method: 'POST', target: '/account/api_usage_level/upgrade', body: '{}' },
};

// Each [what, request, does Prism by itself refuse it too, what our judge says].
const wrong = [
  ['an unknown path', { target: '/market' }, true, /no operation/],
  ['a wrong method', { method: 'PUT', target: '/markets', body: '{}' }, true, /no operation/],
  ['an unknown parameter', markets('limit=5&stauts=open'), false, /additional properties/],
  ['a parameter given twice', markets('limit=5&limit=6'), false, /given twice/],
  ['a word for a number', markets('limit=abc'), true, /limit must be integer/],
  ['a number in quotes', markets('limit=%225%22'), true, /limit must be integer/],
  ['a number with blanks', markets('limit=%205'), false, /limit must be integer/],
  ['a fraction for an integer', markets('limit=1.5'), true, /limit must be integer/],
  ['a limit beyond its range', markets('limit=1001'), true, /limit must be <= 1000/],
  ['a value outside of its enumeration', markets('status=opened'), true, /status must be equal to one of/],
  ['a query that is not encoded', markets("tickers=KX-A,KX'B"), false, /not percent-encoded/],
  ['a required parameter left out', { target: '/markets/orderbooks' }, true, /required property 'tickers'/],
  ['too many items', { target: `/markets/orderbooks?${'tickers=A&'.repeat(100)}tickers=A` }, true, /more than 100/],
  ['a time that is none', { target: '/milestones?limit=5&minimum_start_date=yesterday' }, true, /date-time/],
  ['no body', create({}, { body: undefined }), true, /no JSON/],
  ['an empty batch of cancels', { method: 'DELETE', target: batch }, true, /no JSON/],
  ['a body that is no JSON', create({}, { body: '{"ticker":' }), false, /no JSON/], // Prism never answers
  ['a list for an object', create({}, { body: '[]' }), true, /must be object/],
  ['a body with another content type', create({}, { headers: { 'content-type': 'text/plain' } }), true, /Content-Type/],
  ['a body without a content type', create({}, { headers: { 'content-type': undefined } }), true, /content-type/],
  ['a number for a price', create({ price: 0.42 }), true, /price must be string/],
  ['a number for a count', create({ count: 5 }), true, /count must be string/],
  ['a price in words', create({ price: 'cheap' }), true, /price is no fixed-point/],
  ['a price between the ticks of all grids', create({ price: '0.00005' }), false, /off the grid/],
  ['a count of a thousandth', create({ count: '0.001' }), true, /off the grid/],
  ['an unknown side', create({ side: 'buy' }), true, /side must be equal to one of/],
  ['an unknown member', create({ sid: 'bid' }), false, /sid is not in the schema/],
  ['a required member left out', create({ side: undefined }), true, /required property 'side'/],
  ['a wrong type deep inside', { method: 'DELETE', target: batch, body: '{"orders":[{"order_id":7}]}' }, true,
    /order_id must be string/],
  ['a POST without {}', { method: 'POST', target: '/account/api_usage_level/upgrade' }, true, /no JSON/],
  ['a GET with a body', { ...markets('limit=5'), body: '{}' }, true, /a body where none belongs/],
  ['no signature', { target: '/portfolio/balance', headers: { 'kalshi-access-signature': undefined } }, true,
    /headers/],
  ['a signature of the query too', { ...markets('limit=5'), sign: { path: '/trade-api/v2/markets?limit=5' } }, false,
    /signature/],
  ['a signature without the base path', { ...markets('limit=5'), sign: { path: '/markets' } }, false, /signature/],
  ['a signature of another method', { ...markets('limit=5'), sign: { method: 'POST' } }, false, /signature/],
  ['a signature of yesterday', { ...markets('limit=5'), sign: { time: Date.now() - 86400000 } }, false, /timestamp/],
  ['a time in seconds', { ...markets('limit=5'), sign: { time: Math.floor(Date.now() / 1000) } }, false, /timestamp/],
  ['a header given twice', { ...markets('limit=5'), headers: { accept: ['application/json', 'application/json'] } },
    false, /headers/],
  ['a header too many', { ...markets('limit=5'), headers: { cookie: 'a=b' } }, false, /headers/],
  ['credentials in the query', markets('limit=5&kalshi-access-key=me'), false, /credentials/],
];

test('the judges accept what is right and refuse what is wrong', async () => {
  Object.assign(judge, { key, plan: () => ({}) });
  for (const [what, request] of Object.entries(right)) {
    for (const url of [judge.rest_url, judge.prism_url]) {
      const { status, text } = await send(url, request);
      assert.ok(status < 300, `${what} at ${url}: ${status} ${text}`);
    }
  }
  for (const [what, request, prism, says] of wrong) {
    judge.forget();
    const ours = await send(judge.rest_url, request);
    assert.equal(ours.status, 400, what);
    assert.match(judge.requests[0].problems.join('; '), says, what);
    if (prism) {
      const { status, text } = await send(judge.prism_url, request);
      assert.ok(status >= 400 && status < 600, `Prism: ${what}: ${status} ${text}`);
    }
  }
});

test('the comparison of answers finds what is lost, invented or changed', () => {
  const { answer } = operations.find((op) => op.id === 'GetMarket');
  const sent = '{"market":{"ticker":"KX","yes_bid_dollars":"0.1000","volume_fp":"3","cap_strike":null,' +
    '"custom_strike":{"a":1},"price_ranges":[{"start":"0","end":"1.00","step":"0.01"}]}}';
  const seen = '{"market":{"ticker":"KX","yes_bid_dollars":0.1,"volume_fp":3,"custom_strike":{"a":1},' +
    '"price_ranges":[{"start":0,"end":1,"step":0.01}]}}';
  const against = (text, raw = false) => differences(parse(text), expected(parse(sent), answer, { raw }));
  assert.deepEqual(against(seen), []);
  assert.deepEqual(against(sent, true), []);
  const changes = [['0.1,', '0.10000001,'], ['0.1,', '"0.1000",'], ['3,', '4,'], ['"KX"', '"KXX"'],
    ['"ticker":"KX",', ''], ['{"a":1}', '{"a":1,"b":null}'], ['{"a":1}', '[1]'], ['{"a":1}', '{"a":"1"}'],
    ['0.01}]', '0.01},{}]'], ['0.01}', '"0.01"}']];
  for (const [from, to] of changes) {
    assert.ok(seen.includes(from), from);
    assert.equal(against(seen.replace(from, to)).length, 1, `${from} -> ${to}`);
  }
  assert.ok(against(sent).length > 0 && against(seen, true).length > 0);
});
