// scripts/examples/{arbitrage,weather,price_alert}.lua against an exchange on which only this test and they trade.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test, { describe } from 'node:test';
import { Sim, kalua, root, tempDir, until } from './peers.mjs';

const example = (name) => path.join(root, 'scripts/examples', `${name}.lua`);

// Accounts with keys that are made at once: the last one quotes.
const QUOTER = 4, users = [];
for (let i = 0; i <= QUOTER; i++) {
  const { privateKey } = crypto.generateKeyPairSync('ed25519');
  users[i] = { key_id: `u-${i}`, key_path: path.join(tempDir(), 'key.pem'), privateKey };
  fs.writeFileSync(users[i].key_path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
}

let sim;
test.before(async () => {
  sim = await Sim.start('--quiet-market', '--seed', '5', ...users.flatMap((u) => ['--user', `${u.key_id}=${u.key_path}`]));
});
test.after(() => sim.stop());

async function rest(user, method, pathAndQuery, body) {
  const now = String(Date.now()), { pathname } = new URL(sim.rest_url + pathAndQuery);
  const r = await sim.rest(method, pathAndQuery, body, { headers: { 'Content-Type': 'application/json',
    'KALSHI-ACCESS-KEY': users[user].key_id, 'KALSHI-ACCESS-TIMESTAMP': now,
    'KALSHI-ACCESS-SIGNATURE': crypto.sign(null, Buffer.from(`${now}${method}${pathname}`), users[user].privateKey).toString('base64') } });
  assert.ok(r.status < 300, JSON.stringify(r.body));
  return r.body;
}

const order = (ticker, side, price, count, user = QUOTER) => rest(user, 'POST', '/portfolio/events/orders', { ticker, side,
  price: price.toFixed(2), count: String(count), time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' });
const markets = async (event) => (await rest(QUOTER, 'GET', `/events/${event}?with_nested_markets=true`)).event.markets;
const positions = async (user) => Object.fromEntries((await rest(user, 'GET', '/portfolio/positions')).market_positions
  .filter((p) => Number(p.position_fp) !== 0).map((p) => [p.ticker, Number(p.position_fp)]));
// Of the open events of a series the one with the most markets: new ones come one after the other.
const eventOf = async (series) => (await rest(QUOTER, 'GET', `/events?status=open&series_ticker=${series}&with_nested_markets=true`)).events
  .reduce((a, b) => (b.markets.length > a.markets.length ? b : a)).event_ticker;

const run = (user, name, args, options = [], more = {}) => kalua(['run', '--quiet', ...options, example(name), '--', ...args], {
  cwd: tempDir(), env: { KALSHI_ENV: 'sim', KALSHI_REST_URL: sim.rest_url, KALSHI_WS_URL: sim.ws_url,
    KALSHI_API_KEY_ID: users[user].key_id, KALSHI_PRIVATE_KEY_PATH: users[user].key_path }, ...more });

async function serve(answer) {
  const seen = [];
  const server = http.createServer((req, res) => {
    let body = '';
    req.on('data', (d) => { body += d; });
    req.on('end', () => {
      seen.push({ method: req.method, url: req.url, headers: req.headers, body: body && JSON.parse(body) });
      const [status, value] = answer(seen.at(-1), seen.length);
      res.writeHead(status, { 'Content-Type': 'application/json' });
      res.end(JSON.stringify(value));
    });
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  test.after(() => { server.closeAllConnections(); server.close(); });
  return { seen, url: `http://127.0.0.1:${server.address().port}` };
}

test('arbitrage sells a set that is too dear, and what a missed leg leaves uneven is unwound', async () => {
  const event = await eventOf('KXHOUSERACE');
  const tickers = (await markets(event)).map((m) => m.ticker).slice(0, 3);
  // Bids of 1.20 together: NO of all costs 1.80 and pays 2.
  for (const [i, bid] of [[0, 0.5], [1, 0.4], [2, 0.3]]) {
    await order(tickers[i], 'bid', bid, [30, 20, 12][i]);
    await order(tickers[i], 'ask', bid + 0.1, 50);
  }
  const r = await run(0, 'arbitrage', [event, 'once']);
  assert.equal(r.code, 0, r.stderr);
  assert.match(r.stdout, /selling 12 sets of 3: 1\.8\d+ each, profit 1\.\d\d\nholding 12 sets/);
  assert.deepEqual(await positions(0), Object.fromEntries(tickers.map((t) => [t, -12])));

  // One leg is the account's own bid, which no order of it may take: the other legs are sold back.
  await order(tickers[2], 'bid', 0.35, 5, 1);
  const missed = await run(1, 'arbitrage', [event, 'once']);
  assert.equal(missed.code, 0, missed.stderr);
  assert.match(missed.stdout, /selling 5 sets of 3/);
  assert.match(missed.stdout, /unwound 5 of /);
  assert.match(missed.stdout, /holding 0 sets/);
  assert.deepEqual(await positions(1), {});
});

describe('each on an event of its own', { concurrency: 3 }, () => {
  test('arbitrage buys a set that is too cheap, where one outcome must come', async () => {
    const event = await eventOf('KXBTC');
    const list = await markets(event);
    for (const m of list) await order(m.ticker, 'ask', 0.06, 40);
    assert.ok(list.length < 15, `${list.length}`);
    const r = await run(2, 'arbitrage', [event, 'exhaustive', 'once']);
    assert.equal(r.code, 0, r.stderr);
    assert.match(r.stdout, /buying 40 sets of \d+: .*\nholding 40 sets/);
    assert.deepEqual(await positions(2), Object.fromEntries(list.map((m) => [m.ticker, 40])));
  });

  test('the weather by a forecast: chances of all ranges, and the ones that are cheap are bought', async () => {
    const event = await eventOf('KXHIGHNY');
    const list = await markets(event);
    const { day, month, year } = /-(?<year>\d\d)(?<month>[A-Z]{3})(?<day>\d\d)$/.exec(event).groups;
    const date = `20${year}-${String(new Date(`${month} 1, 2000`).getMonth() + 1).padStart(2, '0')}-${day}`;
    const middle = list.filter((m) => m.strike_type === 'between')[1];
    const high = middle.floor_strike + 0.5; // most likely in that range: 2 degrees wide, at a deviation of 2
    for (const m of list) await order(m.ticker, 'ask', m === middle ? 0.2 : 0.45, 100);
    let hours = [['14', high], ['15', high - 1], ['23', high - 9]]; // the day has begun: it may have been warmer
    const api = await serve((q) => (q.url.startsWith('/points/')
      ? [200, { properties: { forecastHourly: `${api.url}/hourly` } }]
      : [200, { properties: { periods: hours.map(([h, temperature]) => (
        { startTime: `${date}T${h}:00:00-05:00`, temperature, temperatureUnit: 'F' }))
        .concat({ startTime: '2001-01-01T13:00:00-05:00', temperature: 99, temperatureUnit: 'F' }) } }]));
    const args = [event, '40.7790', '-73.9692', '2', 'trade', api.url];
    const begun = await run(3, 'weather', args, ['--allow-net', '127.0.0.1']);
    assert.equal(begun.code, 1);
    assert.match(begun.stderr, /the forecast has only a part of /);
    hours = [['00', high - 8], ['13', high - 3], ...hours];
    const r = await run(3, 'weather', args, ['--allow-net', '127.0.0.1']);
    assert.equal(r.code, 0, r.stderr);
    assert.equal(api.seen[0].url, '/points/40.7790,-73.9692');
    assert.match(r.stdout, new RegExp(`forecast says ${high.toFixed(1)}, give or take 2\\.0`));
    // The range reaches from 1.5 - 0.5 = 1 below to 1 above the mean: half a deviation each way.
    const row = r.stdout.split('\n').find((l) => l.startsWith(middle.ticker));
    assert.match(row, / 0\.383 .* \+0\.17\d$/);
    const held = await positions(3);
    assert.deepEqual(Object.keys(held), [middle.ticker]);
    assert.match(r.stdout, new RegExp(`bought ${held[middle.ticker]} at 0\\.2`));
    // Chances of all ranges add up to one.
    const chances = r.stdout.split('\n').filter((l) => l.startsWith(event)).map((l) => Number(/ (\d\.\d{3}) /.exec(l)[1]));
    assert.equal(chances.length, list.length, r.stdout);
    assert.ok(Math.abs(chances.reduce((a, b) => a + b) - 1) < 0.004, `${chances}`);
  });

  test('a price alert is delivered once a crossing, and again until it arrives', async () => {
    const ticker = (await markets(await eventOf('KXFED')))[0].ticker;
    await order(ticker, 'bid', 0.40, 10);
    const ask = await order(ticker, 'ask', 0.44, 10);
    const hook = await serve((q, n) => (n === 1 ? [500, {}] : [200, {}]));
    let moved = false;
    const r = await run(0, 'price_alert', [`${hook.url}/hook`, ticker, 'above', '0.50', 'once'], ['--allow-net', '127.0.0.1'], {
      onOut: (text) => {
        if (moved || !text.includes('watching')) return;
        moved = true;
        rest(QUOTER, 'DELETE', `/portfolio/events/orders/${ask.order_id}`)
          .then(() => order(ticker, 'ask', 0.60, 10)).then(() => order(ticker, 'bid', 0.56, 10));
      } });
    assert.equal(r.code, 0, r.stderr);
    await until('both attempts', () => hook.seen.length === 2);
    const sent = hook.seen[1].body;
    assert.equal(sent.ticker, ticker);
    assert.ok(Math.abs(sent.price - 0.58) < 1e-9 && sent.threshold === 0.5, JSON.stringify(sent));
    assert.match(sent.text, /0\.580, above 0\.50/);
    assert.deepEqual(hook.seen[0].body, sent);
  });
});
