// What a network and an exchange can do to a client: gone in mid-stream, half a frame, no JSON, gaps, HTML, silence.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { WebSocketServer } from 'ws';
import { KALUA, Sim, cleanEnv, kalua, tempDir, until } from './peers.mjs';

const keys = tempDir();
const keyPath = path.join(keys, 'k.pem');
const { privateKey } = (await import('node:crypto')).generateKeyPairSync('rsa', { modulusLength: 2048 });
fs.writeFileSync(keyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });

// A server whose REST answers come from `rest(req, res)` and whose sockets go to `socket(ws, n)`.
async function fake({ rest, socket }) {
  const server = http.createServer((req, res) => {
    let body = '';
    req.on('data', (d) => { body += d; });
    req.on('end', () => rest?.(req, res, body));
  });
  const wss = new WebSocketServer({ server, path: '/trade-api/ws/v2' });
  let n = 0;
  wss.on('connection', (ws, req) => { ws.on('error', () => {}); socket?.(ws, n++, req.socket); });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const host = `127.0.0.1:${server.address().port}`;
  return {
    env: { KALSHI_ENV: 'sim', KALSHI_REST_URL: `http://${host}/trade-api/v2`, KALSHI_WS_URL: `ws://${host}/trade-api/ws/v2`,
      KALSHI_API_KEY_ID: 'id', KALSHI_PRIVATE_KEY_PATH: keyPath },
    close: () => { wss.clients.forEach((c) => c.terminate()); server.closeAllConnections(); return new Promise((r) => server.close(r)); },
    connections: () => n,
  };
}

function start(text, env, ...args) {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), text);
  const p = spawn(KALUA, ['--quiet', ...args, 's.lua'], { cwd, env: { ...cleanEnv(), ...env } });
  const run = { p, out: '', err: '' };
  p.stdout.on('data', (d) => { run.out += d; });
  p.stderr.on('data', (d) => { run.err += d; });
  run.ended = new Promise((r) => p.on('close', (code) => r(code)));
  run.saw = (text_, ms) => until(`"${text_}" in the output`, () => run.out.includes(text_), ms).catch((e) => {
    p.kill('SIGKILL');
    throw new Error(`${e.message}\n${run.out}\n${run.err}`);
  });
  return run;
}

const T = 'KXTEST-1';
const snapshot = (sid, seq, yes, extra = {}) => JSON.stringify({ type: 'orderbook_snapshot', sid, seq, ...extra,
  msg: { market_ticker: T, market_id: '30ebe0c2-d075-4992-9896-9ab2e8d35072', yes_dollars_fp: yes } });
const delta = (sid, seq, price, d) => JSON.stringify({ type: 'orderbook_delta', sid, seq,
  msg: { market_ticker: T, market_id: '30ebe0c2-d075-4992-9896-9ab2e8d35072', price_dollars: price, delta_fp: d, side: 'yes', ts_ms: Date.now() } });

// Answers subscribe and get_snapshot with a book of one level, whose count is `n` on the n-th connection.
function exchange(ws, n, after) {
  const s = { seq: 0, commands: [] };
  ws.on('message', (d) => {
    const m = JSON.parse(d);
    s.commands.push(m);
    if (m.cmd === 'subscribe') {
      for (const channel of m.params.channels) ws.send(JSON.stringify({ type: 'subscribed', id: m.id, msg: { channel, sid: 1 } }));
      ws.send(snapshot(1, ++s.seq, [['0.4000', `${n + 1}.00`]]));
      after?.(s);
    } else if (m.params?.action === 'get_snapshot') {
      ws.send(snapshot(1, ++s.seq, [['0.4000', '77.00']], { id: m.id }));
    }
  });
  return s;
}

const watcher = `local kalshi = require "kalshi"
local b = kalshi.book "${T}"
for b in b:changes() do
  if b.stale then print "stale" else print("count", b:count_at(0.4)) end
end`;

test('the exchange goes away in mid-stream: stale, then right again, by itself', async () => {
  let connection;
  const f = await fake({ socket: (ws, n, raw) => { connection ??= raw; exchange(ws, n); } });
  const run = start(watcher, f.env);
  await run.saw('count\t1.0');
  connection.destroy();
  await run.saw('stale');
  await run.saw('count\t2.0');
  run.p.kill('SIGINT');
  assert.equal(await run.ended, 130);
  await f.close();
});

