// The independent side of the integration tests: starts `kalua`, signs with Node's crypto, speaks HTTP and WebSocket.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import WebSocket from 'ws';

const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.resolve(here, '../..');
export const KALUA = process.env.KALUA ?? path.join(root, 'build/release/kalua');
export const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

// The limit is for what never comes: on a busy machine a start alone takes many seconds.
export const PATIENCE_MS = 60000;

export async function until(what, fn, ms = PATIENCE_MS) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await fn();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await sleep(20);
  }
}

// Waits until `fn` gives what is expected, where one side learns of it a moment after the other; what it gave last is
// compared where that never comes.
export async function becomes(what, expected, fn, ms = PATIENCE_MS) {
  let got;
  await until(what, async () => { got = await fn(); return isDeepStrictEqual(got, expected); }, ms).catch((e) => {
    assert.deepEqual(got, expected, e.message);
    throw e;
  });
}

export const tempDir = () => fs.mkdtempSync(path.join(os.tmpdir(), 'kalua-test-'));

// What else runs on this machine is not found, and has no part in the names of scripts.
process.env.XDG_RUNTIME_DIR = tempDir();
// Nor is what this user keeps: journals of orders, history.
process.env.XDG_STATE_HOME = tempDir();

// What a test counted: in its output, and in front of the summary of scripts/test.
export function tell(line) {
  console.log(line);
  if (process.env.TEST_COUNTS) fs.appendFileSync(process.env.TEST_COUNTS, `${line}\n`);
}

// Settings of the person who runs the tests must not reach the program under test.
export const cleanEnv = () => Object.fromEntries(Object.entries(process.env).filter(([k]) => !/^(KALSHI|KALUA)_/.test(k)));

// Runs kalua to its end: {code, stdout, stderr}. SIGINT is sent when standard output matches `kill`, or that promise is
// fulfilled, and `killAfter` ms later where that is given; `input` goes to standard input. One that has not ended after
// `timeout` ms is killed, and that is an error.
export function kalua(args, { env = {}, cwd, kill, killAfter = 0, input, stdin = 'pipe', timeout = 120000, onOut } = {}) {
  return new Promise((resolve, reject) => {
    const p = spawn(KALUA, args, { env: { ...cleanEnv(), ...env }, cwd: cwd ?? tempDir(), stdio: [stdin, 'pipe', 'pipe'] });
    let stdout = '', stderr = '';
    let late = false;
    const timers = [setTimeout(() => { late = p.kill('SIGKILL'); }, timeout)];
    const interrupt = () => { timers.push(setTimeout(() => p.kill('SIGINT'), killAfter)); };
    p.stdout.on('data', (d) => {
      stdout += d;
      onOut?.(stdout, p);
      if (kill instanceof RegExp && kill.test(stdout)) {
        kill = undefined;
        interrupt();
      }
    });
    if (kill instanceof Promise) kill.then(interrupt, reject);
    p.stderr.on('data', (d) => { stderr += d; });
    p.stdin?.on('error', () => {});
    p.stdin?.end(input ?? '');
    p.on('error', reject);
    p.on('close', (code, signal) => {
      timers.forEach(clearTimeout);
      if (late) reject(new Error(`kalua ${args.join(' ')} had not ended after ${timeout} ms:\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`));
      else resolve({ code, signal, stdout, stderr });
    });
  });
}

export class Sim {
  static start(...args) { return Sim.startIn(PATIENCE_MS, ...args); }

