// A bot as its author might have it: the exchange's client, two URLs from the environment, prod when they are not set.
// It quotes both sides of one market, waits for its own orders on the feed, and takes them back.
import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { Configuration, MarketApi, OrdersApi, PortfolioApi } = require('kalshi-typescript');
const WebSocket = require('ws');

const basePath = process.env.KALSHI_API_URL ?? 'https://external-api.kalshi.com/trade-api/v2';
const feedUrl = process.env.KALSHI_FEED_URL ?? 'wss://external-api-ws.kalshi.com/trade-api/ws/v2';
const apiKey = process.env.KALSHI_KEY_ID, privateKeyPath = process.env.KALSHI_KEY_FILE;

const configuration = new Configuration({ apiKey, privateKeyPath, basePath });
const [markets, orders, portfolio] = [new MarketApi(configuration), new OrdersApi(configuration), new PortfolioApi(configuration)];

function connect() {
  const at = String(Date.now());
  const signature = crypto.sign('sha256', Buffer.from(`${at}GET${new URL(feedUrl).pathname}`), { key: fs.readFileSync(privateKeyPath),
    padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST });
  return new WebSocket(feedUrl, { headers: { 'KALSHI-ACCESS-KEY': apiKey, 'KALSHI-ACCESS-TIMESTAMP': at,
    'KALSHI-ACCESS-SIGNATURE': signature.toString('base64') } });
}

const { data: { markets: open } } = await markets.getMarkets(100, undefined, undefined, undefined, undefined, undefined, undefined,
  undefined, undefined, undefined, undefined, 'open');
const market = open.find((m) => Number(m.yes_bid_dollars) >= 0.2 && Number(m.yes_ask_dollars) > 0 && Number(m.yes_ask_dollars) <= 0.8);
const { data: { balance } } = await portfolio.getBalance();
const seen = new Set(), socket = connect();
const done = new Promise((resolve, reject) => {
  socket.on('error', reject);
  socket.on('message', (text) => {
    const { type, msg } = JSON.parse(text);
    if (type === 'user_order' && msg.status === 'resting') seen.add(msg.order_id);
    if (seen.size === 2) resolve();
  });
});
await new Promise((r) => socket.on('open', r));
socket.send(JSON.stringify({ id: 1, cmd: 'subscribe', params: { channels: ['user_orders'] } }));
await new Promise((r) => socket.once('message', r));

const placed = [];
for (const [side, price] of [['bid', '0.0100'], ['ask', '0.9900']]) {
  const { data } = await orders.createOrderV2({ ticker: market.ticker, side, price, count: '2.00', client_order_id: crypto.randomUUID(),
    time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross', post_only: true });
  placed.push(data.order_id);
}
await done;
for (const id of placed) await orders.cancelOrderV2(id);
socket.close();
console.log(JSON.stringify({ ticker: market.ticker, balance, placed: placed.length, seen: placed.every((id) => seen.has(id)) }));
