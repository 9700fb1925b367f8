// The feed both ways: every command that Kalua sends is one of the exchange's description, and every message of the
// description reaches a script with its fields as the description means them. Samples: tests/fixtures/ws.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { WebSocketServer } from 'ws';
import { commandErrors, messageErrors } from './schema.mjs';
import { kalua, root, tempDir } from './peers.mjs';

const ws = JSON.parse(fs.readFileSync(path.join(root, 'runtime/kalshi/spec/ws.json'), 'utf8'));
const fixtures = path.join(root, 'tests/fixtures/ws');
const samplesOf = (type) => fs.readdirSync(path.join(fixtures, type)).sort()
  .map((f) => JSON.parse(fs.readFileSync(path.join(fixtures, type, f), 'utf8')));

const keyPath = path.join(tempDir(), 'k.pem');
const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
fs.writeFileSync(keyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });

/* ---- what a script must see of a sample ---- */

const FIXED = new Set(['#/$defs/dollars', '#/$defs/count', '#/$defs/value8']);
const parts = (s) => !s ? [] : [s, ...(s.$ref ? parts(s.$ref.slice(2).split('/').reduce((a, k) => a[k], ws)) : []),
  ...['allOf', 'anyOf', 'oneOf'].flatMap((k) => (s[k] ?? []).flatMap(parts))];
const isFixed = (schemas) => schemas.flatMap(parts).some((s) => FIXED.has(s.$ref));

function seen(value, schemas) {
  const all = schemas.flatMap(parts);
  if (Array.isArray(value)) {
    return value.map((v, i) => seen(v, all.flatMap((s) => [s.prefixItems?.[i], s.items].filter((x) => x && typeof x === 'object'))));
  }
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== null)
      .map(([k, v]) => [k, seen(v, all.flatMap((s) => (s.properties?.[k] ? [s.properties[k]] : [])))]));
  }
  return typeof value === 'string' && isFixed(schemas) ? Number(value) : value;
}
const flat = (m) => {
  const { msg, ...rest } = seen(m, [ws.messages[m.type]]);
  return { ...msg, ...rest };
};

/* ---- the exchange ---- */

// Types of each channel; the lists are answers to commands.
const typesOf = (channel) => ws.channels[channel].messages.filter((t) => !/_(index|underlying_)list$/.test(t));

class Exchange {
  constructor(socket, log) {
    Object.assign(this, { socket, log, sids: new Map(), next: 0 });
    socket.on('error', () => {});
    socket.on('message', (text) => this.command(JSON.parse(text)));
  }

  say(m) { this.socket.send(`${JSON.stringify(m)}\n`); }

  snapshot(sub, ticker, extra = {}) {
    this.say({ type: 'orderbook_snapshot', sid: sub.sid, seq: ++sub.seq, ...extra,
      msg: { market_ticker: ticker, market_id: '30ebe0c2-d075-4992-9896-9ab2e8d35072', yes_dollars_fp: [['0.4000', '1.00']] } });
  }

  samples(sub) {
    if (sub.channel === 'orderbook_delta') return;
    for (const type of typesOf(sub.channel)) for (const sample of samplesOf(type)) {
      const m = { ...sample, sid: sub.sid };
      if ('seq' in m) m.seq = ++sub.seq;
      assert.deepEqual(messageErrors(m), [], JSON.stringify(m));
      this.log.sent.push(m);
      this.say(m);
    }
  }

  command(m) {
    this.log.commands.push(m);
    const sub = this.sids.get(m.params?.sid);
    const ok = (extra) => this.say({ type: 'ok', id: m.id, sid: sub.sid, seq: ++sub.seq, ...extra });
    if (m.cmd === 'subscribe') {
      for (const channel of m.params.channels) {
        const s = { channel, sid: ++this.next, seq: 0 };
        this.sids.set(s.sid, s);
        this.say({ type: 'subscribed', id: m.id, msg: { channel, sid: s.sid } });
        if (channel === 'orderbook_delta') m.params.market_tickers.forEach((t) => this.snapshot(s, t));
        else if (!('send_initial_snapshot' in m.params) && !('shard_factor' in m.params)) this.samples(s);
      }
    } else if (m.cmd === 'unsubscribe') {
      for (const sid of m.params.sids) this.say({ type: 'unsubscribed', id: m.id, sid, seq: ++this.sids.get(sid).seq });
    } else if (m.cmd === 'list_subscriptions') {
      this.say({ type: 'ok', id: m.id, msg: [...this.sids.values()].map(({ channel, sid }) => ({ channel, sid })) });
    } else if (m.params.action === 'get_snapshot') {
      m.params.market_tickers.forEach((t) => this.snapshot(sub, t, { id: m.id }));
    } else if (/list$/.test(m.params.action)) {
      const type = m.params.action === 'indexlist' ? `${sub.channel}_indexlist` : 'pyth_value_underlying_list';
      this.say({ ...samplesOf(type)[0], id: m.id, sid: sub.sid, seq: ++sub.seq });
    } else {
      ok();
      if (m.params.action === 'add_markets' && sub.channel === 'orderbook_delta') m.params.market_tickers.forEach((t) => this.snapshot(sub, t));
      if (m.params.action === 'add_markets' && m.params.market_tickers?.includes('KXA-3')) {
        sub.seq += 5; // a gap, for get_snapshot
        this.say({ type: 'orderbook_delta', sid: sub.sid, seq: ++sub.seq, msg: { market_ticker: 'KXA-1',
          market_id: '30ebe0c2-d075-4992-9896-9ab2e8d35072', price_dollars: '0.4000', delta_fp: '1.00', side: 'yes' } });
      }
    }
  }
}

