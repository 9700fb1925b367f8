// Signatures as Kalua sends them, checked by Node's crypto and by the openssl command line; and every way a key can be
// wrong.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { kalua, tempDir } from './peers.mjs';

const dir = tempDir();
const file = (name) => path.join(dir, name);
const openssl = (...args) => execFileSync('openssl', args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });

let server, requests, base;
before(async () => {
  openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048', '-out', 'pkcs8.pem');
  openssl('rsa', '-in', 'pkcs8.pem', '-traditional', '-out', 'pkcs1.pem');
  openssl('rsa', '-in', 'pkcs8.pem', '-pubout', '-out', 'rsa.pub');
  openssl('pkcs8', '-topk8', '-in', 'pkcs8.pem', '-v2', 'aes-256-cbc', '-passout', 'pass:sesame', '-out', 'locked.pem');
  openssl('genpkey', '-algorithm', 'ED25519', '-out', 'ed.pem');
  openssl('pkey', '-in', 'ed.pem', '-pubout', '-out', 'ed.pub');
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', 'ec.pem');
  openssl('genpkey', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024', '-out', 'short.pem');
  fs.writeFileSync(file('not.pem'), 'hello\n');
  fs.writeFileSync(file('empty.pem'), '');
  for (const f of fs.readdirSync(dir)) fs.chmodSync(file(f), 0o600);
  requests = [];
  server = http.createServer((req, res) => {
    requests.push(Object.assign(req, { came: Date.now() }));
    res.setHeader('Content-Type', 'application/json');
    res.end('{"balance":1,"balance_dollars":"0.0100","portfolio_value":0,"updated_ts":1}');
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  base = `http://127.0.0.1:${server.address().port}/trade-api/v2`;
});
after(() => server?.close());

const call = (keyArgs, options) => kalua(['api', 'get_balance', 'subaccount=0', '--env', 'demo', '--rest-url', base, '--ws-url',
  base.replace('http', 'ws'), ...keyArgs], options);
const last = () => requests.filter((r) => r.url.startsWith('/trade-api/v2/portfolio/balance')).at(-1);

async function signed(keyArgs, options) {
  requests.length = 0;
  const run = await call(keyArgs, options);
  assert.equal(run.code, 0, run.stderr);
  const h = last().headers;
  assert.equal(h['kalshi-access-key'], 'id-1');
  assert.ok(Math.abs(Number(h['kalshi-access-timestamp']) - last().came) < 30000);
  return { text: `${h['kalshi-access-timestamp']}GET/trade-api/v2/portfolio/balance`,
    signature: Buffer.from(h['kalshi-access-signature'], 'base64') };
}

function opensslVerifies(text, signature, args) {
  fs.writeFileSync(file('text'), text);
  fs.writeFileSync(file('sig'), signature);
  return execFileSync('openssl', args, { cwd: dir, encoding: 'utf8' });
}

for (const name of ['pkcs8.pem', 'pkcs1.pem']) {
  test(`RSA-PSS with ${name}: Node and openssl accept the signature; the query is not signed`, async () => {
    const { text, signature } = await signed(['--key', file(name), '--key-id', 'id-1']);
    assert.ok(crypto.verify('sha256', Buffer.from(text), { key: fs.readFileSync(file('rsa.pub')),
      padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature));
    assert.match(opensslVerifies(text, signature, ['dgst', '-sha256', '-sigopt', 'rsa_padding_mode:pss', '-sigopt',
      'rsa_pss_saltlen:32', '-sigopt', 'rsa_mgf1_md:sha256', '-verify', 'rsa.pub', '-signature', 'sig', 'text']), /Verified OK/);
  });
}

test('Ed25519: Node and openssl accept the signature', async () => {
  const { text, signature } = await signed(['--key', file('ed.pem'), '--key-id', 'id-1']);
  assert.equal(signature.length, 64);
  assert.ok(crypto.verify(null, Buffer.from(text), fs.readFileSync(file('ed.pub')), signature));
  assert.match(opensslVerifies(text, signature, ['pkeyutl', '-verify', '-pubin', '-inkey', 'ed.pub', '-rawin', '-in', 'text',
    '-sigfile', 'sig']), /Verified Successfully/);
});

test('the key may come from the environment, and from .env', async () => {
  const pem = fs.readFileSync(file('pkcs8.pem'), 'utf8');
  await signed([], { env: { KALSHI_API_KEY_ID: 'id-1', KALSHI_PRIVATE_KEY: pem } });
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, '.env'), `KALSHI_API_KEY_ID=id-1\nKALSHI_PRIVATE_KEY_PATH="${file('pkcs1.pem')}"\n`);
  await signed([], { cwd });
  fs.writeFileSync(path.join(cwd, '.env'), `KALSHI_API_KEY_ID=id-1\nKALSHI_PRIVATE_KEY="${pem}"\n`);
  await signed([], { cwd });
});

const wrong = [
  ['a file that does not exist', 'missing.pem', /missing\.pem/],
  ['a folder', '.', /folder|directory/i],
  ['an empty file', 'empty.pem', /empty/],
  ['a file that is no PEM', 'not.pem', /PEM/],
  ['a public key', 'rsa.pub', /public key/],
  ['an elliptic curve key', 'ec.pem', /RSA|Ed25519/],
  ['a key of 1024 bits', 'short.pem', /1024|2048/],
  ['an encrypted key and nobody to ask', 'locked.pem', /passphrase/],
];
for (const [what, name, expected] of wrong) {
  test(`${what} is refused with exit code 3`, async () => {
    const run = await call(['--key', file(name), '--key-id', 'id-1']);
    assert.equal(run.code, 3, run.stderr);
    assert.match(run.stderr, expected);
    assert.equal(run.stderr.trim().split('\n').length, 1, run.stderr);
    assert.equal(run.stdout, '');
  });
}

test('a key without its id, and an id without its key, are configuration errors', async () => {
  const a = await call(['--key', file('pkcs8.pem')]);
  assert.deepEqual([a.code, /KALSHI_API_KEY_ID/.test(a.stderr)], [3, true], a.stderr);
  const b = await call(['--key-id', 'id-1']);
  assert.deepEqual([b.code, /KALSHI_PRIVATE_KEY_PATH/.test(b.stderr)], [3, true], b.stderr);
});

test('no key material reaches output or log, whatever goes wrong', async () => {
  const pem = fs.readFileSync(file('pkcs8.pem'), 'utf8');
  const secret = pem.split('\n').slice(1, -2);
  for (const text of [pem, pem.replace('MII', 'MIX'), pem.slice(0, 400)]) {
    const run = await call(['--log', 'trace'], { env: { KALSHI_API_KEY_ID: 'id-1', KALSHI_PRIVATE_KEY: text } });
    for (const line of secret) assert.ok(!(run.stdout + run.stderr).includes(line.slice(0, 24)));
  }
});

test('a script cannot see the key in the environment', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'), 'print(pcall(os.getenv, "KALSHI_PRIVATE_KEY"))');
  const run = await kalua(['--env', 'demo', '--rest-url', base, '--ws-url', base.replace('http', 'ws'), '--allow-all', '--quiet',
    's.lua'], { cwd, env: { KALSHI_API_KEY_ID: 'id-1', KALSHI_PRIVATE_KEY: fs.readFileSync(file('ed.pem'), 'utf8') } });
  assert.match(run.stdout, /^false\tpermission: .*KALSHI_PRIVATE_KEY leads to the private key/, run.stderr);
  assert.doesNotMatch(run.stdout, /BEGIN/);
});
