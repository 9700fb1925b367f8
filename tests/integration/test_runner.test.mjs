// kalua test from outside: what it finds, what it says of each way to fail, and its reports as other programs read them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { Parser } from 'tap-parser';
import { KALUA, Sim, cleanEnv, kalua, tempDir, until } from './peers.mjs';

const files = {
  'lib.lua': 'local lib = {}\nfunction lib.double(x)\n  if not x then\n    return nil\n  end\n  return x * 2\nend\nreturn lib\n',
  'strategy.lua': 'local lib = require "lib"\nlocal task = require "task"\nprint("quoting", lib.double(4))\n'
    + 'if lib.double(1) == 3 then\n  print "never"\nend\ntask.sleep(5)\nprint "slept"\n',
  'a_test.lua': `local lib = require "lib"
local task = require "task"
describe("doubling", function()
  it("works", function(t) t.eq(lib.double(2), 4) end)
  it("is wrong # \\\\ \\n<&\\1> \\255é", function(t)
    print("seen", 1)
    t.eq({ 1, { price = 0.43 } }, { 1, { price = 0.42 } })
  end)
  pending "later"
  describe("deep", function()
    before_each(function() error("in the hook", 0) end)
    it("is not reached", function() end)
  end)
  it("hangs", function() task.sleep(100) end)
  it("runs a strategy", function(t)
    local s = t.run "strategy.lua"
    t.advance(5)
    t.eq(s.output[2], "slept")
    t.ok(false, "to see what it printed")
  end)
  error "in the body"
end)
it("still runs", function() end)
`,
  'tests/b_test.lua': 'local x = = 1\n',
  'tests/more/test_c.lua': 'local test = require "test"\ntest("in a folder", function(t) t.ok(true) end)\n',
  'notes.lua': 'error "no test"\n',
  'more/deep_test.lua': 'error "not looked for"\n',
};

function folder(only) {
  const dir = tempDir();
  for (const [name, text] of Object.entries(files)) {
    if (only && !only.includes(name)) continue;
    fs.mkdirSync(path.dirname(path.join(dir, name)), { recursive: true });
    fs.writeFileSync(path.join(dir, name), Buffer.from(text, 'latin1'));
  }
  return dir;
}

const names = ['doubling works', 'doubling is wrong', 'doubling later', 'doubling deep is not reached', 'doubling hangs',
  'doubling runs a strategy', 'doubling', 'still runs', 'tests/b_test.lua', 'in a folder'];

test('finds the tests of a folder; JSON, JUnit, coverage and lcov say the same of them', async () => {
  const cwd = folder();
  const r = await kalua(['test', '--limit', '6', '--json', '--junit', 'junit.xml', '--coverage', '--coverage-lcov', 'lcov.info'], { cwd });
  assert.equal(r.code, 1, r.stderr);
  const rows = r.stdout.trim().split('\n').map((l) => JSON.parse(l));
  const full = (x) => (x.name === undefined ? x.file : [x.group, x.name].filter(Boolean).join(' '));
  assert.equal(rows.length, names.length, r.stdout);
  rows.forEach((x, i) => assert.ok(full(x).startsWith(names[i]), full(x)));
  assert.deepEqual(rows.map((x) => x.status),
    ['passed', 'failed', 'pending', 'failed', 'failed', 'failed', 'failed', 'passed', 'failed', 'passed']);

  // The line that failed, its text, what differs, what was printed.
  const wrong = rows[1];
  assert.equal(wrong.name, 'is wrong # \\ \n<&\u0001> \ufffd\ufffd');
  assert.deepEqual(wrong.at, { file: 'a_test.lua', line: 7 });
  assert.equal(wrong.source, 't.eq({ 1, { price = 0.43 } }, { 1, { price = 0.42 } })');
  assert.equal(wrong.detail, '[2].price is 0.43, not 0.42');
  assert.equal(wrong.output, 'seen\t1\n');
  assert.equal(rows[3].message, 'in the hook');
  assert.deepEqual([rows[4].at.line, rows[4].message], [14, 'took longer than 6 s']);
  assert.equal(rows[5].output, '[strategy] quoting\t8\n[strategy] slept\n');
  assert.deepEqual([rows[6].at.line, rows[6].message], [21, 'in the body']);
  assert.deepEqual(rows[8].at, { file: 'tests/b_test.lua', line: 1 });
  assert.match(rows[8].message, /^unexpected symbol near '='/);

  const xml = fs.readFileSync(path.join(cwd, 'junit.xml'), 'utf8');
  assert.equal(XMLValidator.validate(xml), true);
  assert.doesNotMatch(xml, /[\x00-\x08\x0b\x0c\x0e-\x1f]/);
  const { testsuites } = new XMLParser({ ignoreAttributes: false, parseAttributeValue: true, isArray: (n) => n === 'testcase' }).parse(xml);
  assert.deepEqual([testsuites['@_tests'], testsuites['@_failures']], [10, 6]);
  const suites = testsuites.testsuite;
  assert.deepEqual(suites.map((s) => s['@_name']), ['a_test.lua', 'tests/b_test.lua', 'tests/more/test_c.lua']);
  assert.deepEqual([suites[0]['@_tests'], suites[0]['@_failures'], suites[0]['@_skipped']], [8, 5, 1]);
  assert.match(suites[0].testcase[1].failure['#text'], /^a_test.lua:7: t\.eq/);

  // The strategy and the module that both have required; the tests themselves do not count.
  assert.match(r.stderr, /^lib\.lua +85\.7 % +6 of 7 +4$/m);
  assert.match(r.stderr, /^strategy\.lua +85\.7 % +6 of 7 +5$/m);
  assert.doesNotMatch(r.stderr, /a_test\.lua/);
  const lcov = fs.readFileSync(path.join(cwd, 'lcov.info'), 'utf8').split('end_of_record\n');
  const lib = lcov.find((x) => x.includes('SF:lib.lua\n')).split('\n');
  assert.ok(lib.includes('DA:3,3') && lib.includes('DA:4,0') && lib.includes('LF:7') && lib.includes('LH:6'), lib.join(' '));
});

