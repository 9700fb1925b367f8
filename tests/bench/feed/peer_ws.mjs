// The Node peer of the feed bench: npm ws, JSON.parse, books in Maps. node peer_ws.mjs PORT [tls]
// It counts what feed_generate.c tells and prints it as client_report() in client.c does.
import fs from 'node:fs';
import { createRequire } from 'node:module';

const WebSocket = createRequire(new URL('../../integration/package.json', import.meta.url))('ws');
const [port, tls] = process.argv.slice(2);
const ONE = 10000; // a dollar

// Levels by price in own terms of the side; the best one is looked for when it is used up.
class Side {
  levels = new Map();
  best = -1;

  add(price, change) {
    const count = (this.levels.get(price) ?? 0) + change;
    if (count > 0) {
      this.levels.set(price, count);
      if (price > this.best) this.best = price;
      return;
    }
    this.levels.delete(price);
    if (price !== this.best) return;
    this.best = -1;
    for (const p of this.levels.keys()) if (p > this.best) this.best = p;
  }
}

const books = new Map();
const totals = { messages: 0, snapshots: 0, deltas: 0, callbacks: 0, bids: 0, spreads: 0 };
let seq = 0;

const priceOf = (text, no) => (no ? ONE - Math.round(Number(text) * ONE) : Math.round(Number(text) * ONE));
const countOf = (text) => Math.round(Number(text) * 100);

function follow(next) {
  if (next !== ++seq) throw new Error(`a gap before ${next}`);
}

function onDelta(book, bid, ask) { // the strategy
  totals.callbacks++;
  totals.bids += bid;
  totals.spreads += ask - bid;
}

function onMessage(text) {
  totals.messages++;
  const { type, seq: number, msg } = JSON.parse(text);
  if (type === 'orderbook_delta') {
    follow(number);
    totals.deltas++;
    const book = books.get(msg.market_ticker), no = msg.side === 'no';
    (no ? book.no : book.yes).add(priceOf(msg.price_dollars, no), countOf(msg.delta_fp));
    if (book.yes.best >= 0 && book.no.best >= 0) onDelta(book, book.yes.best, ONE - book.no.best);
  } else if (type === 'orderbook_snapshot') {
    follow(number);
    totals.snapshots++;
    const book = { yes: new Side(), no: new Side() };
    for (const [price, count] of msg.yes_dollars_fp ?? []) book.yes.add(priceOf(price, false), countOf(count));
    for (const [price, count] of msg.no_dollars_fp ?? []) book.no.add(priceOf(price, true), countOf(count));
    books.set(msg.market_ticker, book);
  }
}

function checksum() { // see synthetic.h
  let hash = 2166136261;
  const add = (text) => {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
  };
  for (const ticker of [...books.keys()].sort()) {
    add(`${ticker}\n`);
    for (const [letter, side] of [['y', books.get(ticker).yes], ['n', books.get(ticker).no]])
      for (const [price, count] of [...side.levels].sort((a, b) => a[0] - b[0])) add(`${letter}${price}:${count}\n`);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}

const peakKb = () => Number(/VmHWM:\s*(\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]);

let began;
const ws = new WebSocket(`${tls ? 'wss' : 'ws'}://127.0.0.1:${port}/trade-api/ws/v2`,
  { perMessageDeflate: false, skipUTF8Validation: true, rejectUnauthorized: false });
ws.on('open', () => {
  began = process.cpuUsage();
  ws.send(JSON.stringify({ id: 1, cmd: 'subscribe', params: {
    channels: ['orderbook_delta', 'ticker', 'trade', 'market_lifecycle_v2'], use_yes_price: true } }));
});
ws.on('message', (data) => onMessage(data.latin1Slice())); // the feed is ASCII
ws.on('close', () => {
  const { user, system } = process.cpuUsage(began);
  console.log(JSON.stringify({ ...totals, cpu: (user + system) / 1e6, rss_kb: peakKb(), checksum: checksum() }));
});
