// Orders a second through `kalua sim` over loopback, every signature verified, and what a request costs the server:
//   node tests/bench/sim_server.mjs [--rounds 3] [--seconds 4] [--connections 32] [--accounts 100] [--build build/release]
//     [SIM OPTION...]
// Exit code 1 when a request was answered with an error.
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Sim, tempDir } from '../integration/peers.mjs';

const { values: o, positionals } = parseArgs({ allowPositionals: true, options: {
  rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '4' },
  connections: { type: 'string', default: '32' }, accounts: { type: 'string', default: '100' },
  build: { type: 'string', default: 'build/release' } } });
const TICKS = 100; // of the kernel's clock in /proc, a second
const cpu = (pid) => fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13)
  .reduce((sum, v) => sum + Number(v) / TICKS, 0);

const dir = tempDir();
process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));
function makeKey(type, options) {
  const file = path.join(dir, `${type}.pem`);
  fs.writeFileSync(file, crypto.generateKeyPairSync(type, options).privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return { file, ids: Array.from({ length: Number(o.accounts) }, () => crypto.randomUUID()) };
}
const rsa = makeKey('rsa', { modulusLength: 2048 }), ed25519 = makeKey('ed25519', {});

const rows = [
  { name: 'GET /exchange/status, not signed', mode: 'status', key: rsa },
  { name: 'the same, signed, RSA-2048', mode: 'status-signed', key: rsa },
  { name: 'the same, signed, Ed25519', mode: 'status-signed', key: ed25519 },
  { name: 'POST an order, RSA-2048', mode: 'order', key: rsa },
  { name: 'POST an order, Ed25519', mode: 'order', key: ed25519 },
  { name: 'POST an order, RSA-2048, with --state', mode: 'order', key: rsa, options: () => ['--state', path.join(dir, `${crypto.randomUUID()}.db`)] },
];

async function run(row) {
  const users = row.key.ids.flatMap((id) => ['--user', `${id}=${row.key.file}`]);
  const sim = await Sim.start('--quiet-market', '--markets', '100', ...users, ...(row.options?.() ?? []), ...positionals);
  try {
    const { body } = await sim.rest('GET', '/markets?status=open&limit=100');
    const load = spawn(path.resolve(o.build, 'tests/bench/sim_load'), [new URL(sim.rest_url).port, row.mode, o.connections, o.seconds,
      row.key.file, row.key.ids.join(','), ...body.markets.map((m) => m.ticker)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '', before = 0, after = 0;
    load.stdout.on('data', (d) => {
      text += d;
      if (!before && text.includes('begin\n')) before = cpu(sim.process.pid);
      if (!after && text.includes('end\n')) after = cpu(sim.process.pid);
    });
    await new Promise((r) => load.on('close', r));
    const r = JSON.parse(text.split('end\n')[1]);
    return { ...r, rate: r.good / r.seconds, us: (after - before) / r.answers * 1e6, cores: (after - before) / r.seconds };
  } finally {
    await sim.stop();
  }
}

const median = (a) => [...a].sort((x, y) => x - y)[a.length >> 1];
for (const row of rows) row.runs = [];
for (let round = 0; round < Number(o.rounds); round++)
  for (const row of rows) row.runs.push(await run(row));
console.log(`${o.connections} connections, one request under way on each, ${o.rounds} rounds of ${o.seconds} s, medians; load ${os.loadavg()[0].toFixed(1)} on ${os.cpus().length} cores\n`);
console.log('| request | a second | server, us CPU each | a core\'s worth a second | of that, the signature | server, cores | p50 us | p99 us | 429 | errors |');
console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
for (const { name, mode, runs } of rows) {
  const of = (f) => median(runs.map(f)), sum = (f) => runs.reduce((s, r) => s + f(r), 0);
  const us = of((r) => r.us), verify = of((r) => r.verify_us);
  const share = mode === 'status' ? '' : `${verify.toFixed(0)} us, ${(100 * verify / us).toFixed(0)} %`;
  console.log(`| ${[name, Math.round(of((r) => r.rate)).toLocaleString('en'), us.toFixed(0), Math.round(1e6 / us).toLocaleString('en'), share,
    of((r) => r.cores).toFixed(2), of((r) => r.p50_us), of((r) => r.p99_us), sum((r) => r.limited), sum((r) => r.other)].join(' | ')} |`);
}
if (rows.some((row) => row.runs.some((r) => r.other > 0 || r.good === 0))) process.exitCode = 1;
