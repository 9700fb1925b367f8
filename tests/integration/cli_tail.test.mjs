// `kalua tail`: what comes out against what a client of npm's `ws` sees, readers that are slow or gone, and mistakes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { KALUA, Sim, cleanEnv, kalua, sleep, tempDir, until } from './peers.mjs';
import { Terminal } from './terminal.mjs';

let sim, tickers;
before(async () => {
  sim = await Sim.start('--seed', '3', '--rate', '200');
  // Those that trade most come first: which they are depends on the hour.
  tickers = (await sim.rest('GET', '/markets?limit=1000&status=open')).body.markets.sort((a, b) => b.volume_fp - a.volume_fp)
    .slice(0, 30).map((m) => m.ticker);
});
after(() => {
  Terminal.closeAll();
  return sim?.stop();
});

const tail = (args, options = {}) => kalua(['tail', ...args], { env: sim.env(), ...options });
const objects = (text) => text.split('\n').slice(0, -1).map((l) => JSON.parse(l));
// A message as a script sees it: flat, fixed-point texts as numbers.
const flat = ({ type, sid, seq, msg }) => {
  const number = (k, v) => (typeof v === 'string' && /_(dollars|fp)$/.test(k) ? Number(v)
    : Array.isArray(v) ? v.map((l) => (Array.isArray(l) ? l.map(Number) : l)) : v);
  return { ...Object.fromEntries(Object.entries(msg).map(([k, v]) => [k, number(k, v)])), type, sid, ...(seq === undefined ? {} : { seq }) };
};
const key = (m) => `${m.type} ${m.market_ticker} ${m.trade_id ?? m.ts_ms}`;

test('messages are objects, the same that another client gets, with numbers; --raw is their text', async () => {
  const c = await sim.ws();
  const markets = tickers.slice(0, 10);
  await c.reply(c.send('subscribe', { channels: ['ticker'], market_tickers: markets }));
  await c.reply(c.send('subscribe', { channels: ['trade'] }));
  const [plain, raw] = await Promise.all([tail(['trade,ticker', ...markets, '--seconds', '60', '--max', '100']),
    tail(['trade', '--raw', '--seconds', '60', '--max', '30'])]);
  assert.equal(plain.code, 0, plain.stderr);
  assert.equal(plain.stderr, '');
  const theirs = new Map(c.messages.filter((m) => m.msg?.market_ticker && m.sid).map((m) => [key({ ...m.msg, type: m.type }), m]));
  const lines = objects(plain.stdout);
  assert.ok(lines.length > 10, `${lines.length} messages`);
  let compared = 0;
  for (const line of lines) {
    assert.ok(markets.includes(line.market_ticker));
    const other = theirs.get(key(line));
    if (!other) continue; // tickers that were put together differently
    const { sid, seq, ...fields } = flat(other);
    const { sid: _sid, seq: ours, ...got } = line;
    assert.equal(ours === undefined, seq === undefined);
    if (line.type === 'trade') assert.deepEqual(got, fields);
    else assert.deepEqual(Object.keys(got).sort(), Object.keys(fields).sort());
    compared++;
  }
  assert.ok(compared > 5 && lines.some((l) => l.type === 'trade'), `${compared} compared`);
  const rawLines = raw.stdout.split('\n').slice(0, -1);
  assert.ok(rawLines.length > 5);
  await until('the same messages at the other client', () => {
    const texts = new Set(c.raw.map((r) => JSON.stringify(JSON.parse(r).msg)));
    return rawLines.every((l) => texts.has(JSON.stringify(JSON.parse(l).msg)));
  });
  for (const l of rawLines) assert.match(JSON.parse(l).msg.yes_price_dollars, /^0\.\d{4}$/);
  await c.close();
});

