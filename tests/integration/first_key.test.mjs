// docs/first-key.md as a reader follows it: its files, its commands in a shell, and what they say, with a simulator in place of demo.
// Numbers, times, hosts, tickers and paths of one run are those of the run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { KALUA, Sim, cleanEnv, root, tempDir } from './peers.mjs';

const page = fs.readFileSync(path.join(root, 'docs/first-key.md'), 'utf8');
const blocks = [...page.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map((m) => ({ language: m[1], text: m[2] }));

const kind = (line) => line
  .replace(/, (REST|WebSocket) URL \(environment\)|, CA file \S+ \(environment\)/g, '')
  .replace(/(https?|wss?):\/\/[\w.:/-]+/g, 'URL')
  .replace(/\/\S+\/(\.kalshi\/|\.?[\w/]*kalua\b)/g, 'HOME/$1')
  .replace(/HOME\/\S*kalua\b/, 'STATE')
  .replace(/key id [0-9a-f]{8}…/, 'key id ID')
  .replace(/key "\w+"/, 'key NAME')
  .replace(/\bKX[A-Z0-9]+-[\w.-]+\w/g, 'TICKER')
  .replace(/external-api[\w.-]*|localhost/g, 'HOST')
  .replace(/HOST is \S+( and others)?,/, 'HOST is ADDRESS,')
  .replace(/certificate from .*, good/, 'certificate from ISSUER, good')
  .replace(/clock: .*/, 'clock: TIME')
  .replace(/(version: kalua).*/, '$1')
  .replace(/(processes:).*(, none on this account)/, '$1 N$2')
  .replace(/\d+(\.\d+)+|\d+/g, 'N');

test('from nothing to a first order on demo', async () => {
  const sim = await Sim.start('--quiet-market', '--markets', '4', '--tier', 'basic', '--tls');
  try {
    const home = tempDir(), cwd = path.join(home, 'strategies'), bin = tempDir();
    fs.mkdirSync(path.join(home, 'Downloads'));
    fs.mkdirSync(cwd);
    fs.copyFileSync(sim.key_path, path.join(home, 'Downloads/bot.key'));
    fs.symlinkSync(KALUA, path.join(bin, 'kalua'));
    const { XDG_STATE_HOME: _, ...clean } = cleanEnv();
    const env = { ...clean, HOME: home, PATH: `${bin}:${process.env.PATH}`, KALUA_CA: sim.ca_path,
      KALSHI_REST_URL: sim.rest_url.replace('127.0.0.1', 'localhost'), KALSHI_WS_URL: sim.ws_url.replace('127.0.0.1', 'localhost') };
    let commands = 0;
    for (const { language, text } of blocks) {
      if (language === 'lua') fs.writeFileSync(path.join(cwd, 'first_order.lua'), text);
      if (language === 'text') {
        fs.writeFileSync(path.join(cwd, '.env'), text.replace(/(KEY_ID=).*/, `$1${sim.key_id}`).replace('/home/you', home));
      }
      if (language !== '') continue;
      const lines = text.trimEnd().split('\n');
      const typed = lines.filter((l) => l.startsWith('$ ')), shown = lines.filter((l) => !l.startsWith('$ '));
      for (const command of typed) {
        const run = spawnSync('sh', ['-c', command.slice(2)], { cwd, env, encoding: 'utf8', timeout: 60000 });
        assert.equal(run.status, 0, `${command}\n${run.stdout}${run.stderr}`);
        const got = new Set(run.stdout.split('\n').map(kind));
        for (const line of shown) assert.ok(got.has(kind(line)), `${command} does not say\n${line}\n${kind(line)}\nbut\n${[...got].join('\n')}`);
        assert.doesNotMatch(run.stdout, /^wrong/m);
        commands++;
      }
    }
    assert.equal(commands, 8, 'every command of the page was typed');
    // What the table quotes is what there is to be seen, word for word.
    const sources = ['runtime/auth', 'runtime/cli', 'runtime/net'].flatMap((d) => fs.readdirSync(path.join(root, d)).map((f) => path.join(root, d, f)))
      .filter((f) => f.endsWith('.c')).concat(path.join(root, 'lua/stdlib/cli/doctor.lua')).map((f) => fs.readFileSync(f, 'utf8')).join('\n').replace(/"\s*\n?\s*"/g, '');
    for (const words of ['no such file', 'not a PEM key', 'a private key is given but no key id', 'knows no key with the id', 'but the private key is another one',
      'others can get at it', ', and the private key is in it', 'is the real exchange', 'is not found', 'cannot connect', "this machine's clock is ", 'cannot be written']) {
      assert.ok(page.includes(words.replace(/^, /, '')) && sources.includes(words), words);
    }
  } finally {
    await sim.stop();
  }
});
