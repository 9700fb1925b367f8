// A storm of reloads: a strategy that reads numbered messages in three ways and has orders on their way is replaced again
// and again, by every way to ask for it; some versions are wrong and refused, some fail and are rolled back.
// Every market is read by a loop over its deltas and by a function; those listed as messages of a subscription, too.
//   node tests/bench/reload/storm.mjs [--reloads 10000] [--rate 20000] [--markets 100] [--listed 20] [--traders 4] [--warm 300]
// Exit code 1 when a message was lost or handled twice, an order was lost or sent twice, memory grew or a descriptor was
// left open. Times are printed and not judged. --memory 0 leaves memory of the process out (sanitizers keep what is freed).
import { execFile } from 'node:child_process';
import os from 'node:os';
import { LUA_NUMBER, NumberedExchange } from '../../integration/numbered_exchange.mjs';
import { KALUA, cleanEnv, sleep, tell } from '../../integration/peers.mjs';
import { Strategy, options, quantile } from './process.mjs';

const o = options({ reloads: 10000, rate: 20000, markets: 100, listed: 20, traders: 4, warm: 300, memory: 1 });
const REFUSED_EACH = 20, FAILS_EACH = 40, COMMAND_EACH = 50, PROBATION_S = 0.4, FAILS_AT_LOOK = 8; // of ten
const STOPPED = 130; // by a signal
const KEPT_ORDERS = 16384; // ended ones that a session remembers: until then its memory grows

const failures = [];
const fail = (text) => { if (failures.length < 50) failures.push(text); };

const x = await NumberedExchange.start({ markets: o.markets, rate: o.rate, sim: ['--faults', 'create_order:latency=5ms'] });
const { body } = await x.sim.rest('GET', '/markets?limit=1&status=open');
const REST_PORT = Number(new URL(x.sim.rest_url).port);
const MARKET = body.markets[0].ticker;

// ---- the script ----

// `what`: "good", "fails" (soon after it took over), or the source of the line at which it is wrong.
const source = (version, what = 'good') => `local kalshi, task, kalua, json = require "kalshi", require "task", require "kalua", require "json"
local VERSION <const>, LOOKS <const>, FAILS <const> = ${version}, ${FAILS_AT_LOOK}, ${what === 'fails'}
${LUA_NUMBER}
local state = kalua.state
state.last = state.last or { all = {}, loop = {}, call = {} }
state.sent = state.sent or 0
local tickers = {}
for i = 1, ${o.markets} do tickers[i] = "STORM-" .. i end
kalshi.orders() -- follows the account
if FAILS then -- within its probation also where messages are late
  local looks = 0
  kalua.on_probation(function()
    looks = looks + 1
    if looks == LOOKS then error "one that fails" end
    return true
  end)
end
task.every(0.2, function()
  local sum = 0
  for _, last in pairs(state.last) do
    for _, n in pairs(last) do sum = sum + n + 1 end
  end
  print("handled", sum)
end)
${what === 'good' || what === 'fails' ? '' : what}

local handled = 0
local function saw(way, ticker, n)
  local last = state.last[way]
  local before = last[ticker]
  if n ~= (before or -1) + 1 then print("gap", way, ticker, before or -1, n) end
  last[ticker] = n
  handled = handled + 1
  if handled == 1 then print("first", VERSION, kalua.generation, string.format("%.6f", kalua.now()), kalua.stats().memory) end
  if FAILS then
    print("failing", kalua.generation, way, ticker, n)
    if handled == 50 then error "one that fails" end
  end
end

local function wrong(what, e) print("wrong", what, tostring(e)) end

-- An order that an older version had under way is cancelled by a newer one.
local function sweep()
  for _, order in ipairs(kalshi.orders{ status = "resting" }) do
    local generation = tonumber(order.client_order_id:match "^(%d+)-")
    if generation < kalua.generation - 1 then
      local ok, e = pcall(kalshi.cancel_order, order.order_id)
      if not ok and e.code ~= "not_found" then wrong("cancel of " .. order.client_order_id, e) end
    end
  end
end

local function trade()
  while true do
    task.sleep(0.01)
    state.sent = state.sent + 1
    local id = kalua.generation .. "-" .. state.sent
    print("sends", id)
    local ok, order = pcall(kalshi.create_order, { ticker = "${MARKET}", side = "bid", price = 0.01, count = 1, client_order_id = id,
      time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" })
    if not ok then
      wrong(id, order)
    else
      local cancelled, e = pcall(kalshi.cancel_order, order.order_id)
      if not cancelled and e.code ~= "not_found" then wrong("cancel of " .. id, e) end
    end
  end
end

for _, ticker in ipairs(tickers) do
  local book = kalshi.book(ticker)
  task.spawn(function() for d in book:deltas() do saw("loop", ticker, number(d.delta)) end end)
  book:on_delta(function(_, delta) saw("call", ticker, number(delta)) end)
end
local all = kalshi.subscribe{ channels = { "orderbook_delta" }, market_tickers = { table.unpack(tickers, 1, ${o.listed}) } }
task.spawn(sweep)
for _ = 1, ${o.traders} do task.spawn(trade) end
if VERSION == 1 then print "ready" end
for m in all:messages() do
  if m.type == "orderbook_delta" then saw("all", m.market_ticker, number(m.delta_fp)) end
end
`;