test('half a frame and then nothing more: another connection', async () => {
  const f = await fake({ socket: (ws, n, raw) => exchange(ws, n, () => n === 0 && setTimeout(() => {
    raw.write(Buffer.from([0x81, 100, 0x7b, 0x22]));
    raw.destroy();
  }, 200)) });
  const run = start(watcher, f.env);
  await run.saw('count\t2.0');
  run.p.kill('SIGINT');
  await run.ended;
  await f.close();
});

test('a frame that is not JSON is logged and repaired, and does not end the connection', async () => {
  const f = await fake({ socket: (ws, n) => exchange(ws, n, (s) => setTimeout(() => {
    ws.send('this is not JSON');
    s.seq++; // the exchange counted the message that could not be read
    ws.send(delta(1, ++s.seq, '0.4000', '5.00'));
  }, 200)) });
  const run = start(watcher, f.env);
  await run.saw('count\t77.0');
  assert.equal(f.connections(), 1);
  run.p.kill('SIGINT');
  await run.ended;
  assert.match(run.err, /JSON|malformed/i);
  await f.close();
});

test('a gap in the sequence: stale at once, a snapshot asked for, right again', async () => {
  let session, socket;
  const f = await fake({ socket: (ws, n) => { socket = ws; session = exchange(ws, n); } });
  const run = start(watcher, f.env);
  await run.saw('count\t1.0');
  session.seq += 2;
  socket.send(delta(1, session.seq, '0.4000', '5.00'));
  await run.saw('count\t77.0');
  assert.ok(session.commands.some((c) => c.params?.action === 'get_snapshot' && c.params.market_tickers.includes(T)));
  assert.ok(session.commands.filter((c) => c.cmd === 'subscribe').every((c) => c.params.use_yes_price !== undefined));
  assert.doesNotMatch(run.out, /count\t6\.0/, 'a delta after the gap must not be shown');
  run.p.kill('SIGINT');
  await run.ended;
  await f.close();
});