async function exchange(t) {
  const server = http.createServer((req, res) => { res.writeHead(404).end('{"error":{"code":"not_found","message":"none"}}'); });
  const wss = new WebSocketServer({ server, path: '/trade-api/ws/v2' });
  const log = { commands: [], sent: [] };
  wss.on('connection', (socket) => new Exchange(socket, log));
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  t.after(() => { wss.clients.forEach((c) => c.terminate()); server.closeAllConnections(); server.close(); });
  const host = `127.0.0.1:${server.address().port}`;
  return { log, env: { KALSHI_ENV: 'sim', KALSHI_REST_URL: `http://${host}/trade-api/v2`, KALSHI_WS_URL: `ws://${host}/trade-api/ws/v2`,
    KALSHI_API_KEY_ID: 'id', KALSHI_PRIVATE_KEY_PATH: keyPath } };
}

async function script(t, text) {
  const e = await exchange(t);
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), text);
  const r = await kalua(['--quiet', '--audit', '0', 's.lua'], { cwd, env: e.env });
  assert.equal(r.code, 0, r.stderr);
  return { ...r, ...e.log };
}

test('every command and every action that Kalua sends is valid', async (t) => {
  const r = await script(t, `
    local kalshi = require "kalshi"
    local task = require "task"
    local function each(list) for _, o in ipairs(list) do kalshi.subscribe(o) end end
    local a = kalshi.subscribe{ channels = { "trade", "ticker", "fill", "user_orders", "market_positions" }, market_tickers = { "KXA-1", "KXA-2" } }
    a:add{ "KXA-3" } a:remove{ "KXA-1" }
    local ids = kalshi.subscribe{ channels = { "ticker" }, market_id = "30ebe0c2-d075-4992-9896-9ab2e8d35072", send_initial_snapshot = true }
    ids:add{ "c0ffee00-d075-4992-9896-9ab2e8d35072" } ids:remove{ "c0ffee00-d075-4992-9896-9ab2e8d35072" }
    each{
      { channels = { "market_lifecycle_v2", "multivariate_market_lifecycle", "order_group_updates" } },
      { channels = { "communications" } },
      { channels = { "communications" }, user_filter = "self" },
      { channels = { "communications" }, shard_factor = 4, shard_key = 3 },
      { channels = { "orderbook_delta" }, market_ticker = "KXA-1", use_yes_price = false },
      { channels = { "cfbenchmarks_value_5hz" }, index_ids = { "BRTI" } },
    }
    local index = kalshi.subscribe{ channels = { "cfbenchmarks_value" } }
    print(#index:available())
    index:add{ "BRTI", "ETHUSD_RTI" } index:remove{ "BRTI" }
    local pyth = kalshi.subscribe{ channels = { "pyth_value" }, underlying_tickers = { "XAUUSD" } }
    print(#pyth:available())
    pyth:add{ "WTI" } pyth:remove{ "XAUUSD" } task.sleep(0.1) pyth:close()
    local one = kalshi.book "KXA-1"
    local two, three = kalshi.book "KXA-2", kalshi.book "KXA-3" -- the gap comes behind this one
    repeat task.sleep(0.05) until kalshi.status().gaps >= 1 and kalshi.status().stale_books == 0
    two:close()
    a:close()
    print(#kalshi.subscriptions() > 5)
    task.sleep(0.2)`);
  assert.match(r.stdout, /^\d+\n\d+\ntrue\n$/);
  const wrong = r.commands.map((c) => [c, commandErrors(c)]).filter(([, errors]) => errors.length);
  assert.deepEqual(wrong, []);
  const actions = new Set(r.commands.map((c) => c.params?.action ?? c.cmd));
  for (const action of ['subscribe', 'unsubscribe', 'list_subscriptions', 'add_markets', 'delete_markets', 'get_snapshot',
    'subscribe_indices', 'unsubscribe_indices', 'indexlist', 'subscribe_underlyings', 'unsubscribe_underlyings', 'underlying_list']) {
    assert.ok(actions.has(action), `${action} was never sent`);
  }
  for (const c of r.commands.filter((x) => x.params?.channels?.includes('orderbook_delta'))) {
    assert.equal(typeof c.params.use_yes_price, 'boolean', 'said explicitly, since its default is to change');
  }
});

for (const channel of Object.keys(ws.channels).filter((c) => c !== 'orderbook_delta')) {
  test(`every message of ${channel} reaches a script as the description means it`, async (t) => {
    const key = { cfbenchmarks_value: 'index_ids', cfbenchmarks_value_5hz: 'index_ids', pyth_value: 'underlying_tickers' }[channel];
    const count = typesOf(channel).reduce((n, type) => n + samplesOf(type).length, 0);
    const r = await script(t, `
      local kalshi, json = require "kalshi", require "json"
      local sub = kalshi.subscribe{ channels = { "${channel}" }${key ? `, ${key} = { "all" }` : ''} }
      local n = 0
      for m in sub:messages() do
        print(json.encode(m))
        n = n + 1
        if n == ${count} then break end
      end`);
    const got = r.stdout.trim().split('\n').map((line) => JSON.parse(line));
    assert.equal(got.length, count);
    assert.deepEqual(got, r.sent.map(flat));
    assert.deepEqual([...new Set(got.map((m) => m.type))].sort(), typesOf(channel).slice().sort());
  });
}
