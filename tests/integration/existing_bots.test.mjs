// Bots that know nothing of the simulator, pointed at it as docs/existing-bots.md says: by two environment variables, and
// with its snippets where their hosts are written into the code.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Sim, cleanEnv, root, tempDir } from './peers.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const page = fs.readFileSync(path.join(root, 'docs/existing-bots.md'), 'utf8');
// The code block behind a sentence of the page.
const snippet = (after_text, language) => {
  const from = page.indexOf(after_text);
  assert.ok(from > 0, after_text);
  return new RegExp('```' + language + '\n([^]*?)\n```').exec(page.slice(from))[1];
};
const PYTHON = '/usr/bin/python3';
const hasPython = (() => {
  try { execFileSync(PYTHON, ['-c', 'import requests, cryptography, websockets'], { stdio: 'ignore' }); return true; } catch { return false; }
})();
const noPython = hasPython ? false : 'the packages python3-requests, python3-cryptography, python3-websockets are missing';

let sim, folder, key;
before(async () => {
  folder = tempDir();
  key = { id: crypto.randomUUID(), file: path.join(folder, 'key.pem') };
  const { privateKey } = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 });
  fs.writeFileSync(key.file, privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 });
  sim = await Sim.start('--seed', '5', '--user', `${key.id}=${key.file}`);
  await sim.middle(); // until there are prices
});
after(() => sim?.stop());

const run = (command, args, env) => new Promise((resolve, reject) => {
  execFile(command, args, { env: { ...cleanEnv(), KALSHI_KEY_ID: key.id, KALSHI_KEY_FILE: key.file, ...env }, timeout: 120000 },
    (error, stdout, stderr) => (error ? reject(new Error(`${error.message}\n${stderr}`)) : resolve(JSON.parse(stdout))));
});
const urls = () => ({ KALSHI_API_URL: sim.rest_url, KALSHI_FEED_URL: sim.ws_url });
const hosts = () => ({ KALUA_SIM: new URL(sim.rest_url).host });
const checkLadder = (said) => assert.deepEqual([said.placed, said.seen, said.balance > 0], [2, true, true], JSON.stringify(said));
const checkTaker = (said) => assert.ok(said.filled === '1.00' && said.balance > 0, JSON.stringify(said));

test('a bot on the exchange\'s own client, by two variables', async () => {
  checkLadder(await run(process.execPath, [path.join(here, 'bots/ladder.mjs')], urls()));
});

test('the same bot with the hosts that are written into it', async () => {
  const file = path.join(folder, 'to-simulator.mjs');
  fs.writeFileSync(file, snippet('saved as `to-simulator.mjs`', 'js'));
  checkLadder(await run(process.execPath, ['--import', file, path.join(here, 'bots/ladder.mjs')], hosts()));
});

test('a Python bot, by two variables', { skip: noPython }, async () => {
  checkTaker(await run(PYTHON, [path.join(here, 'bots/taker.py')], urls()));
});

test('a Python bot with the hosts that are written into it', { skip: noPython }, async () => {
  const there = fs.mkdtempSync(path.join(folder, 'site-'));
  fs.writeFileSync(path.join(there, 'sitecustomize.py'), snippet('saved as `sitecustomize.py`', 'python'));
  checkTaker(await run(PYTHON, [path.join(here, 'bots/taker.py'), '--hard-coded'], { ...hosts(), PYTHONPATH: there }));
});

test('fetch with a Request that has a body', async () => {
  const file = path.join(folder, 'to-simulator.mjs'), bot = path.join(folder, 'fetch.mjs');
  fs.writeFileSync(file, snippet('saved as `to-simulator.mjs`', 'js'));
  fs.writeFileSync(bot, `import crypto from 'node:crypto';
    import fs from 'node:fs';
    const at = String(Date.now()), where = '/trade-api/v2/portfolio/subaccounts';
    const signature = crypto.sign('sha256', Buffer.from(at + 'POST' + where), { key: fs.readFileSync(process.env.KALSHI_KEY_FILE, 'utf8'),
      padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }).toString('base64');
    const answer = await fetch(new Request('https://external-api.kalshi.com' + where, { method: 'POST', body: '{}',
      headers: { 'Content-Type': 'application/json', 'KALSHI-ACCESS-KEY': process.env.KALSHI_KEY_ID, 'KALSHI-ACCESS-TIMESTAMP': at,
        'KALSHI-ACCESS-SIGNATURE': signature } }));
    console.log(JSON.stringify({ status: answer.status }));`);
  assert.deepEqual(await run(process.execPath, ['--import', file, bot], hosts()), { status: 201 });
});

// Whoever forgets the variable, or uses a library that is not turned, must not trade with real money.
test('what is not turned to the simulator does not reach the exchange either', async () => {
  const file = path.join(folder, 'to-simulator.mjs');
  fs.writeFileSync(file, snippet('saved as `to-simulator.mjs`', 'js'));
  const bot = `import net from 'node:net';
    net.connect(443, 'external-api.kalshi.com').on('error', (e) => console.log(JSON.stringify({ why: e.message })));`;
  assert.match((await run(process.execPath, ['--import', file, '--input-type=module', '-e', bot], hosts())).why, /not turned to the simulator/);
  await assert.rejects(run(process.execPath, ['--import', file, '-e', 'console.log("{}")'], {}), /KALUA_SIM/);
});

test('nor does what Python does not turn', { skip: noPython }, async () => {
  const there = fs.mkdtempSync(path.join(folder, 'site-'));
  fs.writeFileSync(path.join(there, 'sitecustomize.py'), snippet('saved as `sitecustomize.py`', 'python'));
  const bot = `import json, socket
try:
    socket.create_connection(("external-api.kalshi.com", 443))
except OSError as e:
    print(json.dumps({"why": str(e)}))`;
  assert.match((await run(PYTHON, ['-c', bot], { ...hosts(), PYTHONPATH: there })).why, /not turned to the simulator/);
  await assert.rejects(run(PYTHON, ['-c', 'print("{}")'], { PYTHONPATH: there }), /KALUA_SIM/);
});
