// Two judges in a row. The first is ours: it verifies the signature, knows which headers, parameters and bodies are
// right, and remembers every request with its answer. The second is Prism, which we did not write: driven by the
// OpenAPI document it refuses what does not conform and makes up the answer.
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parse } from 'lossless-json';
import { base, matchOperation, mockDocument } from './document.mjs';
import { canonical, marked } from './decoded.mjs';
import { queryErrors, requestErrors, restErrors } from './schema.mjs';

const require = createRequire(import.meta.url);
const { createServer } = require('@stoplight/prism-http-server');
const { getHttpOperationsFromSpec } = require('@stoplight/prism-http');

// Rates that no run of a test uses up.
const limits = JSON.stringify({ usage_tier: 'prestige', grants: [], read: { refill_rate: 1e9, bucket_capacity: 1e9 },
  write: { refill_rate: 1e9, bucket_capacity: 1e9 } });

const silent = { child: () => silent };
for (const level of ['trace', 'debug', 'info', 'success', 'warn', 'error', 'fatal']) silent[level] = () => {};

async function startPrism() {
  const server = createServer(await getHttpOperationsFromSpec(mockDocument()), {
    components: { logger: silent }, cors: false,
    config: { mock: { dynamic: false }, validateRequest: true, validateResponse: true, checkSecurity: true,
      errors: true, isProxy: false, upstreamProxy: undefined } });
  return { server, url: await server.listen(0, '127.0.0.1') };
}

