// kalua api: words, pages, filters, tables, help; against the simulator and a server that says what we want.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { KALUA, Sim, kalua, tempDir, until } from './peers.mjs';

let sim, ticker;
before(async () => {
  sim = await Sim.start('--quiet-market');
  ticker = (await sim.rest('GET', '/markets?limit=1&status=open')).body.markets[0].ticker;
});
after(() => sim?.stop());

const api = (...args) => {
  const options = typeof args.at(-1) === 'object' ? args.pop() : {};
  return kalua(['api', ...args], { env: sim.env(), ...options });
};
const ok = async (...args) => {
  const run = await api(...args);
  assert.equal(run.code, 0, `${args.join(' ')}: ${run.stderr}`);
  return run.stdout;
};

// A server of ours: `answers` maps a path to what it sends for each query; requests are noted.
async function server(answer) {
  const requests = [];
  const s = http.createServer((req, res) => {
    const url = new URL(req.url, 'http://x');
    if (url.pathname.endsWith('/historical/cutoff')) { // an exchange that keeps no history elsewhere
      res.writeHead(404, { 'Content-Type': 'application/json' });
      res.end('{"error":{"code":"not_found","message":"not found"}}');
      return;
    }
    let body = '';
    req.on('data', (d) => { body += d; });
    req.on('end', () => {
      requests.push({ method: req.method, path: url.pathname.replace('/trade-api/v2', ''), query: url.searchParams, body });
      const [status, text] = answer(requests.at(-1));
      res.writeHead(status, { 'Content-Type': 'application/json' });
      res.end(typeof text === 'string' ? text : JSON.stringify(text));
    });
  });
  await new Promise((r) => s.listen(0, '127.0.0.1', r));
  const base = `127.0.0.1:${s.address().port}/trade-api/v2`;
  return { requests, stop: () => new Promise((r) => { s.closeAllConnections(); s.close(r); }),
    env: { KALSHI_REST_URL: `http://${base}`, KALSHI_WS_URL: `ws://127.0.0.1:${s.address().port}/trade-api/ws/v2` } };
}

async function on(answer, body) {
  const s = await server(answer);
  try { return await body(s); } finally { await s.stop(); }
}

// The last request that is not the runtime's own look at the account.
const last = (s) => s.requests.filter((r) => r.path !== '/portfolio/balance' && r.path !== '/portfolio/positions').at(-1);

// What a terminal of so many columns shows, line by line.
async function terminal(columns, args, env) {
  const line = `stty cols ${columns}; ${[KALUA, 'api', ...args].map((a) => `'${a}'`).join(' ')}`;
  const p = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: tempDir(), stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, TERM: 'dumb', SHELL: '/bin/sh', ...env },
  });
  let out = '';
  p.stdout.setEncoding('utf8').on('data', (d) => { out += d; });
  p.stderr.on('data', (d) => { out += d; });
  assert.equal(await new Promise((r) => p.on('close', r)), 0, out);
  return out.replaceAll('\r', '').replace(/\n$/, '').split('\n');
}

test('an answer is printed as the exchange sent it', async () => {
  assert.equal(JSON.parse(await ok('get_market', ticker)).market.ticker, ticker);
  assert.equal(JSON.parse(await ok('GetMarket', `ticker=${ticker}`)).market.ticker, ticker);
  assert.equal(JSON.parse(await ok('GET', '/markets', 'limit=2')).markets.length, 2);
  const odd = '{"market":{"b":1.50,"a":[],"n":12345678901234567890,"s":"\\u00e9"}}';
  await on(() => [200, `${odd}\n`], async (s) => {
    assert.equal(await ok('get_market', 'X', { env: s.env }), `${odd}\n`);
  });
});

test('an error of the exchange exits 1 with its code and message', async () => {
  const missing = await api('get_market', 'NOPE');
  assert.deepEqual([missing.code, missing.stdout], [1, '']);
  assert.match(missing.stderr, /^kalua: .*get_market.*404.*not_found.*\n$/);
  await on(() => [400, { error: { code: 'bad_thing', message: 'the thing is bad' } }], async (s) => {
    const run = await api('get_market', 'X', { env: s.env });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /bad_thing.*the thing is bad/);
  });
});

