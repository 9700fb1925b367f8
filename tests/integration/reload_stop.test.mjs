// What an on_stop handler starts before a swap does not go on beside the new version, and goes on with the one that returns.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { KALUA, cleanEnv, tempDir, until } from './peers.mjs';

test('tasks of on_stop handlers rest with their version', async () => {
  const file = path.join(tempDir(), 'a.lua');
  const head = 'local kalua, log, task = require "kalua", require "log", require "task"\n';
  fs.writeFileSync(file, `${head}kalua.on_stop(function()
  task.spawn(function() while true do log.info "left over" task.sleep(0.01) end end)
  task.sleep(0.05)
end)
task.every(0.01, function() log.info "old" end)
`);
  const p = spawn(KALUA, ['run', '--quiet', '--probation', '60', file], { env: cleanEnv() });
  const ended = new Promise((r) => p.on('close', r));
  let err = '';
  p.stderr.on('data', (d) => { err += d; });
  const count = (rx, from = 0) => err.slice(from).split('\n').filter((l) => rx.test(l)).length;
  try {
    await until('the first version', () => count(/a old$/) > 3);
    fs.writeFileSync(file, `${head}local n = 0
task.every(0.01, function()
  log.info "new"
  n = n + 1
  if n == 50 then error "after fifty" end
end)
`);
    await until('the new version', () => count(/a new$/) > 40);
    assert.ok(count(/a left over$/) > 0, 'the task ran while the handler did');
    const swapped = err.indexOf('a new\n'), back = /rolled back: .*after fifty/;
    await until('the rollback', () => back.test(err));
    assert.equal(count(/a (left over|old)$/, swapped) - count(/a (left over|old)$/, err.search(back)), 0, err.slice(swapped));
    await until('the old version again', () => count(/a left over$/, err.search(back)) > 3 && count(/a old$/, err.search(back)) > 3);
  } finally {
    p.kill('SIGKILL');
    await ended;
  }
});
