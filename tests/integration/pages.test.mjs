// Lists as scripts walk them: pages and cursors, and lists that are half in the history. The other side is a small
// model of an exchange that moves its rows from the one to the other while it is asked.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test, { after, afterEach, before } from 'node:test';
import { kalua, root, sleep, tempDir } from './peers.mjs';

const DAY = 86400;
const NOW = Date.parse('2026-09-30T00:00:00Z') / 1000;
const iso = (t) => new Date(t * 1000).toISOString();

const keyPath = path.join(tempDir(), 'k.pem');
const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
fs.writeFileSync(keyPath, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });

// What the program asks for its own summary and limits, and no script of these tests.
const own = ['/portfolio/balance', '/portfolio/positions?limit=1000', '/account/limits', '/account/endpoint_costs'];

let server, env, answer, asked;
before(async () => {
  server = http.createServer(async (req, res) => {
    const url = new URL(req.url, 'http://x');
    const at = url.pathname.replace('/trade-api/v2', '');
    const query = [...url.searchParams].map(([k, v]) => `${k}=${v}`).sort().join('&');
    const request = query ? `${at}?${query}` : at;
    if (own.includes(request)) {
      res.writeHead(404).end('{}');
      return;
    }
    asked.push(request);
    const body = await (async () => answer(at, Object.fromEntries(url.searchParams), asked.length))()
      .catch((e) => ({ status: 400, message: e.message })); // the script fails, and the test with it
    res.writeHead(body.status ?? 200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const host = `127.0.0.1:${server.address().port}`;
  env = { KALSHI_ENV: 'sim', KALSHI_REST_URL: `http://${host}/trade-api/v2`, KALSHI_WS_URL: `ws://${host}/trade-api/ws/v2`,
    KALSHI_API_KEY_ID: 'id', KALSHI_PRIVATE_KEY_PATH: keyPath };
});
after(() => { server.closeAllConnections(); server.close(); });
afterEach(() => { answer = undefined; });

const prelude = `
local kalshi, json, task, kalua = require "kalshi", require "json", require "task", require "kalua"
local function out(v) print(json.encode(v)) end
local function ids(next, field)
  local all = {}
  for row in next do all[#all + 1] = row[field] end
  return #all > 0 and all or json.empty_array
end
local function failure(fn, ...)
  local ok, e = pcall(fn, ...)
  assert(not ok, "nothing was raised")
  if type(e) ~= "table" then error(e, 0) end
  return { kind = e.kind, message = e.message, operation = e.operation, where = e.where, retryable = e.retryable,
    status = e.status }
end
`;

// Runs a script against `respond(path, query, n)`; gives what it printed, line by line. What was asked is in `asked`.
async function run(respond, script) {
  asked = [];
  answer = respond;
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), prelude + script);
  const r = await kalua(['--quiet', 's.lua'], { cwd, env });
  assert.equal(r.code, 0, `${r.stdout}${r.stderr}\n${asked.join('\n')}`);
  return r.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

const rowsOf = (key, field, ids, cursor, cursorField = 'cursor') => ({ [key]: ids.map((id) => ({ [field]: id })), [cursorField]: cursor });

// A list that gives `lists` one after the other.
const paged = (key, field, lists, cursorField) => (at, q) => {
  const n = q.cursor ? Number(q.cursor.slice(1)) : 0;
  return rowsOf(key, field, lists[n], n + 1 < lists.length ? `c${n + 1}` : '', cursorField);
};

// ---- pages ----

test('a page is as large as the operation allows, or as max, and stays so', async () => {
  const [all, three, none, five] = await run(paged('markets', 'ticker', [['A', 'B'], ['C', 'D'], ['E']]), `
    out(ids(kalshi.each.get_markets{ status = "open", series_ticker = "S" }, "ticker"))
    out(ids(kalshi.each.get_markets{ status = "open", limit = 2, max = 3 }, "ticker"))
    out(ids(kalshi.each.get_markets{ status = "open", max = 0 }, "ticker"))
    out(ids(kalshi.each.get_markets{ status = "open", limit = 400, max = 5 }, "ticker"))`);
  assert.deepEqual(all, ['A', 'B', 'C', 'D', 'E']);
  assert.deepEqual(three, ['A', 'B', 'C']);
  assert.deepEqual(none, []);
  assert.deepEqual(five, all);
  const page = (limit, more) => ['', 'c1', 'c2'].map((c) => `/markets?${c && `cursor=${c}&`}limit=${limit}&${more}status=open`);
  assert.deepEqual(asked, [...page(1000, 'series_ticker=S&'), ...page(2, '').slice(0, 2), ...page(5, '')]);
});

test('other names of the cursor and of the page size', async () => {
  const [programs, targets, again, both] = await run((at, q) => (at === '/incentive_programs'
    ? paged('incentive_programs', 'id', [['p1'], ['p2']], 'next_cursor')(at, q)
    : paged('structured_targets', 'id', [['t1'], ['t2']])(at, q)), `
    out(ids(kalshi.each.get_incentive_programs{ status = "all" }, "id"))
    out(ids(kalshi.each.get_structured_targets{ ids = { "x", "y" }, limit = 7 }, "id"))
    out(ids(kalshi.each.get_structured_targets{ page_size = 9, max = 1 }, "id"))
    out(failure(kalshi.each.get_structured_targets, { page_size = 9, limit = 9 }))`);
  assert.deepEqual([programs, targets, again], [['p1', 'p2'], ['t1', 't2'], ['t1']]);
  assert.match(both.message, /^get_structured_targets: limit and page_size are the same/);
  assert.deepEqual(asked, ['/incentive_programs?limit=1000&status=all', '/incentive_programs?cursor=c1&limit=1000&status=all',
    '/structured_targets?ids=x&ids=y&page_size=7', '/structured_targets?cursor=c1&ids=x&ids=y&page_size=7',
    '/structured_targets?page_size=1']);
});

test('a required page size needs not be given', async () => {
  assert.deepEqual(await run(paged('milestones', 'id', [['m']]), 'out(ids(kalshi.each.get_milestones(), "id"))'), [['m']]);
  assert.deepEqual(asked, ['/milestones?limit=500']);
});

test('an empty page with a cursor goes on; null, an absent cursor and an absent list end well', async () => {
  const pages = [rowsOf('series', 'id', []), { withdrawals: [], cursor: 'a' }, { withdrawals: null, cursor: 'b' }, { cursor: 'c' },
    rowsOf('withdrawals', 'id', ['w1'], 'd'), { withdrawals: [{ id: 'w2' }], cursor: null }];
  const [all] = await run((at, q, n) => pages[n], 'out(ids(kalshi.each.get_withdrawals(), "id"))');
  assert.deepEqual(all, ['w1', 'w2']);
  assert.equal(asked.length, 5);
});

test('a cursor that repeats is an error and no loop', async () => {
  for (const [cursors, calls] of [[['a', 'a'], 2], [['a', 'b', 'a'], 3], [['a', 'b', 'b'], 3]]) {
    const [seen, e] = await run((at, q, n) => rowsOf('deposits', 'id', [`d${n}`], cursors[n - 1]), `
      local seen = {}
      local e = failure(function() for row in kalshi.each.get_deposits() do seen[#seen + 1] = row.id end end)
      out(#seen > 0 and seen or json.empty_array) out(e)`);
    assert.equal(asked.length, calls);
    assert.deepEqual(seen, cursors.slice(0, -1).map((_, i) => `d${i + 1}`));
    assert.deepEqual([e.kind, e.operation], ['protocol', 'get_deposits']);
    assert.match(e.message, /cursor twice/);
    assert.match(e.where, /^s\.lua:\d+$/);
  }
  const [own] = await run(() => rowsOf('deposits', 'id', ['d'], 'mine'), `
    out(failure(function() for _ in kalshi.each.get_deposits{ cursor = "mine" } do end end))`);
  assert.equal(own.kind, 'protocol');
  assert.equal(asked.length, 1);
});

test('an error on the third page names the operation, and the iterator can go on there', async () => {
  let refused = false;
  const list = paged('settlements', 'ticker', [['A'], ['B'], ['C'], ['D']]);
  const [seen, e, rest] = await run((at, q) => {
    if (q.cursor === 'c2' && !refused) {
      refused = true;
      return { status: 400, error: { code: 'invalid_parameters', message: 'no' } };
    }
    return list(at, q);
  }, `
    local next, seen = kalshi.each.get_settlements{ ticker = "T" }, {}
    local e = failure(function() for row in next do seen[#seen + 1] = row.ticker end end)
    out(seen) out(e) out(ids(next, "ticker"))`);
  assert.deepEqual([seen, rest], [['A', 'B'], ['C', 'D']]);
  assert.deepEqual([e.kind, e.operation, e.status], ['http', 'get_settlements', 400]);
});

test('an answer that is no object is an error', async () => {
  const [e] = await run(() => 'nothing', 'out(failure(kalshi.each.get_deposits()))');
  assert.deepEqual([e.kind, e.operation, e.message], ['protocol', 'get_deposits', 'get_deposits: the answer is no object']);
});

test('both lists under one cursor, as the table of operations says', async () => {
  const table = fs.readFileSync(path.join(root, 'runtime/kalshi/spec/endpoints.tsv'), 'utf8').trim().split('\n').slice(1)
    .map((line) => line.split('\t')).map((c) => ({ id: c[0], path: c[2], paginated: c[7], current: c[9] === 'current' }))
    .filter((op) => op.current && op.paginated.startsWith('yes:'));
  const lists = (op) => op.paginated.replace(/^yes:| \(.*/g, '').split('+');
  const [failures] = await run((at) => {
    if (at === '/historical/cutoff') return { status: 501 };
    const op = table.find((o) => o.path === at);
    return Object.fromEntries(lists(op).map((name) => [name, [{ list: name }]]));
  }, `
    local failures = {}
    for _, op in ipairs(kalshi.operations()) do
      local id = not op.legacy and kalshi.describe(op.name)
      if id and id.paged then
        local query = {}
        if op.name == "get_fcm_positions" then query.subtrader_id = "x" end
        if op.name == "get_positions" then query.subaccount = 1 end
        query.rows = "nonsense"
        local said = failure(kalshi.each[op.name], query).message
        local got = {}
        for name in said:match("rows.*"):gmatch '"([^"]+)"' do
          query.rows = name
          for row in kalshi.each[op.name](query) do got[#got + 1] = row.list end
        end
        query.rows = nil
        for row in kalshi.each[op.name](query) do got[#got + 1] = row.list end
        failures[id.id] = got
      end
    end
    out(failures)`);
  assert.deepEqual(failures, Object.fromEntries(table.map((op) => [op.id, [...lists(op), lists(op)[0]]])));
  const events = asked.filter((a) => a.startsWith('/events?'));
  assert.deepEqual(events, ['/events?limit=200', '/events?limit=200&with_milestones=true', '/events?limit=200']);
});

test('rows come raw when asked for', async () => {
  const [rows] = await run(() => ({ trades: [{ trade_id: 't', count_fp: '1.00', created_time: iso(NOW), x: null }], cursor: '' }), `
    local rows = {}
    for row in kalshi.each.get_trades{ raw = true, history = false } do rows[#rows + 1] = row end
    rows[2] = { count = kalshi.each.get_trades{ history = false }().count_fp }
    out(rows)`);
  assert.deepEqual(rows, [{ trade_id: 't', count_fp: '1.00', created_time: iso(NOW), x: null }, { count: 1 }]);
});

test('tasks share an iterator, two iterators are strangers, one may be left at any time', async () => {
  const list = paged('deposits', 'id', [['1', '2', '3'], ['4', '5'], ['6', '7', '8', '9']]);
  const slow = async (at, q) => { await sleep(30); return list(at, q); };
  const [shared] = await run(slow, `
    local next, all, workers = kalshi.each.get_deposits(), {}, {}
    for i = 1, 4 do
      workers[i] = task.spawn(function()
        for row in next do all[#all + 1] = row.id task.sleep(0) end
      end)
    end
    task.all(workers)
    table.sort(all)
    out(all)`);
  assert.deepEqual(shared, ['1', '2', '3', '4', '5', '6', '7', '8', '9']);
  assert.equal(asked.length, 3);

  const [a, b] = await run(list, `
    local one, two, a, b = kalshi.each.get_deposits(), kalshi.each.get_deposits(), {}, {}
    for _ = 1, 9 do a[#a + 1] = one().id b[#b + 1] = two().id end
    out(a) out(b)`);
  assert.deepEqual([a, b], [shared, shared]);

  // The task that reads the page is cancelled: the one that waits for it reads it.
  let calls = 0, again;
  const second = new Promise((r) => { again = r; });
  const [left] = await run(async (at, q) => {
    if (++calls === 1) await Promise.race([second, sleep(10000)]); else again();
    return list(at, q);
  }, `
    local next = kalshi.each.get_deposits()
    local first = task.spawn(function() next() end)
    local second = task.spawn(function() return next().id end)
    task.sleep(0.2)
    first:cancel("enough")
    local id = second:await()
    for _ in next do break end
    kalshi.each.get_deposits()
    out(id)`);
  assert.equal(left, '1');
});

// ---- live and historical ----

// The lists of an exchange: rows with `time`, those before the cutoff in the history, `overlap` seconds of rows in both.
class Exchange {
  constructor(list, rows, cutoff) {
    Object.assign(this, { list, rows, cutoff, overlap: 0, ahead: 0, order: (a, b) => b.time - a.time });
  }

  static lists = {
    trades: { live: '/markets/trades', history: '/historical/trades', cutoff: 'trades_created_ts' },
    fills: { live: '/portfolio/fills', history: '/historical/fills', cutoff: 'trades_created_ts' },
    orders: { live: '/portfolio/orders', history: '/historical/orders', cutoff: 'orders_updated_ts' },
    markets: { live: '/markets', history: '/historical/markets', cutoff: 'market_settled_ts' },
    market_positions: { live: '/portfolio/positions', history: '/historical/positions', cutoff: 'market_positions_last_updated_ts' },
  };

  respond = (at, q, n) => {
    this.before?.(at, q, n);
    const where = Exchange.lists[this.list];
    if (at === '/historical/cutoff') {
      return Object.fromEntries(Object.values(Exchange.lists).map((l) => [l.cutoff, iso(l.cutoff === where.cutoff ? this.cutoff : NOW - 300 * DAY)]));
    }
    assert.ok(at === where.live || at === where.history, `${at} was asked`);
    const there = at === where.live ? (r) => r.always || r.time >= this.cutoff - this.overlap
      : (r) => !r.always && r.time < this.cutoff + this.ahead;
    let rows = this.rows.filter(there).filter((r) => (!q.min_ts || r.time >= Number(q.min_ts)) && (!q.max_ts || r.time <= Number(q.max_ts)))
      .filter((r) => !q.ticker || r.row.ticker === q.ticker).sort(this.order);
    if (q.cursor) { // stands for the row it names, also when that is gone
      const last = this.rows.find((r) => r.id === q.cursor);
      rows = rows.filter((r) => r !== last && this.order(r, last) > 0);
    }
    const page = rows.slice(0, Number(q.limit ?? 100));
    return { [this.list]: page.map((r) => r.row), cursor: rows.length > page.length ? page.at(-1).id : '' };
  };
}

const trade = (i, time) => ({ id: `t${i}`, time, row: { trade_id: `t${i}`, ticker: 'T', count_fp: '1.00', created_time: iso(time) } });
const trades = (n, step, from = NOW) => Array.from({ length: n }, (_, i) => trade(i, from - i * step));
const names = (n, from = 0) => Array.from({ length: n }, (_, i) => `t${from + i}`);

test('a walk that reaches below the cutoff goes on in the history; what is in both comes once', async () => {
  const x = new Exchange('trades', trades(20, 3600), NOW - 9.5 * 3600);
  x.overlap = 3 * 3600;
  const [all] = await run(x.respond, 'out(ids(kalshi.each.get_trades{ ticker = "T", limit = 8 }, "trade_id"))');
  assert.deepEqual(all, names(20));
  assert.deepEqual(asked, ['/markets/trades?limit=8&ticker=T', '/historical/cutoff', '/markets/trades?cursor=t7&limit=8&ticker=T',
    '/historical/trades?limit=8&ticker=T', '/historical/trades?cursor=t17&limit=8&ticker=T']);
});

test('max ends a walk before the history, and in it', async () => {
  const x = new Exchange('trades', trades(20, 3600), NOW - 9.5 * 3600);
  const [ten, twelve] = await run(x.respond, `
    out(ids(kalshi.each.get_trades{ max = 10 }, "trade_id"))
    out(ids(kalshi.each.get_trades{ max = 12, limit = 5 }, "trade_id"))`);
  assert.deepEqual([ten, twelve], [names(10), names(12)]);
  assert.deepEqual(asked, ['/markets/trades?limit=10', '/historical/cutoff', '/markets/trades?limit=5',
    '/markets/trades?cursor=t4&limit=5', '/historical/trades?limit=5']);
});

test('a range decides which of the two is asked; the cutoff is asked once for all walks', async () => {
  const x = new Exchange('trades', trades(200, 3 * 3600), NOW - 15 * DAY); // t120 is at the cutoff
  const [young, old, both, live] = await run(x.respond, `
    local function walk(q) out(ids(kalshi.each.get_trades(q), "trade_id")) end
    walk{ min_ts = ${NOW - DAY} }
    walk{ max_ts = ${NOW - 20 * DAY}, min_ts = ${NOW - 21 * DAY} }
    walk{ min_ts = ${NOW - 16 * DAY}, max_ts = ${NOW - 14 * DAY} }
    walk{ min_ts = ${NOW - 16 * DAY}, history = false }`);
  assert.deepEqual(young, names(9));
  assert.deepEqual(old, names(9, 160));
  assert.deepEqual(both, names(17, 112));
  assert.deepEqual(live, names(121));
  const [a, b, c] = [`min_ts=${NOW - DAY}`, `max_ts=${NOW - 20 * DAY}&min_ts=${NOW - 21 * DAY}`, `max_ts=${NOW - 14 * DAY}&min_ts=${NOW - 16 * DAY}`];
  assert.deepEqual(asked, [`/markets/trades?limit=1000&${a}`, '/historical/cutoff', `/historical/trades?limit=1000&${b}`,
    `/markets/trades?limit=1000&${c}`, `/historical/trades?limit=1000&${c}`, `/markets/trades?limit=1000&min_ts=${NOW - 16 * DAY}`]);
});

test('the cutoff moves during walks, in any order of the rows: each row comes exactly once', async () => {
  let state = 7;
  const random = (n) => { state = (state * 1103515245 + 12345) % 2147483648; return Math.floor(state / 65536) % n; };
  const hash = (r) => crypto.createHash('md5').update(r.id).digest('hex');
  for (const order of [(a, b) => b.time - a.time, (a, b) => a.time - b.time, (a, b) => (hash(a) < hash(b) ? -1 : 1)]) {
    const x = new Exchange('trades', trades(60, 3600), NOW - 2 * DAY);
    x.order = order;
    // Never beyond two days in all: a script asks for the cutoff once a minute, and this takes a second.
    x.before = () => {
      if (random(3) === 0) x.cutoff = Math.min(x.cutoff + random(2 * 3600), NOW - 3600);
      x.overlap = random(4) * 3600;
    };
    const walks = await run(x.respond, `
      for i = 1, 8 do out(ids(kalshi.each.get_trades{ limit = 4 * i }, "trade_id")) end`);
    assert.equal(walks.length, 8);
    for (const all of walks) assert.deepEqual(all.toSorted(), names(60).toSorted());
    assert.ok(x.cutoff > NOW - 2 * DAY);
  }
});

test('a cutoff that overtakes the range while the live rows are read is noticed at their end', async () => {
  const x = new Exchange('trades', trades(20, 3600), NOW - 25 * 3600);
  x.before = (at, q) => { if (q.cursor === 't4') x.cutoff = NOW - 12 * 3600; };
  const [all, again] = await run(x.respond, `
    out(ids(kalshi.each.get_trades{ min_ts = ${NOW - 19 * 3600}, limit = 5 }, "trade_id"))
    out(ids(kalshi.each.get_trades{ min_ts = ${NOW - 5 * 3600}, limit = 5 }, "trade_id"))`);
  assert.deepEqual([all, again], [names(20), names(6)]);
  const q = `limit=5&min_ts=${NOW - 19 * 3600}`, p = `limit=5&min_ts=${NOW - 5 * 3600}`;
  assert.deepEqual(asked, [`/markets/trades?${q}`, '/historical/cutoff', `/markets/trades?cursor=t4&${q}`, `/markets/trades?cursor=t9&${q}`,
    '/historical/cutoff', `/historical/trades?${q}`, `/historical/trades?cursor=t17&${q}`,
    `/markets/trades?${p}`, `/markets/trades?cursor=t4&${p}`, '/historical/cutoff']);
});

test('a cutoff that moves by more than two days during a walk is an error, never a row twice', async () => {
  const x = new Exchange('trades', trades(40, DAY / 4), NOW - 8 * DAY);
  x.before = (at) => { if (at === '/historical/trades') x.cutoff = NOW - 2 * DAY; };
  const [seen, e, all] = await run(x.respond, `
    local seen = {}
    local e = failure(function() for row in kalshi.each.get_trades{ limit = 20 } do seen[#seen + 1] = row.trade_id end end)
    out(seen) out(e)
    out(ids(kalshi.each.get_trades{ limit = 20 }, "trade_id"))`);
  assert.deepEqual(seen, names(33));
  assert.deepEqual([e.kind, e.operation, e.retryable], ['protocol', 'get_trades', true]);
  assert.match(e.message, /more than two days/);
  assert.deepEqual(all, names(40));
});

test('a history that is ahead of the cutoff gives nothing twice', async () => {
  const x = new Exchange('trades', trades(40, DAY / 4), NOW - 8 * DAY);
  x.ahead = 8 * DAY;
  x.overlap = 30 * DAY;
  const [all] = await run(x.respond, 'out(ids(kalshi.each.get_trades{ limit = 15 }, "trade_id"))');
  assert.deepEqual(all, names(40));
});

test('an error in the history names its operation, and the walk goes on there', async () => {
  const x = new Exchange('trades', trades(20, 3600), NOW - 9.5 * 3600);
  let refusals = 0;
  const refuse = { status: 400, code: 'bad_request', message: 'not now' };
  const [seen, cutoff, history, rest] = await run((at, q, n) => {
    if (at === '/historical/cutoff' && refusals === 0) return refusals++, refuse;
    if (q.cursor === 't13' && refusals === 1) return refusals++, refuse;
    return x.respond(at, q, n);
  }, `
    local next, seen = kalshi.each.get_trades{ limit = 4 }, {}
    local function go() for row in next do seen[#seen + 1] = row.trade_id end end
    local a, b = failure(go), failure(go)
    out(seen) out(a) out(b) out(ids(next, "trade_id"))`);
  assert.deepEqual([cutoff.operation, history.operation], ['get_historical_cutoff', 'get_trades_historical']);
  assert.deepEqual([...seen, ...rest], names(20));
});

test('an exchange without history has only live rows; one that fails to tell is an error', async () => {
  const live = (at, q, status) => (at === '/historical/cutoff' ? { status, code: 'x', message: 'x' } : rowsOf('trades', 'trade_id', ['a']));
  for (const status of [501, 404]) {
    const walks = await run((at, q) => live(at, q, status), `
      for _ = 1, 3 do out(ids(kalshi.each.get_trades(), "trade_id")) end`);
    assert.deepEqual(walks, [['a'], ['a'], ['a']]);
    assert.equal(asked.filter((a) => a === '/historical/cutoff').length, 1);
  }
  const [e, f] = await run((at, q) => live(at, q, 403), 'out(failure(kalshi.each.get_trades()))').then(async ([first]) => [first,
    ...(await run((at) => (at === '/historical/cutoff' ? { market_settled_ts: iso(NOW) } : rowsOf('trades', 'trade_id', [])),
      'out(failure(kalshi.each.get_trades()))'))]);
  assert.deepEqual([e.operation, e.status], ['get_historical_cutoff', 403]);
  assert.match(f.message, /no time trades_created_ts/);
});

test('wrong parameters are refused before anything is sent', async () => {
  const got = await run(() => ({}), `
    for _, wrong in ipairs{ { tickr = "T" }, { tickr = "T", max_ts = 5 }, { max_ts = "5" }, { limit = 5000, max_ts = 5 }, { is_block_trade = 1, max_ts = 5 }, { limit = -1, max_ts = 5 },
        { history = 1 }, { history = "auto" }, { max = 1.5 }, { max = "3" }, { rows = "fills" }, { rows = 5 }, { raw = "text" } } do
      out(failure(function() kalshi.each.get_trades(wrong)() end))
    end
    out(failure(function() kalshi.each.get_deposits{ history = false }() end))`);
  for (const e of got) assert.equal(e.kind, 'validation', e.message);
  assert.match(got[0].message, /did you mean "ticker"/);
  assert.match(got[10].message, /rows can only be "trades"/);
  assert.match(got[13].message, /history/);
  assert.deepEqual(asked, []);
});

const fill = (i, time, more = {}) => ({ id: `f${i}`, time, row: { fill_id: `f${i}`, trade_id: `f${i}`, order_id: `o${i % 3}`, ticker: 'T',
  exchange_index: i % 2, created_time: iso(time), subaccount_number: 0, ...more } });

test('fills: what the history cannot filter by is applied to its rows', async () => {
  const x = new Exchange('fills', Array.from({ length: 12 }, (_, i) => fill(i, NOW - i * 3600)), NOW - 5.5 * 3600);
  const respond = (at, q, n) => { // the live list knows these two
    const r = x.respond(at, q, n);
    if (at === '/portfolio/fills') {
      r.fills = r.fills.filter((f) => (!q.order_id || f.order_id === q.order_id) && (!q.exchange_index || f.exchange_index === Number(q.exchange_index)));
    }
    return r;
  };
  const [order, shard, sub] = await run(respond, `
    out(ids(kalshi.each.get_fills{ order_id = "o1", timeout = 20 }, "fill_id"))
    out(ids(kalshi.each.get_fills{ exchange_index = 1, ticker = "T", raw = true }, "fill_id"))
    out(ids(kalshi.each.get_fills{ subaccount = 0, max_ts = ${NOW - 7 * 3600} }, "fill_id"))`);
  assert.deepEqual(order, ['f1', 'f4', 'f7', 'f10']);
  assert.deepEqual(shard, ['f1', 'f3', 'f5', 'f7', 'f9', 'f11']);
  assert.deepEqual(sub, ['f7', 'f8', 'f9', 'f10', 'f11']);
  assert.deepEqual(asked, ['/portfolio/fills?limit=1000&order_id=o1', '/historical/cutoff', '/historical/fills?limit=1000',
    '/portfolio/fills?exchange_index=1&limit=1000&ticker=T', '/historical/fills?limit=1000&ticker=T',
    `/historical/fills?limit=1000&max_ts=${NOW - 7 * 3600}&subaccount=0`]);
});

test('a row that does not say what it is filtered by is an error', async () => {
  const x = new Exchange('fills', [fill(1, NOW), fill(2, NOW - DAY, { exchange_index: undefined })], NOW - 3600);
  const [e] = await run(x.respond, `
    out(failure(function() for _ in kalshi.each.get_fills{ exchange_index = 1 } do end end))`);
  assert.deepEqual([e.kind, e.operation], ['protocol', 'get_fills_historical']);
  assert.match(e.message, /exchange_index.*history = false/);
});

const order = (i, status, updated) => ({ id: `o${i}`, time: updated, always: status === 'resting',
  row: { order_id: `o${i}`, status, ticker: 'T', exchange_index: 0, created_time: iso(NOW - 90 * DAY), last_update_time: iso(updated) } });

test('orders: resting ones are always live, an event cannot be told from an order', async () => {
  const rows = [order(1, 'resting', NOW - 60 * DAY), order(2, 'executed', NOW - DAY), order(3, 'canceled', NOW - 20 * DAY),
    order(4, 'executed', NOW - 30 * DAY)];
  const x = new Exchange('orders', rows, NOW - 14 * DAY);
  const respond = (at, q, n) => {
    const r = x.respond(at, { ...q, min_ts: undefined, max_ts: undefined }, n);
    if (at === '/portfolio/orders' && q.status) r.orders = r.orders.filter((o) => o.status === q.status);
    return r;
  };
  const got = await run(respond, `
    local function walk(q) out(ids(kalshi.each.get_orders(q), "order_id")) end
    walk{ status = "resting", event_ticker = { "E", "F" } }
    walk{ }
    walk{ status = "executed", max_ts = ${NOW - 80 * DAY} }
    out(failure(function() kalshi.each.get_orders{ event_ticker = "E" }() end))
    walk{ event_ticker = "E", history = false }
    walk{ event_ticker = "E", min_ts = ${NOW - DAY} }`);
  assert.deepEqual(got[0], ['o1']);
  assert.deepEqual(got[1], ['o2', 'o1', 'o3', 'o4']);
  assert.deepEqual(got[2], ['o2', 'o4']); // created before max_ts, ended later: the live list is read too
  assert.deepEqual([got[3].kind, got[3].operation], ['validation', 'get_orders']);
  assert.match(got[3].message, new RegExp(`event_ticker.*history = false.*min_ts = ${NOW - 14 * DAY} `));
  assert.match(got[3].where, /^s\.lua:\d+$/);
  assert.equal(asked[0], '/portfolio/orders?event_ticker=E%2CF&limit=1000&status=resting'.replace('%2C', ','));
  assert.equal(asked.filter((a) => a === '/historical/cutoff').length, 1);
  assert.ok(asked.includes('/historical/orders?limit=1000') && !asked.some((a) => a.startsWith('/historical/orders') && a.includes('event')));
});

const market = (ticker, event, settled, more = {}) => ({ id: ticker, time: settled ?? NOW, always: settled === undefined,
  row: { ticker, event_ticker: event, status: settled === undefined ? 'active' : 'finalized', created_time: iso((settled ?? NOW) - 10 * DAY),
    updated_time: iso((settled ?? NOW) - 9 * DAY), close_time: iso((settled ?? NOW + DAY) - 3600),
    ...(settled === undefined ? {} : { settlement_ts: iso(settled) }), ...more } });

test('markets: only settled ones have moved; filters of the history exclude each other', async () => {
  const C = NOW - 90 * DAY;
  const x = new Exchange('markets', [market('A-1-a', 'A-1'), market('A-2-a', 'A-2', NOW - 5 * DAY), market('A-3-a', 'A-3', C - DAY),
    market('A-3-b', 'A-3', C - 40 * DAY), market('KXMVE-1', 'KXMVE', C - 50 * DAY)], C);
  const respond = (at, q, n) => {
    const r = x.respond(at, q, n);
    if (at === '/historical/cutoff') return r;
    const wanted = { open: 'active', settled: 'finalized', closed: 'closed' }[q.status];
    r.markets = r.markets.filter((m) => (!wanted || m.status === wanted) && (!q.mve_filter || m.ticker.startsWith('KXMVE') === (q.mve_filter === 'only')));
    return r;
  };
  const queries = ['status = "open", series_ticker = "A"', 'status = "closed"', '', 'status = "settled", series_ticker = "A", event_ticker = "A-3"',
    'series_ticker = "A", tickers = { "A-3-a", "KXMVE-1" }, mve_filter = "exclude"', 'mve_filter = "only"', 'mve_filter = "exclude"',
    `status = "settled", max_settled_ts = ${C - 30 * DAY}`, `min_close_ts = ${NOW - DAY}`, `min_updated_ts = ${C - 20 * DAY}, max_created_ts = ${C}`];
  const got = await run(respond, queries.map((q) => `out(ids(kalshi.each.get_markets{ ${q} }, "ticker"))`).join('\n'));
  assert.deepEqual(got[0], ['A-1-a']);
  assert.deepEqual(got[1], []);
  assert.deepEqual(got[2], ['A-1-a', 'A-2-a', 'A-3-a', 'A-3-b', 'KXMVE-1']);
  assert.deepEqual(got[3].filter((t) => t.startsWith('A-3')), ['A-3-a', 'A-3-b']);
  assert.ok(got[4].includes('A-3-a') && !got[4].includes('A-3-b') && !got[4].includes('KXMVE-1'));
  assert.deepEqual(got[5], ['KXMVE-1']);
  assert.deepEqual(got[6], ['A-1-a', 'A-2-a', 'A-3-a', 'A-3-b']);
  assert.deepEqual(got[7], ['A-3-b', 'KXMVE-1']);
  assert.ok(got[9].includes('A-3-a') && !got[9].includes('A-3-b'));
  const L = 'limit=1000';
  assert.deepEqual(asked, [`/markets?${L}&series_ticker=A&status=open`, `/markets?${L}&status=closed`,
    `/markets?${L}`, '/historical/cutoff', `/historical/markets?${L}`,
    `/markets?event_ticker=A-3&${L}&series_ticker=A&status=settled`, `/historical/markets?${L}&series_ticker=A`,
    `/markets?${L}&mve_filter=exclude&series_ticker=A&tickers=A-3-a,KXMVE-1`, `/historical/markets?${L}&series_ticker=A`,
    `/markets?${L}&mve_filter=only`, `/historical/markets?${L}`,
    `/markets?${L}&mve_filter=exclude`, `/historical/markets?${L}&mve_filter=exclude`,
    `/historical/markets?${L}`, // the live list has none that settled so long ago
    `/markets?${L}&min_close_ts=${NOW - DAY}`,
    `/markets?${L}&max_created_ts=${C}&min_updated_ts=${C - 20 * DAY}`, `/historical/markets?${L}`]);
});

test('positions: settled ones have a history, the others not', async () => {
  const position = (ticker, time, settled) => ({ id: ticker, time, always: !settled, row: { ticker, last_updated_ts: iso(time) } });
  const x = new Exchange('market_positions', [position('A', NOW - 99 * DAY, false), position('B', NOW - DAY, true), position('C', NOW - 50 * DAY, true)], NOW - 30 * DAY);
  const [open, all, e] = await run(x.respond, `
    out(ids(kalshi.each.get_positions{ exchange_index = 0 }, "ticker"))
    out(ids(kalshi.each.get_positions{ settlement_status = "all", subaccount = 3 }, "ticker"))
    out(failure(function() kalshi.each.get_positions{ settlement_status = "all", exchange_index = 0 }() end))`);
  assert.deepEqual([open, all], [['B', 'A'], ['B', 'A', 'C']]);
  assert.match(e.message, /exchange_index: give history = false for the live rows alone$/);
  assert.deepEqual(asked, ['/portfolio/positions?exchange_index=0&limit=1000',
    '/portfolio/positions?limit=1000&settlement_status=all&subaccount=3', '/historical/cutoff', '/historical/positions?limit=1000&subaccount=3',
    '/portfolio/positions?exchange_index=0&limit=1000&settlement_status=all']);
});

// ---- candlesticks ----

const OPEN = NOW - 30 * DAY;
const prices = { open: '0.1000', low: '0.1000', high: '0.2000', close: '0.2000' };
const ended = (o) => Object.fromEntries(Object.entries(o).map(([k, v]) => [`${k}_dollars`, v]));
const price = { ...prices, mean: '0.1500', previous: null };

class Candles {
  constructor(times, settled) { Object.assign(this, { times, settled, historical: false }); }

  respond = (at, q, n) => {
    this.before?.(at, q, n);
    const gone = { status: 404, error: { code: 'not_found', message: 'market not found' } };
    const times = this.times.filter((t) => t >= Number(q.start_ts) && t <= Number(q.end_ts));
    const about = { market: { ticker: 'M', open_time: iso(OPEN), status: this.settled ? 'finalized' : 'active' } };
    switch (at) {
      case '/markets/M': return this.historical ? gone : about;
      case '/historical/markets/M': return this.historical ? about : gone;
      case '/markets/candlesticks':
        return { markets: this.historical ? [] : [{ market_ticker: 'M', candlesticks: times.map((t) => ({ end_period_ts: t, yes_bid: ended(prices),
          yes_ask: ended(prices), price: ended(price), volume_fp: '1.00', open_interest_fp: '2.00' })) }] };
      case '/historical/markets/M/candlesticks':
        return { ticker: 'M', candlesticks: times.map((t) => ({ end_period_ts: t, yes_bid: prices, yes_ask: prices, price, volume: '1.00',
          open_interest: '2.00' })) };
      default: return gone;
    }
  };
}

const minutes = Array.from({ length: 30 }, (_, i) => OPEN + (i + 1) * DAY);
const walkCandles = `
  local function walk(q)
    local all, shape = {}, nil
    for c in kalshi.candlesticks("M", q) do
      all[#all + 1] = c.end_period_ts
      shape = { c.yes_bid.open_dollars, c.yes_ask.close_dollars, c.price.mean_dollars, c.volume_fp, c.open_interest_fp }
    end
    out(all) out(shape)
  end`;

test('candles of a live and of an old market read alike, in pieces that an answer can hold', async () => {
  const span = 4999 * 60;
  for (const historical of [false, true]) {
    const x = new Candles(minutes, historical);
    x.historical = historical;
    const [all, shape] = await run(x.respond, `${walkCandles}
      walk{ start_ts = 0.5, end_ts = ${OPEN + 9 * DAY}.7, period_interval = 1, timeout = 20 }`);
    assert.deepEqual(all, minutes.slice(0, 9));
    assert.deepEqual(shape, [0.1, 0.2, 0.15, 1, 2]);
    const at = historical ? '/historical/markets/M/candlesticks?' : '/markets/candlesticks?';
    const pieces = [0, 1, 2].map((i) => OPEN + i * (span + 1)).map((s) => [s, Math.min(s + span, OPEN + 9 * DAY)]);
    assert.deepEqual(asked, ['/markets/M', ...(historical ? ['/historical/markets/M'] : []), ...pieces.map(([s, e]) =>
      `${at}end_ts=${e}${historical ? '' : '&market_tickers=M'}&period_interval=1&start_ts=${s}`)]);
  }
});

test('a market that moves to the history during the walk is followed there', async () => {
  const x = new Candles(minutes, true);
  x.before = (at, q, n) => { if (n === 3) x.historical = true; };
  const [all] = await run(x.respond, `${walkCandles} walk{ start_ts = ${OPEN}, end_ts = ${NOW}, period_interval = 1 }`);
  assert.deepEqual(all, minutes);
});

test('candles: no market, no candles, wrong arguments', async () => {
  const x = new Candles([], false);
  const got = await run(x.respond, `
    local q = { start_ts = ${OPEN}, end_ts = ${NOW}, period_interval = 1440 }
    out(failure(kalshi.candlesticks("NONE", q)))
    for _ in kalshi.candlesticks("M", q) do error "there is none" end
    for _ in kalshi.candlesticks("M", { start_ts = 5, end_ts = 6, period_interval = 1 }) do error "not open yet" end
    for _, wrong in ipairs{ { 5, q }, { "M" }, { "M", { start_ts = 1, end_ts = 2 } }, { "M", { start_ts = 1, end_ts = 2, period_interval = 5 } },
        { "M", { start_ts = 3, end_ts = 2, period_interval = 1 } }, { "M", { start_ts = 1, end_ts = 0 / 0, period_interval = 1 } },
        { "M", { start_ts = 1, end_ts = 2, period_interval = 1, limit = 5 } } } do
      out(failure(kalshi.candlesticks, wrong[1], wrong[2]))
    end`);
  assert.deepEqual([got[0].kind, got[0].status, got[0].operation], ['http', 404, 'get_market']);
  assert.equal(got.length, 8);
  for (const e of got.slice(1)) assert.deepEqual([e.kind, e.operation], ['validation', 'candlesticks'], e.message);
});
