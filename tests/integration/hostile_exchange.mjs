// An exchange that keeps its books in the plainest way and says them in the strangest: its WebSocket frames are made here,
// so that messages, frames and TCP segments can be cut anywhere, and so is its JSON.
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { spawn } from 'node:child_process';
import assert from 'node:assert/strict';
import { KALUA, sleep, tempDir, until } from './peers.mjs';

const keyPath = path.join(tempDir(), 'k.pem');
const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
fs.writeFileSync(keyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });

export const MARKET_ID = '30ebe0c2-d075-4992-9896-9ab2e8d35072';
export const dollars = (units) => (units / 10000).toFixed(4);
export const contracts = (units) => (units / 100).toFixed(2);

// Mulberry32: the same seed gives the same run.
export function random(seed) {
  let a = seed;
  const next = () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, pick: (list) => list[below(list.length)], chance: (p) => next() < p };
}

// The payload of a trade.
export const trade = (trade_id) => ({ trade_id, market_ticker: 'X', yes_price_dollars: '0.4000', no_price_dollars: '0.6000',
  count_fp: '1.00', taker_side: 'yes', taker_outcome_side: 'yes', taker_book_side: 'bid', is_block_trade: false,
  ts: 1789482600, ts_ms: 1789482600402 });

// One WebSocket frame of a server.
export function frame(payload, { opcode = 1, fin = true, rsv = 0, mask = false } = {}) {
  const data = Buffer.from(payload);
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const bit = mask ? 0x80 : 0, n = data.length;
  if (n < 126) head.push(bit | n);
  else if (n < 65536) head.push(bit | 126, n >> 8, n & 255);
  else head.push(bit | 127, 0, 0, 0, 0, n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255);
  if (!mask) return Buffer.concat([Buffer.from(head), data]);
  return Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), data]); // a mask of zeros
}

// A message in fragments of `size()` bytes; `between()` gives control frames to put in between.
export function fragments(text, size, between = () => []) {
  const data = Buffer.from(text);
  const out = [];
  let at = 0, first = true;
  do {
    const n = Math.min(size(), data.length - at);
    out.push(frame(data.subarray(at, at + n), { opcode: first ? 1 : 0, fin: at + n === data.length }));
    at += n;
    first = false;
    if (at < data.length) out.push(...between());
  } while (at < data.length);
  return Buffer.concat(out);
}

