// Figures for a person: start-up, memory, one REST order, messages a second through one book. Not a test; the machine is
// shared, so compare only within one run. node tests/bench/measure.mjs [path of kalua]
import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

const require = createRequire(new URL('../integration/package.json', import.meta.url));
const { WebSocketServer } = require('ws');
const KALUA = path.resolve(process.argv[2] ?? 'build/release/kalua');
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'kalua-bench-'));
const script = (name, text) => { fs.writeFileSync(path.join(dir, name), text); return name; };
const median = (a) => [...a].sort((x, y) => x - y)[a.length >> 1];
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
const memory = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const cpu = (pid) => { // user + system of all threads, seconds
  const f = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(f[11]) + Number(f[12])) / 100;
};

function run(args, env = {}, onLine = () => {}) {
  const p = spawn(KALUA, args, { cwd: dir, env: { ...process.env, ...env } });
  const r = { p, out: '', err: '' };
  let rest = '';
  p.stdout.on('data', (d) => {
    r.out += d;
    rest += d;
    for (let i; (i = rest.indexOf('\n')) >= 0; rest = rest.slice(i + 1)) onLine(rest.slice(0, i), p);
  });
  p.stderr.on('data', (d) => { r.err += d; });
  r.ended = new Promise((resolve) => p.on('close', resolve));
  return r;
}

async function startUp() {
  const file = script('first.lua', 'print "first line"');
  const times = [];
  for (let i = 0; i < 15; i++) {
    const t = process.hrtime.bigint();
    let first;
    const r = run(['--quiet', file], {}, () => { first ??= Number(process.hrtime.bigint() - t) / 1e6; });
    await r.ended;
    times.push(first);
  }
  console.log(`start to first script line, embedded exchange included: ${median(times).toFixed(0)} ms (median of ${times.length})`);
  const plain = [];
  for (let i = 0; i < 15; i++) {
    const t = process.hrtime.bigint();
    let first;
    await run(['--quiet', '--env', 'demo', file], {}, () => { first ??= Number(process.hrtime.bigint() - t) / 1e6; }).ended;
    plain.push(first);
  }
  console.log(`the same without it (--env demo): ${median(plain).toFixed(0)} ms`);
}

async function memoryUse() {
  const idle = script('idle.lua', 'print "up" require("task").sleep(60)');
  let r = run(['--quiet', '--env', 'demo', idle]);
  await sleep(1500);
  console.log(`resident, idle, one script (--env demo): ${(memory(r.p.pid) / 1024).toFixed(1)} MB`);
  r.p.kill('SIGINT');
  await r.ended;
  const sim = run(['sim', '--json', '--markets', '1000']);
  while (!sim.out.includes('\n')) await sleep(50);
  const s = JSON.parse(sim.out);
  const env = { KALSHI_REST_URL: s.rest_url, KALSHI_WS_URL: s.ws_url, KALSHI_API_KEY_ID: s.key_id, KALSHI_PRIVATE_KEY_PATH: s.key_path };
  const books = script('books.lua', `local kalshi, task = require "kalshi", require "task"
local tickers = {}
for m in kalshi.each.get_markets{ status = "open", limit = 1000 } do tickers[#tickers + 1] = m.ticker end
print("before", #tickers)
task.sleep(1.5)
local books = {}
local jobs = {}
for i, t in ipairs(tickers) do jobs[i] = function() books[i] = kalshi.book(t) end end
task.all(jobs)
print "books"
task.sleep(60)`);
  let before, count;
  const done = new Promise((resolve) => {
    r = run(['--quiet', books], env, async (line, p) => {
      if (line.startsWith('before')) { count = Number(line.split('\t')[1]); await sleep(700); before = memory(p.pid); }
      if (line === 'books') { await sleep(1500); resolve(memory(p.pid)); }
    });
    r.ended.then(() => resolve(NaN));
  });
  const after = await done;
  console.log(`resident with ${count} live books: ${(after / 1024).toFixed(1)} MB (${((after - before) * 1024 / count).toFixed(0)} bytes a book)`);
  r.p.kill('SIGINT');
  await r.ended;
  sim.p.kill('SIGTERM');
  await sim.ended;
}

