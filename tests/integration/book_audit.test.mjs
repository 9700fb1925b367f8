// The audit of live books against servers of which one lies: REST about a market, or the stream, which leaves a delta out
// without a gap in its numbers. And against the embedded exchange under load, where nobody does.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { WebSocketServer } from 'ws';
import { Book, KALUA, Sim, cleanEnv, tempDir, until } from './peers.mjs';

const keyPath = path.join(tempDir(), 'k.pem');
const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
fs.writeFileSync(keyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
const turned = (price) => (1 - Number(price)).toFixed(4); // NO prices are YES prices on the stream here

// An exchange with one market: `truth` is what REST says, the stream says what `say` sends.
async function exchange() {
  const x = { truth: new Book(), questions: 0, snapshots: 0, signed: 0, rest: null };
  const server = http.createServer((req, res) => {
    if (!req.url.endsWith('/orderbook')) { res.statusCode = 404; res.end('{}'); return; }
    x.questions++;
    if (req.headers['kalshi-access-key']) x.signed++;
    const book = x.rest ?? { yes_dollars: x.truth.levels('yes'), no_dollars: x.truth.levels('no') };
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify({ orderbook_fp: book }));
  });
  const wss = new WebSocketServer({ server, path: '/trade-api/ws/v2' });
  wss.on('connection', (ws) => {
    let seq = 0;
    const snapshot = (id) => {
      x.snapshots++;
      ws.send(JSON.stringify({ type: 'orderbook_snapshot', id, sid: 1, seq: ++seq, msg: {
        market_ticker: 'T', market_id: crypto.randomUUID(), yes_dollars_fp: x.truth.levels('yes'),
        no_dollars_fp: x.truth.levels('no').map(([p, c]) => [turned(p), c]) } }));
    };
    x.say = (price_dollars, delta_fp, side) => {
      const msg = { market_ticker: 'T', market_id: crypto.randomUUID(), price_dollars, delta_fp, side };
      x.truth.delta(msg);
      ws.send(JSON.stringify({ type: 'orderbook_delta', sid: 1, seq: ++seq,
        msg: { ...msg, price_dollars: side === 'no' ? turned(price_dollars) : price_dollars } }));
    };
    ws.on('message', (d) => {
      const m = JSON.parse(d);
      if (m.cmd === 'subscribe') {
        ws.send(JSON.stringify({ type: 'subscribed', id: m.id, msg: { channel: 'orderbook_delta', sid: 1 } }));
        snapshot();
      } else if (m.params?.action === 'get_snapshot') snapshot(m.id);
    });
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const host = `127.0.0.1:${server.address().port}`;
  x.truth.snapshot({ yes_dollars_fp: [['0.3000', '7.00'], ['0.4000', '10.00']], no_dollars_fp: [['0.5500', '3.00']] });
  x.env = { KALSHI_ENV: 'sim', KALSHI_REST_URL: `http://${host}/trade-api/v2`, KALSHI_WS_URL: `ws://${host}/trade-api/ws/v2`,
    KALSHI_API_KEY_ID: 'id', KALSHI_PRIVATE_KEY_PATH: keyPath };
  x.close = () => { wss.clients.forEach((c) => c.terminate()); server.closeAllConnections(); server.close(); };
  return x;
}

// Prints audits, differences and what the book has at 0.40, twenty times a second.
const script = `local kalshi, task = require "kalshi", require "task"
local books = {}
for _, ticker in ipairs(require "kalua".args) do books[#books + 1] = kalshi.book(ticker) end
while true do
  local s = kalshi.status()
  print(s.audits, s.audit_differences, s.audits_undecided, books[1]:count_at(0.4), books[1].stale, s.stale_books, s.messages)
  task.sleep(0.05)
end`;

function start(env, options, ...tickers) {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), script);
  const p = spawn(KALUA, ['--quiet', ...options, 's.lua', '--', ...tickers], { cwd, env: { ...cleanEnv(), ...env } });
  const run = { err: '' };
  let out = '';
  p.stdout.on('data', (d) => {
    out += d;
    const lines = out.split('\n');
    out = lines.pop();
    const last = lines.pop();
    if (!last) return;
    const [audits, differences, undecided, count, stale, stale_books, messages] = last.split('\t');
    run.now = { audits: +audits, differences: +differences, undecided: +undecided, count: +count, stale: stale === 'true',
      stale_books: +stale_books, messages: +messages };
  });
  p.stderr.on('data', (d) => { run.err += d; });
  const ended = new Promise((r) => p.on('close', r));
  run.stop = async () => { p.kill('SIGINT'); assert.equal(await ended, 130, run.err); };
  run.saw = (what, pred, ms) => until(what, () => run.now && pred(run.now), ms).catch((e) => {
    p.kill('SIGKILL');
    throw new Error(`${e.message}\n${JSON.stringify(run.now)}\n${run.err}`);
  });
  return run;
}

