// `kalua sim` with many WebSocket clients on moving markets, while one account trades:
//   node tests/bench/sim_clients.mjs [--clients 1000] [--markets 100] [--each 100,10] [--rate 1000] [--seconds 60]
//     [--orders 20] [--build build/release] [SIM OPTION...]
// `--each`: how many of the markets a client follows, one run for each. Exit code 1 when a client missed a message (a hole
// in the `seq` of a subscription), was told of an overflow (error 25) or of another one, or lost its connection.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Sim, sleep } from '../integration/peers.mjs';

const { values: o, positionals } = parseArgs({ allowPositionals: true, options: {
  clients: { type: 'string', default: '1000' }, markets: { type: 'string', default: '100' },
  each: { type: 'string', default: '100,10' }, rate: { type: 'string', default: '1000' },
  seconds: { type: 'string', default: '60' }, orders: { type: 'string', default: '20' },
  build: { type: 'string', default: 'build/release' } } });
const TICKS = 100; // of the kernel's clock in /proc, a second
const cpu = (pid) => fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13)
  .reduce((sum, v) => sum + Number(v) / TICKS, 0);
const memory = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

// One account crosses the spread and quotes, so that some of the messages are about clients' own orders.
async function trade(sim, tickers, running) {
  let n = 0;
  for (; running(); n++) {
    const price = (0.3 + 0.4 * Math.random()).toFixed(2);
    const { status } = await sim.rest('POST', '/portfolio/events/orders', {
      ticker: tickers[n % tickers.length], side: n % 2 ? 'bid' : 'ask', price, count: '1.00',
      time_in_force: n % 3 ? 'immediate_or_cancel' : 'good_till_canceled', self_trade_prevention_type: 'taker_at_cross' });
    if (status !== 201 && status !== 400) throw new Error(`an order was answered with ${status}`);
    await sleep(1000 / Number(o.orders));
  }
  return n;
}

async function openTickers(sim) {
  const { body } = await sim.rest('GET', '/markets?status=open&limit=1000');
  return body.markets.map((m) => m.ticker).slice(0, Number(o.markets));
}

async function run(each) {
  const sim = await Sim.start('--markets', o.markets, '--rate', o.rate, '--ws-connections', o.clients, ...positionals);
  try {
    const tickers = await openTickers(sim), pid = sim.process.pid;
    const load = spawn(path.resolve(o.build, 'tests/bench/sim_clients'),
      [new URL(sim.rest_url).port, sim.key_id, sim.key_path, o.clients, String(Math.min(each, tickers.length)), o.seconds, ...tickers],
      { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '', before = 0, after = 0, trading, over = false;
    load.stdout.on('data', (d) => {
      text += d;
      if (!trading && text.includes('begin\n')) {
        before = cpu(pid);
        if (Number(o.orders) > 0) trading = trade(sim, tickers, () => !over);
      }
      if (!after && text.includes('end\n')) after = cpu(pid);
    });
    await new Promise((r) => load.on('close', r));
    over = true;
    const orders = await (trading ?? 0);
    if (!text.includes('{')) throw new Error('the clients gave up');
    return { each: Math.min(each, tickers.length), orders, rss: memory(pid), server: after - before, ...JSON.parse(text.split('end\n')[1]) };
  } finally {
    await sim.stop();
  }
}

const runs = [];
for (const each of o.each.split(',').map(Number)) runs.push(await run(each));
console.log(`${o.clients} WebSocket clients, ${o.markets} markets, load ${os.loadavg()[0].toFixed(1)} on ${os.cpus().length} cores\n`);
console.log('| books a client | messages/s | MB/s | server, cores | us CPU/message | clients, cores | late p50 | p99 | most, ms | holes | overflows | errors | closed |');
console.log('| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const r of runs) {
  const row = [r.each, Math.round(r.deltas / r.seconds).toLocaleString('en'), (r.bytes / r.seconds / 1e6).toFixed(1), (r.server / r.seconds).toFixed(2),
    (r.server / r.deltas * 1e6).toFixed(2), (r.cpu / r.seconds).toFixed(2), r.p50, r.p99, r.most, r.gaps, r.overflows, r.errors, r.closed];
  console.log(`| ${row.join(' | ')} |`);
}
console.log(`\n${runs.map((r) => r.orders).join(' and ')} orders of a client meanwhile; ${runs.map((r) => r.rss.toFixed(0)).join(' and ')} MB at the end`);
if (runs.some((r) => r.gaps + r.overflows + r.errors + r.closed > 0 || r.deltas === 0)) process.exitCode = 1;