async function orderCost() {
  const file = script('orders.lua', `local kalshi, kalua = require "kalshi", require "kalua"
local t = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
local times = {}
for i = 1, 60 do
  local begin = kalua.now()
  local o = kalshi.create_order{ ticker = t, side = "bid", price = 0.01, count = 1, time_in_force = "good_till_canceled",
    self_trade_prevention_type = "taker_at_cross" }
  times[i] = kalua.now() - begin
  kalshi.cancel_order(o.order_id)
  require("task").sleep(0.15)
end
table.sort(times)
print(string.format("one order, create to answer, signed and verified, embedded exchange: %.0f us (median of %d), %.0f us (90th)",
  times[30] * 1e6, #times, times[54] * 1e6))`);
  const r = run(['--quiet', file]);
  await r.ended;
  process.stdout.write(r.out || r.err);
}

// A burst of deltas for one market, written in large pieces, as after a reconnect.
async function burst(total, body, what) {
  const T = 'KXBENCH-1';
  const frame = (text) => {
    const b = Buffer.from(text);
    const head = b.length < 126 ? Buffer.from([0x81, b.length]) : Buffer.from([0x81, 126, b.length >> 8, b.length & 255]);
    return Buffer.concat([head, b]);
  };
  const frames = [];
  for (let i = 0; i < total; i++) {
    frames.push(frame(`{"type":"orderbook_delta","sid":1,"seq":${i + 2},"msg":{"market_ticker":"${T}","market_id":"30ebe0c2-d075-4992-9896-9ab2e8d35072","price_dollars":"0.${30 + (i * 7) % 20}00","delta_fp":"${i % 40 < 20 ? '3.00' : '-3.00'}","side":"yes","ts":"2026-09-15T14:30:00.15Z","ts_ms":${1789482600150 + i}}}\n`));
  }
  const data = Buffer.concat(frames);
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = path.join(dir, 'k.pem');
  fs.writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const server = http.createServer((req, res) => res.end('{}'));
  const wss = new WebSocketServer({ server });
  let pid, cpu0, t0;
  wss.on('connection', (ws, req) => ws.on('message', (d) => {
    const m = JSON.parse(d);
    if (m.cmd !== 'subscribe') return;
    ws.send(JSON.stringify({ type: 'subscribed', id: m.id, msg: { channel: 'orderbook_delta', sid: 1 } }));
    ws.send(JSON.stringify({ type: 'orderbook_snapshot', sid: 1, seq: 1, msg: { market_ticker: T, market_id: 'x', yes_dollars_fp:
      Array.from({ length: 20 }, (_, i) => [`0.${30 + i}00`, '1000.00']) } }));
    setTimeout(() => { cpu0 = cpu(pid); t0 = Date.now(); req.socket.write(data); }, 300);
  }));
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const host = `127.0.0.1:${server.address().port}/trade-api`;
  const file = script('burst.lua', `local kalshi = require "kalshi"
local b = kalshi.book "${T}"
local n = 0
${body.replace(/TOTAL/g, String(total + 1))}
print("done", n)
require("task").sleep(5)`);
  let report;
  const finished = new Promise((resolve) => { report = resolve; });
  const r = run(['--quiet', file], { KALSHI_REST_URL: `http://${host}/v2`, KALSHI_WS_URL: `ws://${host}/ws/v2`,
    KALSHI_API_KEY_ID: 'id', KALSHI_PRIVATE_KEY_PATH: key }, (line, p) => {
    if (line.startsWith('done')) report({ seconds: (Date.now() - t0) / 1000, cpu: cpu(p.pid) - cpu0, n: line.split('\t')[1] });
  });
  pid = r.p.pid;
  r.ended.then(() => report(null));
  const got = await finished;
  if (got) {
    console.log(`${what}: ${(total / got.seconds / 1e6).toFixed(2)} M messages/s wall, ${(got.cpu / total * 1e9).toFixed(0)} ns CPU a message (${got.n} turns of the loop for ${total} messages)`);
  } else console.log(`${what}: ${r.err}`);
  r.p.kill('SIGKILL');
  await r.ended;
  wss.clients.forEach((c) => c.terminate());
  server.close();
}

console.log(`${execFileSync(KALUA, ['--version'], { encoding: 'utf8' }).trim()}, ${os.cpus()[0].model}, ${os.cpus().length} cores`);
await startUp();
await memoryUse();
await orderCost();
const N = 1000000;
for (let i = 0; i < 3; i++) {
  await burst(N, 'for b in b:changes() do n = n + 1 if b.seq >= TOTAL then break end end', 'one watcher, changes()');
}
fs.rmSync(dir, { recursive: true });
process.exit(0);