test('mistakes exit 2 with one line and the nearest name, before anything is sent', async () => {
  await on(() => [200, {}], async (s) => {
    for (const [args, expected] of [
      [[], /which operation/], [['get_markts'], /get_markets/], [['get_markets', 'limt=3'], /did you mean "limit"/],
      [['get_markets', 'status=opn'], /did you mean "open"/], [['get_markets', 'limit=abc'], /limit takes a whole number, not "abc"/],
      [['get_markets', 'limit=1.5'], /whole number/], [['get_event', 'X', 'with_nested_markets=yes'], /true or false/],
      [['get_market'], /needs ticker/], [['get_market', 'a', 'b'], /takes 1 value in place; "b"/], [['get_markets', 'a'], /"a" is not k=v/],
      [['get_markets', 'status=open', 'status=closed'], /status is given twice/], [['get_market', 'a', 'ticker=b'], /ticker is given twice/],
      [['batch_create_orders', 'orders=3'], /orders:=JSON/], [['batch_create_orders', 'orders:=['], /takes JSON/],
      [['get_market', 'X', '--all'], /has no pages/], [['GET', '/markets', '--all'], /kalua api get_markets --all/],
      [['GET'], /which path/], [['GET', 'markets'], /begins with \//], [['get_markets', '--max', 'x'], /--max/],
      [['get_markets', 'limit=@none'], /none: No such file/], [['get_markets', '@none'], /none/], [['frobnicate', '--help'], /frobnicate/],
      [['get_markets', '--jq', '.markets['], /--jq: syntax error/], [['get_markets', '--jq', 'nope'], /nope\/0 is not defined/],
      [['--complete', 'get_markts'], /get_markets/]]) {
      const run = await api(...args, { env: s.env });
      assert.equal(run.code, 2, `${args.join(' ')}: ${run.stderr}`);
      assert.match(run.stderr, expected);
      assert.equal(run.stderr.split('\n').length, 2, run.stderr);
      assert.equal(run.stdout, '');
    }
    assert.deepEqual(s.requests, []);
  });
});

test('words become what the parameters are: numbers, booleans, lists, JSON', async () => {
  await on(() => [200, { orders: [] }], async (s) => {
    const send = async (...args) => {
      await ok(...args, { env: { ...sim.env(), ...s.env } });
      return last(s);
    };
    let r = await send('get_markets', 'limit=7', 'status=open', 'tickers=A,B', 'tickers=C');
    assert.deepEqual([...r.query], [['limit', '7'], ['status', 'open'], ['tickers', 'A,B,C']]);
    r = await send('get_event', 'E-1', 'with_nested_markets=true');
    assert.equal(`${r.path}?${r.query}`, '/events/E-1?with_nested_markets=true');
    r = await send('create_order', 'ticker=T', 'side=bid', 'price=0.42', 'count=2.5', 'post_only=true', 'client_order_id=7',
      'time_in_force=good_till_canceled', 'self_trade_prevention_type=maker');
    assert.deepEqual(JSON.parse(r.body), { ticker: 'T', side: 'bid', price: '0.4200', count: '2.50', post_only: true, client_order_id: '7',
      time_in_force: 'good_till_canceled', self_trade_prevention_type: 'maker' });
    r = await send('POST', '/portfolio/events/orders', 'ticker=T', 'post_only=false', 'exchange_index=2', 'extra:={"a":[1]}');
    assert.deepEqual(JSON.parse(r.body), { ticker: 'T', post_only: false, exchange_index: 2, extra: { a: [1] } });
    r = await send('batch_cancel_orders', 'orders:=[{"order_id":"a"},{"order_id":"b"}]');
    assert.deepEqual(JSON.parse(r.body), { orders: [{ order_id: 'a' }, { order_id: 'b' }] });
  });
});

test('values come from files and standard input', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'limit'), '3\n');
  fs.writeFileSync(path.join(cwd, 'orders.json'), '[{"order_id":"a"}]\n');
  fs.writeFileSync(path.join(cwd, 'query.json'), '{ "limit": 2, "status": "open" }');
  fs.writeFileSync(path.join(cwd, 'zero'), 'a\0b');
  await on(() => [200, { orders: [] }], async (s) => {
    const env = { ...sim.env(), ...s.env };
    const send = async (...args) => {
      const o = typeof args.at(-1) === 'object' ? args.pop() : {};
      await ok(...args, { env, cwd, ...o });
      return last(s);
    };
    assert.equal((await send('get_markets', 'limit=@limit')).query.get('limit'), '3');
    assert.equal((await send('get_markets', 'limit=@-', { input: '4\n' })).query.get('limit'), '4');
    assert.deepEqual(JSON.parse((await send('batch_cancel_orders', 'orders:=@orders.json')).body), { orders: [{ order_id: 'a' }] });
    assert.equal(`${(await send('get_markets', '@query.json')).query}`, 'limit=2&status=open');
    assert.equal(`${(await send('get_markets', '-', 'series_ticker=S', { input: '{"limit":9}' })).query}`, 'limit=9&series_ticker=S');
    s.requests.length = 0;
    for (const [args, input, expected] of [[['get_markets', '-'], '[1]', /not a JSON object/], [['get_markets', '-'], '{', /takes JSON/],
      [['get_markets', 'status=@zero'], '', /zero byte/], [['get_markets', `status=@${cwd}`], '', /directory/]]) {
      const run = await api(...args, { env, cwd, input });
      assert.equal(run.code, 2, run.stderr);
      assert.match(run.stderr, expected);
    }
    assert.deepEqual(s.requests, []);
  });
});

