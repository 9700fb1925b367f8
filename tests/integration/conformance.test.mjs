// Every operation of the exchange, called by the real program, against judges that know only the exchange's own
// description: requests that do not conform are refused, answers are made up by Prism, and what the script saw of each
// is compared with the bytes of the answer.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'lossless-json';
import { allCases, fullCases, leastCases } from './cases.mjs';
import { canonical, differences, expected, fixedPlaces, marked, typeOf } from './decoded.mjs';
import { facet, fixedKind, operations, parts } from './document.mjs';
import { Judge, makeKey, signedText, verify } from './judge.mjs';
import { kalua, tempDir } from './peers.mjs';
import { sdkKnows, withSdk } from './sdk.mjs';

const dir = tempDir();
const script = fileURLToPath(new URL('conformance.lua', import.meta.url));
const keys = { rsa: makeKey(dir, 'rsa', { modulusLength: 2048 }), ed: makeKey(dir, 'ed25519') };
let judge;
before(async () => { judge = await Judge.start(keys.rsa); });
after(() => judge?.stop());

// Runs the cases in one process of Kalua: {described, results, requests}, a result and a request for each case.
async function run(key, cases, plan) {
  judge.forget();
  Object.assign(judge, { key, plan });
  const cwd = tempDir();
  const text = stringify(cases.map((c) => ({ id: c.op.id, path: c.path, args: c.args })));
  fs.writeFileSync(path.join(cwd, 'cases.lua'), `return [==[\n${text}]==]\n`);
  fs.copyFileSync(script, path.join(cwd, 'conformance.lua'));
  const url = judge.rest_url;
  const r = await kalua(['--env', 'demo', '--rest-url', url, '--ws-url', url.replace('http', 'ws'), '--key-id', key.id,
    '--key', key.file, '--quiet', '--cpu-ms', '60000', 'conformance.lua'], { cwd, timeout: 200000 });
  assert.equal(r.code, 0, r.stderr);
  const [{ described }, ...results] = r.stdout.trim().split('\n').map((line) => parse(line));
  assert.equal(results.length, cases.length, r.stderr);
  return { described, results, requests: align(cases, results) };
}

// What the program reads on its own account: for the token buckets, for its summary, to know what becomes of orders, and
// unsigned to have a connection. Which reads these are depends on what the judge answers: any that no case asked for.
const reads = (r) => r.method === 'GET' && r.op !== undefined;
const opens = (r) => (r.op?.id === 'GetExchangeStatus' && !r.headers['kalshi-access-key'])
  || (!r.op && r.method === 'GET' && r.url.endsWith('/trade-api/v2')); // the feed, where there is none

const texts = (pairs) => pairs.map(([k, v]) => `${k}=${v}`).sort();
const asked = (c, r) => r.op === c.op && !differences(r.path_values, c.wanted.path).length
  && !differences(texts(r.query), texts(c.wanted.query)).length;

// A read of its own may be the very one that a case asks for, too: then the answers tell which is which.
const answered = (c, r, { value, error }) => (error !== undefined ? Number(error.status) === r.status
  : !differences(value, expected(parse((r.answer ?? '').trim() || '{}'), c.op.answer, { raw: c.raw, found: () => {} })).length);
function ownTwin(c, r, later, result) {
  if (answered(c, r, result)) return false;
  const others = later.findIndex((x) => !reads(x) && !opens(x));
  return later.slice(0, others < 0 ? later.length : others).some((x) => reads(x) && asked(c, x) && answered(c, x, result));
}

// The request of each case: they are sent one after the other, with only reads of its own in between. A case that was
// refused before it was sent has none.
function align(cases, results) {
  let at = 0;
  const taken = cases.map((c, i) => {
    if (results[i].error?.kind === 'validation') return undefined;
    while (judge.requests[at] && (opens(judge.requests[at])
      || (reads(judge.requests[at]) && (!asked(c, judge.requests[at])
        || ownTwin(c, judge.requests[at], judge.requests.slice(at + 1), results[i]))))) at++;
    return judge.requests[at++];
  });
  const left = judge.requests.slice(at).filter((r) => !reads(r) && !opens(r));
  assert.deepEqual(left.map((r) => `${r.method} ${r.url}`), [], 'requests that no case asked for');
  return taken;
}

