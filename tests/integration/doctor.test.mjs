// kalua doctor, from the outside: what it says of a set-up that is right, and of each that is wrong in one way.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import test, { after, before } from 'node:test';
import Ajv from 'ajv';
import { Sim, kalua, tempDir, until } from './peers.mjs';

const schema = {
  type: 'object', required: ['ok', 'environment', 'checks'], additionalProperties: false,
  properties: {
    ok: { type: 'boolean' }, environment: { enum: ['sim', 'demo', 'prod'] },
    checks: { type: 'array', minItems: 1, items: {
      type: 'object', required: ['name', 'state', 'text'],
      properties: { name: { type: 'string', minLength: 1 }, state: { enum: ['ok', 'note', 'wrong'] },
        text: { type: 'string', minLength: 1 }, remedy: { type: 'string', minLength: 1 }, kind: { type: 'string' } },
      if: { properties: { state: { const: 'wrong' } } }, then: { required: ['kind'] } } } } };
const valid = new Ajv({ strict: false }).compile(schema);

let sim, tls;
before(async () => {
  [sim, tls] = await Promise.all([
    Sim.start('--users', '2', '--markets', '4', '--tier', 'basic', '--quiet-market', '--region-expires', '86400'),
    Sim.start('--tls', '--markets', '4', '--quiet-market', '--faults', 'exchange:clock=+90s')]);
});
after(() => Promise.all([sim.stop(), tls.stop()]));

// {code, checks: name -> check (the last of that name), document, stderr}
async function examined(env, options = {}) {
  const run = await kalua(['doctor', '--json', ...(options.args ?? [])], { env, ...options });
  const document = JSON.parse(run.stdout);
  assert.ok(valid(document), JSON.stringify(valid.errors));
  assert.equal(document.ok, !document.checks.some((c) => c.state === 'wrong'));
  assert.equal(run.stderr, '');
  return { ...run, document, checks: Object.fromEntries(document.checks.map((c) => [c.name, c])) };
}
const bad = ({ document }) => document.checks.filter((c) => c.state === 'wrong').map((c) => c.name);