// Three pages of two rows, with what a row must keep: an empty list, null, numbers, order does not matter.
const rows = [1, 2, 3, 4, 5].map((i) => ({ ticker: `T-${i}`, price_ranges: [], custom_strike: null, floor_strike: i / 4, volume_fp: `${i}.00` }));
const pages = (r) => {
  const from = Number(r.query.get('cursor') ?? 0);
  return [200, { markets: rows.slice(from, from + 2), cursor: from + 2 < rows.length ? String(from + 2) : '' }];
};

test('--all is every page: an array, or a row a line with --json', async () => {
  await on(pages, async (s) => {
    assert.deepEqual(JSON.parse(await ok('get_markets', '--all', 'status=open', { env: s.env })), rows);
    assert.deepEqual(s.requests.map((r) => `${r.query.get('limit')} ${r.query.get('status')} ${r.query.get('cursor')}`),
      ['1000 open null', '1000 open 2', '1000 open 4']);
    const lines = (await ok('get_markets', '--all', '--json', 'limit=2', { env: s.env })).trimEnd().split('\n');
    assert.deepEqual(lines.map((l) => JSON.parse(l)), rows);
    assert.equal(s.requests.at(-1).query.get('limit'), '2');
    s.requests.length = 0;
    assert.deepEqual(JSON.parse(await ok('get_markets', '--max', '3', { env: s.env })), rows.slice(0, 3));
    assert.deepEqual(s.requests.map((r) => r.query.get('limit')), ['3', '3']);
    assert.equal(await ok('get_markets', '--max', '0', { env: s.env }), '[]\n');
  });
  const all = JSON.parse(await ok('get_markets', '--all'));
  assert.equal(new Set(all.map((m) => m.ticker)).size, all.length);
  assert.equal(await ok('get_orders', '--all'), '[]\n');
});