test('a refused handshake is an error that says why', async () => {
  const server = http.createServer();
  server.on('upgrade', (req, socket) => socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 76\r\n\r\n{"error":{"code":"authentication_error","message":"authentication_error"}}  '));
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const host = `127.0.0.1:${server.address().port}`;
  const run = start(`require("kalshi").book "${T}"`, { KALSHI_ENV: 'sim', KALSHI_REST_URL: `http://${host}/trade-api/v2`,
    KALSHI_WS_URL: `ws://${host}/trade-api/ws/v2`, KALSHI_API_KEY_ID: 'id', KALSHI_PRIVATE_KEY_PATH: keyPath });
  assert.equal(await run.ended, 3, run.err);
  assert.match(run.err, /401|authentication/);
  server.closeAllConnections();
  await new Promise((r) => server.close(r));
});

test('a 500 with an HTML body is retried for a read, and then told as what it is', async () => {
  let calls = 0;
  const f = await fake({ rest: (req, res) => {
    calls++;
    res.writeHead(500, { 'Content-Type': 'text/html' });
    res.end('<html><body><h1>Internal Server Error</h1></body></html>');
  } });
  const run = start('local ok, e = pcall(require("task").timeout, 4, function() require("kalshi").get_market "X" end) print(e.kind) ' +
    'local ok, e = pcall(require("kalshi").cancel_order, "x") print(e.kind, e.status, e) ', f.env);
  assert.equal(await run.ended, 0, run.err);
  assert.match(run.out, /http\t500\t.*(html|HTML)/);
  assert.ok(calls >= 3, `${calls} calls`);
  await f.close();
});

test('a write whose answer is lost is never sent again, and says so', async () => {
  let writes = 0;
  const f = await fake({ rest: (req, res, body) => {
    if (req.method === 'POST') { writes++; assert.match(JSON.parse(body).client_order_id, /./); req.socket.destroy(); }
    else res.end('{}');
  } });
  const run = start(`local ok, e = pcall(require("kalshi").create_order, { ticker = "${T}", side = "bid", price = 0.5, count = 1,
    time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" })
  print(ok, e.kind, e.code, e.retryable) print(e)`, f.env);
  assert.equal(await run.ended, 0, run.err);
  assert.match(run.out, /^false\tnetwork\toutcome_unknown\tfalse/);
  assert.match(run.out, /client_order_id/);
  assert.equal(writes, 1);
  await f.close();
});

test('429 on a write waits and tries again; the script sees one order', async () => {
  let writes = 0;
  const f = await fake({ rest: (req, res) => {
    res.setHeader('Content-Type', 'application/json');
    if (req.method === 'POST' && ++writes === 1) { res.statusCode = 429; res.end('{"error":"too many requests"}'); return; }
    res.statusCode = 201;
    res.end('{"order_id":"a","fill_count":"0.00","remaining_count":"1.00","ts_ms":1}');
  } });
  const run = start(`print(require("kalshi").create_order{ ticker = "${T}", side = "bid", price = 0.5, count = 1,
    time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }.order_id)`, f.env);
  assert.equal(await run.ended, 0, run.err);
  assert.equal(run.out, 'a\n');
  assert.equal(writes, 2);
  await f.close();
});

test('an order in flight at Ctrl-C is answered before the process ends', async () => {
  let arrived = false, answered = false;
  const f = await fake({ rest: (req, res) => {
    if (req.method !== 'POST') { res.end('{}'); return; }
    arrived = true;
    setTimeout(() => { answered = true; res.writeHead(201, { 'Content-Type': 'application/json' });
      res.end('{"order_id":"slow","fill_count":"0.00","remaining_count":"1.00","ts_ms":1}'); }, 1500);
  } });
  const run = start(`print "sending" require("kalshi").create_order{ ticker = "${T}", side = "bid", price = 0.5, count = 1,
    time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }`, f.env);
  await until('the order', () => arrived);
  run.p.kill('SIGINT');
  assert.equal(await run.ended, 130, run.err);
  assert.ok(answered);
  assert.match(run.err, /slow/, 'the answer of an abandoned order is logged');
  await f.close();
});

test('standard output that goes away ends the program', async () => {
  const sim = await Sim.start();
  const run = start('local task = require "task" while true do print(("x"):rep(1000)) task.sleep(0.01) end', sim.env());
  await run.saw('x');
  run.p.stdout.destroy();
  assert.equal(await run.ended, 1);
  await sim.stop();
});

test('redirects are not followed', async () => {
  let elsewhere = 0;
  const other = http.createServer((req, res) => { elsewhere++; res.end('{}'); });
  await new Promise((r) => other.listen(0, '127.0.0.1', r));
  const f = await fake({ rest: (req, res) => { res.writeHead(301, { Location: `http://127.0.0.1:${other.address().port}/` }); res.end(); } });
  const run = await kalua(['api', 'get_exchange_status'], { env: f.env });
  assert.notEqual(run.code, 0);
  assert.match(run.stderr, /301/);
  assert.equal(elsewhere, 0);
  await f.close();
  await new Promise((r) => other.close(r));
});

test('an answer that breaks off inside a string is printed on a terminal too', async () => {
  const f = await fake({ rest: (req, res) => res.end('{"a":"b') });
  const p = spawn('script', ['-qec', `${KALUA} api get_exchange_status`, '/dev/null'],
    { env: { ...cleanEnv(), ...f.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const end = setTimeout(() => p.kill('SIGKILL'), 20000);
  let out = '';
  p.stdout.on('data', (d) => { out += d; });
  const code = await new Promise((r) => p.on('close', r));
  clearTimeout(end);
  assert.equal(code, 0, out);
  assert.match(out, /"a": "b/);
  await f.close();
});

test('a book follows an exchange that counts its messages anew', async () => {
  const f = await fake({ socket: (ws, n) => exchange(ws, n, (s) => setTimeout(() => {
    for (let i = 0; i < 5; i++) ws.send(delta(1, ++s.seq, '0.4000', '1.00'));
    s.seq = 0;
    for (let i = 0; i < 2; i++) ws.send(delta(1, ++s.seq, '0.4000', '10.00'));
  }, 200)) });
  const run = start(watcher, f.env);
  await run.saw('count\t77.0');
  assert.equal(f.connections(), 1);
  run.p.kill('SIGINT');
  await run.ended;
  assert.match(run.err, /counted anew/);
  await f.close();
});

test('a certificate that is not trusted is a configuration error at once, by REST and for books; --ca mends it', async () => {
  const sim = await Sim.start('--tls');
  const env = sim.env();
  const market = 'local t = require("kalshi").get_markets{ limit = 1 }.markets[1].ticker ';
  const rest = start(`${market}`, env);
  assert.equal(await rest.ended, 3, rest.err);
  assert.match(rest.err, /certificate.*--ca/);
  const book = start(`require("kalshi").book "${T}"`, env);
  assert.equal(await book.ended, 3, book.err);
  assert.match(book.err, /certificate.*--ca/);
  const good = start(`${market} print(require("kalshi").book(t).stale)`, { ...env, KALUA_CA: sim.ca_path });
  assert.equal(await good.ended, 0, good.err);
  assert.equal(good.out, 'false\n');
  assert.equal(await sim.stop(), 0);
});
