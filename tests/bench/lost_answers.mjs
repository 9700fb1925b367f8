// Many orders through a server that loses every tenth answer to a write: is any order doubled, any forgotten?
//
//   node tests/bench/lost_answers.mjs [orders] [tasks] [feed]     KALUA=path of kalua
//
// Three parties are compared: what the script was told of each order, what the server saw and carried out, and the orders
// that the simulator has in the end, read from it directly. Exit code 1 when any was doubled or forgotten.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { FaultServer, faults } from '../integration/fault_server.mjs';
import { KALUA, Sim, tempDir } from '../integration/peers.mjs';

const N = Number(process.argv[2] ?? 100000), TASKS = Number(process.argv[3] ?? 96), feed = process.argv[4] === 'feed';
const FILLS = Math.min(Math.floor(N / 20), 5000); // each costs the other account 99 cents
const MARKETS = 1000; // a look-up lists the latest orders of one
const PHASES = [faults.resetAfterHead, faults.resetBeforeForward, faults.closeBeforeForward, faults.status(503),
  faults.resetAfterForward, faults.closeAfterForward, faults.resetInHead, faults.resetInBody, faults.truncated,
  faults.status(502, { carriedOut: true, html: true })];
const fail = (text) => { console.error(text); process.exit(1); };

const sim = await Sim.start('--quiet-market', '--users', '2', '--markets', String(MARKETS + 40));
const markets = [];
for (let cursor = ''; ;) {
  const { body } = await sim.rest('GET', `/markets?limit=1000&status=open&cursor=${encodeURIComponent(cursor)}`);
  markets.push(...body.markets);
  ({ cursor } = body);
  if (!cursor) break;
}
const day = Date.now() + 24 * 3600e3; // open to the end of the run
const tickers = markets.filter((m) => Date.parse(m.close_time) > day).map((m) => m.ticker);
if (tickers.length < 2) fail('the simulator has too few markets that stay open');
const filling = tickers.shift();
tickers.splice(MARKETS);