test('--all that fails on the way exits 1 with an array that does not end', async () => {
  let n = 0;
  await on((r) => (n++ === 0 ? pages(r) : [400, { error: { code: 'no_more' } }]), async (s) => {
    const run = await api('get_markets', '--all', { env: s.env });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /^kalua: .*no_more.*\n$/);
    assert.throws(() => JSON.parse(run.stdout));
    n = 0;
    const filtered = await api('get_markets', '--all', '--jq', 'length', { env: s.env });
    assert.deepEqual([filtered.code, filtered.stdout], [1, '']);
    assert.match(filtered.stderr, /^kalua: .*no_more.*\n$/);
  });
});

test('--jq filters what would be printed', async () => {
  await on(pages, async (s) => {
    const env = s.env;
    assert.equal(await ok('get_markets', '--jq', '.markets[].ticker', { env }), 'T-1\nT-2\n');
    assert.equal(await ok('get_markets', '--jq', '.markets[0] | {ticker, n: 1}', { env }), '{"ticker":"T-1","n":1}\n');
    assert.equal(await ok('get_markets', '--json', '--jq', '.markets[0].ticker', { env }), '"T-1"\n');
    assert.equal(await ok('get_markets', '--all', '--jq', 'map(.floor_strike) | add', { env }), '3.75\n');
    assert.equal(await ok('get_markets', '--all', '--json', '--jq', '.ticker | ltrimstr("T-") | tonumber', { env }), '1\n2\n3\n4\n5\n');
    assert.equal(await ok('get_markets', '--jq', 'empty', { env }), '');
    assert.equal(await ok('get_markets', '--all', '--json', '--jq', 'if .ticker == "T-2" then halt else .ticker end', { env }), '"T-1"\n');
    const failed = await api('get_markets', '--jq', '.markets.x', { env });
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /^kalua: --jq: Cannot index array with "?string "?"x"/);
    assert.equal((await api('get_markets', '--jq', 'error("mine")', { env })).stderr, 'kalua: --jq: mine\n');
    const debugged = await api('get_markets', '--jq', '.markets[0].ticker | debug', { env });
    assert.deepEqual([debugged.code, debugged.stdout, debugged.stderr], [0, 'T-1\n', '["DEBUG:","T-1"]\n']);
    assert.equal((await api('get_markets', '--jq', '"bye" | halt_error', { env })).code, 1);
  });
  await on(() => [200, 'no JSON'], async (s) => {
    const run = await api('get_markets', '--jq', '.', { env: s.env });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /not JSON/);
  });
  await on(() => [200, '{"markets":[1,'], async (s) => {
    assert.match((await api('get_markets', '--jq', '.', { env: s.env })).stderr, /not JSON/);
  });
});

test('a filter has no environment and no files', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'a.jq'), 'def f: "read";');
  fs.writeFileSync(path.join(cwd, 'a.json'), '"read"');
  fs.writeFileSync(path.join(cwd, '.jq'), 'def f: "read";');
  await on(pages, async (s) => {
    const env = { ...s.env, HOME: cwd, SECRET: 'secret', KALSHI_PRIVATE_KEY: '' };
    for (const [filter, expected] of [['env', '{}\n'], ['$ENV', '{}\n'], ['$ENV.SECRET', 'null\n'], ['env.HOME', 'null\n'],
      ['input_filename', 'null\n'], ['[inputs]', '[]\n']]) {
      assert.equal(await ok('get_markets', '--jq', filter, { env, cwd }), expected, filter);
    }
    for (const filter of ['import "a" as a; a::f', 'import "./a" as a {search:"./"}; a::f', 'include "a"; f', 'import "a" as $a; $a', 'f',
      '"a" | modulemeta', 'input', '"/etc/passwd" | modulemeta']) {
      const run = await api('get_markets', '--jq', filter, { env, cwd });
      assert.ok(run.code === 1 || run.code === 2, filter);
      assert.equal(run.stdout, '', filter);
      assert.match(run.stderr, /^kalua: --jq: .*\n$/, filter);
    }
  });
});