test('every trade comes, in order, until --max or --seconds or Ctrl-C', async () => {
  const some = await tail(['trade', '--max', '25']);
  assert.equal(some.code, 0, some.stderr);
  const got = objects(some.stdout);
  assert.equal(got.length, 25);
  got.forEach((m, i) => assert.equal(m.seq, got[0].seq + i));
  const started = Date.now();
  const timed = await tail(['trade', '--seconds', '1']);
  assert.equal(timed.code, 0);
  assert.ok(Date.now() - started >= 1000);
  const stopped = await tail(['trade'], { kill: /\n/ });
  assert.deepEqual([stopped.code, stopped.stderr], [130, '']);
  assert.ok(stopped.stdout.endsWith('}\n'), 'whole lines');
});

test('--initial gives the present state of the markets first, also of several channels', async () => {
  const run = await tail(['ticker', ...tickers.slice(0, 3), '--initial', '--max', '3']);
  assert.equal(run.code, 0, run.stderr);
  const rest = (await sim.rest('GET', `/markets?tickers=${tickers.slice(0, 3).join(',')}`)).body.markets;
  const seen = objects(run.stdout);
  assert.deepEqual(seen.map((m) => m.market_ticker).sort(), rest.map((m) => m.ticker).sort());
});

test('orderbook_delta begins with a snapshot', async () => {
  const run = await tail(['orderbook_delta', tickers[0], '--max', '1']);
  const [snapshot] = objects(run.stdout);
  assert.equal(snapshot.type, 'orderbook_snapshot');
  assert.equal(typeof (snapshot.yes_dollars_fp ?? snapshot.no_dollars_fp)[0][0], 'number');
});

test('the events of the connection stand among the messages', async () => {
  const other = await Sim.start('--seed', '8', '--rate', '50');
  let ended;
  const run = await kalua(['tail', 'trade,kalshi.status'], { env: other.env(), kill: /disconnected/, onOut: (out) => {
    if (out.includes('"type":"trade"')) ended ??= other.stop();
  } });
  await ended;
  const got = objects(run.stdout);
  assert.ok(got.some((m) => m.type === 'kalshi.status' && m.event === 'disconnected'), run.stdout.slice(-500));
  assert.match(run.stderr, /feed/);
});

test('events alone hold a connection, too', async () => {
  const run = await tail(['kalshi.status', '--max', '1', '--seconds', '30']);
  assert.equal(run.code, 0, run.stderr);
  assert.deepEqual(objects(run.stdout).map((m) => [m.type, m.event]), [['kalshi.status', 'connected']]);
});

test('channels by index and the options of communications are passed on', async () => {
  for (const args of [['cfbenchmarks_value', 'BRTI'], ['cfbenchmarks_value_5hz', 'all'], ['pyth_value', 'all'],
    ['communications', '--shard', '1/4'], ['communications', '--self'], ['order_group_updates'], ['fill,user_orders,market_positions'],
    ['market_lifecycle_v2,multivariate_market_lifecycle'], ['kalshi.status']]) {
    const run = await tail([...args, '--seconds', '0.3']);
    assert.deepEqual([run.code, run.stderr], [0, ''], args.join(' '));
  }
});

// tail with a reader that takes nothing until `resume`.
function blocked(args, stdio = 'pipe') {
  const p = spawn(KALUA, ['tail', ...args], { env: { ...cleanEnv(), ...sim.env() }, cwd: tempDir(), stdio: ['ignore', stdio, 'pipe'] });
  const run = { process: p, stdout: '', stderr: '' };
  p.stderr.on('data', (d) => { run.stderr += d; });
  run.ended = new Promise((r) => p.on('close', (code) => r(code)));
  run.resume = () => p.stdout.on('data', (d) => { run.stdout += d; });
  return run;
}