const made = /^(conformance-g1-[a-z2-7]{11,}|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})$/;
const given = new Set();

// An order without a client_order_id is given one. Takes such off the body that arrived.
function takeOrderIds(c, body) {
  const orders = c.op.id === 'CreateOrderV2' ? [[body, c.wanted.body]]
    : c.op.id === 'BatchCreateOrdersV2' ? body.orders.map((o, i) => [o, c.wanted.body.orders[i] ?? {}]) : [];
  for (const [got, want] of orders) {
    if (Object.hasOwn(want, 'client_order_id')) continue;
    assert.match(got.client_order_id, made);
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
  const options = (schema) => facet(parts(facet(parts(schema).list, 'items') ?? schema).list, 'enum');
  const type = (schema) => (fixedKind(parts(schema), false) ? 'number' : typeOf(schema) ?? 'any');
  for (const op of operations) {
    const d = described.find((x) => x.id === op.id);
    d.params = Object.values(d.params); // none at all is an empty table
    assert.deepEqual([d.method, d.path, d.legacy, d.auth], [op.method, op.path, op.legacy, op.auth], op.id);
    const wanted = [...op.path_params, ...op.query_params].map((p) => ({ name: p.name, in: p.in, required: p.required,
      type: p.comma ? 'array' : type(p.schema), enum: options(p.schema) }));
    const { list } = op.body ? parts(op.body) : { list: [] };
    const required = new Set(list.flatMap((s) => s.required ?? []));
    for (const [name, s] of list.flatMap((x) => Object.entries(x.properties ?? {}))) {
      wanted.push({ name, in: 'body', required: required.has(name), type: type(s), enum: options(s) });
    }
    const key = (p) => [p.in, p.name, p.type, p.required, ...(p.enum ?? []).filter((v) => v !== null)].join(' ');
    assert.deepEqual(d.params.map(key).sort(), wanted.map(key).sort(), op.id);
    const inPath = d.params.filter((p) => p.in === 'path').map((p) => p.name);
    assert.deepEqual(inPath, op.path_params.map((p) => p.name), op.id);
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
      const found = (where, kind, text) => { if (canonical(text) !== null) decoded.get(c.op).add(where); };
      const want = expected(answer, c.op.answer, { raw: c.raw, found });
      list.push(...differences(value, want, 'answer'));
    }
    if (list.length) failed.add(c.op);
    problems.push(...list.map((text) => `${label(c, i)}: ${text}`));
  });
  for (const op of operations) {
    const unseen = [...fixedPlaces(op.answer)].filter((where) => !decoded.get(op).has(where));
    if (unseen.length) failed.add(op);
    if (unseen.length) problems.push(`${op.id}: fixed-point numbers that no answer held: ${unseen.join(' ')}`);
  }
  const conforming = operations.filter((op) => !failed.has(op) && cases.some((c) => c.op === op)).length;
  const count = `conformance: ${conforming} of ${operations.length} operations (${cases.length} calls)`;
  console.log(count);
  if (process.env.TEST_COUNTS) fs.appendFileSync(process.env.TEST_COUNTS, `${count}\n`);
  check(problems);
  assert.equal(conforming, operations.length);
});

