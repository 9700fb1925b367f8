// WebSocket servers for the tests of module ws: three libraries that are not ours, and one of bytes.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { WebSocketServer } from 'ws';
import { kalua, root, tempDir, until } from './peers.mjs';

// No exchange is needed: both addresses are given, and nothing is sent to them.
const env = { KALSHI_ENV: 'sim', KALSHI_REST_URL: 'http://127.0.0.1:9/trade-api/v2', KALSHI_WS_URL: 'ws://127.0.0.1:9/ws',
  ...Object.fromEntries(['http_proxy', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY',
    'SSL_CERT_FILE', 'SSL_CERT_DIR'].map((k) => [k, ''])) };

// Runs a script to its end, which must be a good one, and returns its output. A is kalua.args. How long a script may run
// without waiting is not what these tests are about: a busy machine takes its time for a message of megabytes.
export async function lua(text, args = [], { allow = ['127.0.0.1'], options = [], timeout = 100000 } = {}) {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), `local ws, task, json = require "ws", require "task", require "json"
local kalua = require "kalua"
local A = kalua.args
${text}`);
  const r = await kalua(['--quiet', '--cpu-ms', '60000', ...allow.flatMap((h) => ['--allow-net', h]), ...options, 's.lua', '--', ...args], { cwd, env, timeout });
  assert.equal(r.code, 0, `${r.stdout}\n${r.stderr}`);
  assert.equal(r.stderr, '');
  return r.stdout;
}

// What a failed test left open must not keep the program from ending.
const opened = new Set();
export const closeAll = () => Promise.all([...opened].map((close) => close()));
function track(stop) {
  const close = () => { opened.delete(close); return stop(); };
  opened.add(close);
  return close;
}

export const certificate = (() => {
  let made;
  return () => (made ??= (() => {
    const dir = tempDir();
    const file = (f) => path.join(dir, f);
    fs.writeFileSync(file('ext'), 'subjectAltName=IP:127.0.0.1\n');
    const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key.pem'),
      '-out', file('csr.pem'), '-subj', '/CN=test');
    openssl('x509', '-req', '-in', file('csr.pem'), '-signkey', file('key.pem'), '-days', '2', '-extfile', file('ext'), '-out', file('cert.pem'));
    return { key: file('key.pem'), cert: file('cert.pem') };
  })());
})();

// All of them echo, take the commands that ws_echo.py describes, speak the subprotocol v1.feed, and compress if they are
// asked to; `closed` has a line for each connection.

