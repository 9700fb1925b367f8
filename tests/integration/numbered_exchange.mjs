// An exchange whose book messages are numbered: each change of a market carries its number, counted from 0, as its size. A
// second one, `kalua sim`, has the accounts: what is not a subscription to books is handed on to it, and REST goes there.
import http from 'node:http';
import WebSocket, { WebSocketServer } from 'ws';
import { Sim } from './peers.mjs';

const MARKET_ID = '30ebe0c2-d075-4992-9896-9ab2e8d35072';
const FIRST_SID = 1000000; // of books; the simulator counts its own from 1
const CHANGING = '0.4000', BACKLOG = 8 << 20, LATE_S = 0.05;
const now = () => (performance.timeOrigin + performance.now()) / 1000;

// Change n of a market: n even adds (n / 2 + 1) hundredths of a contract to a level, n odd takes them away again.
const size = (n) => ((n >> 1) + 1) / 100;
// In a script: the number of a change of so many contracts.
export const LUA_NUMBER = `local function number(delta)
  local n = 2 * ((math.abs(delta) * 100 + 0.5) // 1 | 0)
  return delta > 0 and n - 2 or n - 1
end
`;

class Connection {
  constructor(x, client, request) {
    Object.assign(this, { x, client, sid: 0, seq: 0, markets: new Set() });
    const { host, connection, upgrade, ...headers } = request.headers;
    for (const name of Object.keys(headers)) if (name.startsWith('sec-websocket')) delete headers[name];
    this.sim = new WebSocket(x.sim.ws_url, { headers });
    this.waiting = [];
    this.sim.on('open', () => { this.waiting.forEach((m) => this.sim.send(m)); this.waiting = null; });
    this.sim.on('message', (d) => client.send(d.toString()));
    this.sim.on('ping', () => client.ping('heartbeat'));
    this.sim.on('error', () => client.terminate());
    this.sim.on('close', () => client.close());
    client.on('error', () => {});
    client.on('close', () => { x.connections.delete(this); this.sim.terminate(); });
    client.on('message', (d) => this.command(d.toString()));
    x.connections.add(this);
  }

  say(message) { this.client.send(JSON.stringify(message)); }

  command(text) {
    const { id, cmd, params = {} } = JSON.parse(text);
    const ours = cmd === 'subscribe' ? params.channels?.includes('orderbook_delta')
      : this.sid && (params.sid === this.sid || params.sids?.includes(this.sid));
    if (!ours) {
      if (this.waiting) this.waiting.push(text); else this.sim.send(text);
      return;
    }
    const ok = () => this.say({ type: 'ok', id, sid: this.sid, seq: ++this.seq });
    if (cmd === 'subscribe') {
      this.sid = this.x.nextSid++;
      this.seq = 0;
      this.say({ type: 'subscribed', id, msg: { channel: 'orderbook_delta', sid: this.sid } });
      this.add(params.market_tickers);
    } else if (cmd === 'unsubscribe') {
      this.say({ type: 'unsubscribed', id, sid: this.sid, seq: ++this.seq });
      this.sid = 0;
      this.markets.clear();
    } else if (params.action === 'add_markets') {
      ok();
      this.add(params.market_tickers);
    } else if (params.action === 'delete_markets') {
      params.market_tickers.forEach((t) => this.markets.delete(t));
      ok();
    } else if (params.action === 'get_snapshot') {
      params.market_tickers.forEach((t) => this.snapshot(t, id));
    }
  }

  add(tickers) {
    for (const t of tickers) {
      this.markets.add(t);
      this.snapshot(t);
    }
  }

  snapshot(ticker, id) {
    const next = this.x.next[this.x.index.get(ticker)];
    const yes = [['0.3000', '100.00']];
    if (next % 2) yes.push([CHANGING, size(next - 1).toFixed(2)]);
    this.x.snapshots++;
    this.say({ id, type: 'orderbook_snapshot', sid: this.sid, seq: ++this.seq, msg: { market_ticker: ticker,
      market_id: MARKET_ID, yes_dollars_fp: yes, no_dollars_fp: [['0.6000', '100.00']] } });
  }
}

// The text messages as one write.
function frames(texts) {
  const out = Buffer.allocUnsafe(texts.reduce((n, t) => n + t.length + 4, 0));
  let at = 0;
  for (const t of texts) {
    out[at] = 0x81;
    out[at + 1] = 126;
    out.writeUInt16BE(t.length, at + 2);
    at += 4 + out.latin1Write(t, at + 4);
  }
  return out.subarray(0, at);
}

export class NumberedExchange {
  // `stamped`: when each change was sent is kept in sentAt, by the index of its market and its number.
  static async start({ markets, rate, prefix = 'STORM', stamped = false, sim = [] }) {
    const x = new NumberedExchange();
    Object.assign(x, { rate, connections: new Set(), nextSid: FIRST_SID, sent: 0, snapshots: 0, turn: 0 });
    x.tickers = Array.from({ length: markets }, (_, i) => `${prefix}-${i + 1}`);
    x.index = new Map(x.tickers.map((t, i) => [t, i]));
    x.sentAt = stamped ? x.tickers.map(() => []) : null;
    x.next = x.tickers.map(() => 0); // the next number of each market
    x.sim = await Sim.start('--quiet-market', '--markets', '4', ...sim);
    x.server = http.createServer((_, response) => response.writeHead(404).end());
    const ws = new WebSocketServer({ server: x.server, perMessageDeflate: false });
    ws.on('connection', (client, request) => new Connection(x, client, request));
    await new Promise((r) => x.server.listen(0, '127.0.0.1', r));
    x.env = { ...x.sim.env(), KALSHI_WS_URL: `ws://127.0.0.1:${x.server.address().port}/trade-api/ws/v2` };
    return x;
  }

  // From now on, until pause: `rate` changes a second, over all markets by turns. What is late is made up for, but not more
  // than a twentieth of a second of it.
  run() {
    this.pause();
    this.began = this.last = performance.now();
    this.sentBefore = this.sent;
    let owed = 0;
    this.timer = setInterval(() => {
      const t = performance.now();
      owed = Math.min(owed + (t - this.last) / 1000 * this.rate, Math.max(LATE_S * this.rate, 1));
      this.last = t;
      const n = Math.floor(owed);
      owed -= n;
      if (n) this.send(n);
    }, 1);
  }

  pause() { clearInterval(this.timer); }
  get achieved() { return (this.sent - this.sentBefore) / ((this.last - this.began) / 1000); }

  send(n) {
    const c = [...this.connections].find((one) => one.markets.size);
    if (!c || c.client.bufferedAmount > BACKLOG) return;
    const texts = [], ms = Date.now(), iso = new Date(ms).toISOString();
    for (let i = 0; i < n; i++) {
      const m = this.turn++ % this.tickers.length;
      if (!c.markets.has(this.tickers[m])) continue;
      const k = this.next[m]++;
      if (this.sentAt) this.sentAt[m][k] = now();
      texts.push(`{"type":"orderbook_delta","sid":${c.sid},"seq":${++c.seq},"msg":{"market_ticker":"${this.tickers[m]}",`
        + `"market_id":"${MARKET_ID}","price_dollars":"${CHANGING}","delta_fp":"${k % 2 ? '-' : ''}${size(k).toFixed(2)}",`
        + `"side":"yes","ts":"${iso}","ts_ms":${ms}}}`);
    }
    this.sent += texts.length;
    if (texts.length) c.client._socket.write(frames(texts));
  }

  async stop() {
    this.pause();
    for (const c of this.connections) c.client.terminate();
    this.server.close();
    await this.sim.stop();
  }
}
