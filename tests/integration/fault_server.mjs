// A server that fails as networks and exchanges do, at a phase of the tests' choosing: a proxy in front of `kalua sim`, or
// alone with answers of its own. It reads HTTP/1.1 by itself, since libraries would not let it break off where it wants.
//
//   const server = await FaultServer.start({ sim })            // or { answer: (rq) => ({ status, type, body }) }
//   server.on((rq) => rq.path.startsWith('/markets'), faults.resetAfterForward, { times: 1 })
//   … run something with server.env() …
//   server.requests   // what arrived: method, path, body, fault, forwarded, status, answer
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import zlib from 'node:zlib';
import { sleep, tempDir, until } from './peers.mjs';

const BASE = '/trade-api/v2';
const REASONS = { 200: 'OK', 201: 'Created', 204: 'No Content', 301: 'Moved Permanently', 302: 'Found', 307: 'Temporary Redirect',
  308: 'Permanent Redirect', 429: 'Too Many Requests', 500: 'Internal Server Error', 502: 'Bad Gateway', 503: 'Service Unavailable',
  504: 'Gateway Timeout' };

// An answer as bytes; a header given as undefined is left out.
export function render({ status = 200, type = 'application/json', body = '', headers = {} }) {
  const content = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const all = { Date: new Date().toUTCString(), 'Content-Type': type, 'Content-Length': status === 204 ? undefined : content.length,
    ...headers };
  const lines = Object.entries(all).filter(([, v]) => v !== undefined).map(([k, v]) => `${k}: ${v}\r\n`).join('');
  const head = Buffer.from(`HTTP/1.1 ${status} ${REASONS[status] ?? 'Status'}\r\n${lines}\r\n`);
  return { head, body: content, bytes: Buffer.concat([head, content]) };
}

// One request on one connection: what a fault works with.
class Exchange {
  constructor(server, socket, rq) { Object.assign(this, { server, socket, rq }); }

  // Asks the simulator (or makes the answer up) and remembers what it said.
  async forward() {
    this.rq.forwarded = true;
    const answer = await this.server.ask(this.rq);
    this.rq.status = answer.status;
    this.rq.answer = answer.body.toString();
    return answer;
  }

  write(bytes) {
    if (this.socket.destroyed) return undefined;
    return new Promise((resolve) => { this.socket.write(bytes, () => resolve()); });
  }

  send(answer) { return this.write(render(answer).bytes); }

  // Ends the connection with RST, so that nothing of it is kept anywhere.
  reset() { if (this.socket.resetAndDestroy) this.socket.resetAndDestroy(); else this.socket.destroy(); }

  // Ends it in the polite way, after what was written.
  close() { this.socket.end(); }
}

const honest = async (x) => x.send(await x.forward());
const fault = (name, run, at = 'request') => ({ name, run, at });
// An answer that is made up; with `after` the request has been carried out all the same.
const instead = (name, answer, after) => fault(name, async (x) => {
  if (after) await x.forward();
  await x.send(typeof answer === 'function' ? answer(x) : answer);
});
const MIB = 1 << 20;
let bomb;