test('Ctrl-C ends a filter that does not', async () => {
  await on(pages, async (s) => {
    for (const filter of ['last(repeat(.))', 'def f: f; f', 'range(1e18) | select(. < 0)']) {
      const asked = () => s.requests.filter((r) => r.path === '/markets').length, before = asked();
      const run = await api('get_markets', '--jq', filter,
        { env: s.env, kill: until('what is to be filtered', () => asked() > before), killAfter: 1000 });
      assert.equal(run.code, 130, `${filter}: ${run.signal} ${run.stderr}`);
    }
  });
});

const sanitized = execFileSync('ldd', [KALUA], { encoding: 'utf8' }).includes('asan');
test('a filter that eats memory ends', { skip: sanitized && 'the sanitizer allows no ceiling' }, async () => {
  await on(pages, async (s) => {
    const run = await api('get_markets', '--mem', '64', '--jq', '[repeat(1)]', { env: s.env });
    assert.deepEqual([run.code, run.stdout, run.stderr], [1, '', 'kalua: --jq: the filter needs more memory than --mem allows\n']);
  });
});

test('on a terminal a list is a table that fits', async () => {
  for (const columns of [80, 200]) {
    const lines = await terminal(columns, ['get_markets', 'limit=3'], sim.env());
    assert.match(lines[0], /^ticker +yes_bid +yes_ask +last_price/);
    assert.equal(lines.length, 6, lines.join('\n'));
    assert.match(lines[1], new RegExp(`^${ticker.replaceAll('.', '\\.')} +\\d`));
    for (const line of lines) assert.ok([...line].length <= columns, line);
    // Numbers end where their title ends.
    const end = lines[0].indexOf('yes_bid') + 'yes_bid'.length;
    for (const line of lines.slice(1, 4)) assert.match(line.slice(0, end), /\d\.\d{4}$/);
    assert.match(lines[4], /^3 markets; \d+ more fields in --json, or picked by --jq$/);
    assert.equal(lines[5], 'There are more pages: --all, or --max N.');
  }
  assert.ok((await terminal(200, ['get_markets', 'limit=3'], sim.env()))[0].includes('close_time'));
  assert.ok(!(await terminal(80, ['get_markets', 'limit=3'], sim.env()))[0].includes('close_time'));
  assert.deepEqual(await terminal(80, ['get_orders'], sim.env()), ['no orders']);
  assert.match((await terminal(80, ['get_markets', '--all'], sim.env())).at(-1), /^\d{2,} markets; /);
});

