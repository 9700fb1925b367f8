// The peers of order_latency.mjs that run in Node, one a process: node order_peers.mjs SETTINGS, a JSON object of
// {peer, url, key, key_id, orders, warm_up, pause_ms, awake}. Prints one line of JSON with the median and percentiles
// in microseconds. Each is used as its own documentation shows; TLS trust comes from NODE_EXTRA_CA_CERTS.
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { createRequire } from 'node:module';

const s = JSON.parse(process.argv[2]);
const pem = fs.readFileSync(s.key, 'utf8');
const require = createRequire(import.meta.url);
const order = () => ({
  ticker: 'KXBENCH-26NOV25-T1',
  client_order_id: crypto.randomUUID(),
  side: 'bid',
  count: '1.00',
  price: '0.4200',
  time_in_force: 'good_till_canceled',
  self_trade_prevention_type: 'taker_at_cross',
});

// Each gives a function that sends one order and returns its id.
const peers = {
  // What a careful author writes on Node alone: a key object made once, one connection kept open.
  node() {
    const url = new URL(`${s.url}/trade-api/v2/portfolio/events/orders`);
    const key = { key: crypto.createPrivateKey(pem), padding: crypto.constants.RSA_PKCS1_PSS_PADDING,
      saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST };
    const { request, Agent } = url.protocol === 'https:' ? https : http;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    return () => new Promise((resolve, reject) => {
      const body = JSON.stringify(order());
      const timestamp = String(Date.now());
      const headers = {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
        'KALSHI-ACCESS-KEY': s.key_id,
        'KALSHI-ACCESS-TIMESTAMP': timestamp,
        'KALSHI-ACCESS-SIGNATURE': crypto.sign('sha256', `${timestamp}POST${url.pathname}`, key).toString('base64'),
      };
      const call = request(url, { method: 'POST', agent, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (piece) => { text += piece; });
        answer.on('end', () => {
          if (answer.statusCode === 201) resolve(JSON.parse(text).order_id);
          else reject(new Error(`${answer.statusCode} ${text}`));
        });
      });
      call.on('error', reject);
      call.end(body);
    });
  },

  'kalshi-typescript'() {
    const { Configuration, OrdersApi } = require('kalshi-typescript');
    const api = new OrdersApi(new Configuration({
      apiKey: s.key_id, privateKeyPem: pem, basePath: `${s.url}/trade-api/v2`,
    }));
    return async () => (await api.createOrderV2(order())).data.order_id;
  },

  async ccxt() {
    const { kalshi } = require('ccxt').prediction;
    const exchange = new kalshi({ apiKey: s.key_id, privateKey: pem, enableRateLimit: false });
    exchange.urls.api.kalshi = `${s.url}/trade-api/v2`;
    const outcome = Object.values(await exchange.loadOutcomes()).find((o) => o.label === 'YES').outcome;
    return async () => (await exchange.createOrder(outcome, 'limit', 'buy', 1, 0.42,
      { client_order_id: crypto.randomUUID() })).id;
  },
};

// Between two orders: asleep, or with the loop turning all the time.
async function rest() {
  if (!s.awake) return new Promise((r) => setTimeout(r, s.pause_ms));
  const end = performance.now() + s.pause_ms;
  while (performance.now() < end) await new Promise((r) => setImmediate(r));
}

const send = await peers[s.peer]();
const times = new Float64Array(s.orders);
for (let i = -s.warm_up; i < s.orders; i++) {
  if (s.pause_ms) await rest();
  const begin = process.hrtime.bigint();
  const id = await send();
  const took = process.hrtime.bigint() - begin;
  if (!id) throw new Error('an order came back without its id');
  if (i >= 0) times[i] = Number(took) / 1e3;
}
times.sort();
const percentile = (p) => times[Math.floor(s.orders * p / 100)];
console.log(JSON.stringify({ median: percentile(50), p90: percentile(90), p99: percentile(99) }));
process.exit(0); // kept connections would hold the process
