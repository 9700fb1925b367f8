// One order at a time, Kalua beside other clients and beside plain C on libcurl as the floor, on a stub on loopback,
// plain and over TLS. See README.md in this folder. node tests/bench/order_latency.mjs --help
import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
// Time for a signature to be made ahead; awake, the thread that makes it has only a share of the core.
const PAUSE_MS = { unpaused: 0, asleep: 2, awake: 4 };
const PRESIGN_MS = 1000;
const KEY_ID = '5f9c1d1e-7d0c-4c39-9c07-6a1d5f3b8e21';
const usage = `usage: node tests/bench/order_latency.mjs [OPTION...]

  --orders N      orders of each peer in each round [2000]
  --warm-up N     orders before the measured ones [200]
  --rounds N      rounds; the peers take turns within each [5]
  --build DIR     where kalua and the C parts were built [build/release]
  --only WORDS    comma-separated: plain, tls; unpaused, asleep, awake; floor-ready, kalua-ahead, floor, kalua,
                  node, kalshi-typescript, ccxt [everything]
  --json          one JSON object for each row instead of the tables
`;

const { values: options } = parseArgs({
  options: {
    orders: { type: 'string', default: '2000' },
    'warm-up': { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    build: { type: 'string', default: path.resolve(here, '../../build/release') },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const fail = (text) => {
  process.stderr.write(`order_latency: ${text}\n`);
  process.exit(1);
};
const count = (name) => {
  const n = Number(options[name]);
  if (!Number.isInteger(n) || n < 1) fail(`--${name} takes a whole number of 1 or more`);
  return n;
};
const orders = count('orders'), warmUp = count('warm-up'), rounds = count('rounds');
const kalua = path.resolve(options.build, 'kalua');
const part = (name) => path.resolve(options.build, 'tests/bench', name);
for (const file of [kalua, part('order_stub'), part('order_floor')])
  if (!fs.existsSync(file)) fail(`${file} is missing: cmake --build --preset release --target bench`);
if (!fs.existsSync(path.join(here, 'node_modules')))
  fail('the peers are missing: npm ci --omit=optional --ignore-scripts --prefix tests/bench');

const median = (a) => [...a].sort((x, y) => x - y)[a.length >> 1];
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'kalua-bench-'));
const file = (name) => path.join(dir, name);
process.on('exit', () => fs.rmSync(dir, { recursive: true, force: true }));

// The stub on one core, the client on another: neither moves, and neither waits for the other's core.
const pinned = os.cpus().length > 1 && fs.existsSync('/usr/bin/taskset');
const on = (core, command) => (pinned ? ['/usr/bin/taskset', '-c', String(core), ...command] : command);

function makeKeys() {
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  fs.writeFileSync(file('key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-days', '2', '-subj', '/CN=order stub', '-addext', 'subjectAltName=IP:127.0.0.1',
    '-keyout', file('tls.key'), '-out', file('tls.pem')], { stdio: ['ignore', 'ignore', 'pipe'] });
}

function startStub() {
  const [command, ...args] = on(0, [part('order_stub'), file('tls.pem'), file('tls.key')]);
  const p = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => p.kill());
  p.on('exit', () => fail('the stub ended'));
  return new Promise((resolve) => p.stdout.once('data', (line) => resolve(JSON.parse(line))));
}

// What the stub has served since it was last asked. Over a connection of its own, which counts as one.
const served = (ports) => new Promise((resolve, reject) => {
  http.get({ port: ports.http, host: '127.0.0.1', path: '/stub', agent: false }, (answer) => {
    let text = '';
    answer.on('data', (d) => { text += d; });
    answer.on('end', () => {
      const { connections, ...rest } = JSON.parse(text);
      resolve({ ...rest, connections: connections - 1 });
    });
  }).on('error', reject);
});

// Settings of the person who runs this must not reach the peers.
const cleanEnv = Object.fromEntries(Object.entries(process.env)
  .filter(([name]) => !/^(KALSHI|KALUA|NODE)_|_proxy$/i.test(name)));

function run([command, ...args], env = {}) {
  return new Promise((resolve, reject) => {
    const p = spawn(command, args, { cwd: dir, env: { ...cleanEnv, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '', err = '';
    p.stdout.on('data', (d) => { out += d; });
    p.stderr.on('data', (d) => { err += d; });
    p.on('error', reject);
    p.on('close', (code) => {
      if (code === 0) resolve(JSON.parse(out));
      else reject(new Error(`${command} ended with ${code}: ${err || out}`));
    });
  });
}

// ---- the peers: each has the floor that does the same work, and the command that runs it ----

const presigns = execFileSync(kalua, ['run', '--help'], { encoding: 'utf8' }).includes('--presign');

const floor = (how) => (t) => ({
  command: [part('order_floor'), t.url, t.tls ? file('tls.pem') : '-', file('key.pem'), KEY_ID, t.orders, t.warmUp,
    t.pauseMs, t.awake ? 'awake' : 'asleep', how].map(String),
});
const scripted = (presign) => (t) => ({
  command: [kalua, 'run', '--quiet', '--log', 'error', '--no-watch', '--rest-url', `${t.url}/trade-api/v2`, '--ws-url',
    `${t.url.replace(/^http/, 'ws')}/trade-api/ws/v2`, '--key-id', KEY_ID, '--key', file('key.pem'),
    ...(t.tls ? ['--ca', file('tls.pem')] : []), ...(presigns ? ['--presign', String(presign)] : []),
    path.join(here, 'order_kalua.lua'), '--', String(t.orders), String(t.warmUp), String(t.pauseMs),
    t.awake ? 'awake' : 'asleep'],
});
const inNode = (peer) => (t) => ({
  command: [process.execPath, path.join(here, 'order_peers.mjs'), JSON.stringify({ peer, url: t.url,
    key: file('key.pem'), key_id: KEY_ID, orders: t.orders, warm_up: t.warmUp, pause_ms: t.pauseMs,
    awake: t.awake })],
  env: t.tls ? { NODE_EXTRA_CA_CERTS: file('tls.pem') } : {},
});

const SIGNS = 'libcurl', READY = 'libcurl, signature ready', AHEAD = 'Kalua, signature made ahead';
const REFERENCE = 'kalshi-typescript';
const peers = [
  { id: 'floor-ready', name: READY, floor: READY, start: floor('ready') },
  { id: 'kalua-ahead', name: AHEAD, floor: READY, start: scripted(PRESIGN_MS), pausedOnly: true, needsPresign: true },
  { id: 'floor', name: SIGNS, floor: SIGNS, start: floor('sign') },
  { id: 'kalua', name: 'Kalua', floor: SIGNS, start: scripted(0) },
  { id: 'node', name: 'Node', floor: SIGNS, start: inNode('node') },
  { id: 'kalshi-typescript', name: REFERENCE, floor: SIGNS, start: inNode('kalshi-typescript') },
  // Signs in JavaScript, so slowly that a tenth of the orders shows it.
  { id: 'ccxt', name: 'ccxt', floor: SIGNS, start: inNode('ccxt'), share: 10 },
];

async function measure(peer, t, ports) {
  const share = peer.share ?? 1;
  const part = { ...t, orders: Math.ceil(t.orders / share), warmUp: Math.ceil(t.warmUp / share) };
  const sent = part.orders + part.warmUp;
  await served(ports);
  const { command, env } = peer.start(part);
  const times = await run(on(1, command), env);
  const seen = await served(ports);
  if (seen.orders !== sent || seen.refused)
    fail(`${peer.name} sent ${seen.orders} signed and ${seen.refused} unsigned orders instead of ${sent} signed ones`);
  return { ...times, connections: seen.connections };
}

async function compare(title, t, ports, chosen) {
  const taken = chosen.filter((p) => (!p.pausedOnly || t.pauseMs) && (!p.needsPresign || presigns));
  const got = new Map(taken.map((p) => [p.name, []]));
  for (let i = 0; i < rounds; i++)
    for (const p of taken) got.get(p.name).push(await measure(p, t, ports));
  const rows = taken.map((p) => {
    const mine = got.get(p.name), beside = (name, f) => {
      const other = got.get(name);
      return other ? median(mine.map((m, i) => f(m.median, other[i].median))) : null;
    };
    const row = { name: p.name, connections: Math.max(...mine.map((m) => m.connections)) };
    for (const key of ['median', 'p90', 'p99']) row[key] = median(mine.map((m) => m[key]));
    if (p.needsPresign) row.ahead = Math.min(...mine.map((m) => m.ahead));
    row.over_floor = beside(p.floor, (a, b) => a - b);
    row.times_floor = beside(p.floor, (a, b) => a / b);
    row.faster_than_reference = beside(REFERENCE, (a, b) => b / a);
    return row;
  });
  report(title, rows);
  return rows;
}

function report(title, rows) {
  if (options.json) {
    for (const r of rows) console.log(JSON.stringify({ comparison: title, ...r }));
    return;
  }
  const number = (x, digits = 0) => (x === null ? '-' : x.toFixed(digits));
  const line = (cells) => console.log(cells[0].padEnd(28) + cells.slice(1).map((c) => String(c).padStart(12)).join(''));
  console.log(`\n${title}`);
  line(['', 'median us', 'p90', 'p99', 'over floor', 'x floor', 'x faster*', 'connections']);
  for (const r of rows)
    line([r.name, number(r.median), number(r.p90), number(r.p99), number(r.over_floor), number(r.times_floor, 2),
      number(r.faster_than_reference, 1), r.connections]);
  if (rows.some((r) => r.faster_than_reference !== null)) console.log(`* than ${REFERENCE}`);
}

function judge(title, rows) {
  const ahead = rows.find((r) => r.name === AHEAD);
  if (!ahead || options.json) return;
  const say = (goal, got, met) => console.log(`goal, ${title}: ${goal}: ${got}, ${met ? 'met' : 'missed'}`);
  if (ahead.ahead < 0.9)
    console.log(`only ${(ahead.ahead * 100).toFixed(0)} % of a round's orders found their signature ready`);
  const { over_floor: over, faster_than_reference: faster } = ahead;
  if (over !== null) say('under 50 us over the floor', `${over.toFixed(0)} us`, over < 50);
  if (faster !== null) say(`5 times faster than ${REFERENCE}`, `${faster.toFixed(1)} times`, faster >= 5);
}

const words = options.only.split(',').filter(Boolean);
const links = ['plain', 'tls'], paces = ['unpaused', 'asleep', 'awake'], ids = peers.map((p) => p.id);
for (const w of words)
  if (![...links, ...paces, ...ids].includes(w)) fail(`--only does not know '${w}': see --help`);
const wanted = (set) => set.filter((w) => words.includes(w) || !set.some((x) => words.includes(x)));
const chosen = peers.filter((p) => wanted(ids).includes(p.id));

makeKeys();
const ports = await startStub();
if (!options.json) {
  const first = (command, args) => execFileSync(command, args, { encoding: 'utf8' }).split('\n')[0];
  const version = (name) =>
    `${name} ${JSON.parse(fs.readFileSync(path.join(here, 'node_modules', name, 'package.json'))).version}`;
  console.log([first(kalua, ['--version']), `Node ${process.version}`, version('kalshi-typescript'), version('ccxt'),
    first('openssl', ['version'])].join(', '));
  console.log(`${os.cpus()[0].model}, ${os.cpus().length} cores${pinned ? ', stub and client on one each' : ''}; ` +
    `${rounds} rounds of ${orders} orders after ${warmUp}`);
  if (!presigns) console.log(`without "${AHEAD}": this kalua has no --presign`);
}
for (const link of wanted(links)) {
  const tls = link === 'tls';
  for (const pace of wanted(paces)) {
    const pauseMs = PAUSE_MS[pace];
    const title = `${tls ? 'TLS 1.3' : 'plain'}, ${pauseMs ? `${pauseMs} ms ${pace} between orders` : 'back to back'}`;
    const url = tls ? `https://127.0.0.1:${ports.https}` : `http://127.0.0.1:${ports.http}`;
    judge(title, await compare(title, { url, tls, orders, warmUp, pauseMs, awake: pace === 'awake' }, ports, chosen));
  }
}
process.exit(0);