test('book audit', { concurrency: true }, async (t) => {
  await Promise.all([
    t.test('a delta that the stream left out is found and repaired', async () => {
      const x = await exchange();
      const run = start(x.env, ['--audit', '1'], 'T');
      await run.saw('the book', (s) => s.count === 10);
      x.truth.delta({ side: 'yes', price_dollars: '0.4000', delta_fp: '2.50' }); // and is never said
      x.say('0.5500', '1.00', 'no');
      await run.saw('the difference', (s) => s.differences >= 1);
      await run.saw('the repair', (s) => s.count === 12.5 && !s.stale);
      await run.saw('a book that agrees', (s) => s.audits >= 2);
      assert.equal(run.now.differences, 1);
      assert.equal(x.snapshots, 2);
      assert.equal(x.signed, 0, 'the questions of the audit cost the account nothing');
      assert.match(run.err, /T is not as REST says: YES bids at 0\.4000 are 10\.00 here and 12\.50 there/);
      await run.stop();
      x.close();
    }),
    t.test('a REST that lies about a market is told each time, and the book stays as the stream has it', async () => {
      const x = await exchange();
      x.rest = { yes_dollars: [['0.3000', '7.00'], ['0.4000', '11.00']], no_dollars: [['0.5500', '3.00']] };
      const run = start(x.env, ['--audit', '1'], 'T');
      await run.saw('two differences', (s) => s.differences >= 2);
      const { audits, differences } = run.now;
      assert.equal(audits, differences);
      assert.ok(x.questions >= 2 * audits, 'each is confirmed by a second question');
      await until('a snapshot behind each', () => x.snapshots > differences);
      await run.saw('the book', (s) => s.count === 10 && !s.stale);
      await run.stop();
      x.close();
    }),
    t.test('a REST that is behind the stream, and one that is ahead of it, agree', async () => {
      const x = await exchange();
      let n = 0, old;
      const ahead = () => x.truth.levels('yes').map(([p, c]) => [p, p === '0.4000' ? (Number(c) + 1).toFixed(2) : c]);
      const run = start(x.env, ['--audit', '1'], 'T');
      await run.saw('the book', (s) => s.count === 10);
      const ticking = setInterval(() => {
        if (n++ % 2 === 0) {
          old = x.truth.levels('yes');
          x.say('0.4000', '1.00', 'yes');
        } else {
          x.rest = { yes_dollars: n % 4 === 0 ? old : ahead(), no_dollars: x.truth.levels('no') };
        }
      }, 400);
      await run.saw('audits', (s) => s.audits >= 4);
      clearInterval(ticking);
      assert.equal(run.now.differences, 0, run.err);
      await run.stop();
      x.close();
    }),
    t.test('a REST that fails is told once', async () => {
      const x = await exchange();
      x.rest = { yes_dollars: 'none' };
      const run = start(x.env, ['--audit', '1'], 'T');
      await run.saw('an audit without a verdict', (s) => s.undecided >= 1);
      assert.equal(run.now.audits, 0);
      assert.equal(run.err.match(/books cannot be compared with REST/g).length, 1);
      await run.stop();
      x.close();
    }),
    t.test('no difference on the embedded exchange at thousands of messages a second', async () => {
      const sim = await Sim.start('--rate', '4000', '--markets', '12', '--seed', '5');
      const { body } = await sim.rest('GET', '/markets?limit=12&status=open');
      const run = start(sim.env(), ['--audit', '1'], ...body.markets.map((m) => m.ticker));
      await run.saw('audits', (s) => s.audits >= 5 && s.messages > 5000);
      assert.equal(run.now.differences, 0, run.err);
      assert.equal(run.now.stale_books, 0);
      await run.stop();
      await sim.stop();
    }),
    t.test('--audit 0 asks nothing', async () => {
      const x = await exchange();
      const run = start(x.env, ['--audit', '0'], 'T');
      await run.saw('the book', (s) => s.count === 10);
      await new Promise((r) => setTimeout(r, 6000));
      assert.equal(x.questions, 0);
      await run.stop();
      x.close();
    }),
  ]);
});
