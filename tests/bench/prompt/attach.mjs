// What a prompt inside of a strategy costs it: how late it handles the events of a full feed, by turns while nobody looks, while
// a session is there, and while that looks (values, tasks, figures, and an expression that is followed each 50 ms).
//   node tests/bench/prompt/attach.mjs [--turns 6] [--seconds 4] [--rate 20000] [--books 100] [--every 100]     (--every: ms)
import os from 'node:os';
import { ControlClient } from '../../integration/control_client.mjs';
import { LUA_NUMBER, NumberedExchange } from '../../integration/numbered_exchange.mjs';
import { sleep } from '../../integration/peers.mjs';
import { Strategy, options, quantile } from '../reload/process.mjs';

const o = options({ turns: 6, seconds: 4, rate: 20000, books: 100, every: 100 });
const SAMPLE = 10; // of so many events the lateness of one is noted
const PHASES = ['alone', 'session', 'looking'];
const x = await NumberedExchange.start({ markets: o.books, rate: o.rate, prefix: 'NEXT', stamped: true });
const source = `local kalshi, kalua, task = require "kalshi", require "kalua", require "task"
${LUA_NUMBER}
local seen, n, count = {}, 0, 0
kalua.state.last = {}
for i = 1, ${o.books} do
  kalshi.book("NEXT-" .. i):on_delta(function(_, delta)
    count = count + 1
    kalua.state.last[i] = delta
    if count % ${SAMPLE} ~= 0 then return end
    n = n + 1
    seen[n] = string.format("%d %d %.6f", i, number(delta), kalua.now())
    if n == 100 then
      print("seen", table.concat(seen, " "))
      n = 0
    end
  end)
  task.spawn(function() while true do task.sleep(60) end end)
end
print("first", 1)
`;
const late = Object.fromEntries(PHASES.map((p) => [p, []])), p99 = Object.fromEntries(PHASES.map((p) => [p, []]));
const share = Object.fromEntries(PHASES.map((p) => [p, []]));
let phase = null, here = [];
const strategy = new Strategy({ name: 'watched', source, args: [], env: x.env,
  onLog: (line) => { if (/ (error|warn) /.test(line)) console.error(line); },
  onLine: ([what, ...f]) => {
    if (what !== 'seen' || !phase) return;
    const list = f[0].split(' ').map(Number);
    for (let i = 0; i < list.length; i += 3) here.push((list[i + 2] - x.sentAt[list[i] - 1][list[i + 1]]) * 1000);
  } });
let asked = 0, client, session;
const answers = [];

// One round of what a person would look at, and how long each answer took.
async function look(turn) {
  const requests = [['eval', { source: 'kalua.state', mode: 'draw' }], ['tasks', {}], ['locals', { task: 1 + (turn % o.books), frame: 0 }], ['inspect', {}]];
  for (const [op, fields] of requests) {
    const at = performance.now();
    const answer = await client.ask(op, { session, ...fields });
    if (!answer.ok && answer.error.kind !== 'validation') throw new Error(`${op}: ${answer.error.message}`);
    answers.push(performance.now() - at);
    asked++;
  }
  client.forget();
}

try {
  await strategy.wait('the books', () => x.snapshots >= o.books);
  x.run();
  await sleep(2000);
  for (let turn = 0; turn < o.turns * PHASES.length; turn++) {
    const name = PHASES[turn % PHASES.length];
    if (name !== 'alone') {
      client = new ControlClient();
      session = await client.session();
      if (name === 'looking') client.start('watch', { session, source: 'kalua.state.last[1]', every_ms: 50 });
    }
    await sleep(300);
    here = [];
    phase = name;
    const end = performance.now() + o.seconds * 1000, loop = strategy.loopSeconds;
    for (let round = 0; performance.now() < end; round++) {
      if (name === 'looking') await look(round);
      await sleep(o.every);
    }
    phase = null;
    share[name].push((strategy.loopSeconds - loop) / o.seconds);
    late[name].push(...here);
    p99[name].push(quantile(here, 0.99));
    client?.close();
    client = null;
  }
  console.log(`events of a strategy, ${o.turns} turns of ${o.seconds} s each, ${x.achieved.toFixed(0)} changes a second; load ${os.loadavg()[0].toFixed(1)}`);
  for (const name of PHASES) {
    console.log(`${name.padEnd(8)} ${String(late[name].length).padStart(7)} events, late by ${quantile(late[name], 0.5).toFixed(2)} ms median, `
      + `${quantile(late[name], 0.99).toFixed(2)} p99 (of turns ${quantile(p99[name], 0).toFixed(2)} to ${quantile(p99[name], 1).toFixed(2)}, `
      + `median ${quantile(p99[name], 0.5).toFixed(2)}); loop thread ${(quantile(share[name], 0.5) * 100).toFixed(0)} %`);
  }
  console.log(`${asked} requests of the session that looks, answered in ${quantile(answers, 0.5).toFixed(2)} ms median, ${quantile(answers, 0.99).toFixed(2)} p99`);
} finally {
  await strategy.stop();
  await x.stop();
}