test('a reader that is too slow: what came before is whole, then one line with the number of lost messages', async () => {
  const busy = await Sim.start('--seed', '4', '--rate', '6000', '--markets', '100');
  const markets = (await busy.rest('GET', '/markets?limit=100&status=open')).body.markets.map((m) => m.ticker);
  const run = blocked(['orderbook_delta', ...markets, '--raw', ...Object.entries({ env: 'sim', 'rest-url': busy.rest_url,
    'ws-url': busy.ws_url, 'key-id': busy.key_id, key: busy.key_path }).flatMap(([k, v]) => [`--${k}`, v])]);
  run.resume();
  for (let ms = 6000, over = false; !over; ms *= 2) { // how long it takes until no more fits is the machine's affair
    run.process.stdout.pause();
    await sleep(ms);
    run.process.stdout.resume();
    over = await Promise.race([run.ended.then(() => true), sleep(3000).then(() => false)]);
  }
  assert.equal(await run.ended, 1, run.stderr);
  assert.match(run.stderr, /^kalua: \d+ messages lost: .*what reads the output is too slow.*$/m);
  const got = objects(run.stdout).filter((m) => m.seq !== undefined);
  assert.ok(got.length > 5000, `${got.length} before the overflow`);
  got.forEach((m, i) => assert.ok(i === 0 || m.seq === got[i - 1].seq + 1, `a hole at line ${i}`));
  await busy.stop();
});

test('Ctrl-C ends it also while nobody reads, and says what was not taken', async () => {
  const run = blocked(['orderbook_delta', ...tickers]);
  await until('its first lines', () => run.process.stdout.readableLength > 0);
  await sleep(3000); // nobody reads on
  run.process.kill('SIGINT');
  assert.equal(await Promise.race([run.ended, sleep(30000).then(() => 'it hangs')]), 130);
  if (run.stderr) assert.match(run.stderr, /\d+ lines are lost: what reads standard output had not taken them yet/);
});

