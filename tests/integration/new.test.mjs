// kalua new: the folder that it makes runs, trades, reloads, passes its tests and tells an editor where the declarations
// are; and nothing that was there is overwritten.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { KALUA, cleanEnv, kalua, root, tempDir, until } from './peers.mjs';

const made = ['.env.example', '.gitignore', '.luarc.json', 'README.md', 'kalua.lua', 'maker.lua', 'maker_test.lua'];

test('a strategy that trades, says what it does, and is changed while it runs', async () => {
  const cwd = tempDir(), dir = path.join(cwd, 'a/maker'), file = path.join(dir, 'maker.lua');
  const n = await kalua(['new', 'a/maker'], { cwd });
  assert.equal(n.code, 0, n.stderr);
  assert.deepEqual(fs.readdirSync(dir).sort(), made);
  assert.match(n.stdout, new RegExp(`\n\n {2}export PATH="${path.dirname(fs.realpathSync(KALUA))}:\\$PATH" .*\n`), 'how it is found');
  assert.match(n.stdout, /\n {2}cd a\/maker\n {2}kalua run .*\n {2}kalua test .*\n$/);
  for (const name of made) assert.doesNotMatch(fs.readFileSync(path.join(dir, name), 'utf8'), /\bNAME\b/, name);

  const p = spawn(KALUA, ['run', '--speed', '50'], { cwd: dir, env: cleanEnv() });
  const ended = new Promise((r) => p.on('close', r));
  let out = '', err = '';
  p.stdout.on('data', (d) => { out += d; });
  p.stderr.on('data', (d) => { err += d; });
  try {
    await until('a quote on each side', () => /^bid .* at 0\.\d+$/m.test(out) && /^ask .* at 0\.\d+$/m.test(out));
    await until('a fill', () => /^fill (bid|ask) /m.test(out), 60000);
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('local SIZE = 10', 'local SIZE = 3'));
    await until('the reload', () => /\[maker\] reloaded in .* generation 2/.test(err));
    await until('a quote of the new size', () => /^(bid|ask) +3 at /m.test(out), 60000);
    fs.appendFileSync(file, 'local x = = 1\n');
    await until('the refusal', () => /\[maker\] not reloaded: maker\.lua:\d+: /.test(err));
  } finally {
    p.kill('SIGINT');
  }
  assert.equal(await ended, 130);
  assert.match(out, /^stopped with a position of /m);
  assert.match(err, /^ {2}errors +0$/m);
});

test('the tests of each template pass', async () => {
  for (const template of ['market_maker', 'taker', 'blank']) {
    const tests = fs.readFileSync(path.join(root, 'lua/templates', template, 'test.lua'), 'utf8').match(/^ *it\(/gm).length;
    const cwd = tempDir();
    assert.equal((await kalua(['new', '--template', template, 'x'], { cwd })).code, 0);
    const r = await kalua(['test'], { cwd: path.join(cwd, 'x') });
    assert.equal(r.code, 0, r.stdout + r.stderr);
    assert.match(r.stdout, new RegExp(`^${tests} passed, 0 failed`, 'm'));
  }
  const none = await kalua(['new', '--template', 'makr', 'x']);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /--template is market_maker, taker or blank, not "makr"/);
});

test('a market that is paused is no end of the strategy, and it says so', async () => {
  const cwd = tempDir(), dir = path.join(cwd, 'maker');
  assert.equal((await kalua(['new', 'maker'], { cwd })).code, 0);
  fs.writeFileSync(path.join(dir, 'pause_test.lua'), `it("waits", function(t)
    local market = t.market{ ticker = "TEST-1", bids = { { 0.40, 100 } }, asks = { { 0.46, 100 } } }
    local maker = t.run("maker.lua", { args = { "TEST-1" } })
    market:pause()
    t.advance(12)
    t.matches(table.concat(maker.output, "\\n"), "market is inactive")
    market:open()
    market:set{ bids = { { 0.60, 100 } }, asks = { { 0.66, 100 } } }
    t.advance(12)
    t.eq(maker.ended, false)
    t.orders(maker, { { side = "bid", count = 10 }, { side = "ask", count = 10 } })
  end)\n`);
  const r = await kalua(['test', 'pause_test.lua'], { cwd: dir });
  assert.equal(r.code, 0, r.stdout + r.stderr);
});