// npm ws. `on` may do something else with a connection.
export async function npmServer({ on, tls, headers, ...options } = {}) {
  const make = tls ? (h) => https.createServer({ key: fs.readFileSync(certificate().key), cert: fs.readFileSync(certificate().cert) }, h) : http.createServer;
  const server = make((req, res) => { res.writeHead(426); res.end('this is a WebSocket server'); });
  const wss = new WebSocketServer({ server, perMessageDeflate: true, maxPayload: 1 << 26,
    handleProtocols: (asked) => asked.has('v1.feed') && 'v1.feed', ...options });
  const closed = [];
  wss.on('headers', (lines) => lines.push(...headers ?? []));
  wss.on('connection', (s, req) => {
    s.on('error', () => {});
    s.on('close', (code, reason) => closed.push(`closed ${code} ${reason}`));
    if (on) { on(s, req); return; }
    s.on('message', (data, binary) => {
      const [, name, rest] = binary ? [] : /^!(\w+) ?(.*)$/s.exec(data.toString()) ?? [];
      if (name === 'close') s.close(Number(rest.split(' ')[0]), rest.slice(rest.indexOf(' ') + 1));
      else if (name === 'ping') { s.once('pong', (d) => s.send(`pong ${d}`)); s.ping(rest); }
      else if (name === 'fragments') [...rest].forEach((c, i) => s.send(c, { fin: i === rest.length - 1, binary: false }));
      else if (name === 'drop') s.terminate();
      else s.send(data, { binary });
    });
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const close = track(() => { wss.clients.forEach((c) => c.terminate()); server.closeAllConnections(); return new Promise((r) => server.close(r)); });
  return { url: `${tls ? 'wss' : 'ws'}://127.0.0.1:${server.address().port}/`, closed, close, wss };
}

async function program(command, args, scheme = 'ws') {
  const p = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '', err = '';
  p.stdout.on('data', (d) => { out += d; });
  p.stderr.on('data', (d) => { err += d; });
  const ended = new Promise((r) => p.on('close', r));
  const close = track(async () => { p.stdin.end(); const t = setTimeout(() => p.kill('SIGKILL'), 5000); await ended; clearTimeout(t); });
  await until(`the server ${command}`, () => {
    if (p.exitCode !== null) throw new Error(`${command} ended: ${err}`);
    return out.includes('\n');
  });
  const lines = () => out.split('\n').slice(1, -1);
  return { url: `${scheme}://127.0.0.1:${out.split('\n')[0]}/`, get closed() { return lines(); }, close, errors: () => err };
}

// Python's websockets: of the system's Python, which has the package python3-websockets.
export const pythonServer = ({ tls } = {}) => program('/usr/bin/python3',
  [path.join(root, 'tests/integration/ws_echo.py'), ...tls ? [certificate().cert, certificate().key] : []], tls ? 'wss' : 'ws');

export const lwsServer = () => program(process.env.LWS_ECHO ?? path.join(root, 'build/release/tests/ws_lws_echo'), []);

// ---- bytes ----

export const acceptOf = (request) => {
  const key = /^Sec-WebSocket-Key: (.*)\r$/im.exec(request)?.[1];
  return crypto.createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
};
export const upgrade = (request, more = '') => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
  + `Sec-WebSocket-Accept: ${acceptOf(request)}\r\n${more}\r\n`;

// A frame as servers write it; `bits` are those of the first byte above the opcode, `length` the form of the length.
export function frame(opcode, payload = '', { fin = true, bits = 0, mask = false, form } = {}) {
  const data = Buffer.from(payload);
  const n = data.length;
  const how = form ?? (n < 126 ? 7 : n < 65536 ? 16 : 64);
  const head = [(fin ? 0x80 : 0) | bits | opcode, (mask ? 0x80 : 0) | (how === 7 ? n : how === 16 ? 126 : 127)];
  const length = Buffer.alloc(how === 7 ? 0 : how / 8);
  if (how === 16) length.writeUInt16BE(n);
  if (how === 64) length.writeBigUInt64BE(BigInt(n));
  return Buffer.concat([Buffer.from(head), length, mask ? Buffer.from([0, 0, 0, 0]) : Buffer.alloc(0), data]);
}
export const closeFrame = (code, reason = '') => frame(8, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]));

// The frames of a client in `bytes`: [{opcode, fin, payload}], whole ones only.
export function clientFrames(bytes) {
  const frames = [];
  for (let at = 0; bytes.length - at >= 6;) {
    assert.ok(bytes[at + 1] & 0x80, 'a client masks its frames');
    let n = bytes[at + 1] & 0x7f, head = 2;
    if (n === 126) { if (bytes.length - at < 8) break; n = bytes.readUInt16BE(at + 2); head = 4; }
    if (n === 127) { if (bytes.length - at < 14) break; n = Number(bytes.readBigUInt64BE(at + 2)); head = 10; }
    if (bytes.length - at < head + 4 + n) break;
    const mask = bytes.subarray(at + head, at + head + 4);
    const payload = Buffer.from(bytes.subarray(at + head + 4, at + head + 4 + n));
    for (let i = 0; i < n; i++) payload[i] ^= mask[i & 3];
    frames.push({ opcode: bytes[at] & 15, fin: (bytes[at] & 0x80) !== 0, payload });
    at += head + 4 + n;
  }
  return frames;
}

// Calls `on(socket, request, received)` with the request's head once that is there; `received()` is what came after it.
export async function byteServer(on) {
  const sockets = new Set();
  const server = net.createServer({ noDelay: true }, (s) => {
    let head = '';
    const pieces = [];
    sockets.add(s);
    s.on('error', () => {});
    s.on('close', () => sockets.delete(s));
    s.on('data', (d) => {
      if (head.includes('\r\n\r\n')) { pieces.push(d); return; }
      head += d.toString('latin1');
      if (head.includes('\r\n\r\n')) on(s, head, () => Buffer.concat(pieces));
    });
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const close = track(() => { sockets.forEach((s) => s.destroy()); return new Promise((r) => server.close(r)); });
  return { url: `ws://127.0.0.1:${server.address().port}/`, close };
}