test('doctor', { concurrency: true }, async (t) => {
  await Promise.all([
    t.test('a set-up that is right: figures, the upgrade that is free, nothing secret', async () => {
      const r = await examined(sim.env());
      assert.deepEqual([r.code, bad(r)], [0, []], r.stdout);
      assert.deepEqual([r.checks.key.key_type, r.checks.key.bits, r.checks.key.encrypted, r.checks.key.mode], ['rsa', 2048, false, 0o600]);
      assert.equal(r.checks.settings.from.KALSHI_API_KEY_ID, 'environment');
      assert.deepEqual(r.checks.permissions.scopes, ['read', 'write']);
      assert.ok(r.checks.attestation.left_s < 86401 && r.checks.attestation.state === 'note');
      assert.deepEqual([r.checks.tier.tier, r.checks.tier.state], ['basic', 'note']);
      assert.match(r.checks.tier.remedy, /kalua api upgrade_account_api_usage_level$/);
      assert.ok(r.checks.REST.median_ms >= r.checks.REST.min_ms && r.checks.REST.min_ms > 0);
      assert.ok(r.checks.stream.first_book_ms >= r.checks.stream.connect_ms);
      assert.equal(r.checks.drift.state, 'ok');
      assert.ok(r.checks.disk.free_mb > 0 && r.checks.files.most > 0);
      const limits = await until('room in the bucket that all share', async () => {
        const answer = await sim.rest('GET', '/account/limits');
        return answer.status === 200 && answer.body;
      });
      assert.equal(limits.usage_tier, 'basic', 'it has upgraded nothing');
      const secret = fs.readFileSync(sim.key_path, 'utf8').split('\n')[2];
      assert.ok(!r.stdout.includes(secret) && !r.stdout.includes(sim.key_id), 'neither the key nor the whole of its id');
    }),

    t.test('as text: a line for each check, and no colours in a pipe', async () => {
      const r = await kalua(['doctor'], { env: sim.env() });
      assert.equal(r.code, 0, r.stdout);
      for (const line of r.stdout.trimEnd().split('\n')) assert.match(line, /^(ok   |note ) [^:]+: ./);
      assert.ok(!r.stdout.includes('\x1b'));
    }),

    t.test('the embedded exchange needs no settings, and outlives none', async () => {
      const r = await examined({}, { args: ['--markets', '2'] });
      assert.deepEqual([r.code, bad(r), r.document.environment], [0, [], 'sim'], r.stdout);
      assert.match(r.checks.key.text, /throw-away key/);
    }),

    t.test('a key that belongs to another id, an id that nobody knows', async () => {
      const env = sim.env();
      const other = await examined({ ...env, KALSHI_PRIVATE_KEY_PATH: sim.users[1].key_path });
      assert.deepEqual([other.code, bad(other)], [3, ['accepted']], other.stdout);
      assert.match(other.checks.accepted.text, /private key is another one/);
      const unknown = await examined({ ...env, KALSHI_API_KEY_ID: '00000000-0000-4000-8000-000000000000' });
      assert.deepEqual([unknown.code, bad(unknown)], [3, ['accepted']], unknown.stdout);
      assert.match(unknown.checks.accepted.text, /knows no key with the id 00000000…$/);
      assert.match(unknown.checks.accepted.remedy, /demo/);
      assert.equal(unknown.checks.clock.state, 'ok', 'what needs no key is looked at');
    }),

    t.test('a key file that is not there does not end it', async () => {
      const r = await examined({ ...sim.env(), KALSHI_PRIVATE_KEY_PATH: '/nowhere/demo.pem' });
      assert.deepEqual([r.code, bad(r)], [3, ['key']], r.stdout);
      assert.match(r.checks.key.text, /^\/nowhere\/demo.pem: no such file/);
      assert.equal(r.checks.REST.state, 'ok');
      assert.equal(r.checks.drift.state, 'ok');
    }),

    t.test('each profile of the folder: what is wrong with one of them does not keep the others from being looked at', async () => {
      const cwd = tempDir();
      const put = (name, text, mode = 0o600) => fs.writeFileSync(path.join(cwd, `.env.${name}`), text, { mode });
      const [first, second] = sim.users.map((u) => `KALSHI_API_KEY_ID=${u.key_id}\nKALSHI_PRIVATE_KEY_PATH=${u.key_path}\n`);
      put('second', second, 0o644);
      put('example', '#KALSHI_API_KEY_ID=\n');
      const fine = await examined(sim.env(), { cwd });
      const of = (r, name) => r.document.checks.filter((c) => c.name === `profile ${name}`);
      assert.deepEqual([fine.code, bad(fine), of(fine, 'example')], [0, [], []], fine.stdout);
      const embedded = await examined({}, { cwd }); // on which an account needs no key
      assert.deepEqual([embedded.code, of(embedded, 'example'), of(embedded, 'second').length > 0], [0, [], true], embedded.stdout);
      assert.deepEqual(of(fine, 'second').map((c) => [c.state, c.profile]), [['note', 'second'], ['ok', 'second'], ['ok', 'second']]);
      assert.equal(of(fine, 'second')[0].remedy, 'chmod 600 .env.second');
      assert.match(of(fine, 'second')[1].text, /^sim, id \S{8}…, RSA, 2048 bits, /);
      assert.match(of(fine, 'second')[2].text, /^the exchange takes its key: basic, 40000\.00 dollars, 0 open orders, 0 positions$/);
      assert.ok(!fine.stdout.includes(sim.users[1].key_id));
      put('first', first);
      put('gone', 'KALSHI_API_KEY_ID=x\nKALSHI_PRIVATE_KEY_PATH=/nowhere/gone.pem\n');
      put('line', 'what is this\n');
      put('other', `KALSHI_API_KEY_ID=00000000-0000-4000-8000-000000000000\nKALSHI_PRIVATE_KEY_PATH=${sim.users[1].key_path}\n`);
      const r = await examined(sim.env(), { cwd });
      assert.equal(r.code, 3);
      assert.deepEqual(bad(r).sort(), ['profile first', 'profile gone', 'profile line', 'profile other'], r.stdout);
      assert.match(of(r, 'first').at(-1).text, /it is the account of `kalshi` itself/);
      assert.match(of(r, 'first').at(-1).remedy, /move \.env\.first away/);
      assert.match(of(r, 'gone')[0].text, /^profile gone \(\.env\.gone\): .*gone\.pem/);
      assert.match(of(r, 'gone')[0].remedy, /put it right in \.env\.gone/);
      assert.match(of(r, 'other').at(-1).text, /knows no key with the id 00000000…$/);
      assert.equal(of(r, 'second').at(-1).state, 'ok');
      // Nor does it matter to them that the settings beside them are wrong.
      const alone = await examined({ ...sim.env(), KALSHI_PRIVATE_KEY_PATH: '/nowhere/demo.pem' }, { cwd });
      assert.deepEqual([bad(alone)[0], of(alone, 'second').at(-1).state], ['key', 'ok'], alone.stdout);
    }),

    t.test('.env: who can read it, and what in it does not count', async () => {
      const cwd = tempDir(), file = path.join(cwd, '.env');
      const { KALSHI_API_KEY_ID: id, KALSHI_PRIVATE_KEY_PATH: key, ...rest } = sim.env();
      fs.writeFileSync(file, `KALSHI_API_KEY_ID=${id}\nKALSHI_PRIVATE_KEY="${fs.readFileSync(key, 'utf8')}"\nKALSHI_ENV=prod\n`);
      fs.chmodSync(file, 0o644);
      const r = await examined(rest, { cwd });
      assert.deepEqual([r.code, bad(r)], [3, ['.env']], r.stdout);
      const lines = r.document.checks.filter((c) => c.name === '.env');
      assert.match(lines[0].text, /mode 0644.*the private key is in it/);
      assert.equal(lines[0].remedy, 'chmod 600 .env');
      assert.match(lines[1].text, /^KALSHI_ENV in it is not used/);
      assert.equal(r.checks.settings.from.KALSHI_PRIVATE_KEY, '.env');
      assert.equal(r.checks.accepted.state, 'ok');
      assert.ok(!r.stdout.includes(fs.readFileSync(key, 'utf8').split('\n')[2]));
    }),

    t.test('nobody is there', async () => {
      const r = await examined({ ...sim.env(), KALSHI_REST_URL: 'http://127.0.0.1:1/trade-api/v2' });
      assert.deepEqual([r.code, bad(r)], [4, ['REST']], r.stdout);
      assert.match(r.checks.REST.text, /Connection refused/);
      assert.ok(r.checks.REST.remedy);
    }),

    t.test('an address of another environment, and one that has a password', async () => {
      const r = await examined({ ...sim.env(), KALSHI_REST_URL: 'https://external-api.kalshi.com/trade-api/v2' });
      assert.deepEqual([r.code, bad(r)], [3, ['environment']], r.stdout);
      const secret = await examined({ ...sim.env(), KALSHI_REST_URL: 'https://user:hunter2@127.0.0.1/trade-api/v2' });
      assert.deepEqual([secret.code, bad(secret)], [3, ['environment']]);
      assert.ok(!secret.stdout.includes('hunter2'), secret.stdout);
    }),

    t.test('a certificate that nobody vouches for, and a clock that is wrong', async () => {
      const { ca_path: ca } = tls;
      const distrusted = await examined(tls.env());
      assert.deepEqual([distrusted.code, bad(distrusted)], [3, ['TLS']], distrusted.stdout);
      assert.match(distrusted.checks.TLS.remedy, /--ca FILE/);
      assert.equal(distrusted.checks.REST, undefined, 'nothing is sent to it');
      const r = await examined({ ...tls.env(), KALUA_CA: ca });
      assert.match(r.checks.TLS.version, /^TLSv1\.[23]$/);
      assert.ok(r.checks.TLS.days > 0 && r.checks.TLS.tls_ms > 0);
      assert.deepEqual([r.code, bad(r)], [3, ['clock']], r.stdout);
      assert.ok(Math.abs(r.checks.clock.offset_s - 90) < 5, r.checks.clock.text);
      assert.match(r.checks.clock.remedy, /NTP/);
      assert.equal(r.checks.accepted.state, 'ok', 'signatures carry the time of the exchange');
    }),

    t.test('answers that have moved away from the description', async () => {
      const server = http.createServer(async (req, res) => {
        const { host: _, ...headers } = req.headers;
        const answer = await fetch(new URL(req.url, sim.rest_url), { headers: { ...headers, 'accept-encoding': 'identity' } });
        let text = await answer.text();
        if (req.url.endsWith('/exchange/status')) text = JSON.stringify({ ...JSON.parse(text), lunar_phase: 'full' });
        if (req.url.endsWith('/api_keys')) text = text.replace('"read",', '"read","write::moon",').replace(/"key_type":"rsa"/, '"key_type":"lattice"');
        if (req.url.endsWith('/endpoint_costs')) text = text.replace('"default_cost":10', '"default_cost":11');
        res.writeHead(answer.status, { 'Content-Type': 'application/json', Date: answer.headers.get('date') }).end(text);
      });
      await new Promise((r) => server.listen(0, '127.0.0.1', r));
      try {
        const r = await examined({ ...sim.env(), KALSHI_REST_URL: `http://127.0.0.1:${server.address().port}/trade-api/v2` });
        assert.deepEqual([r.code, r.checks.drift.state], [0, 'note'], r.stdout);
        const found = r.checks.drift.differences.join('\n');
        assert.match(found, /^get_exchange_status\.lunar_phase is new$/m);
        assert.match(found, /^get_api_keys\.api_keys\[\]\.scopes\[\] is "write::moon", which is new$/m);
        assert.match(found, /takes 11 tokens, and Kalua counts 10/);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    }),

    t.test('Ctrl-C ends it while nobody answers', async () => {
      const deaf = net.createServer(() => {});
      await new Promise((r) => deaf.listen(0, '127.0.0.1', r));
      deaf.unref();
      const env = { ...sim.env(), KALSHI_REST_URL: `http://127.0.0.1:${deaf.address().port}/trade-api/v2` };
      let sent = false;
      const connected = new Promise((r) => deaf.on('connection', r));
      const r = await kalua(['doctor'], { env, onOut: (_, p) => {
        if (!sent) connected.then(() => p.kill('SIGINT'));
        sent = true;
      } });
      deaf.close();
      assert.equal(r.code, 130, r.stdout + r.stderr);
    }),

    t.test('Ctrl-C ends it in the midst of a handshake', async () => {
      let shaking;
      const begun = new Promise((r) => { shaking = r; });
      // Never done with its first record.
      const slow = net.createServer((socket) => {
        socket.on('error', () => {}).once('data', () => {
          socket.write(Buffer.from([22, 3, 3, 0x3f, 0xff, 2, 0, 0x3f, 0xfb]));
          const drip = setInterval(() => socket.write('x'), 1);
          socket.on('close', () => clearInterval(drip));
          shaking();
        });
      });
      await new Promise((r) => slow.listen(0, '127.0.0.1', r));
      const r = await kalua(['doctor'], { env: { ...sim.env(), KALSHI_REST_URL: `https://127.0.0.1:${slow.address().port}/trade-api/v2` }, kill: begun });
      slow.close();
      assert.deepEqual([r.code, r.stderr], [130, ''], r.stdout);
    }),
  ]);
});