export const faults = {
  delay: (ms) => fault(`delay of ${ms} ms`, async (x) => { await sleep(ms); await honest(x); }),
  resetAfterHead: fault('reset after the head', (x) => x.reset(), 'head'),
  resetBeforeForward: fault('reset before it was carried out', (x) => x.reset()),
  closeBeforeForward: fault('close before it was carried out', (x) => x.close()),
  resetAfterForward: fault('reset after it was carried out', async (x) => { await x.forward(); x.reset(); }),
  closeAfterForward: fault('close after it was carried out', async (x) => { await x.forward(); x.close(); }),
  resetInHead: fault('reset in the head of the answer', async (x) => {
    const { head } = render(await x.forward());
    await x.write(head.subarray(0, head.length >> 1));
    await sleep(20);
    x.reset();
  }),
  resetInBody: fault('reset in the body of the answer', async (x) => {
    const { head, body } = render(await x.forward());
    await x.write(Buffer.concat([head, body.subarray(0, body.length >> 1)]));
    await sleep(20);
    x.reset();
  }),
  truncated: fault('an answer shorter than its length', async (x) => {
    const answer = await x.forward();
    await x.write(render({ ...answer, headers: { 'Content-Length': answer.body.length + 100 } }).bytes);
    x.close();
  }),
  // It sits in a queue somewhere: the connection is gone, and the request arrives all the same, later.
  late: (ms) => fault(`reset, and carried out ${ms} ms later`, async (x) => {
    x.reset();
    await sleep(ms);
    await x.forward();
  }),
  silence: fault('no answer, connection open', async (x) => { await x.forward(); }),
  silenceBefore: fault('not carried out, no answer, connection open', async () => {}),
  slowLoris: fault('a byte a second', async (x) => {
    const { bytes } = render(await x.forward());
    for (let i = 0; i < bytes.length && !x.socket.destroyed; i++) {
      await x.write(bytes.subarray(i, i + 1));
      await sleep(1000);
    }
  }),
  oversized: fault('a body declared beyond the limit', async (x) => {
    await x.forward();
    await x.write(render({ body: '{"a":"', headers: { 'Content-Length': 64 * MIB + 1 } }).bytes);
  }),
  // 65 MiB of zeros in 64 KiB.
  bomb: fault('a body that inflates beyond the limit', async (x) => {
    await x.forward();
    bomb ??= zlib.gzipSync(Buffer.alloc(65 * MIB, ' '));
    await x.send({ body: bomb, headers: { 'Content-Encoding': 'gzip' } });
  }),
  headerBomb: fault('a head that does not end', async (x) => {
    await x.forward();
    await x.write('HTTP/1.1 200 OK\r\n');
    for (let i = 0; i < 2000 && !x.socket.destroyed; i++) await x.write(`X-Filler-${i}: ${'x'.repeat(1000)}\r\n`);
    await x.write('Content-Length: 2\r\n\r\n{}');
  }),
  longHeader: fault('one header of 200 KiB', async (x) => {
    await x.forward();
    await x.send({ body: '{}', headers: { 'X-Filler': 'x'.repeat(200 << 10) } });
  }),
  duplicateLength: fault('two lengths', async (x) => {
    const answer = await x.forward();
    const { head, body } = render(answer);
    const first = head.toString().replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\n');
    await x.write(Buffer.concat([Buffer.from(first), body]));
    x.close();
  }),
  badChunk: fault('a chunk whose size is no number', async (x) => {
    await x.forward();
    await x.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n');
    x.close();
  }),
  notHttp: fault('not HTTP', async (x) => { await x.forward(); await x.write('220 mail.example.org ESMTP\r\n'); x.close(); }),
  informationalFirst: fault('1xx first', async (x) => {
    const answer = await x.forward();
    await x.write('HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n');
    await sleep(50);
    await x.send(answer);
  }),
  // The answer is right; the connection ends a moment later, while the client keeps it for its next call.
  closeWhenIdle: fault('closed while idle', async (x) => { await honest(x); await sleep(1); x.close(); }),
  html: instead('HTML with 200', { type: 'text/html', body: '<html><body><h1>Please log in</h1></body></html>' }, true),
  text: instead('text with 200', { type: 'text/plain', body: 'ok' }, true),
  brokenJson: instead('broken JSON', { body: '{"markets": [{"ticker": "A"' }, true),
  invalidUtf8: instead('invalid UTF-8', { body: Buffer.from([...Buffer.from('{"order_id":"'), 0xff, 0xfe, ...Buffer.from('"}')]) }, true),
  empty: instead('200 without a body', { body: '' }, true),
  noContent: instead('204', { status: 204 }, true),
  busy: instead('429', { status: 429, body: { error: 'too many requests' } }),
  status: (status, { carriedOut = false, html = false } = {}) => instead(`${status}${carriedOut ? ' although it was carried out' : ''}`,
    html ? { status, type: 'text/html', body: `<html><h1>${status}</h1></html>` }
      : { status, body: { error: { code: 'internal_error', message: 'try again later' } } }, carriedOut),
  redirect: (status, host) => instead(`${status} elsewhere`, (x) => ({ status, body: '', headers: { Location: `${host}${BASE}${x.rq.path}` } })),
};

