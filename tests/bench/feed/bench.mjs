// What the programs of the feed bench share: where things are, keys, the feed, the server, clients on a core of their own.
import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const here = path.dirname(fileURLToPath(import.meta.url));
const KEY_ID = '5f9c1d1e-7d0c-4c39-9c07-6a1d5f3b8e21';

export const median = (a) => [...a].sort((x, y) => x - y)[a.length >> 1];
export const quantile = (a, q) => [...a].sort((x, y) => x - y)[Math.min(a.length - 1, Math.floor(a.length * q))];
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function fail(text) {
  process.stderr.write(`${path.basename(process.argv[1], '.mjs')}: ${text}\n`);
  process.exit(1);
}

export function wholeNumber(options, name, least = 1) {
  const n = Number(options[name]);
  if (!Number.isInteger(n) || n < least) fail(`--${name} takes a whole number of ${least} or more`);
  return n;
}

// Server and client on a core each: neither moves, and neither waits for the other's.
const pinned = os.cpus().length > 1 && fs.existsSync('/usr/bin/taskset');
const on = (core, command) => (pinned ? ['/usr/bin/taskset', '-c', String(core), ...command] : command);
const CLIENT_CORE = 0, SERVER_CORE = 1;
if (!pinned) process.stderr.write('one core only, or no taskset: client and server share cores, ratios are off\n');