  // Where it does not come up in time its process ends with that: a test that has failed would wait for it for ever.
  static async startIn(ms, ...args) {
    const s = new Sim();
    s.process = spawn(KALUA, ['sim', '--json', ...args], { env: cleanEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    s.stderr = '';
    s.process.stderr.on('data', (d) => { s.stderr += d; });
    s.process.stdout.on('data', (d) => { out += d; });
    s.ended = new Promise((r) => s.process.on('close', (code) => r(code)));
    try {
      await until('the simulator',
        () => out.includes('\n') || (s.process.exitCode !== null && Promise.reject(new Error(s.stderr))), ms);
      Object.assign(s, JSON.parse(out));
    } catch (e) {
      s.process.kill('SIGKILL');
      await s.ended;
      throw e;
    }
    s.users ??= [{ key_id: s.key_id, key_path: s.key_path }];
    return s;
  }

  async stop() {
    this.process.kill('SIGTERM');
    return this.ended;
  }

  env(user = 0) {
    const u = this.users[user];
    return { KALSHI_ENV: 'sim', KALSHI_REST_URL: this.rest_url, KALSHI_WS_URL: this.ws_url,
      KALSHI_API_KEY_ID: u.key_id, KALSHI_PRIVATE_KEY_PATH: u.key_path };
  }

  headers(method, pathname, user = 0, now = Date.now()) {
    const u = this.users[user];
    const signature = crypto.sign('sha256', Buffer.from(`${now}${method}${pathname}`), {
      key: fs.readFileSync(u.key_path, 'utf8'), padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    return { 'KALSHI-ACCESS-KEY': u.key_id, 'KALSHI-ACCESS-TIMESTAMP': String(now),
      'KALSHI-ACCESS-SIGNATURE': signature.toString('base64') };
  }

  // One signed call: {status, body, headers}; `body` is undefined for an empty answer.
  async rest(method, pathAndQuery, body, { user = 0, headers } = {}) {
    const url = new URL(this.rest_url + pathAndQuery);
    const res = await fetch(url, {
      method, body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'Content-Type': 'application/json', ...(headers ?? this.headers(method, url.pathname, user)) } });
    const text = await res.text();
    return { status: res.status, body: text === '' ? undefined : JSON.parse(text), headers: res.headers };
  }

  // Makes something happen: {status, body}, refused or not.
  async triggered(kind, args = {}, headers = {}) {
    const res = await fetch(`${new URL(this.rest_url).origin}/sim/trigger/${kind}`, {
      method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(args) });
    return { status: res.status, body: await res.json() };
  }

  // The same where it must succeed: what was done.
  async trigger(kind, args) {
    const { status, body } = await this.triggered(kind, args);
    if (status !== 200) throw new Error(`${kind}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  // What the simulator shows of itself: `look('status')`, `look('orders?status=all')`.
  async look(what) {
    const res = await fetch(`${new URL(this.rest_url).origin}/sim/${what}`);
    if (res.status !== 200) throw new Error(`${what}: ${res.status} ${await res.text()}`);
    return res.json();
  }

  // An open market between 20 and 80 cents, where a bid of a cent rests. Which is the first of the list, and how near to
  // its end that one is, depends on the hour.
  async middle() {
    const fits = (m) => Number(m.yes_bid_dollars) >= 0.2 && Number(m.yes_ask_dollars) > 0 && Number(m.yes_ask_dollars) <= 0.8;
    return until('a market in the middle', async () =>
      (await this.rest('GET', '/markets?status=open&limit=100')).body.markets?.find(fits)?.ticker);
  }

  // A connected socket of npm's `ws`, with everything it received in `messages`.
  async ws(user = 0, options = {}) {
    const url = new URL(this.ws_url);
    const socket = new WebSocket(this.ws_url, { headers: this.headers('GET', url.pathname, user), ...options });
    const c = { socket, messages: [], raw: [], pings: [], id: 0 };
    socket.on('message', (d) => { c.raw.push(d.toString()); c.messages.push(JSON.parse(d.toString())); });
    socket.on('ping', (d) => c.pings.push(d.toString()));
    c.closed = new Promise((r) => socket.on('close', (code, why) => r({ code, why: why.toString() })));
    await new Promise((resolve, reject) => {
      socket.on('open', resolve);
      socket.on('error', reject);
    });
    c.send = (cmd, params) => { socket.send(JSON.stringify({ id: ++c.id, cmd, params })); return c.id; };
    c.wait = (what, pred, ms) => until(what, () => c.messages.find(pred), ms);
    c.reply = (id) => c.wait(`the answer to command ${id}`, (m) => m.id === id);
    c.close = () => { socket.terminate(); return c.closed; };
    return c;
  }
}

// A book kept by the documented rules alone: {yes, no} maps of price to hundredths of a contract.
export class Book {
  constructor() { this.yes = new Map(); this.no = new Map(); this.ready = false; }
  static units(s) { return Math.round(Number(s) * 100); }
  snapshot(msg) {
    this.ready = true;
    for (const side of ['yes', 'no']) this[side] = new Map((msg[`${side}_dollars_fp`] ?? []).map(([p, c]) => [p, Book.units(c)]));
  }
  delta(msg) {
    const side = this[msg.side];
    const left = (side.get(msg.price_dollars) ?? 0) + Book.units(msg.delta_fp);
    if (left < 0) throw new Error(`a level of ${left / 100} contracts at ${msg.price_dollars}`);
    if (left === 0) side.delete(msg.price_dollars); else side.set(msg.price_dollars, left);
  }
  apply(m) { if (m.type === 'orderbook_snapshot') this.snapshot(m.msg); else if (m.type === 'orderbook_delta') this.delta(m.msg); }
  levels(side) {
    return [...this[side]].map(([p, c]) => [p, (c / 100).toFixed(2)]).sort((a, b) => Number(a[0]) - Number(b[0]));
  }
}