// openssl's verdict on pairs of [text, signature]: how many it accepts.
function opensslAccepts(key, pairs) {
  pairs.forEach(([text, signature], i) => {
    fs.writeFileSync(path.join(dir, `text-${i}`), text);
    fs.writeFileSync(path.join(dir, `signature-${i}`), signature);
  });
  const command = key === keys.ed
    ? `openssl pkeyutl -verify -pubin -inkey '${key.public_file}' -rawin -in text-$i -sigfile signature-$i`
    : `openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha256 \\
       -verify '${key.public_file}' -signature signature-$i text-$i`;
  const loop = `i=0; while [ $i -lt ${pairs.length} ]; do ${command} && echo accepted; i=$((i + 1)); done`;
  const out = execFileSync('sh', ['-c', loop], { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return out.split('\n').filter((line) => line === 'accepted').length;
}

// One request of every operation with all its parameters: [case, request] each.
const captured = new Map();
async function fullRequests(key) {
  if (captured.has(key)) return captured.get(key);
  const cases = fullCases();
  const { results, requests } = await run(key, cases, () => ({}));
  check(cases.flatMap((c, i) => {
    const list = requestProblems(c, requests[i]);
    if (results[i].error) list.push(results[i].error.message);
    return list.map((text) => `${label(c, i)}: ${text}`);
  }));
  captured.set(key, cases.map((c, i) => [c, requests[i]]));
  return captured.get(key);
}

for (const name of ['rsa', 'ed']) {
  test(`openssl accepts the ${name === 'rsa' ? 'RSA-PSS' : 'Ed25519'} signature of every operation`, async () => {
    const key = keys[name];
    const pairs = (await fullRequests(key)).map(([, r]) =>
      [signedText(r), Buffer.from(r.headers['kalshi-access-signature'], 'base64')]);
    assert.equal(opensslAccepts(key, pairs), operations.length);
    assert.equal(opensslAccepts(key, pairs.slice(0, 3).map(([text, signature]) => [`${text}?`, signature])), 0);
  });
}

test('the published client sends the same requests', async () => {
  const shared = (await fullRequests(keys.rsa)).filter(([c]) => sdkKnows(c.op.id));
  assert.ok(shared.length > 100, `${shared.length} operations`);
  await withSdk(keys.rsa, async (call) => {
    for (const [c, r] of shared) {
      const values = Object.fromEntries(c.op.path_params.map((p, i) => [p.name, c.wanted.path[i]]));
      for (const p of c.op.query_params) {
        const texts = c.wanted.query.filter(([k]) => k === p.name).map(([, v]) => v);
        values[p.name] = p.schema.type === 'array' ? texts : texts[0];
      }
      const theirs = await call(c.op.id, values, r.json && JSON.parse(r.body));
      // What their version of the description does not have is left out of ours.
      const ours = r.query.filter(([k]) => !theirs.missing.includes(k));
      assert.ok(theirs.missing.length <= 3, `${c.op.id}: ${theirs.missing}`);
      const url = new URL(theirs.url, 'http://x');
      assert.equal(theirs.method, r.method, c.op.id);
      assert.equal(decodeURIComponent(url.pathname), decodeURIComponent(r.url.split('?')[0]), c.op.id);
      assert.deepEqual([...url.searchParams].map(String).sort(), ours.map(String).sort(), c.op.id);
      const nothing = (body) => (body === '{}' ? '' : body);
      if (nothing(theirs.body) !== '' || nothing(r.body) !== '') {
        assert.deepEqual(differences(parse(theirs.body), marked(parse(r.body), [[c.op.body, false]])), [], c.op.id);
      }
      // Their signature by the same verifier, over the path as they sent it.
      const signature = Buffer.from(theirs.headers['kalshi-access-signature'], 'base64');
      assert.ok(verify(keys.rsa, signedText(theirs), signature), c.op.id);
    }
  });
});

test('a documented refusal becomes an error that says what the exchange said', async () => {
  const codes = (op) => op.refusals.filter((s) => s !== 429); // that one is waited out
  const cases = leastCases((op) => codes(op).length);
  const { results, requests } = await run(keys.rsa, cases, (op, n) => {
    const list = codes(op);
    return list.length ? { prefer: `code=${list[n % list.length]}`, conforms: false } : {};
  });
  check(cases.flatMap((c, i) => {
    const r = requests[i], e = results[i].error;
    if (!e) return [`${label(c, i)}: no error`];
    const said = r.answer ? JSON.parse(r.answer) : {};
    const want = { kind: [401, 403].includes(r.status) ? 'auth' : 'http', status: r.status, operation: e.operation };
    const got = { kind: e.kind, status: Number(e.status), operation: e.operation };
    const out = [];
    if (stringify(got) !== stringify(want)) out.push(`${stringify(got)} instead of ${stringify(want)}`);
    if (!codes(c.op).includes(r.status)) out.push(`Prism answered ${r.status}`);
    for (const text of [said.code, said.message, said.details].filter(Boolean)) {
      if (!e.message.includes(text)) out.push(`"${e.message}" does not say "${text}"`);
    }
    if (said.code && e.code !== said.code) out.push(`code ${e.code} instead of ${said.code}`);
    if (e.retryable) out.push('retryable');
    return out.map((text) => `${label(c, i)}: ${text}`);
  }));
});