// JSON in any spelling: `o` may shuffle keys, put white space, escape characters, write integers with exponents, add keys.
export function spell(value, rnd, o, depth = 0) {
  const space = () => (o.space ? ' \t\r\n'.charAt(rnd.below(5)).repeat(rnd.below(3)) : '');
  const escaped = (c) => c.split('').map((u) => `\\u${u.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
  const letter = (c) => (o.escape && rnd.chance(0.4) ? escaped(c) : JSON.stringify(c).slice(1, -1));
  const string = (s) => `"${[...s].map(letter).join('')}"`;
  if (typeof value === 'string') return string(value);
  if (typeof value === 'number' && o.exponent && Number.isSafeInteger(value)) {
    const tenth = `${Math.trunc(value / 10)}.${Math.abs(value % 10)}e1`;
    return rnd.pick([`${value}`, `${value}.0`, `${value}E+0`, `${value}0e-1`, value < 0 ? `${value}` : tenth]);
  }
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((v) => space() + spell(v, rnd, o, depth + 1) + space()).join(',')}]`;
  let entries = Object.entries(value).filter(([, v]) => v !== undefined);
  if (o.extra && depth < 2) {
    const values = [null, true, -1.5e-7, 1e29, '\u0000\u2028\u{10ffff}', [[], {}, [{ type: 'error' }]],
      { seq: 999, sid: 2, msg: { delta_fp: '1' } }, 'x'.repeat(300)];
    for (let i = rnd.below(3); i >= 0; i--) entries.push([`x${i}\u00e9\u{1f600}"\\`, rnd.pick(values)]);
  }
  if (o.shuffle) entries = entries.map((e) => [rnd.below(1e9), e]).sort((a, b) => a[0] - b[0]).map((e) => e[1]);
  const member = ([k, v]) => `${space()}${string(k)}${space()}:${space()}${spell(v, rnd, o, depth + 1)}${space()}`;
  return `{${entries.map(member).join(',')}}`;
}

class Connection {
  constructor(x, socket) {
    Object.assign(this, { x, socket, sids: new Map(), seqs: new Map(), markets: new Set(), commands: [] });
    this.queue = Promise.resolve();
    this.received = Buffer.alloc(0);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    const heartbeat = setInterval(() => this.open && this.write(frame('heartbeat', { opcode: 9 })), 5000);
    socket.on('close', () => { this.gone = true; clearInterval(heartbeat); });
    socket.on('data', (d) => { this.received = Buffer.concat([this.received, d]); this.take(); });
  }

  take() {
    if (!this.open) {
      const end = this.received.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = this.received.subarray(0, end).toString();
      this.received = this.received.subarray(end + 4);
      const key = /sec-websocket-key: *(\S+)/i.exec(head);
      if (!key) { // REST has nothing here
        this.socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}');
        return;
      }
      const accept = crypto.createHash('sha1').update(`${key[1]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      this.socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
        + `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
      this.open = true;
      this.x.connections.push(this);
    }
    for (;;) {
      const b = this.received;
      if (b.length < 6) return;
      let n = b[1] & 127, at = 2;
      if (n === 126) { n = b.readUInt16BE(2); at = 4; } else if (n === 127) { n = Number(b.readBigUInt64BE(2)); at = 10; }
      if (b.length < at + 4 + n) return;
      const data = Buffer.from(b.subarray(at + 4, at + 4 + n)).map((v, i) => v ^ b[at + (i & 3)]);
      this.received = b.subarray(at + 4 + n);
      if ((b[0] & 15) === 1) { const m = JSON.parse(data.toString()); this.commands.push(m); this.x.command(this, m); }
      if ((b[0] & 15) === 8) this.closed = data.length >= 2 ? data.readUInt16BE(0) : 1005;
    }
  }

  // Bytes as they are, after all that was written before; in segments of `size` bytes where it is given.
  write(bytes, size) {
    this.queue = this.queue.then(async () => {
      if (!size) { this.socket.write(bytes); return; }
      for (let at = 0; at < bytes.length;) {
        const n = typeof size === 'function' ? size() : size;
        this.socket.write(bytes.subarray(at, at + n));
        at += n;
        await new Promise(setImmediate);
      }
    });
    return this.queue;
  }

  say(value) { return this.write(frame(typeof value === 'string' ? value : JSON.stringify(value))); }
  next(channel) { const seq = (this.seqs.get(channel) ?? 0) + 1; this.seqs.set(channel, seq); return seq; }
  sid(channel) { return this.sids.get(channel); }

  // The envelope of a message of the books, with its number.
  book(type, msg, extra = {}) {
    return { type, ...extra, sid: this.sid('orderbook_delta'), seq: this.next('orderbook_delta'), msg };
  }

  snapshot(ticker, extra) { return this.book('orderbook_snapshot', this.x.levels(ticker), extra); }
}

export class Exchange {
  static async start(tickers) {
    const x = new Exchange();
    x.connections = [];
    x.sids = 0;
    x.hook = {};
    x.books = new Map(tickers.map((t) => [t, { yes: new Map(), no: new Map() }]));
    x.sockets = new Set();
    x.server = net.createServer((socket) => { x.sockets.add(socket); new Connection(x, socket); });
    await new Promise((r) => x.server.listen(0, '127.0.0.1', r));
    const host = `127.0.0.1:${x.server.address().port}`;
    x.env = { KALSHI_ENV: 'sim', KALSHI_REST_URL: `http://${host}/trade-api/v2`,
      KALSHI_WS_URL: `ws://${host}/trade-api/ws/v2`, KALSHI_API_KEY_ID: 'id', KALSHI_PRIVATE_KEY_PATH: keyPath };
    return x;
  }

  get connection() { return this.connections.at(-1); }

  // The truth changes by a signed number of hundredths. Returns the `msg` of the delta, NO prices as use_yes_price has
  // them.
  change(ticker, side, price, by) {
    const levels = this.books.get(ticker)[side];
    const left = (levels.get(price) ?? 0) + by;
    assert.ok(left >= 0);
    if (left) levels.set(price, left); else levels.delete(price);
    return { market_ticker: ticker, market_id: MARKET_ID, price_dollars: dollars(side === 'no' ? 10000 - price : price),
      delta_fp: contracts(by), side, ts_ms: Date.now() };
  }

  // Any change that fits.
  step(rnd, ticker = rnd.pick([...this.books.keys()])) {
    const side = rnd.pick(['yes', 'no']), levels = this.books.get(ticker)[side];
    const price = levels.size && rnd.chance(0.6) ? rnd.pick([...levels.keys()]) : 1 + rnd.below(9999);
    const have = levels.get(price) ?? 0;
    const less = have > 0 && rnd.chance(0.5);
    const by = less ? rnd.pick([-have, -1 - rnd.below(have)]) : 1 + rnd.below(1000000);
    return this.change(ticker, side, price, by);
  }

  levels(ticker) {
    const b = this.books.get(ticker);
    const list = (levels, price) => {
      const all = [...levels].map(([p, c]) => [price(p), c]).sort((a, z) => a[0] - z[0]);
      return all.length ? all.map(([p, c]) => [dollars(p), contracts(c)]) : undefined;
    };
    return { market_ticker: ticker, market_id: MARKET_ID, yes_dollars_fp: list(b.yes, (p) => p),
      no_dollars_fp: list(b.no, (p) => 10000 - p) };
  }

  command(c, m) {
    if (this.hook.command?.(c, m)) return;
    const p = m.params ?? {};
    if (m.cmd === 'subscribe') {
      for (const channel of p.channels) {
        c.sids.set(channel, ++this.sids);
        c.seqs.set(channel, 0);
        c.say({ type: 'subscribed', id: m.id, msg: { channel, sid: this.sids } });
      }
      if (p.channels.includes('orderbook_delta')) this.add(c, p.market_tickers);
    } else if (m.cmd === 'unsubscribe') {
      for (const [channel, sid] of c.sids) {
        if (!p.sids.includes(sid)) continue;
        c.say({ type: 'unsubscribed', id: m.id, sid, seq: c.next(channel) });
        c.sids.delete(channel);
      }
    } else if (p.action === 'get_snapshot') {
      for (const t of p.market_tickers) c.say(c.snapshot(t, { id: m.id }));
    } else if (p.action === 'add_markets') {
      c.say({ type: 'ok', id: m.id, sid: p.sid, seq: c.next('orderbook_delta') });
      this.add(c, p.market_tickers);
    } else if (p.action === 'delete_markets') {
      p.market_tickers.forEach((t) => c.markets.delete(t));
      c.say({ type: 'ok', id: m.id, sid: p.sid, seq: c.next('orderbook_delta') });
    }
  }

  add(c, tickers) {
    for (const t of tickers) {
      c.markets.add(t);
      if (!this.hook.snapshot?.(c, t)) c.say(c.snapshot(t));
    }
  }

  // The connection that takes trades, once there have been n connections and every market had its snapshot on one of
  // those that are there.
  async ready(n = 1) {
    let c;
    await until('the client', () => {
      const live = this.live();
      c = live.find((l) => l.sid('trade'));
      return this.connections.length >= n && c && live.reduce((sum, l) => sum + l.markets.size, 0) === this.books.size;
    }, 60000);
    return c;
  }

  live() { return this.connections.filter((c) => !c.gone); }

  // Says a delta on the connection that has its market.
  tell(msg) {
    const c = this.live().find((l) => l.markets.has(msg.market_ticker));
    return c.say(c.book('orderbook_delta', msg));
  }

  close() { this.sockets.forEach((s) => s.destroy()); this.server.close(); }
}

// Holds the books of all markets; a trade asks for a dump, which it gives when no book is stale.
const script = `local kalshi, task, json = require "kalshi", require "task", require "json"
local args = require "kalua".args
local books, jobs = {}, {}
for i = 1, tonumber(args[2]) do
  local ticker = args[1] .. i
  jobs[i] = function() books[ticker] = kalshi.book(ticker) end
end
local trades = kalshi.subscribe{ channels = { "trade" } }
task.spawn(function() task.all(jobs) print '{"ready":true}' end)
local function any_stale()
  for _, b in pairs(books) do if b.stale then return true end end
  return false
end
for msg in trades:messages() do
  if msg.type == "trade" then
    local began = task.spawn(task.sleep, 30)
    while any_stale() and began:status() ~= "done" do task.sleep(0.02) end
    local dump = {}
    for ticker, b in pairs(books) do
      dump[ticker] = { yes = b:bids(), no = b:bids(nil, "no"), stale = b.stale, seq = b.seq }
    end
    print(json.encode{ case = msg.trade_id, books = dump, status = kalshi.status() })
  end
end`;

// kalua with the books of markets prefix1 to prefixN.
export class Client {
  static all = [];

  // What a failed test left behind.
  static endAll() {
    for (const c of Client.all) {
      c.process.kill('SIGKILL');
      c.x.close();
    }
  }

  static start(x, prefix, n) {
    const c = new Client();
    Client.all.push(c);
    const cwd = tempDir();
    fs.writeFileSync(path.join(cwd, 's.lua'), script);
    c.x = x;
    c.cases = 0;
    c.lines = [];
    c.err = '';
    c.process = spawn(KALUA, ['--quiet', '--audit', '0', '--cpu-ms', '60000', 's.lua', '--', prefix, String(n)],
      { cwd, env: { ...process.env, ...x.env } });
    let out = '';
    c.process.stdout.on('data', (d) => {
      out += d;
      const lines = out.split('\n');
      out = lines.pop();
      c.lines.push(...lines.map((l) => JSON.parse(l)));
    });
    c.process.stderr.on('data', (d) => { c.err += d; });
    c.ended = new Promise((r) => c.process.on('close', r));
    return c;
  }

  async wait(what, pred, ms = 60000) {
    try {
      return await until(what, () => {
        const line = this.lines.find(pred);
        if (!line && this.process.exitCode !== null) throw new Error(`kalua ended before ${what}`);
        return line;
      }, ms);
    } catch (e) {
      this.process.kill('SIGKILL');
      throw new Error(`${e.message}\n${this.err.slice(-3000)}`);
    }
  }

  async started() { await this.wait('the books', (l) => l.ready); }

  // What the client's books are, once none is stale, must be the exchange's. Returns its kalshi.status().
  async same(what) {
    for (let tries = 1; ; tries++) {
      try {
        return await this.look(what);
      } catch (e) {
        // What was said on another connection than the question may come later.
        if (this.x.live().length < 2 || tries === 20 || e.code !== 'ERR_ASSERTION') throw e;
        await sleep(100);
      }
    }
  }

  async look(what) {
    const c = await this.x.ready();
    const id = `${++this.cases} ${what}`;
    await c.say({ type: 'trade', sid: c.sid('trade'), seq: c.next('trade'), msg: trade(id) });
    const dump = await this.wait(`the books after: ${what}`, (l) => l.case === id);
    assert.equal(Object.keys(dump.books).length, this.x.books.size, what);
    let compared = 0;
    for (const [ticker, truth] of this.x.books) {
      if (++compared % 500 === 0) await sleep(0); // for the heartbeat
      const is = dump.books[ticker];
      assert.equal(is.stale, false, `${what}: ${ticker} is stale\n${this.err.slice(-2000)}`);
      for (const side of ['yes', 'no']) {
        const ought = [...truth[side]].sort((a, z) => z[0] - a[0]);
        const list = (Array.isArray(is[side]) ? is[side] : []).map(([p, n]) => [Math.round(p * 10000), Math.round(n * 100)]);
        assert.deepEqual(list, ought, `${what}: ${side} of ${ticker}`);
      }
    }
    return dump.status;
  }

  async stop() {
    this.process.kill('SIGINT');
    assert.equal(await this.ended, 130, this.err);
    this.x.close();
  }
}
