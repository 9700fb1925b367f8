// How long a reload takes, from the save to the first event that the new version handles, and how much longer than usual that
// event waited: a script of 500 lines with 100 books, under a feed.
//   node tests/bench/reload/swap.mjs [--reloads 100] [--rate 5000] [--only plain,handlers,read,10k,1m,no-kalshi]
// The processor time of a reload is measured apart, under --quiet-rate, and what the feed costs is taken off.
import os from 'node:os';
import { NumberedExchange } from '../../integration/numbered_exchange.mjs';
import { sleep } from '../../integration/peers.mjs';
import { Strategy, options, quantile, wallNow } from './process.mjs';
import { source } from './script.mjs';

const o = options({ reloads: 100, rate: 5000, 'quiet-rate': 500, books: 100, lines: 500, only: '' });
const PAUSE_MS = 150; // behind the first tick of a probation of a second, as for somebody who saves now and then

const CASES = [
  ['plain', 'as it is', {}],
  ['handlers', 'with an on_stop handler', { handlers: true }],
  ['read', 'with a read in its start', { read: true }],
  ['10k', '10 KB of state', { state: 10e3 }],
  ['1m', '1 MB of state', { state: 1e6 }],
  ['no-kalshi', 'without kalshi', { kalshi: false }],
].filter(([name]) => !o.only || o.only.split(',').includes(name));

async function measure(kind, reloads, rate) {
  const x = await NumberedExchange.start({ markets: o.books, rate, prefix: 'SWAP', stamped: true });
  const first = new Map(), later = new Map(), said = [], rested = [], latency = [], waited = [];
  const text = (v) => source(v, { tickers: x.tickers, lines: o.lines, ...kind });
  const log = (line) => {
    let m;
    if ((m = /reloaded in ([\d.]+) ms/.exec(line))) said.push(Number(m[1]));
    else if ((m = /rested for ([\d.]+) ms/.exec(line))) rested.push(Number(m[1]));
    else if (/ (error|warn) |not reloaded|rolled back/.test(line)) console.error(line);
  };
  const strategy = new Strategy({ name: 'swap', source: text(1), args: ['--probation', '1'], env: x.env, onLog: log,
    onLine: ([which, version, at, market, n]) => {
      (which === 'first' ? first : later).set(Number(version), { at: Number(at), market: Number(market) - 1, n: Number(n) });
    } });
  const delay = (event) => (event && event.market >= 0 ? (event.at - x.sentAt[event.market][event.n]) * 1000 : NaN);
  try {
    if (kind.kalshi !== false) await strategy.wait('the books', () => x.snapshots >= o.books);
    await sleep(200);
    x.run();
    await strategy.wait('the first event', () => first.has(1));
    await sleep(1500); // the probation of the first; a spare state is made
    const cpuAlone = strategy.loopSeconds, alone = performance.now();
    await sleep(2000);
    const share = (strategy.loopSeconds - cpuAlone) / (performance.now() - alone);
    const cpu = strategy.loopSeconds, began = performance.now();
    for (let v = 2; v <= reloads + 1; v++) {
      const next = text(v);
      await sleep(PAUSE_MS);
      const at = strategy.save(next);
      await strategy.wait(`version ${v}`, () => first.has(v));
      latency.push((first.get(v).at - at) * 1000);
      waited.push(delay(first.get(v)));
    }
    const ms = (strategy.loopSeconds - cpu - share * (performance.now() - began)) / reloads * 1000;
    const usual = quantile([...later.values()].map(delay).filter((d) => !Number.isNaN(d)), 0.5);
    return { latency, said, rested, cpu: ms, waited: waited.map((w) => w - usual).filter((w) => !Number.isNaN(w)) };
  } finally {
    await strategy.stop();
    await x.stop();
  }
}

const began = wallNow();
const row = (list) => console.log(list.map((t, i) => (i ? String(t).padStart(9) : t.padEnd(26))).join(''));
const both = (list) => (list.length ? [quantile(list, 0.5).toFixed(2), quantile(list, 0.99).toFixed(2)] : ['-', '-']);
console.log(`${o.reloads} reloads of ${o.lines} lines with ${o.books} books under ${o.rate} changes a second; ms, median and p99`);
row(['', 'to event', 'p99', 'reload', 'p99', 'rested', 'p99', 'waited', 'p99', 'CPU']);
for (const [, what, kind] of CASES) {
  const r = await measure(kind, o.reloads, o.rate);
  const quiet = await measure(kind, Math.min(o.reloads, 60), o['quiet-rate']);
  row([what, ...both(r.latency), ...both(r.said), ...both(r.rested), ...both(r.waited), quiet.cpu.toFixed(2)]);
}
console.log(`load ${os.loadavg()[0].toFixed(1)}, ${(wallNow() - began).toFixed(0)} s`);
