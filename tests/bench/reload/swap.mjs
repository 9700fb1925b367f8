// How long a reload takes, from the save to the first event that the new version handles, and how long events wait for it:
// a script of 500 lines with 100 books, under a feed.
//   node tests/bench/reload/swap.mjs [--reloads 200] [--rate 5000] [--quiet-rate 500] [--only plain,handlers,…]
// The processor time of a reload is measured apart, under --quiet-rate, and what the feed costs is taken off.
import os from 'node:os';
import { NumberedExchange } from '../../integration/numbered_exchange.mjs';
import { sleep } from '../../integration/peers.mjs';
import { Strategy, options, quantile, wallNow } from './process.mjs';

const o = options({ reloads: 200, rate: 5000, 'quiet-rate': 500, books: 100, lines: 500, only: '' });
const PAUSE_MS = 150;

// `lines` of a script that looks like one: functions which it does not all call, books, a handler for each of them.
function source(version, { handlers, read, state, kalshi = true }) {
  const out = [
    `local ${kalshi ? 'kalshi, ' : ''}task, kalua = ${kalshi ? 'require "kalshi", ' : ''}require "task", require "kalua"`,
    `local VERSION <const> = ${version}`,
    'local state = kalua.state',
    'state.n = state.n or 0',
  ];
  if (state)
    out.push(`if not state.history then`, '  state.history = {}',
      `  for i = 1, ${Math.round(state / 40)} do state.history[i] = { price = i / 10000, count = i, side = "yes" } end`, 'end');
  const tail = [];
  if (handlers) tail.push('kalua.on_stop(function(reason) state.stopped = reason end)');
  if (read) tail.push('kalshi.get_exchange_status()');
  tail.push('local first',
    'local function event()',
    '  local now = kalua.now()',
    '  if not first then',
    '    first = true',
    '    print("first", VERSION, string.format("%.6f", now), string.format("%.6f", state.at or now))',
    '  end',
    '  state.n = state.n + 1',
    '  state.at = now',
    'end');
  if (kalshi)
    tail.push(`for i = 1, ${o.books} do`, '  local book = kalshi.book("SWAP-" .. i)', '  book:on_delta(event)', 'end');
  else
    tail.push('task.every(0.0002, event)');
  // A function of Lua has at most 200 locals.
  for (let i = 0; out.length + tail.length + 7 <= o.lines; i++)
    out.push(`local function value_${i}(book, x)`, '  local bid, ask = book:best_bid(), book:best_ask()',
      '  if bid and ask and ask - bid > 0.01 * x then return (bid + ask) / 2, "wide" end', '  return bid, ask', 'end');
  while (out.length + tail.length < o.lines) out.push('--');
  return `${[...out, ...tail].join('\n')}\n`;
}

const CASES = [
  ['plain', 'as it is', {}],
  ['handlers', 'with an on_stop handler', { handlers: true }],
  ['read', 'with a read in its start', { read: true }],
  ['10k', '10 KB of state', { state: 10e3 }],
  ['1m', '1 MB of state', { state: 1e6 }],
  ['no-kalshi', 'without kalshi', { kalshi: false }],
].filter(([name]) => !o.only || o.only.split(',').includes(name));

async function measure(what, kind, reloads, rate) {
  const x = await NumberedExchange.start({ markets: o.books, rate, prefix: 'SWAP' });
  const first = new Map(), said = [], rested = [], latency = [], gaps = [];
  const log = (text) => {
    let m;
    if ((m = /reloaded in ([\d.]+) ms/.exec(text))) said.push(Number(m[1]));
    else if ((m = /rested for ([\d.]+) ms/.exec(text))) rested.push(Number(m[1]));
    else if (/ (error|warn) |not reloaded|rolled back/.test(text)) console.error(text);
  };
  const strategy = new Strategy({ name: 'swap', source: source(1, kind), args: ['--probation', '1'], env: x.env, onLog: log,
    onLine: ([, version, at, before]) => first.set(Number(version), { at: Number(at), before: Number(before) }) });
  try {
    if (kind.kalshi !== false) await strategy.wait('the books', () => x.snapshots >= o.books);
    await sleep(200);
    x.run();
    await strategy.wait('the first event', () => first.has(1));
    await sleep(1500); // the probation of the first; a spare state is made
    const rest = async (n) => { // what the feed costs alone
      const cpu = strategy.loopSeconds, at = performance.now();
      await sleep(n);
      return (strategy.loopSeconds - cpu) / (performance.now() - at);
    };
    const alone = await rest(2000), cpu = strategy.loopSeconds, began = performance.now();
    for (let v = 2; v <= reloads + 1; v++) {
      const text = source(v, kind);
      await sleep(PAUSE_MS);
      const at = strategy.save(text);
      await strategy.wait(`version ${v}`, () => first.has(v));
      const f = first.get(v);
      latency.push((f.at - at) * 1000);
      gaps.push((f.at - f.before) * 1000);
    }
    const ms = (strategy.loopSeconds - cpu - alone * (performance.now() - began)) / reloads * 1000;
    return { latency, gaps, said, rested, cpu: ms };
  } finally {
    await strategy.stop();
    await x.stop();
  }
}

const began = wallNow();
const pad = (list) => console.log(list.map((t, i) => (i ? String(t).padStart(9) : t.padEnd(26))).join(''));
console.log(`${o.reloads} reloads of ${o.lines} lines with ${o.books} books under ${o.rate} changes a second; ms, median and p99`);
pad(['', 'event', 'p99', 'reload', 'p99', 'pause', 'p99', 'gap', 'p99', 'CPU']);
const both = (list) => [quantile(list, 0.5).toFixed(2), quantile(list, 0.99).toFixed(2)];
for (const [, what, kind] of CASES) {
  const r = await measure(what, kind, o.reloads, o.rate);
  const quiet = await measure(what, kind, Math.min(o.reloads, 100), o['quiet-rate']);
  pad([what, ...both(r.latency), ...both(r.said), ...both(r.rested), ...both(r.gaps), quiet.cpu.toFixed(2)]);
}
console.log(`load ${os.loadavg()[0].toFixed(1)}, ${(wallNow() - began).toFixed(0)} s`);