// The last one tells what came of it.
const lastSource = `local kalshi, task, kalua, json = require "kalshi", require "task", require "kalua", require "json"
kalshi.orders()
task.spawn(function()
  repeat -- what was on its way at the last swap
    task.sleep(0.2)
    local resting = kalshi.orders{ status = "resting" }
    for _, order in ipairs(resting) do pcall(kalshi.cancel_order, order.order_id) end
  until #resting == 0
  for _, order in ipairs(kalshi.orders{ status = "all" }) do
    print("known", order.client_order_id, order.order_id, order.status)
  end
  print("end", json.encode(kalua.state.last), json.encode(kalshi.status()))
end)
task.sleep(3600)
`;

// ---- what it says ----

const WAYS = ['all', 'loop', 'call'];
const counts = { reloads: 0, refused: 0, rolledBack: 0, gapsOfFailed: 0, handledByFailed: 0 };
const firsts = new Map(), sent = new Set(), known = new Map(), failed = new Map(), failing = new Set();
const reloadMs = [], restedMs = [], luaMemory = [];
let generation = 1, newest = 0, ready = false, end = null, outlived = 0, refusedText = '', rolledText = '', handled = 0;

function gap(way, ticker, before, n) {
  if (n <= before) { fail(`${way} ${ticker}: ${n} was handled after ${before}`); return; }
  for (let i = before + 1; i < n; i++) {
    if (failed.delete(`${way} ${ticker} ${i}`)) counts.gapsOfFailed++;
    else fail(`${way} ${ticker}: ${i} was handled by nobody`);
  }
}

function line([what, ...f]) {
  if (what === 'first') {
    firsts.set(Number(f[1]), { version: Number(f[0]), at: Number(f[2]) });
    newest = Math.max(newest, Number(f[1]));
    luaMemory.push(Number(f[3]));
  } else if (what === 'gap') gap(f[0], f[1], Number(f[2]), Number(f[3]));
  else if (what === 'failing') { failing.add(f[0]); failed.set(`${f[1]} ${f[2]} ${f[3]}`, true); counts.handledByFailed++; }
  else if (what === 'sends') { if (sent.has(f[0])) fail(`${f[0]} was sent twice by the script`); sent.add(f[0]); }
  else if (what === 'known') known.set(f[1], { client: f[0], status: f[2] });
  else if (what === 'handled') handled = Number(f[0]);
  else if (what === 'ready') ready = true;
  else if (what === 'end') end = { last: JSON.parse(f[0]), status: JSON.parse(f[1]) };
  else fail(`it says ${[what, ...f].join(' ')}`);
}

// What is said of versions that fail, of the orders that they had not sent yet (counted as given up), and of two versions
// that cancel the same order.
const EXPECTED = /one that fails|stack traceback:|error storm \t|create_order was not sent: whoever placed it waits no longer|nobody waits for any more: http: cancel_order answered 404/;

function log(text) {
  let m;
  if ((m = /reloaded in ([\d.]+) ms, generation (\d+)/.exec(text))) {
    reloadMs.push(Number(m[1]));
    generation = Number(m[2]);
    counts.reloads++;
  } else if ((m = /rested for ([\d.]+) ms/.exec(text))) restedMs.push(Number(m[1]));
  else if ((m = /generation (\d+) has outlived/.exec(text))) outlived = Number(m[1]);
  else if (/not reloaded: /.test(text)) { counts.refused++; refusedText = text; }
  else if ((m = /rolled back: .*generation (\d+) goes on/.exec(text))) { counts.rolledBack++; rolledText = text; generation = Number(m[1]); }
  else if (/ (error|warn) /.test(text) && !EXPECTED.test(text)) fail(`its log: ${text}`);
}

