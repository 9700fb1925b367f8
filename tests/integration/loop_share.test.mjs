// Many tasks that each hold the loop as long as they may: others get their turn between two of them, and so does the end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { describe } from 'node:test';
import { KALUA, cleanEnv, tempDir, until } from './peers.mjs';

const BROKEN = /ran for more than 200 ms/;

async function start(scripts) {
  const dir = tempDir();
  for (const [name, text] of Object.entries(scripts)) fs.writeFileSync(path.join(dir, name), text);
  const p = spawn(KALUA, ['run', '--quiet', '--cpu-ms', '200', ...Object.keys(scripts)], { cwd: dir, env: cleanEnv() });
  const r = { p, dir, err: '', ended: new Promise((resolve) => p.on('close', resolve)) };
  p.stderr.on('data', (d) => { r.err += d; });
  p.stdout.on('data', () => {});
  r.count = (rx) => r.err.split('\n').filter((l) => rx.test(l)).length;
  return r;
}

describe('many tasks that hold the loop', { concurrency: 1 }, () => {
  test("another script's timer comes between two of them", async () => {
    const N = 12;
    const r = await start({
      'good.lua': 'local task, log = require "task", require "log"\ntask.every(0.01, function() log.info "tick" end)\n',
      'bad.lua': `local task = require "task"\ntask.sleep(0.2)\nfor _ = 1, ${N} do task.spawn(function() while true do end end) end\n`,
    });
    try {
      await until('all that are broken', () => r.count(BROKEN) >= N);
    } finally {
      r.p.kill('SIGTERM');
      await r.ended;
    }
    const lines = r.err.split('\n').filter((l) => BROKEN.test(l) || /good tick$/.test(l)).map((l) => (BROKEN.test(l) ? '!' : '.')).join('');
    assert.doesNotMatch(lines, /!!!/, lines);
  });

  test('a script whose tasks take no notice of its end ends with the grace, not with the last of them', async () => {
    const N = 60;
    const r = await start({
      'deaf.lua': `local task, log = require "task", require "log"
for _ = 1, ${N} do task.spawn(function() while true do pcall(task.sleep, 60) end end) end
log.info "all wait"
`,
    });
    await until('the tasks', () => /all wait/.test(r.err));
    r.p.kill('SIGINT');
    await r.ended;
    assert.ok(r.count(BROKEN) < N / 2, `${r.count(BROKEN)} of ${N} had their time`);
    assert.match(r.err, /a task spawned at deaf\.lua:2 did not end in time and was cut off/);
  });

  test('a start of many such tasks is refused with the first', async () => {
    const N = 300; // a minute of them
    const good = 'local task, log = require "task", require "log"\ntask.every(0.01, function() log.info "tick" end)\n';
    const r = await start({ 'a.lua': good });
    try {
      await until('ticks', () => r.count(/tick/) > 3);
      fs.writeFileSync(path.join(r.dir, 'a.lua'), `local task = require "task"\nfor _ = 1, ${N} do task.spawn(function() while true do end end) end\n`);
      await until('the refusal', () => /not reloaded: .*ran for more than 200 ms/.test(r.err), 25000);
      const before = r.count(/tick/);
      await until('the old version', () => r.count(/tick/) > before + 3);
    } finally {
      r.p.kill('SIGTERM');
      await r.ended;
    }
  });
});