test('TAP 14 as its parser reads it', async () => {
  const cwd = folder(['a_test.lua', 'lib.lua', 'strategy.lua']);
  const r = await kalua(['test', '--limit', '4', '--tap'], { cwd });
  assert.equal(r.code, 1);
  assert.match(r.stdout, /^TAP version 14\n/);
  const seen = [], p = new Parser({ strict: true });
  let results;
  p.on('assert', (a) => seen.push(a));
  p.on('complete', (c) => { results = c; });
  p.end(r.stdout);
  assert.deepEqual([results.count, results.pass, results.fail, results.skip], [8, 3, 5, 1]);
  assert.deepEqual(results.failures.filter((f) => f.tapError), []);
  assert.equal(seen[1].name, 'doubling is wrong # \\ \\n<&\\x01> \ufffd\ufffd');
  assert.deepEqual(seen[1].diag.at, { file: 'a_test.lua', line: 7 });
  assert.equal(seen[2].skip, 'pending');
});

test('for people: a line for each, what helps below those that failed, and the failures once more', async () => {
  const cwd = folder(['a_test.lua', 'lib.lua', 'strategy.lua']);
  const r = await kalua(['test', '--filter', 'doubling .*ou?', '--fail-fast', 'a_test.lua'], { cwd });
  assert.equal(r.code, 1);
  assert.equal(r.stdout.replace(/\d+\.\d\d s/, 'T s').replace(/is wrong.*/g, 'is wrong'), `ok      doubling works
not ok  doubling is wrong
        a_test.lua:7: t.eq({ 1, { price = 0.43 } }, { 1, { price = 0.42 } })
        got { 1, { price = 0.43 } }, not { 1, { price = 0.42 } }
          [2].price is 0.43, not 0.42
        printed
          | seen\t1

failed:
  a_test.lua:7: doubling is wrong
1 passed, 1 failed in T s
`);
});

test('what strategies say at their end is said in their own test', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'x_test.lua'), `
it("does not rest", function(t)
  t.run("spins", { source = "while true do require('task').yield() end" })
end)
it("is alone", function(t)
  t.market{}
  for i = 4, 1, -1 do t.run("s" .. i, { source = "print 'h\\\\0i'" }) end
  print("a\\0b")
  error "see"
end)
it(" ", function() end)
`);
  const r = await kalua(['test', '--json'], { cwd });
  const [nameless, , alone] = r.stdout.trim().split('\n').map((l) => JSON.parse(l));
  assert.match(nameless.message, /the name, not an empty text/);
  assert.equal(alone.output, [4, 3, 2, 1].map((i) => `[s${i}] h\\0i\n`).join('').replace(/^/, 'a\\0b\n'));
});

test('a shuffle is the same for the same seed', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'x_test.lua'), 'describe("n", function() for i = 1, 9 do it(i .. "", function() end) end end)');
  const order = async (...options) => {
    const r = await kalua(['test', ...options], { cwd });
    assert.equal(r.code, 0, r.stdout + r.stderr);
    return r.stdout.match(/^ok .*$/gm);
  };
  const [plain, seven, again, eight] = [await order(), await order('--shuffle', '7'), await order('--shuffle', '7'), await order('--shuffle', '8')];
  assert.equal(plain.length, 9);
  assert.deepEqual(seven, again);
  for (const shuffled of [seven, eight]) assert.deepEqual(shuffled.toSorted(), plain, 'each of them, once');
  assert.equal(new Set([plain, seven, eight].map((list) => list.join())).size, 3, 'in another order for another seed');
  const straight = (await kalua(['test', '--list'], { cwd })).stdout;
  assert.equal(straight, [1, 2, 3, 4, 5, 6, 7, 8, 9].map((i) => `x_test.lua:1: n ${i}\n`).join(''));
});

