// An exchange that takes few markets on one subscription and ends subscriptions that are too full: the session spreads
// over connections, and every book is that of its market. And one that goes silent.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { WebSocketServer } from 'ws';
import { kalua, sleep, tempDir, until } from './peers.mjs';

const keyPath = path.join(tempDir(), 'k.pem');
const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
fs.writeFileSync(keyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });

const ID = '30ebe0c2-d075-4992-9896-9ab2e8d35072';
const count = (ticker) => `${Number(ticker.split('-')[1]) + 1}.00`;

// One connection: a subscription to books of at most `most` markets.
class Connection {
  constructor(ws, most) {
    Object.assign(this, { ws, most, sid: 0, seq: 0, markets: new Set() });
    ws.on('error', () => {});
    ws.on('message', (text) => this.command(JSON.parse(text)));
  }

  say(m) { this.ws.send(`${JSON.stringify(m)}\n`); }
  refuse(id, code, msg) { this.say({ type: 'error', id, msg: { code, msg } }); }

  snapshot(ticker, extra = {}) {
    this.say({ type: 'orderbook_snapshot', sid: this.sid, seq: ++this.seq, ...extra,
      msg: { market_ticker: ticker, market_id: ID, yes_dollars_fp: [['0.4000', count(ticker)]] } });
  }

  add(m) {
    const wanted = m.params.market_tickers.filter((t) => !this.markets.has(t));
    if (this.markets.size + wanted.length > this.most) {
      this.refuse(m.id, 26, 'Subscription market limit exceeded');
      return false;
    }
    wanted.forEach((t) => this.markets.add(t));
    return wanted;
  }

  end() { // as the exchange does when a client does not keep up
    this.say({ type: 'error', sid: this.sid, msg: { code: 25, msg: 'Subscription buffer overflow' } });
    this.sid = 0;
    this.markets.clear();
  }

  command(m) {
    if (m.cmd === 'subscribe') {
      const added = this.add(m);
      if (!added) return;
      this.sid = ++Connection.sids;
      this.seq = 0;
      this.say({ type: 'subscribed', id: m.id, msg: { channel: 'orderbook_delta', sid: this.sid } });
      added.forEach((t) => this.snapshot(t));
    } else if (m.cmd === 'update_subscription' && m.params.action === 'add_markets') {
      const added = this.add(m);
      if (!added) return;
      this.say({ type: 'ok', id: m.id, sid: this.sid, seq: ++this.seq });
      added.forEach((t) => this.snapshot(t));
    } else if (m.cmd === 'update_subscription' && m.params.action === 'delete_markets') {
      m.params.market_tickers.forEach((t) => this.markets.delete(t));
      this.say({ type: 'ok', id: m.id, sid: this.sid, seq: ++this.seq });
    } else if (m.cmd === 'unsubscribe') {
      this.say({ type: 'unsubscribed', id: m.id, sid: this.sid, seq: ++this.seq });
      this.markets.clear();
      this.sid = 0;
    } else {
      m.params.market_tickers.forEach((t) => this.snapshot(t, { id: m.id }));
    }
  }
}
Connection.sids = 0;

async function exchange(most) {
  const server = http.createServer((req, res) => { res.writeHead(404).end('{"error":{"code":"not_found","message":"none"}}'); });
  const wss = new WebSocketServer({ server, path: '/trade-api/ws/v2' });
  const connections = [];
  wss.on('connection', (ws) => connections.push(new Connection(ws, most)));
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const host = `127.0.0.1:${server.address().port}`;
  return {
    connections,
    env: { KALSHI_ENV: 'sim', KALSHI_REST_URL: `http://${host}/trade-api/v2`, KALSHI_WS_URL: `ws://${host}/trade-api/ws/v2`,
      KALSHI_API_KEY_ID: 'id', KALSHI_PRIVATE_KEY_PATH: keyPath },
    close: () => { wss.clients.forEach((c) => c.terminate()); server.closeAllConnections(); return new Promise((r) => server.close(r)); },
  };
}

function run(text, e, options) {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), text);
  return kalua(['--quiet', 's.lua'], { cwd, env: e.env, ...options });
}

const open = (n) => `
local kalshi = require "kalshi"
local task = require "task"
local tickers = {}
for i = 1, ${n} do tickers[i] = "KXM-" .. i end
local books = kalshi.books(tickers)
local function check(what)
  local wrong = 0
  for ticker, b in pairs(books) do
    if b.stale or b:count_at(0.4) ~= tonumber(ticker:match "%d+") + 1 then wrong = wrong + 1 end
  end
  print(what, wrong, kalshi.status().connections)
end
check "opened"
`;

test('markets beyond the limit of a subscription come over further connections', async (t) => {
  const e = await exchange(50);
  t.after(() => e.close());
  const r = await run(`${open(180)}
    for ticker, b in pairs(books) do if tonumber(ticker:match "%d+") > 20 then b:close() end end
    task.sleep(1)
    print("left", kalshi.status().connections, kalshi.status().books)`, e);
  assert.equal(r.code, 0, r.stderr);
  assert.match(r.stdout, /opened\t0\t4\n/);
  const [, left] = /left\t(\d)\t20/.exec(r.stdout);
  assert.ok(Number(left) <= 4);
  assert.ok(e.connections.every((c) => c.markets.size <= 50));
});

test('a subscription whose buffer overflowed is spread over two connections, again and again', async (t) => {
  const e = await exchange(1000);
  t.after(() => e.close());
  const cut = (async () => {
    await until('a full subscription', () => e.connections[0]?.markets.size === 100);
    await sleep(300);
    e.connections[0].end();
    await until('a second connection', () => e.connections[1]?.markets.size === 50 && e.connections[0].markets.size === 50);
    e.connections[1].end();
    await until('a third', () => e.connections[2]?.markets.size === 25 && e.connections[1].markets.size === 25);
  })();
  const r = await run(`${open(100)}
    repeat task.sleep(0.1) until kalshi.status().connections == 3 and kalshi.status().stale_books == 0
    check "spread"`, e);
  await cut;
  assert.equal(r.code, 0, r.stderr);
  assert.match(r.stdout, /spread\t0\t3\n/);
});

test('a connection that is silent is given up within 15 seconds', async (t) => {
  const e = await exchange(10);
  t.after(() => e.close());
  let paused = 0;
  const pause = (async () => {
    await until('a subscription', () => e.connections[0]?.markets.size === 3);
    await sleep(200);
    paused = Date.now(); // nothing is sent, nothing answered, nothing closed
  })();
  const r = await run(`${open(3)}
    local from = require("kalua").now()
    local b = books["KXM-1"]
    repeat b:wait(20) until b.stale
    print("stale after", require("kalua").now() - from)
    repeat task.sleep(0.05) until kalshi.status().stale_books == 0
    check "again"`, e);
  await pause;
  assert.ok(paused);
  assert.equal(r.code, 0, r.stderr);
  const [, seconds] = /stale after\t([\d.]+)/.exec(r.stdout);
  assert.ok(Number(seconds) >= 13 && Number(seconds) < 25, seconds); // counted from when the script saw its books
  assert.match(r.stdout, /again\t0\t1\n/);
});