// ---- the storm ----

const strategy = new Strategy({ name: 'storm', source: source(1), args: ['--probation', String(PROBATION_S), '--cpu-ms', '10000'],
  env: x.env, onLine: line, onLog: log });
const WRONG = [
  ['syntax', 'local = 1', /unexpected symbol|expected near/],
  ['an error behind a read', 'kalshi.get_exchange_status() error "at start"', /at start/],
  ['a module that is missing', 'require "no.such.module"', /no\.such\.module/],
];
const saveToFirst = [];
let version = 1;

async function good(how) {
  const before = Math.max(newest, generation);
  let at, wanted = version;
  if (how === 'hang up') {
    at = strategy.hangUp();
  } else if (how === 'command') {
    execFile(KALUA, ['reload', 'storm'], { env: cleanEnv() }, (e, _, stderr) => { if (e) fail(`kalua reload: ${stderr}`); });
  } else {
    wanted = ++version;
    at = how === 'write' ? strategy.write(source(version)) : strategy.save(source(version));
  }
  let first;
  await strategy.wait(`version ${wanted} by ${how}`, () => {
    for (let g = before + 1; g <= newest; g++) if (firsts.get(g)?.version === wanted) first = firsts.get(g);
    return first;
  });
  if (at && how !== 'hang up') saveToFirst.push((first.at - at) * 1000);
  for (const g of firsts.keys()) if (g < newest - 2) firsts.delete(g);
}

async function refused(k) {
  const [what, text, said] = WRONG[k % WRONG.length], n = counts.refused;
  strategy.save(source(++version, text));
  await strategy.wait(`the refusal of ${what}`, () => counts.refused > n);
  if (!said.test(refusedText)) fail(`${what}: ${refusedText}`);
}

async function rolledBack() {
  await strategy.wait('the end of a probation', () => outlived >= generation);
  const n = counts.rolledBack;
  strategy.save(source(++version, 'fails'));
  await strategy.wait('a return', () => counts.rolledBack > n);
  if (!/one that fails/.test(rolledText)) fail(`the return: ${rolledText}`);
}