const listen = (server) => new Promise((resolve) => {
  server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}${base}`));
});

// A key pair with its files: {id, public, private, file, public_file}.
export function makeKey(dir, type, options) {
  const pair = crypto.generateKeyPairSync(type, options);
  const key = { id: crypto.randomUUID(), public: pair.publicKey, private: pair.privateKey,
    file: path.join(dir, `${type}.pem`), public_file: path.join(dir, `${type}.pub`) };
  fs.writeFileSync(key.file, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  fs.writeFileSync(key.public_file, pair.publicKey.export({ type: 'spki', format: 'pem' }));
  return key;
}

async function bodyOf(stream) {
  const chunks = [];
  for await (const c of stream) chunks.push(c);
  return Buffer.concat(chunks).toString('utf8');
}

const credentials = ['kalshi-access-key', 'kalshi-access-signature', 'kalshi-access-timestamp'];
const always = ['accept', 'host', 'user-agent', ...credentials];

function headerProblems(r, key) {
  const out = [];
  const names = r.raw_headers.filter((_, i) => i % 2 === 0).map((n) => n.toLowerCase()).sort();
  // Answers to writes are too small to be worth compressing.
  const wanted = [...always, ...(r.method === 'GET' ? ['accept-encoding'] : []),
    ...(r.body === '' ? [] : ['content-length', 'content-type'])].sort();
  if (names.join() !== wanted.join()) out.push(`headers ${names.join(', ')} instead of ${wanted.join(', ')}`);
  const h = r.headers;
  if (h.accept !== 'application/json') out.push(`Accept: ${h.accept}`);
  if (r.body !== '' && h['content-type'] !== 'application/json') out.push(`Content-Type: ${h['content-type']}`);
  if (h['kalshi-access-key'] !== key.id) out.push(`key id ${h['kalshi-access-key']}`);
  const sent = h['kalshi-access-timestamp'] ?? '';
  if (!/^[0-9]{13}$/.test(sent) || Math.abs(Number(sent) - r.at) > 30000) out.push(`timestamp ${sent} at ${r.at}`);
  const signature = h['kalshi-access-signature'] ?? '';
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(signature)) out.push('the signature is no base64');
  if (!verify(key, signedText(r), Buffer.from(signature, 'base64'))) out.push('the signature is wrong');
  if (/kalshi-access|signature/i.test(r.url) || r.url.includes(key.id)) out.push('credentials in the URL');
  return out;
}

// What the signature covers: time, method and the path as it was sent, without the query.
export const signedText = (r) => `${r.headers['kalshi-access-timestamp']}${r.method}${r.url.split('?')[0]}`;

export function verify(key, text, signature) {
  if (key.public.asymmetricKeyType === 'ed25519') return crypto.verify(null, Buffer.from(text), key.public, signature);
  return crypto.verify('sha256', Buffer.from(text),
    { key: key.public, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
}

function readQuery(r, out) {
  r.query = [];
  const text = r.url.split('?').slice(1).join('?');
  if (/[^A-Za-z0-9\-._~%&=]/.test(text)) out.push(`the query ${text} is not percent-encoded`);
  for (const pair of text ? text.split('&') : []) {
    const [name, ...rest] = pair.split('=');
    r.query.push([decodeURIComponent(name), decodeURIComponent(rest.join('='))]);
  }
}

function queryProblems(r) {
  const out = [], query = {};
  for (const [name, text] of r.query) {
    const p = r.op.query_params.find((q) => q.name === name);
    if (Object.hasOwn(query, name)) {
      if (!p?.explode || p.schema.type !== 'array') out.push(`${name} is given twice`);
      query[name] = [].concat(query[name], text);
    } else {
      query[name] = text;
    }
  }
  return [...out, ...queryErrors(r.op.id, query).map((e) => `query: ${e}`)];
}

function bodyProblems(r) {
  if (!r.op.sends_body) return r.body === '' ? [] : ['a body where none belongs'];
  let body;
  try {
    body = parse(r.body);
  } catch (e) {
    return [`the body is no JSON: ${e.message}`];
  }
  r.json = body;
  if (!r.op.body) return r.body === '{}' ? [] : [`the body ${r.body} where {} belongs`];
  const out = requestErrors(r.op.id, JSON.parse(r.body)).map((e) => `body: ${e}`);
  const grid = { dollars: /^[0-9]+(\.[0-9]{1,4})?$/, count: /^[0-9]+(\.[0-9]{1,2})?$/ };
  marked(body, [[r.op.body, false]], (where, kind, text) => {
    if (canonical(text) === null) out.push(`body: ${where} is no fixed-point number: ${text}`);
    else if (!grid[kind].test(text)) out.push(`body: ${where} ${text} is off the grid of ${kind}`);
  });
  return out;
}

// What Prism has against a request or its own answer; that a parameter is deprecated is a remark, no more.
function violations(header) {
  if (!header.startsWith('[')) return [header]; // too many for a header
  return JSON.parse(header).filter((v) => v.severity === 'Error').map((v) => v.message);
}

export class Judge {
  // `key`: {id, public: a KeyObject}. `plan(operation, n)` says how the n-th request of an operation is to be answered:
  // {prefer: of Prism, edit: of the text}.
  static async start(key) {
    const j = new Judge();
    Object.assign(j, { key, plan: () => ({}), requests: [], counts: new Map(), limits_given: false });
    const prism = await startPrism();
    Object.assign(j, { prism: prism.server, prism_url: prism.url });
    j.server = http.createServer((req, res) => j.handle(req, res).catch((e) => {
      j.requests.push({ method: req.method, url: req.url, problems: [e.stack] });
      res.writeHead(500).end(JSON.stringify({ code: 'judge', message: e.message }));
    }));
    j.rest_url = await listen(j.server);
    return j;
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((r) => this.server.close(r));
    await this.prism.close();
  }

  forget() {
    this.requests.length = 0;
    this.counts.clear();
    this.limits_given = false;
  }

  async handle(req, res) {
    const r = { method: req.method, url: req.url, headers: req.headers, raw_headers: req.rawHeaders, at: Date.now() };
    r.body = await bodyOf(req);
    r.problems = this.problems(r);
    if (r.problems.length) {
      r.status = 400;
      r.answer = JSON.stringify({ code: 'does_not_conform', message: r.problems.join('; ').slice(0, 200) });
    } else if (r.op.id === 'GetAccountApiLimits' && !this.limits_given) {
      this.limits_given = true;
      Object.assign(r, { status: 200, answer: limits, type: 'application/json' });
    } else {
      await this.forward(r);
    }
    this.requests.push(r);
    res.writeHead(r.status, r.answer === '' ? {} : { 'Content-Type': r.type ?? 'application/json' });
    res.end(r.answer);
  }

  problems(r) {
    const target = r.url.split('?')[0];
    const out = [];
    if (!target.startsWith(`${base}/`)) return [`the path ${target} is not below ${base}`];
    const found = matchOperation(r.method, target.slice(base.length));
    if (!found) return [`${r.method} ${target} is no operation`];
    Object.assign(r, { op: found.op, path_values: found.values });
    readQuery(r, out);
    return [...out, ...headerProblems(r, this.key), ...queryProblems(r), ...bodyProblems(r)];
  }

  async forward(r) {
    const n = this.counts.get(r.op.id) ?? 0;
    this.counts.set(r.op.id, n + 1);
    const plan = this.plan(r.op, n);
    const [target, ...query] = r.url.slice(base.length).split('?');
    // Prism's paths know no parameter that spans several segments.
    const given = target.split('/'), last = r.op.path.split('/').length - 1;
    const wild = r.op.path_params.at(-1)?.slashes;
    const known = wild ? [...given.slice(0, last), given.slice(last).join('%2F')].join('/') : target;
    const headers = Object.fromEntries(['accept', 'content-type', ...credentials].flatMap((h) =>
      (r.headers[h] ? [[h, r.headers[h]]] : [])));
    if (plan.prefer) headers.prefer = plan.prefer;
    const answer = await fetch(this.prism_url + [known, ...query].join('?'),
      { method: r.method, headers, body: r.body === '' ? undefined : r.body });
    const text = await answer.text();
    Object.assign(r, { status: answer.status, answer: plan.edit ? plan.edit(text) : text,
      type: answer.headers.get('content-type') });
    r.problems.push(...violations(answer.headers.get('sl-violations') ?? '[]').map((v) => `Prism: ${v}`));
    if (r.type === 'application/problem+json') {
      r.problems.push(`Prism: ${text}`);
    } else if (plan.conforms !== false) {
      const json = text === '' ? undefined : JSON.parse(text);
      const wrong = restErrors(r.op.id, answer.status, json).filter((e) => !/is not in the schema$/.test(e));
      if (wrong.length) r.problems.push(`the answer that Prism made up: ${wrong.join('; ')}`);
    }
  }
}