export class FaultServer {
  // `sim`: a Sim to stand in front of. `answer`: instead of one, makes the answer to a request. `tls`: options of Node's
  // tls.createServer. `ended(rq)`: told of each request when it is over, instead of keeping them all in `requests`.
  static async start({ sim, answer, ended, tls: secure } = {}) {
    const s = new FaultServer();
    Object.assign(s, { sim, answer, ended, count: 0, requests: [], rules: [], sockets: new Set(), accepts: 0, resetAccepts: 0 });
    s.agent = new (sim?.rest_url.startsWith('https:') ? https : http).Agent({ keepAlive: true, maxSockets: 64,
      ca: sim?.ca_path && fs.readFileSync(sim.ca_path) });
    const take = (socket) => s.serve(socket);
    s.server = secure ? tls.createServer(secure, take) : net.createServer({ noDelay: true }, take);
    s.server.on('tlsClientError', () => {});
    s.server.on('connection', (socket) => { // raw, below TLS
      s.accepts++;
      socket.on('error', () => {});
      if (s.resetAccepts > 0) {
        s.resetAccepts--;
        if (socket.resetAndDestroy) socket.resetAndDestroy(); else socket.destroy();
      }
    });
    await new Promise((r) => s.server.listen(0, '127.0.0.1', r));
    s.host = `127.0.0.1:${s.server.address().port}`;
    s.rest_url = `http${secure ? 's' : ''}://${s.host}${BASE}`;
    s.ws_url = `ws${secure ? 's' : ''}://${s.host}/trade-api/ws/v2`;
    return s;
  }

  // The environment of a program that is to use it.
  env(user = 0) {
    return { ...(this.sim?.env(user) ?? {}), KALSHI_ENV: 'sim', KALSHI_REST_URL: this.rest_url, KALSHI_WS_URL: this.ws_url };
  }

  // The next `times` requests that `match(request)` accepts suffer the fault. Earlier rules come first.
  on(match, what, { times = 1 } = {}) {
    const rule = { match, fault: what, left: times };
    this.rules.push(rule);
    return rule;
  }

  async close() {
    this.sockets.forEach((s) => s.destroy());
    this.agent.destroy();
    await new Promise((r) => this.server.close(r));
  }

  ask(rq) {
    if (!this.sim) {
      const { status = 200, type = 'application/json', body = {} } = this.answer?.(rq) ?? {};
      return { status, type, body: Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) };
    }
    const url = new URL(this.sim.rest_url);
    const headers = { ...rq.headers, host: url.host };
    return new Promise((resolve, reject) => {
      const out = (url.protocol === 'https:' ? https : http).request(
        { agent: this.agent, host: url.hostname, port: url.port, method: rq.method, path: BASE + rq.path, headers }, (res) => {
          const parts = [];
          res.on('data', (d) => parts.push(d));
          res.on('error', reject);
          res.on('end', () => resolve({ status: res.statusCode, type: res.headers['content-type'], body: Buffer.concat(parts) }));
        });
      out.on('error', reject);
      out.end(rq.raw);
    });
  }

  // Everything that comes on one connection, one request after the other.
  async serve(socket) {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    let pending = Buffer.alloc(0), ended = false, wake = () => {};
    socket.on('data', (d) => { pending = pending.length ? Buffer.concat([pending, d]) : d; wake(); });
    socket.on('close', () => { ended = true; wake(); });
    socket.on('end', () => { ended = true; wake(); });
    const wait = async (ready) => {
      while (!ready() && !ended) await new Promise((r) => { wake = r; });
      return ready();
    };
    const headEnd = () => pending.indexOf('\r\n\r\n');
    for (let n = 0; await wait(() => headEnd() >= 0); n++) {
      const [line, ...lines] = pending.subarray(0, headEnd()).toString('latin1').split('\r\n');
      const headers = Object.fromEntries(lines.map((l) => [l.slice(0, l.indexOf(':')).toLowerCase(), l.slice(l.indexOf(':') + 1).trim()]));
      const [method, target] = line.split(' ');
      if (headers.upgrade?.toLowerCase() === 'websocket') {
        this.tunnel(socket, pending);
        return;
      }
      const start = headEnd() + 4, length = Number(headers['content-length'] ?? 0);
      const rq = { id: this.count++, at: Date.now(), method, path: target.startsWith(BASE) ? target.slice(BASE.length) : target,
        headers, nth: n, signed: 'kalshi-access-signature' in headers, forwarded: false };
      if (!this.ended) this.requests.push(rq);
      const parse = () => {
        try { return length ? JSON.parse(pending.subarray(start, start + length).toString()) : undefined; } catch { return undefined; }
      };
      rq.body = parse(); // small ones come with their head
      const rule = this.pick(rq, 'head');
      if (rule) {
        await rule.fault.run(new Exchange(this, socket, rq));
        this.ended?.(rq);
        return;
      }
      if (!await wait(() => pending.length >= start + length)) return;
      rq.body = parse();
      rq.raw = pending.subarray(start, start + length);
      pending = pending.subarray(start + length);
      const late = this.pick(rq, 'request');
      try {
        await (late?.fault.run ?? honest)(new Exchange(this, socket, rq));
      } catch (e) {
        rq.failed = e.message; // the simulator is gone
        socket.destroy();
      }
      this.ended?.(rq);
      if (socket.destroyed || socket.writableEnded) return;
    }
  }

  // The first rule for this phase that has not been used up. Rules of the other phase do not count.
  pick(rq, at) {
    const rule = this.rules.find((r) => r.left > 0 && r.fault.at === at && r.match(rq));
    if (rule) {
      rule.left--;
      rq.fault = rule.fault.name;
    }
    return rule;
  }

  // WebSocket: carried through as it is.
  tunnel(socket, first) {
    if (!this.sim) {
      socket.destroy();
      return;
    }
    const url = new URL(this.sim.rest_url);
    const up = url.protocol === 'https:'
      ? tls.connect({ host: url.hostname, port: url.port, ca: fs.readFileSync(this.sim.ca_path) }) : net.connect(url.port, url.hostname);
    this.sockets.add(up);
    up.on('error', () => socket.destroy());
    up.on('close', () => { this.sockets.delete(up); socket.destroy(); });
    socket.on('close', () => up.destroy());
    socket.removeAllListeners('data');
    up.write(first);
    socket.pipe(up);
    up.pipe(socket);
  }
}