try {
  await strategy.wait('all books', () => ready);
  x.run();
  await strategy.wait('the first messages', () => newest >= 1);
  await strategy.wait(`${o.warm} orders`, () => sent.size >= o.warm, 600000);
  const descriptors = strategy.descriptors(REST_PORT);
  const memory = [];
  const began = performance.now(), loop = strategy.loopSeconds, load = os.loadavg()[0], ordersBefore = sent.size;
  const HOWS = ['rename', 'write', 'rename', 'hang up'];
  for (let i = 1; counts.reloads < o.reloads; i++) {
    await good(i % COMMAND_EACH === 0 ? 'command' : HOWS[i % HOWS.length]);
    if (i % REFUSED_EACH === 10) { await refused(Math.floor(i / REFUSED_EACH)); await good('rename'); }
    if (i % FAILS_EACH === 25) { await rolledBack(); await good('rename'); }
    if (i % 20 === 0) memory.push({ orders: sent.size, mb: strategy.rssMB });
    if (i % 1000 === 0) console.error(`${counts.reloads} reloads, ${((performance.now() - began) / 1000).toFixed(0)} s, ${memory.at(-1).mb.toFixed(0)} MB`);
  }
  const seconds = (performance.now() - began) / 1000, cpu = strategy.loopSeconds - loop, orders = sent.size - ordersBefore;
  const achieved = x.achieved;
  await sleep(500);
  x.pause();
  const total = x.next.reduce((a, b) => a + b, 0), ofListed = x.next.slice(0, o.listed).reduce((a, b) => a + b, 0);
  await strategy.wait('the last messages', () => handled >= 2 * total + ofListed).catch((e) => fail(e.message)); // below it is seen which
  strategy.save(lastSource);
  await strategy.wait('its last word', () => end);
  const left = strategy.descriptors(REST_PORT);

  // ---- what came of it ----

  for (const way of WAYS)
    x.tickers.forEach((t, i) => {
      if ((way !== 'all' || i < o.listed) && end.last[way][t] !== x.next[i] - 1) fail(`${way} ${t}: the last is ${end.last[way][t]}, and ${x.next[i] - 1} was sent`);
    });
  for (const key of [...failed.keys()].slice(0, 10)) fail(`${key} was handled by a version that failed and again`);
  const rows = [];
  for (let cursor = ''; ;) {
    const answer = await x.sim.rest('GET', `/portfolio/orders?limit=1000&cursor=${encodeURIComponent(cursor)}`);
    rows.push(...answer.body.orders);
    ({ cursor } = answer.body);
    if (!cursor) break;
  }
  const there = new Set();
  for (const r of rows) {
    if (there.has(r.client_order_id)) fail(`order ${r.client_order_id} is there twice`);
    there.add(r.client_order_id);
    if (!sent.has(r.client_order_id)) fail(`order ${r.client_order_id} was sent by nobody`);
    if (r.status !== 'canceled') fail(`order ${r.client_order_id} is ${r.status}`);
  }
  // What a version that failed had asked for and was not sent yet is given up.
  let givenUp = 0;
  for (const id of sent) {
    if (there.has(id)) continue;
    if (failing.has(id.split('-')[0])) givenUp++;
    else fail(`order ${id} was sent and is not there`);
  }
  for (const r of rows.slice(0, KEPT_ORDERS - 1000)) if (known.get(r.order_id)?.status !== 'canceled') fail(`order ${r.client_order_id} is not known as canceled`);
  for (const kind of new Set([...Object.keys(descriptors), ...Object.keys(left)]))
    if ((left[kind] ?? 0) > (descriptors[kind] ?? 0)) fail(`descriptors of ${kind}: ${descriptors[kind] ?? 0} before, ${left[kind]} after`);
  const { gaps, reconnects, malformed } = end.status;
  if (gaps || reconnects || malformed) fail(`the feed: ${JSON.stringify(end.status)}`);
  const full = memory.filter((m) => m.orders > KEPT_ORDERS), judged = (full.length >= 20 ? full : memory).map((m) => m.mb);
  const tenth = Math.max(1, Math.floor(judged.length / 10)), mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
  const memoryFirst = mean(judged.slice(0, tenth)), memoryLast = mean(judged.slice(-tenth));
  const luaTenth = Math.max(1, Math.floor(luaMemory.length / 10));
  const luaFirst = quantile(luaMemory.slice(0, luaTenth), 0.5), luaLast = quantile(luaMemory.slice(-luaTenth), 0.5);
  if (o.memory && memoryLast > memoryFirst * 1.05 + 4) fail(`memory: ${memoryFirst.toFixed(1)} MB, then ${memoryLast.toFixed(1)} MB`);
  if (luaLast > luaFirst * 1.1 + 65536) fail(`memory of a version: ${luaFirst} bytes, then ${luaLast}`);
  const code = await strategy.stop();
  if (code !== STOPPED) fail(`kalua ended with ${code}:\n${strategy.lastLog.join('\n')}`);

  const sum = (d) => Object.values(d).reduce((a, b) => a + b, 0);
  const show = (list, q) => quantile(list, q).toFixed(2);
  console.log(`${counts.reloads} reloads in ${seconds.toFixed(0)} s, ${counts.refused} refused, ${counts.rolledBack} rolled back; load ${load.toFixed(1)}`);
  console.log(`messages      ${total} sent, ${achieved.toFixed(0)} a second; each handled once by a loop and by a function, those of ${o.listed} markets as a message, too; ${counts.handledByFailed} by versions that failed`);
  console.log(`orders        ${rows.length}, ${(orders / seconds).toFixed(0)} a second; each there once; ${givenUp} more of versions that failed were not sent`);
  console.log(`memory        ${memoryFirst.toFixed(1)} MB in the first tenth, ${memoryLast.toFixed(1)} MB in the last; a version ${(luaFirst / 1024).toFixed(0)} KB, ${(luaLast / 1024).toFixed(0)} KB`);
  console.log(`descriptors   ${sum(descriptors)} before, ${sum(left)} after`);
  console.log(`reload        ${show(reloadMs, 0.5)} ms median, ${show(reloadMs, 0.99)} p99 (as it says)`);
  console.log(`save to event ${show(saveToFirst, 0.5)} ms median, ${show(saveToFirst, 0.99)} p99`);
  console.log(`pause         ${show(restedMs, 0.5)} ms median, ${show(restedMs, 0.99)} p99 (as it says)`);
  console.log(`loop thread   ${(cpu / seconds * 100).toFixed(0)} % of a core`);
  if (!failures.length) tell(`a storm of ${counts.reloads} reloads under ${total} messages and ${rows.length} orders: none lost, none doubled`);
} catch (e) {
  fail(e.stack);
  strategy.process.kill('SIGKILL');
} finally {
  await x.stop();
}
for (const f of failures) console.error(`FAILED ${f}`);
process.exit(failures.length ? 1 : 0);