test('an editor finds the declarations, beside the program or as a copy of its own', async () => {
  const library = (dir) => {
    const settings = JSON.parse(fs.readFileSync(path.join(dir, '.luarc.json'), 'utf8'));
    assert.equal(settings['runtime.version'], 'Lua 5.4');
    return path.resolve(dir, settings['workspace.library'][0]);
  };
  const cwd = tempDir();
  await kalua(['new', 'x'], { cwd });
  const types = library(path.join(cwd, 'x'));
  assert.ok(fs.existsSync(path.join(types, 'kalshi.lua')), types);

  const alone = path.join(tempDir(), 'kalua');
  fs.copyFileSync(KALUA, alone);
  const r = await new Promise((resolve) => {
    const p = spawn(alone, ['new', 'y'], { cwd, env: cleanEnv() });
    p.on('close', resolve);
  });
  assert.equal(r, 0);
  const copy = library(path.join(cwd, 'y'));
  assert.equal(copy, path.join(cwd, 'y/.kalua/types'));
  for (const name of fs.readdirSync(types))
    assert.equal(fs.readFileSync(path.join(copy, name), 'utf8'), fs.readFileSync(path.join(types, name), 'utf8'), name);
});

test('nothing is overwritten', async () => {
  const cwd = tempDir(), dir = path.join(cwd, 'maker');
  fs.mkdirSync(path.join(dir, '.git'), { recursive: true });
  assert.equal((await kalua(['new', 'maker'], { cwd })).code, 0, 'a repository without files is empty');
  fs.writeFileSync(path.join(dir, 'maker.lua'), '-- mine\n');
  fs.rmSync(path.join(dir, 'README.md'));
  const refused = await kalua(['new', 'maker'], { cwd });
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^kalua: maker is not empty; with --force what is missing is added, and nothing overwritten;/);
  assert.ok(!fs.existsSync(path.join(dir, 'README.md')));
  const forced = await kalua(['new', '--force', '.'], { cwd: dir });
  assert.equal(forced.code, 0, forced.stderr);
  assert.match(forced.stdout, /^ {2}kept {2}maker\.lua$/m);
  assert.match(forced.stdout, /^ {2}made {2}README\.md$/m);
  assert.equal(fs.readFileSync(path.join(dir, 'maker.lua'), 'utf8'), '-- mine\n');
  fs.writeFileSync(path.join(cwd, 'file'), '');
  const file = await kalua(['new', 'file'], { cwd });
  assert.equal(file.code, 2);
  assert.match(file.stderr, /cannot make the folder file: Not a directory/);
});

test('a folder whose name is none for a module gives one that is', async () => {
  const names = { 'my-bot.v2': 'my_bot_v2', '2fast': 'my_2fast', orders: 'orders_strategy', kalua: 'kalua_strategy',
    test_it: 'my_test_it', it_test: 'it_test_strategy', 'é': 'strategy', '50%': 'my_50' };
  const cwd = tempDir();
  for (const [folder, name] of Object.entries(names)) {
    assert.equal((await kalua(['new', folder], { cwd })).code, 0, folder);
    assert.ok(fs.existsSync(path.join(cwd, folder, `${name}.lua`)), `${folder}: ${fs.readdirSync(path.join(cwd, folder))}`);
    assert.match(fs.readFileSync(path.join(cwd, folder, 'kalua.lua'), 'utf8'), new RegExp(`"${name}\\.lua"`));
  }
});