// The simulator's own counters, which it writes to standard error when it is asked.
export async function simStats(sim) {
  const from = sim.stderr.length;
  sim.process.kill('SIGUSR1');
  return JSON.parse((await until('the counters of the simulator', () => /^\{.*\}$/m.exec(sim.stderr.slice(from))))[0]);
}

// Certificates of an authority of our own, made with openssl: { ca, good, expired, wrongHost, selfSigned }, each but the
// first (a path) as options for Node's tls.
export function makeCertificates() {
  const dir = tempDir();
  const file = (name) => path.join(dir, name);
  const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  fs.writeFileSync(file('db'), '');
  fs.writeFileSync(file('ca.cnf'), `[ca]\ndefault_ca = d\n[d]\ndatabase = ${file('db')}\nserial = ${file('serial')}\nnew_certs_dir = ${dir}
default_md = sha256\npolicy = p\nunique_subject = no\ncopy_extensions = copy\nemail_in_dn = no\n[p]\ncommonName = supplied
[req]\ndistinguished_name = n\n[n]\n[v3]\nbasicConstraints = critical,CA:TRUE\n`);
  fs.writeFileSync(file('serial'), '01\n');
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-config', 'ca.cnf', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=Test CA',
    '-extensions', 'v3');
  const issue = (name, san, from, to) => {
    openssl('req', '-config', 'ca.cnf', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`,
      '-addext', `subjectAltName=${san}`);
    openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-in', `${name}.csr`,
      '-out', `${name}.pem`, '-startdate', from, '-enddate', to);
  };
  issue('good', 'IP:127.0.0.1', '20200101000000Z', '20491231235959Z');
  issue('expired', 'IP:127.0.0.1', '20200101000000Z', '20210101000000Z');
  issue('wrongHost', 'DNS:exchange.example.org', '20200101000000Z', '20491231235959Z');
  openssl('req', '-config', 'ca.cnf', '-x509', ...newKey, '-keyout', 'selfSigned.key', '-out', 'selfSigned.pem', '-days', '2',
    '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1');
  const options = (name) => ({ cert: fs.readFileSync(file(`${name}.pem`)), key: fs.readFileSync(file(`${name}.key`)) });
  return { ca: file('ca.pem'), good: options('good'), expired: options('expired'), wrongHost: options('wrongHost'),
    selfSigned: options('selfSigned') };
}