test('a reader that goes ends it quietly, a disk that is full does not', async () => {
  const cwd = tempDir();
  const shell = (command) => new Promise((resolve) => {
    const p = spawn('bash', ['-c', command], { cwd, env: { ...cleanEnv(), ...sim.env(), KALUA } });
    let stdout = '', stderr = '';
    p.stdout.on('data', (d) => { stdout += d; });
    p.stderr.on('data', (d) => { stderr += d; });
    p.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  const head = await shell('"$KALUA" tail trade | head -n 3; echo "${PIPESTATUS[0]}"');
  assert.equal(head.stderr, '');
  const lines = head.stdout.trim().split('\n');
  assert.deepEqual([lines.length, lines[3]], [4, '1'], head.stdout);
  const full = await shell('"$KALUA" tail trade --max 3 > /dev/full');
  assert.deepEqual([full.code, full.stderr], [1, 'kalua: cannot write to standard output: No space left on device\n']);
  const file = await shell('"$KALUA" tail trade --max 3 > out');
  assert.deepEqual([file.code, file.stderr], [0, '']);
  assert.equal(objects(fs.readFileSync(path.join(cwd, 'out'), 'utf8')).length, 3);
  const fifo = await shell('mkfifo f; ("$KALUA" tail trade --max 4 > f &) ; sleep 1; wc -l < f');
  assert.equal(fifo.stdout.trim(), '4', fifo.stderr);
});

test('in a terminal each line is there as it comes, and the terminal stays as it is', async () => {
  const t = await Terminal.start(['tail', 'trade', '--max', '2'], { env: sim.env(), rows: 50, columns: 200 });
  const end = await t.end();
  assert.equal(end.code, 0);
  assert.equal(end.modes[0], end.modes[1]);
  assert.equal(end.output.match(/^\{.*"type":"trade".*\}\r$/gm).length, 2);
});

test('--list names the channels, as the exchange has them', async () => {
  const list = await kalua(['tail', '--list']);
  const names = list.stdout.trim().split('\n').map((l) => l.split(' ')[0]);
  const spec = fs.readFileSync(new URL('../../docs/feed.md', import.meta.url), 'utf8');
  const documented = [...spec.matchAll(/^\| (`[a-z_0-9.`, ]+`) \| /gm)].flatMap((m) => [...m[1].matchAll(/`([^`]+)`/g)].map((n) => n[1]));
  for (const name of names) assert.ok(documented.includes(name), name);
  assert.ok(names.includes('kalshi.status') && names.length === 14, names.join(' '));
});

test('mistakes are told before anything is opened', async () => {
  const t = tickers[0];
  for (const [args, said] of [[[], /which channel\?.*--list/], [['trad'], /did you mean trade\?/], [['orderbook', t], /did you mean orderbook_delta\?/],
    [['market_position'], /did you mean market_positions\?/], [[t], /the channel comes first: kalua tail trade KX/], [['orderbook_delta'], /needs markets: kalua tail orderbook_delta/],
    [['ticker,', t], /single commas/], [['ticker,,trade'], /single commas/], [[''], /single commas/], [['ticker', `${t},${t}`], /separated by blanks/],
    [['ticker', ''], /empty/], [['cfbenchmarks_value'], /needs index ids, or all/], [['pyth_value'], /needs underlyings, or all/],
    [['cfbenchmarks_value,trade', 'BRTI'], /take different words/], [['order_group_updates', t], /takes no tickers/], [['kalshi.status', t], /takes no tickers/],
    [['trade', '--initial'], /--initial is for channel ticker only/], [['trade', '--self'], /--self is for channel communications only/],
    [['trade', '--shard', '0/2'], /--shard is for channel communications only/], [['communications', '--shard', '2/2'], /KEY\/FACTOR/],
    [['communications', '--shard', '2'], /KEY\/FACTOR/], [['communications', '--shard', '0/101'], /KEY\/FACTOR/],
    [['communications', '--shard', '-1/2'], /KEY\/FACTOR/], [['communications', '--shard', '0/2x'], /KEY\/FACTOR/], [['trade', '--max', '0'], /--max/]]) {
    const run = await kalua(['tail', ...args]);
    assert.equal(run.code, 2, `${args.join(' ')}: ${run.stderr}`);
    assert.match(run.stderr, said);
    assert.match(run.stderr, /^kalua: [^\n]*see `kalua tail --help` \(kalua explain usage\)\n$/);
  }
});

test('a market that does not exist is one line with what may have been meant', async () => {
  const t = tickers[0];
  for (const [given, said] of [[t.toLowerCase(), `did you mean ${t}\\?`], ['KXNOPE-1', 'get_markets status=open'], [`${t}0`, 'did you mean KX']]) {
    const run = await tail(['trade', tickers[1], given]);
    assert.deepEqual([run.code, run.stdout], [1, '']);
    assert.match(run.stderr, new RegExp(`^kalua: there is no market "${given}".*${said}.*\n$`));
  }
});

test('a feed that cannot be reached at the start is exit code 4, with the reason', async () => {
  const env = { ...sim.env(), KALSHI_WS_URL: 'ws://127.0.0.1:1/' };
  const runs = await Promise.all([kalua(['tail', 'trade'], { env }), kalua(['book', tickers[0], '--once'], { env })]);
  for (const run of runs) {
    assert.deepEqual([run.code, run.stdout], [4, '']);
    assert.match(run.stderr, /\nkalua: network: no connection to the exchange's feed within 15 seconds: .*127\.0\.0\.1:1/);
  }
});

test('an exchange that is not there, and no key', async () => {
  const nowhere = await kalua(['tail', 'trade', '--seconds', '3'], { env: { ...sim.env(), KALSHI_WS_URL: 'ws://127.0.0.1:1/' } });
  assert.match(nowhere.stderr, /feed/);
  const { KALSHI_API_KEY_ID, KALSHI_PRIVATE_KEY_PATH, ...keyless } = sim.env();
  const run = await kalua(['tail', 'trade'], { env: keyless });
  assert.equal(run.code, 3, run.stderr);
  assert.match(run.stderr, /key/i);
  assert.ok(KALSHI_API_KEY_ID && KALSHI_PRIVATE_KEY_PATH);
});