// Settings of the person who runs this must not reach the clients.
const cleanEnv = Object.fromEntries(Object.entries(process.env)
  .filter(([name]) => !/^(KALSHI|KALUA|NODE)_|_proxy$/i.test(name)));

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'kalua-feed-bench-'));
export const file = (name) => path.join(dir, name);
const children = new Set();
process.on('exit', () => {
  for (const p of children) p.kill();
  fs.rmSync(dir, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

export class Build {
  constructor(folder) {
    this.kalua = path.resolve(folder, 'kalua');
    this.parts = path.resolve(folder, 'tests/bench/feed');
  }

  part(name) {
    const program = path.join(this.parts, name);
    if (!fs.existsSync(program)) fail(`${program} is missing: cmake --build --preset release --target bench`);
    return program;
  }

  // Compiles the C++ peer when it is older than its source; the reason when that does not work.
  beast() {
    const program = path.join(this.parts, 'peer_beast'), source = path.join(here, 'peer_beast.cpp');
    if (fs.existsSync(program) && fs.statSync(program).mtimeMs >= fs.statSync(source).mtimeMs) return { program };
    try {
      execFileSync(process.env.CXX ?? 'c++', ['-std=c++20', '-O3', '-march=native', '-o', program, source, '-lsimdjson',
        '-lssl', '-lcrypto', '-lpthread'], { stdio: ['ignore', 'ignore', 'pipe'] });
      return { program };
    } catch (e) {
      const why = String(e.stderr ?? e.message);
      return { missing: /error: .*/.exec(why)?.[0] ?? why.split('\n')[0] };
    }
  }

  // The feed of that size, made once for each build: { text, expected }.
  feed(markets, messages) {
    const prefix = path.join(this.parts, `feed-${markets}-${messages}`), program = this.part('feed_generate');
    const made = fs.existsSync(`${prefix}.json`) ? fs.statSync(`${prefix}.json`).mtimeMs : 0;
    if (made < fs.statSync(program).mtimeMs) {
      execFileSync(program, [String(markets), String(messages), `${prefix}.new`], { stdio: 'inherit' });
      for (const end of ['.ndjson', '.json']) fs.renameSync(`${prefix}.new${end}`, `${prefix}${end}`);
    }
    return { text: `${prefix}.ndjson`, expected: JSON.parse(fs.readFileSync(`${prefix}.json`, 'utf8')) };
  }
}

export function makeKeys() {
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  fs.writeFileSync(file('key.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-days', '2', '-subj', '/CN=feed bench', '-addext', 'subjectAltName=IP:127.0.0.1',
    '-keyout', file('tls.key'), '-out', file('tls.pem')], { stdio: ['ignore', 'ignore', 'pipe'] });
}

// A program of ours that prints a line of JSON now and then; the first one says its port.
export class Server {
  static async start(command) {
    const s = new Server();
    const [program, ...args] = on(SERVER_CORE, command.map(String));
    s.process = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    s.taken = []; // all lines
    s.lines = []; // those that nobody has asked for yet
    s.waiting = [];
    children.add(s.process);
    s.process.on('close', (code) => {
      children.delete(s.process);
      s.ended = true;
      if (!s.stopping) fail(`${path.basename(command[0])} ended with ${code}`);
    });
    createInterface({ input: s.process.stdout }).on('line', (text) => {
      const line = JSON.parse(text), next = s.waiting.shift();
      s.taken.push(line);
      if (next) next(line); else s.lines.push(line);
    });
    s.hello = await s.line();
    s.port = s.hello.port;
    return s;
  }

  // The next line; an error when none comes within a minute.
  line() {
    if (this.lines.length) return Promise.resolve(this.lines.shift());
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the server says nothing')), 60000);
      this.waiting.push((line) => {
        clearTimeout(timer);
        resolve(line);
      });
    });
  }

  async stop() {
    if (this.ended) return;
    this.stopping = true;
    const over = new Promise((resolve) => this.process.on('close', resolve));
    this.process.kill();
    await over;
  }
}

export const startFeedServer = (build, feed, tls) => Server.start([build.part('feed_server'), feed.text,
  feed.expected.markets, ...(tls ? [file('tls.pem'), file('tls.key')] : [])]);

// A client on its core: its one line of JSON.
export function runClient([program, ...args], { env = {}, timeout = 300000 } = {}) {
  return new Promise((resolve, reject) => {
    const [first, ...rest] = on(CLIENT_CORE, [program, ...args.map(String)]);
    const p = spawn(first, rest, { cwd: dir, env: { ...cleanEnv, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const timer = setTimeout(() => p.kill('SIGKILL'), timeout);
    let out = '', err = '';
    children.add(p);
    p.stdout.on('data', (d) => { out += d; });
    p.stderr.on('data', (d) => { err += d; });
    p.on('error', reject);
    p.on('close', (code, signal) => {
      clearTimeout(timer);
      children.delete(p);
      if (code === 0) resolve(JSON.parse(out));
      else reject(new Error((err || out).trim().split('\n')[0] || `ended with ${code ?? signal}`));
    });
  });
}

// REST is no part of the bench, but a session asks for some of it when it starts.
export async function startRest() {
  const answers = {
    '/portfolio/balance': { balance: 100000, portfolio_value: 0, updated_ts: 1795380241 },
    '/portfolio/positions': { market_positions: [], event_positions: [], cursor: '' },
    '/exchange/status': { exchange_active: true, trading_active: true },
  };
  const server = http.createServer((request, response) => {
    const answer = answers[new URL(request.url, 'http://x').pathname.replace('/trade-api/v2', '')];
    response.writeHead(answer ? 200 : 404, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(answer ?? { error: { code: 'not_found', message: 'not served by this bench' } }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return `http://127.0.0.1:${server.address().port}/trade-api/v2`;
}

// The command that runs a script of this folder against a server of the feed on that port.
export const kaluaCommand = (build, script, { port, tls, rest }) => [build.kalua, 'run', '--quiet', '--log', 'error',
  '--no-watch', '--cpu-ms', 60000, '--mem', 8000, '--allow-fs', '/proc/self/status', '--rest-url', rest,
  '--ws-url', `${tls ? 'wss' : 'ws'}://127.0.0.1:${port}/trade-api/ws/v2`, '--key-id', KEY_ID, '--key', file('key.pem'),
  ...(tls ? ['--ca', file('tls.pem')] : []), path.join(here, script)];

// The module feed_tickers, for scripts run with its environment.
export function kaluaEnv(expected) {
  const lua = file('lua');
  fs.mkdirSync(lua, { recursive: true });
  fs.writeFileSync(path.join(lua, 'feed_tickers.lua'),
    `return {\n${expected.tickers_of_markets.map((t) => `"${t}",\n`).join('')}}\n`);
  return { KALUA_PATH: lua };
}

// Columns padded to their widest cell; all but the first to the right.
export function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((r) => String(r[i]).length)));
  for (const r of rows)
    console.log(r.map((c, i) => (i ? String(c).padStart(widths[i]) : String(c).padEnd(widths[i]))).join('  '));
}
export const number = (x, digits = 0) => (x === null || x === undefined || Number.isNaN(x) ? '-' : x.toFixed(digits));
