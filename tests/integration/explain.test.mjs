// What an error means, from the shell: codes, numbers, whole lines; and that lines of errors name their code.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { kalua, tempDir } from './peers.mjs';

// Where nothing that it needs could be: no exchange, no key, settings that cannot be read.
const explain = (...words) => {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, '.env'), 'this is no setting\n');
  return kalua(['explain', ...words], { cwd });
};

test('a code has what happened, why, and what to do; a pipe gets no escape sequences', async () => {
  const page = await explain('price_off_grid');
  assert.deepEqual([page.code, page.stderr], [0, '']);
  assert.match(page.stdout, /^price_off_grid {3}kind validation\n\n[A-Z].*\n\nWhy\n {2}.*\n\nWhat to do\n {2}- .*\n/);
  assert.doesNotMatch(page.stdout, /\x1b/);
});

test('other words for it: a status, a number of the feed, an exit code, another case, a whole line', async () => {
  const lines = {
    401: '401', 'ws 8': '8', 'exit 3': 'exit_3', market_inactive: 'MARKET_INACTIVE', order_outcome_unknown: 'outcome_unknown',
    'kalua: x: no such file; name it (kalua explain key_not_found)': 'key_not_found',
    'maker.lua:3: attempt to index a nil value (local \'ask\')': 'nil_value',
    'http: get_market answered 404 with text/html': '404',
  };
  for (const [words, code] of Object.entries(lines)) {
    const { code: exit, stdout } = await explain('--json', words);
    assert.deepEqual([exit, JSON.parse(stdout).code], [0, code], words);
  }
});

test('a line that nothing is known of is said to be one, whole or its beginning', async () => {
  for (const line of ['feed: what is this', `ä${'x'.repeat(300)} y`]) {
    const { code, stdout, stderr } = await explain(line);
    assert.deepEqual([code, stdout], [1, '']);
    assert.ok(stderr.startsWith(`kalua: no error is known for "${[...line].slice(0, 120).join('')}`), stderr);
  }
});

test('without a code all of them, for people and for programs; an unknown one leads on', async () => {
  const list = (await explain()).stdout, all = JSON.parse((await explain('--json')).stdout);
  assert.ok(all.length > 200);
  for (const e of all) {
    assert.ok(list.includes(`  ${e.code} `), e.code);
    for (const key of ['what', 'why']) assert.match(e[key], /[.]$/, `${e.code}: ${key}`);
    assert.ok(Array.isArray(e.do) && Number.isInteger(e.exit), e.code);
  }
  const wrong = await explain('price_of_grid');
  assert.deepEqual([wrong.code, wrong.stdout], [1, '']);
  assert.match(wrong.stderr, /^kalua: there is no error "price_of_grid"; did you mean price_off_grid,.*\n$/);
});

test('a line of an error names its code: of a command, of a script, in JSON lines of the log', async () => {
  const cwd = tempDir();
  assert.match((await kalua(['api', 'get_balance', '--env', 'demo', '--key-id', 'a', '--key', 'none.pem'], { cwd })).stderr,
    /^kalua: none\.pem: .* \(kalua explain key_not_found\)\n$/);
  fs.writeFileSync(path.join(cwd, 's.lua'), `local kalshi, task = require "kalshi", require "task"
    local t = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
    for _ = 1, 3 do pcall(kalshi.order, { ticker = t, side = "yes", price = 0.01, count = 50 }) end
    task.spawn(function() kalshi.order{ ticker = t, side = "yes", price = 42, count = 1 } end)
    task.sleep(0.01)
    print(book.ask)\n`);
  const run = await kalua(['--log-json', '--risk', 'max_order_count=20', 's.lua'], { cwd });
  const lines = run.stderr.split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l));
  const last = lines.find((l) => l.code === 'nil_value');
  assert.match(last.msg, /^s\.lua:6: attempt to index a nil value .* \(kalua explain nil_value\)$/);
  const refused = lines.filter((l) => l.code === 'max_order_count'); // the script says nothing of it
  assert.equal(refused.length, 1, run.stderr);
  assert.deepEqual([refused[0].source, refused[0].level], ['s', 'info']);
  assert.equal(lines.filter((l) => l.code === 'price_out_of_range' && l.level === 'error').length, 1, run.stderr);
});