if (FILLS > 0) {
  const { status, body } = await sim.rest('POST', '/portfolio/events/orders', { ticker: filling, side: 'ask', price: '0.0100',
    count: `${FILLS}.00`, time_in_force: 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' }, { user: 1 });
  if (status !== 201) fail(`the other side's order: ${JSON.stringify(body)}`);
}

// ---- the server ----

const seen = new Map(); // client_order_id: what came of its create requests
const lost = { create: 0, cancel: 0 }, phases = new Map();
let writes = 0, again = 0;
const server = await FaultServer.start({ sim, ended: (rq) => {
  if (rq.method === 'GET') return;
  const create = rq.method === 'POST';
  if (rq.fault) {
    lost[create ? 'create' : 'cancel']++;
    phases.set(rq.fault, (phases.get(rq.fault) ?? 0) + 1);
  }
  if (!create) return;
  const id = rq.body?.client_order_id;
  const one = seen.get(id) ?? { sent: 0, carriedOut: 0, faults: [] };
  seen.set(id, one);
  one.sent++;
  if (rq.fault) one.faults.push(rq.fault);
  if (!rq.forwarded) return;
  if (rq.status === 201) {
    one.carriedOut++;
  } else if (rq.status === 409) {
    again++; // sent again although it had happened
  }
} });
// Every tenth write, in turn in each phase.
server.pick = (rq, at) => {
  if (rq.method === 'GET' || (rq.turn ??= ++writes) % 10 !== 0) return undefined;
  const fault = PHASES[(rq.turn / 10) % PHASES.length];
  if (fault.at !== at) return undefined;
  rq.fault = fault.name;
  return { fault };
};

// ---- the script ----

const SCRIPT = `local kalshi, task, kalua = require "kalshi", require "task", require "kalua"
local N, TASKS, FILLS, filling = ${N}, ${TASKS}, ${FILLS}, "${filling}"
local tickers = {}
for t in ([[${tickers.join(' ')}]]):gmatch "%S+" do tickers[#tickers + 1] = t end
${feed ? 'local sub = kalshi.subscribe{ channels = { "user_orders" } } task.spawn(function() for _ in sub:messages() do end end)' : ''}
local function how(ok, r)
  if ok then return r.resolved and "resolved" or "done" end
  return r.code or r.kind or "error"
end
local function say(id, ok, r, cancel_ok, c)
  print(id, how(ok, r), ok and r.order_id or "-", ok and r.fill_count or 0, cancel_ok == nil and "-" or how(cancel_ok, c),
    (not ok and tostring(r) or cancel_ok == false and tostring(c) or ""):gsub("%c", " "))
end
local next_one, fills = 0, 0
local function work()
  while next_one < N do
    next_one = next_one + 1
    local i = next_one
    local id, kind = "bench-" .. i, i % 20
    local o = { ticker = tickers[i % #tickers + 1], side = "bid", price = 0.01, count = 1, client_order_id = id,
      time_in_force = "immediate_or_cancel", self_trade_prevention_type = "taker_at_cross" }
    if kind == 0 and fills < FILLS then
      fills, o.ticker = fills + 1, filling
    elseif kind % 2 == 1 then
      o.time_in_force = "good_till_canceled"
    end
    local ok, r = pcall(kalshi.create_order, o)
    if ok and o.time_in_force == "good_till_canceled" then
      say(id, ok, r, pcall(kalshi.cancel_order, r.order_id))
    else
      say(id, ok, r)
    end
  end
end
local jobs = {}
for i = 1, TASKS do jobs[i] = work end
task.all(jobs)
local s = kalshi.status()
print("status", s.calls, s.retries, s.rate_limited, s.lost, s.lost_done, s.lost_not_done, s.lost_unknown)
${feed ? 'sub:close()' : ''}`;

const cwd = tempDir();
fs.writeFileSync(path.join(cwd, 'orders.lua'), SCRIPT);
const begin = Date.now();
const child = spawn(KALUA, ['--quiet', '--log', 'error', '--mem', '1024', 'orders.lua'], { cwd, env: { ...process.env, ...server.env() },
  stdio: ['ignore', 'pipe', 'inherit'] });
const told = new Map(), reasons = new Map();
let status = null;
for await (const line of readline.createInterface({ input: child.stdout })) {
  const [id, create, order_id, filled, cancel, why] = line.split('\t');
  if (id === 'status') { status = line.split('\t').slice(1).map(Number); continue; }
  told.set(id, { create, order_id, filled: Number(filled), cancel, why });
  if (why) {
    const kind = `${create === 'done' || create === 'resolved' ? `cancel: ${cancel}` : `create: ${create}`}: ${why.replace(/bench-\d+|127\.0\.0\.1:\d+|\d+ ms/g, '…')}`;
    reasons.set(kind, (reasons.get(kind) ?? 0) + 1);
  }
  if (told.size % 10000 === 0) console.error(`${told.size} orders, ${((Date.now() - begin) / 1000).toFixed(0)} s`);
}
const code = await new Promise((r) => { if (child.exitCode !== null) r(child.exitCode); else child.on('close', r); });
const seconds = (Date.now() - begin) / 1000;
if (code !== 0 || !status) fail(`the script ended with ${code} after ${told.size} orders`);

// ---- the simulator, asked directly ----

const there = new Map(); // client_order_id: rows
for (let cursor = ''; ;) {
  const { status: s, body } = await sim.rest('GET', `/portfolio/orders?limit=1000&cursor=${encodeURIComponent(cursor)}`);
  if (s !== 200) fail(`the simulator's orders: ${JSON.stringify(body)}`);
  for (const o of body.orders) there.set(o.client_order_id, [...(there.get(o.client_order_id) ?? []), o]);
  ({ cursor } = body);
  if (!cursor) break;
}
const { body: { market_positions: positions } } = await sim.rest('GET', '/portfolio/positions?limit=1000');
const position = positions.reduce((sum, p) => sum + Math.abs(Number(p.position_fp)), 0);

// ---- the comparison ----

const wrong = { doubled: [], forgotten: [] }, unknown = [];
const tally = { done: 0, resolved: 0, resent: 0, not_done: 0, unknown: 0, unknown_there: 0, failed: 0, cancels: 0, cancels_resolved: 0, cancels_unknown: 0 };
let filledTold = 0;
const isDone = (how) => how === 'done' || how === 'resolved';
for (let i = 1; i <= N; i++) {
  const id = `bench-${i}`, ledger = told.get(id), wire = seen.get(id), rows = there.get(id) ?? [];
  if (rows.length > 1 || (wire?.carriedOut ?? 0) > 1) wrong.doubled.push(`${id}: ${rows.length} orders, carried out ${wire?.carriedOut} times`);
  if (!ledger) { wrong.forgotten.push(`${id}: the script says nothing of it`); continue; }
  if (rows.length !== (wire?.carriedOut ?? 0)) wrong.forgotten.push(`${id}: the server carried it out ${wire?.carriedOut ?? 0} times, the simulator has ${rows.length}`);
  if (isDone(ledger.create)) {
    tally[ledger.create]++;
    if (wire?.sent > 1) tally.resent++;
    if (!rows.some((o) => o.order_id === ledger.order_id)) wrong.forgotten.push(`${id}: told as done (${ledger.order_id}), and not there`);
    if (rows.some((o) => Number(o.fill_count_fp) !== ledger.filled)) wrong.forgotten.push(`${id}: told as ${ledger.filled} filled, not so at the simulator`);
    filledTold += ledger.filled;
  } else if (ledger.create === 'outcome_unknown') {
    tally.unknown++;
    if (rows.length) tally.unknown_there++;
    unknown.push(`${id}: sent ${wire?.sent ?? 0} times (${wire?.faults.join(', ')}), carried out ${wire?.carriedOut ?? 0} times; ${ledger.why}`);
  } else {
    tally[ledger.create === 'not_done' ? 'not_done' : 'failed']++;
    if (rows.length) wrong.forgotten.push(`${id}: told as ${ledger.create}, and it is there`);
  }
  if (ledger.cancel === '-') continue;
  tally.cancels++;
  if (ledger.cancel === 'resolved') tally.cancels_resolved++;
  if (isDone(ledger.cancel)) {
    if (rows.some((o) => o.status !== 'canceled')) wrong.forgotten.push(`${id}: told as canceled, and it rests`);
  } else if (ledger.cancel === 'outcome_unknown') {
    tally.cancels_unknown++;
    unknown.push(`${id}: its cancel; ${ledger.why}`);
  } else {
    wrong.forgotten.push(`${id}: its cancel ended as ${ledger.cancel}`);
  }
}
for (const id of there.keys()) if (id && !told.has(id)) wrong.forgotten.push(`${id}: at the simulator, and the script says nothing of it`);
const unknownFills = [...told].filter(([id, l]) => l.create === 'outcome_unknown' && there.has(id)).reduce((n, [id]) => n + Number(there.get(id)[0].fill_count_fp), 0);
if (position !== filledTold + unknownFills) wrong.doubled.push(`a position of ${position} contracts, and ${filledTold + unknownFills} filled by the orders known`);

const [calls, retries, limited, sLost, sDone, sNotDone, sUnknown] = status;
const rows = [
  ['orders', N], ['cancels', tally.cancels], ['writes that arrived at the server', writes],
  ['answers lost: creates', lost.create], ['answers lost: cancels', lost.cancel],
  ['creates: answered', tally.done], ['creates: lost, looked up, had happened', tally.resolved],
  ['creates: lost, had not happened, sent again', tally.resent],
  ['creates: not done, no time to send again', tally.not_done], ['creates: unknown', tally.unknown],
  ['  of these at the simulator', tally.unknown_there], ['creates: other errors', tally.failed],
  ['cancels: lost, looked up, had happened', tally.cancels_resolved], ['cancels: unknown', tally.cancels_unknown],
  ['creates sent again although they had happened (409)', again],
  ['contracts filled', position], ['doubled', wrong.doubled.length], ['forgotten', wrong.forgotten.length],
];
for (const [what, n] of rows) console.log(`${what.padEnd(54)} ${String(n).padStart(8)}`);
console.log(`\nthe client's own count: ${sLost} lost, ${sDone} done, ${sNotDone} not done, ${sUnknown} unknown; ${calls} calls, ${retries} retries, ${limited} answered 429`);
console.log(`${seconds.toFixed(1)} s, ${(N / seconds).toFixed(0)} orders a second`);
for (const [name, n] of phases) console.log(`  lost by ${name}: ${n}`);
for (const [why, n] of [...reasons].sort((a, b) => b[1] - a[1]).slice(0, 10)) console.log(`  ${n} x ${why}`);
for (const text of unknown.slice(0, 20)) console.log(`unknown: ${text}`);
for (const kind of ['doubled', 'forgotten']) for (const text of wrong[kind].slice(0, 20)) console.log(`${kind}: ${text}`);
await server.close();
await sim.stop();
process.exit(wrong.doubled.length || wrong.forgotten.length ? 1 : 0);