test('a table never cuts a ticker, cuts text, shows unknown rows, and sends no control characters', async () => {
  const long = `KX${'A'.repeat(50)}`;
  const markets = [
    { ticker: long, yes_bid_dollars: '0.1000', status: 'active', yes_sub_title: `a long title ${'of words '.repeat(20)}` },
    { ticker: 'KX-2', yes_bid_dollars: '10.2500', status: 'closed', yes_sub_title: 'é\u001b[31mred\u0007' },
    { ticker: 'KX-3', yes_bid_dollars: null, status: 'closed' },
  ];
  await on((r) => [200, r.path === '/markets' ? { markets, cursor: '' } : { things: [{ b: 2, id: 'x' }, { b: 10, id: 'y' }] }], async (s) => {
    for (const columns of [40, 100]) {
      const lines = await terminal(columns, ['get_markets'], s.env);
      assert.ok(lines[1].startsWith(long));
      assert.ok(lines.some((l) => l.startsWith('KX-3')));
      assert.ok(!lines.join('').includes('\u001b') && !lines.join('').includes('\u0007'));
    }
    const wide = await terminal(160, ['get_markets'], s.env);
    assert.match(wide[1], /a long title of words.*…$/);
    assert.match(wide[2], /^KX-2 +10\.2500  closed +é \[31mred/);
    assert.equal(wide[3].trimEnd(), `KX-3${' '.repeat(long.length - 4 + 2 + 7 + 2)}closed`);
    assert.deepEqual(await terminal(80, ['GET', '/things'], s.env), ['id   b', 'x    2', 'y   10', '2 things']);
    // Filtered text neither.
    assert.deepEqual(await terminal(80, ['get_markets', '--jq', '.markets[1].yes_sub_title'], s.env), ['é\\u001b[31mred\\u0007']);
  });
});

test('on a terminal a single object is indented, and --json is one line', async () => {
  await on(() => [200, '{"market":{"ticker":"X","price_ranges":[],"v":1.50}}'], async (s) => {
    assert.deepEqual(await terminal(80, ['get_market', 'X'], s.env),
      ['{', '  "market": {', '    "ticker": "X",', '    "price_ranges": [],', '    "v": 1.50', '  }', '}']);
    assert.deepEqual(await terminal(80, ['get_market', 'X', '--json'], s.env), ['{"market":{"ticker":"X","price_ranges":[],"v":1.50}}']);
    assert.deepEqual(await terminal(80, ['get_market', 'X', '--jq', '{a: .market.ticker}'], s.env), ['{', '  "a": "X"', '}']);
  });
  // An object with a small list in it is no list.
  assert.equal((await terminal(80, ['get_exchange_status'], sim.env()))[0], '{');
  assert.equal((await terminal(80, ['get_balance'], sim.env()))[0], '{');
});

test('an operation has its own help', async () => {
  const help = await ok('get_markets', '--help');
  assert.match(help, /^usage: kalua api get_markets \[k=v\.\.\.\]\n/);
  assert.match(help, /GET \/markets/);
  assert.match(help, /^ +limit +query +integer, 0 to 1000 \[100\]: rows of a page$/m);
  assert.match(help, /^ +status +query +unopened\|open\|paused\|closed\|settled: which ones$/m);
  assert.match(help, /^ +markets\[\]\.yes_bid_dollars +dollars$/m);
  assert.match(help, /^ {2}kalua api get_markets .*limit=5/m);
  assert.match(await ok('create_order', '-h'), /^ {2}\* side +body +bid\|ask: bid buys YES, ask buys NO$/m);
  assert.match(await ok('--env', 'demo', 'get_market', '--help'), /^usage: kalua api get_market TICKER/);
  assert.match(await ok('legacy.create_order', '--help'), /removed; today it is create_order/);
  assert.match(await ok('GET', '/markets/X', '--help'), /usage: kalua api get_market TICKER/);
  assert.match(await ok('--help'), /usage: kalua api OPERATION/);
  // What the example says is understood.
  const example = (await ok('create_order', '--help')).match(/^ {2}kalua api (.*)$/m)[1].split(' ');
  await on(() => [200, {}], async (s) => ok(...example, { env: { ...sim.env(), ...s.env } }));
});

test('the list, help and completion come from the program alone', async () => {
  // A key that does not exist and a bad .env stop everything that connects.
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, '.env'), 'this is no setting');
  const env = { KALSHI_PRIVATE_KEY_PATH: '/nonexistent' };
  const list = (await ok('--list', { cwd, env })).trimEnd().split('\n');
  assert.equal(list.length, 131);
  assert.ok(list.some((l) => /^get_markets +Markets with prices.* \(GET \/markets\)$/.test(l)));
  assert.match(await ok('get_markets', '--help', { cwd, env }), /^usage.*\n\nMarkets with prices.*\.\n/);
  const words = (await ok('--complete', 'get_markets', { cwd, env })).trimEnd().split('\n');
  assert.deepEqual(words.filter((w) => w.startsWith('status=')), ['status=', 'status=unopened', 'status=open', 'status=paused', 'status=closed', 'status=settled']);
  assert.ok(words.includes('limit=') && words.every((w) => /^[a-z_]+:?=[a-z_]*$/.test(w)));
  assert.match(await ok('--complete', 'batch_create_orders', { cwd, env }), /^orders:=$/m);
  assert.match(await ok('--complete', 'legacy.create_order', { cwd, env }), /^side=yes$/m);
  assert.doesNotMatch(await ok('--help'), /--complete/);
  assert.equal((await api('get_markets', { cwd, env })).code, 3);
});