test('nothing to run is a mistake that says what to do', async () => {
  const none = await kalua(['test']);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /there is no X_test\.lua or test_X\.lua here.*`kalua new DIR`/);
  const missing = await kalua(['test', 'nowhere_test.lua']);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /cannot read nowhere_test\.lua/);
  const cwd = folder(['tests/more/test_c.lua']);
  const unmatched = await kalua(['test', '--filter', 'zzz'], { cwd });
  assert.equal(unmatched.code, 2);
  assert.match(unmatched.stderr, /no test has "zzz" in its name/);
});

test('Ctrl-C ends it with what there is so far', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'x_test.lua'), 'it("first", function() end)\nit("waits", function() require("task").sleep(60) end)\nit("no more", function() end)\n');
  const p = spawn(KALUA, ['test', '--junit', 'junit.xml'], { cwd, env: cleanEnv() });
  let out = '';
  p.stdout.on('data', (d) => { out += d; });
  const ended = new Promise((r) => p.on('close', r));
  await until('the first test', () => out.includes('first'));
  p.kill('SIGINT');
  assert.equal(await ended, 130);
  assert.match(out, /^ok {6}first\n1 passed, 0 failed in .* s, interrupted\n$/);
  assert.match(fs.readFileSync(path.join(cwd, 'junit.xml'), 'utf8'), /tests="1"/);
});

test('what a test leaves behind ends with it, and its stage is not heard in the next', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'counts.lua'), 'require("metrics").counter("seen_total"):inc()\nrequire("task").sleep(5)\n');
  fs.writeFileSync(path.join(cwd, 'x_test.lua'), `local task = require "task"
it("leaves a task that moves time", function(t)
  t.run "counts.lua"
  task.spawn(function() for _ = 1, 1e6 do t.advance(3600) end end)
  task.sleep(0.001)
end)
it("logs", function()
  for _ = 1, 50 do task.sleep(0.002) end -- the stage of the test before is gone meanwhile
  require("log").warn "heard"
  error("failed", 0)
end)
`);
  const r = await kalua(['test', '--json'], { cwd });
  assert.equal(r.code, 1, r.stderr);
  assert.equal(r.stderr, '');
  const [left, logs] = r.stdout.trim().split('\n').map((l) => JSON.parse(l));
  assert.equal(left.message, 'tasks that failed and nobody awaited: 1, not 0');
  assert.equal(logs.message, 'failed');
  assert.equal(logs.output, '[warn x_test] heard\n');
});

test('a flood is cut with a word, an error at the end is told, and what is left is not waited for', async () => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 'ends_badly.lua'), `local kalua, task = require "kalua", require "task"
kalua.on_stop(function() error "boom" end)
task.sleep(1000)
`);
  fs.writeFileSync(path.join(cwd, 'x_test.lua'), `local task = require "task"
it("floods", function(t)
  for i = 1, 600 do task.spawn(function() error("number " .. i, 0) end) end
  task.sleep(0.01)
  error "see"
end)
it("ends badly", function(t)
  t.run "ends_badly.lua"
  t.advance(1)
end)
it("has seen it", function(t)
  local s = t.run "ends_badly.lua"
  s:stop()
  t.eq(#s.errors, 1)
end)
it("leaves a task", function() task.spawn(function() while true do task.sleep(3600) end end) end)
`);
  const r = await kalua(['test', '--json'], { cwd });
  assert.equal(r.code, 1, r.stderr);
  const [flood, badly, seen, left] = r.stdout.trim().split('\n').map((l) => JSON.parse(l));
  assert.match(flood.output, /number 1\n/);
  assert.match(flood.output, /\n\(and \d+ more lines\)\n$/);
  assert.equal(flood.output.split('\n').length, 402);
  assert.match(badly.message, /^ends_badly failed at the end of the test: ends_badly\.lua:2: boom/);
  assert.equal(seen.status, 'passed', JSON.stringify(seen));
  assert.equal(left.message, 'tasks left running: 1');
});

test('a key from the environment is that of every file', async () => {
  const sim = await Sim.start('--quiet-market');
  try {
    const cwd = tempDir();
    for (const name of ['a', 'b'])
      fs.writeFileSync(path.join(cwd, `${name}_test.lua`), 'it("asks", function(t) t.ok(require("kalshi").get_balance().balance) end)');
    const r = await kalua(['test', '--rest-url', sim.rest_url, '--ws-url', sim.ws_url], {
      cwd, env: { KALSHI_API_KEY_ID: sim.key_id, KALSHI_PRIVATE_KEY: fs.readFileSync(sim.key_path, 'utf8') },
    });
    assert.equal(r.code, 0, r.stdout + r.stderr);
    assert.match(r.stdout, /2 passed, 0 failed/);
  } finally {
    await sim.stop();
  }
});
