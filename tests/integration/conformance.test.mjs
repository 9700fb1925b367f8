// Every operation of the exchange, called by the real program, against judges that know only the exchange's own
// description: requests that do not conform are refused, answers are made up by Prism, and what the script saw of each is
// compared with the bytes of the answer.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LosslessNumber, parse, stringify } from 'lossless-json';
import { allCases, leastCases } from './cases.mjs';
import { Fixed, differences, expected, fixedPlaces, typeOf } from './decoded.mjs';
import { facet, fixedKind, operations, parts } from './document.mjs';
import { Judge, signedText } from './judge.mjs';
import { kalua, tempDir } from './peers.mjs';

const dir = tempDir();
const script = fileURLToPath(new URL('conformance.lua', import.meta.url));
const keys = {};
let judge;

before(async () => {
  for (const [name, type, options] of [['rsa', 'rsa', { modulusLength: 2048 }], ['ed', 'ed25519', {}]]) {
    const pair = crypto.generateKeyPairSync(type, options);
    keys[name] = { id: crypto.randomUUID(), public: pair.publicKey, private: pair.privateKey, file: path.join(dir, `${name}.pem`),
      public_file: path.join(dir, `${name}.pub`) };
    fs.writeFileSync(keys[name].file, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    fs.writeFileSync(keys[name].public_file, pair.publicKey.export({ type: 'spki', format: 'pem' }));
  }
  judge = await Judge.start(keys.rsa);
});
after(() => judge?.stop());

// Runs the cases in one process of Kalua: {described, results, requests}, a result and a request for each case.
async function run(key, cases, plan) {
  judge.forget();
  Object.assign(judge, { key, plan });
  const cwd = tempDir();
  const text = stringify(cases.map((c) => ({ id: c.op.id, path: c.path, args: c.args })));
  fs.writeFileSync(path.join(cwd, 'cases.lua'), `return [==[\n${text}]==]\n`);
  fs.copyFileSync(script, path.join(cwd, 'conformance.lua'));
  const r = await kalua(['--env', 'demo', '--rest-url', judge.rest_url, '--ws-url', judge.rest_url.replace('http', 'ws'),
    '--key-id', key.id, '--key', key.file, '--quiet', 'conformance.lua'], { cwd, timeout: 200000 });
  assert.equal(r.code, 0, r.stderr);
  const [{ described }, ...results] = r.stdout.trim().split('\n').map((line) => parse(line));
  assert.equal(results.length, cases.length, r.stderr);
  return { described, results, requests: align(cases, results) };
}

// What the program reads on its own account, for the token buckets and for its summary.
const own = new Set(['GetAccountApiLimits', 'GetAccountEndpointCosts', 'GetBalance', 'GetPositions']);

// The request of each case: they are sent one after the other, with only reads of its own in between. A case that was
// refused before it was sent has none.
function align(cases, results) {
  let at = 0;
  const taken = cases.map((c, i) => {
    if (results[i].error?.kind === 'validation') return undefined;
    while (judge.requests[at] && judge.requests[at].op !== c.op && own.has(judge.requests[at].op?.id)) at++;
    return judge.requests[at++];
  });
  const left = judge.requests.slice(at).filter((r) => !own.has(r.op?.id));
  assert.deepEqual(left.map((r) => `${r.method} ${r.url}`), [], 'requests that no case asked for');
  return taken;
}

const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const given = new Set();

// An order without a client_order_id is given a random one. Takes such off the body that arrived.
function takeOrderIds(c, body) {
  const orders = c.op.id === 'CreateOrderV2' ? [[body, c.wanted.body]]
    : c.op.id === 'BatchCreateOrdersV2' ? body.orders.map((o, i) => [o, c.wanted.body.orders[i] ?? {}]) : [];
  for (const [got, want] of orders) {
    if (Object.hasOwn(want, 'client_order_id')) continue;
    assert.match(got.client_order_id, uuid4);
    assert.ok(!given.has(got.client_order_id), 'a client_order_id is used once');
    given.add(got.client_order_id);
    delete got.client_order_id;
  }
}

// What is wrong with the request that a case led to.
function requestProblems(c, r) {
  if (!r) return ['nothing was sent'];
  if (r.op !== c.op) return [`${r.method} ${r.url} was sent`];
  const out = [...r.problems];
  const texts = (pairs) => pairs.map(([k, v]) => `${k}=${v}`).sort();
  if (differences(r.path_values, c.wanted.path).length) out.push(`path ${r.path_values} instead of ${c.wanted.path}`);
  const got = texts(r.query), want = texts(c.wanted.query);
  if (got.length !== want.length || got.some((t, i) => t !== want[i])) out.push(`query ${got} instead of ${want}`);
  if (c.wanted.body !== undefined && r.json !== undefined) {
    takeOrderIds(c, r.json);
    out.push(...differences(r.json, c.wanted.body, 'body'));
  }
  return out;
}

// Answers: first the one that Prism takes from the schema, then the same with the largest integers, then varied ones. A
// list may come out empty, so the seeds are many.
const extremes = (text) => text.replaceAll('-9007199254740991', '-9223372036854775808')
  .replaceAll(/\b9007199254740991\b/g, '9223372036854775807');
const answerPlan = (op, n) => [{}, { edit: extremes }][n] ?? { prefer: `dynamic=true, seed=conformance-${n}` };

const label = (c, i) => `${c.op.id} (case ${i}${c.raw ? ', raw' : ''})`;

// All that is wrong, as one assertion: a list that is empty when all is well.
function check(list) {
  assert.deepEqual(list.slice(0, 40), [], `${list.length} problems`);
}

test('the table, the document and the program know the same operations and parameters', async () => {
  const { described } = await run(keys.rsa, [], answerPlan);
  assert.deepEqual(described.map((d) => d.id).sort(), operations.map((op) => op.id).sort());
  const type = (schema) => (fixedKind(parts(schema), false) ? 'number' : typeOf(schema) ?? 'any');
  for (const op of operations) {
    const d = described.find((x) => x.id === op.id);
    d.params = Object.values(d.params); // none at all is an empty table
    assert.deepEqual([d.method, d.path, d.legacy, d.auth], [op.method, op.path, op.legacy, op.auth], op.id);
    const wanted = [...op.path_params, ...op.query_params].map((p) => ({ name: p.name, in: p.in, required: p.required,
      type: p.comma ? 'array' : type(p.schema), enum: facet(parts(facet(parts(p.schema).list, 'items') ?? p.schema).list, 'enum') }));
    const { list } = op.body ? parts(op.body) : { list: [] };
    const required = new Set(list.flatMap((s) => s.required ?? []));
    for (const [name, s] of list.flatMap((x) => Object.entries(x.properties ?? {}))) {
      const inner = facet(parts(s).list, 'items') ?? s;
      wanted.push({ name, in: 'body', required: required.has(name), type: type(s), enum: facet(parts(inner).list, 'enum') });
    }
    const key = (p) => `${p.in} ${p.name} ${p.type}${p.required ? ' required' : ''} ${(p.enum ?? []).filter((v) => v !== null).join('|')}`;
    assert.deepEqual(d.params.map(key).sort(), wanted.map(key).sort(), op.id);
    assert.deepEqual(d.params.filter((p) => p.in === 'path').map((p) => p.name), op.path_params.map((p) => p.name), op.id);
  }
});

test('every operation conforms, and every answer is decoded', async () => {
  const cases = allCases();
  const { results, requests } = await run(keys.rsa, cases, answerPlan);
  const problems = [], failed = new Set(), decoded = new Map(operations.map((op) => [op, new Set()]));
  cases.forEach((c, i) => {
    const r = requests[i], { value, error } = results[i];
    const list = requestProblems(c, r);
    if (error) {
      list.push(`${error.kind}: ${error.message}`);
    } else if (r?.answer !== undefined) {
      if (r.status !== c.op.success) list.push(`Prism answered ${r.status}`);
      const answer = r.answer.trim() === '' ? {} : parse(r.answer);
      const want = expected(answer, c.op.answer, { raw: c.raw, found: (where) => decoded.get(c.op).add(where) });
      list.push(...differences(value, want, 'answer'));
    }
    if (list.length) failed.add(c.op);
    problems.push(...list.map((text) => `${label(c, i)}: ${text}`));
  });
  check(problems);
  for (const op of operations) {
    const unseen = [...fixedPlaces(op.answer)].filter((where) => !decoded.get(op).has(where));
    assert.deepEqual(unseen, [], `${op.id}: fixed-point numbers that no answer held`);
  }
  const conforming = operations.filter((op) => !failed.has(op) && cases.some((c) => c.op === op)).length;
  console.log(`conformance: ${conforming} of ${operations.length} operations (${cases.length} calls)`);
  assert.equal(conforming, operations.length);
});
