// What the reloads of one strategy cost another one in the same process: how late that one handles its events, by turns while
// nobody reloads and while the first is replaced again and again.
//   node tests/bench/reload/neighbour.mjs [--turns 6] [--seconds 4] [--rate 5000] [--every 50]     (--every: ms)
import os from 'node:os';
import { LUA_NUMBER, NumberedExchange } from '../../integration/numbered_exchange.mjs';
import { sleep } from '../../integration/peers.mjs';
import { Strategy, options, quantile } from './process.mjs';
import { source } from './script.mjs';

const o = options({ turns: 6, seconds: 4, rate: 5000, every: 50, books: 100 });
const READ = 10; // markets of the neighbour
const x = await NumberedExchange.start({ markets: o.books + READ, rate: o.rate, prefix: 'NEXT', stamped: true });
const neighbour = `local kalshi, kalua, task = require "kalshi", require "kalua", require "task"
${LUA_NUMBER}
local seen, n = {}, 0
for i = 1, ${READ} do
  kalshi.book("NEXT-" .. i):on_delta(function(_, delta)
    n = n + 1
    seen[n] = string.format("%d %d %.6f", i, number(delta), kalua.now())
    if n == 100 then
      print("seen", table.concat(seen, " "))
      n = 0
    end
  end)
end
`;
const late = { calm: [], storm: [] };
let phase = null, newest = 0, reloads = 0;
const strategy = new Strategy({ name: 'busy', source: source(1, { tickers: x.tickers.slice(READ) }), args: ['--probation', '1'],
  env: x.env, others: { 'neighbour.lua': neighbour },
  onLog: (line) => {
    if (/reloaded in/.test(line)) reloads++;
    else if (/ (error|warn) |not reloaded|rolled back/.test(line)) console.error(line);
  },
  onLine: ([what, ...f]) => {
    if (what === 'first') newest = Math.max(newest, Number(f[0]));
    if (what !== 'seen' || !phase) return;
    const list = f[0].split(' ').map(Number);
    for (let i = 0; i < list.length; i += 3) late[phase].push((list[i + 2] - x.sentAt[list[i] - 1][list[i + 1]]) * 1000);
  } });
try {
  await strategy.wait('the books', () => x.snapshots >= o.books + READ);
  x.run();
  await strategy.wait('the first event', () => newest === 1);
  await sleep(1500);
  let version = 1;
  const cpu = [];
  for (let turn = 0; turn < o.turns * 2; turn++) {
    phase = null;
    await sleep(300);
    phase = turn % 2 ? 'storm' : 'calm';
    const end = performance.now() + o.seconds * 1000, loop = strategy.loopSeconds;
    while (performance.now() < end) {
      await sleep(o.every);
      if (phase === 'calm') continue;
      const wanted = ++version;
      strategy.save(source(wanted, { tickers: x.tickers.slice(READ) }));
      await strategy.wait(`version ${wanted}`, () => newest >= wanted);
    }
    cpu.push((strategy.loopSeconds - loop) / o.seconds);
  }
  console.log(`events of a neighbour, ${o.turns} turns of ${o.seconds} s each, ${x.achieved.toFixed(0)} changes a second; load ${os.loadavg()[0].toFixed(1)}`);
  for (const [name, i] of [['calm', 0], ['storm', 1]]) {
    const share = quantile(cpu.filter((_, k) => k % 2 === i), 0.5);
    console.log(`${name.padEnd(6)} ${String(late[name].length).padStart(7)} events, late by ${quantile(late[name], 0.5).toFixed(2)} ms median, `
      + `${quantile(late[name], 0.9).toFixed(2)} p90, ${quantile(late[name], 0.99).toFixed(2)} p99; loop thread ${(share * 100).toFixed(0)} %`);
  }
  console.log(`${reloads} reloads, ${(reloads / (o.turns * o.seconds)).toFixed(1)} a second of storm`);
} finally {
  await strategy.stop();
  await x.stop();
}
