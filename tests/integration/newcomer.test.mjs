// Mistakes that people make in their first hours: each is told where it is, and what to write instead.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Sim, kalua, tempDir } from './peers.mjs';

const END = 'print("ran")\n';

test('a word behind the script is no second script, and kill takes no name', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'a.lua'), END);
  const run = await kalua(['run', 'a.lua', 'KXFED-26DEC-T4.25'], { cwd });
  assert.equal(run.code, 2);
  assert.match(run.stderr, /no script "KXFED-26DEC-T4\.25"; arguments of a script stand behind --: kalua run a\.lua -- KXFED-26DEC-T4\.25/);
  const file = await kalua(['run', 'a.lua', 'b.lua'], { cwd });
  assert.match(file.stderr, /cannot read the script b\.lua/);
  const kill = await kalua(['kill', 'a'], { cwd });
  assert.equal(kill.code, 2);
  assert.match(kill.stderr, /takes no name; `kalua stop a` ends one script/);
});

test('.env: ~ is the home folder, misspelt names are told, and so is a file that is not read', async () => {
  const home = tempDir(), cwd = path.join(home, 'bots');
  fs.mkdirSync(path.join(cwd, 'maker'), { recursive: true });
  fs.writeFileSync(path.join(cwd, 'maker/a.lua'), END);
  const run = (where, ...args) => kalua(['run', '--quiet', ...args], { cwd: where, env: { HOME: home } });
  const write = (where, text) => fs.writeFileSync(path.join(where, '.env'), text, { mode: 0o600 });

  write(path.join(cwd, 'maker'), 'KALSHI_ENVS=sim\nKALUA_RIKS=max_exposure=5\nOTHER=1\nKALSHI_ACCOUNT_MAIL=a@b.c\n');
  const typo = await run(path.join(cwd, 'maker'), 'a.lua');
  assert.equal(typo.stdout, 'ran\n');
  assert.match(typo.stderr, /\.env: KALSHI_ENVS is no setting of Kalua, and does nothing; did you mean KALSHI_ENV\?/);
  assert.match(typo.stderr, /did you mean KALUA_RISK\?/);
  assert.doesNotMatch(typo.stderr, /OTHER|ACCOUNT_MAIL|is not read/);

  for (const what of ['maker/a.lua', 'maker']) {
    const parent = await run(cwd, what);
    assert.equal(parent.stdout, 'ran\n');
    assert.match(parent.stderr, /maker\/\.env is not read: \.env counts in the folder where kalua is started/);
  }

  // Those of other programs are their business.
  write(cwd, 'KALSHI_EMAIL=me\nKALSHI_PASSWORD=x\nKALSHI_DEMO_URL=x\nKALUA_DB=x\nKALSHI_API_KEY=x\nKALSHI_EVN=sim\nKALSHI_PRIVATKEY_PATH=x\n');
  const told = [...(await run(cwd, 'maker/a.lua')).stderr.matchAll(/\.env: (\w+) is no setting of Kalua.*did you mean (\w+)\?/g)];
  assert.deepEqual(told.map((m) => m.slice(1)).sort(), [['KALSHI_API_KEY', 'KALSHI_API_KEY_ID'], ['KALSHI_EVN', 'KALSHI_ENV'],
    ['KALSHI_PRIVATKEY_PATH', 'KALSHI_PRIVATE_KEY_PATH']]);

  write(cwd, 'KALSHI_API_KEY_ID=x\nKALSHI_PRIVATE_KEY_PATH=~/no.pem\nKALSHI_ENV=demo\n');
  const tilde = await run(cwd, 'maker/a.lua');
  assert.equal(tilde.code, 3);
  assert.ok(tilde.stderr.includes(`${home}/no.pem: no such file`), tilde.stderr);
  write(cwd, 'KALSHI_API_KEY_ID=x\nKALSHI_PRIVATE_KEY=demo.key\nKALSHI_ENV=demo\n');
  assert.match((await run(cwd, 'maker/a.lua')).stderr, /the name of a file goes into KALSHI_PRIVATE_KEY_PATH/);
  fs.rmSync(path.join(cwd, '.env'));
  const option = await run(cwd, '--env', 'demo', '--key-id', 'x', '--key', '~/no.pem', 'maker/a.lua');
  assert.match(option.stderr, /nothing stands in for ~: write the whole path/);
});

test('a key without an environment: whose exchange it is, is told', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'a.lua'), END);
  const env = { KALSHI_API_KEY_ID: 'x', KALSHI_PRIVATE_KEY_PATH: 'demo.pem' };
  const unnamed = await kalua(['run', '--quiet', 'a.lua'], { cwd, env });
  assert.equal(unnamed.stdout, 'ran\n');
  assert.match(unnamed.stderr, /the exchange inside the process, and your key is not used.*--env demo/);
  const doctor = await kalua(['doctor'], { cwd, env });
  assert.match(doctor.stdout, /^note {2}environment: sim: .*your key is not looked at; .*kalua doctor --env demo/m);
  for (const [args, more] of [[['--env', 'sim'], env], [[], { ...env, KALSHI_ENV: 'sim' }], [[], {}]]) {
    const named = await kalua(['run', '--quiet', ...args, 'a.lua'], { cwd, env: more });
    assert.equal(named.stdout, 'ran\n');
    assert.doesNotMatch(named.stderr, /inside the process/);
  }
});

test('what the exchange refuses says of which order, to the script and in the log', async () => {
  const sim = await Sim.start('--quiet-market', '--markets', '4');
  try {
    const cwd = tempDir();
    fs.writeFileSync(path.join(cwd, 'a.lua'), `
      local kalshi = require "kalshi"
      local _, err = pcall(kalshi.order, { ticker = "KXNO-SUCH", side = "no", price = 0.4, count = 2 })
      print(err.code, err)\n`);
    const r = await kalua(['run', '--quiet', 'a.lua'], { cwd, env: sim.env() });
    assert.match(r.stdout, /^not_found\thttp: create_order answered 404 not_found.*, to ask for 2(\.00)? at 0\.60* in KXNO-SUCH\n$/, r.stderr);
    assert.match(r.stderr, /an order was refused by the exchange: .* in KXNO-SUCH/);
  } finally {
    await sim.stop();
  }
});
