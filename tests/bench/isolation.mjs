// What one hostile script costs the others of its process: the latency of a timer and of book events of a calm script,
// alone and beside each kind of hostility. `node isolation.mjs [seconds for each]`, KALUA names the binary.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const KALUA = process.env.KALUA ?? path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../../build/release/kalua');
const seconds = Number(process.argv[2] ?? 5);
const cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'kalua-isolation-'));

// Ten milliseconds apart; a timer of libuv is due to the millisecond, and never early.
const calm = `
local task, kalshi, kalua = require "task", require "kalshi", require "kalua"
local late, aged = {}, {}
local book = kalshi.book(kalshi.get_markets{ limit = 1, status = "open" }.markets[1].ticker)
task.spawn(function()
  for d in book:deltas() do if d.ts then aged[#aged + 1] = kalua.now() - d.ts end end
end)
task.sleep(0.5)
local stop = kalua.now() + ${seconds}
while kalua.now() < stop do
  local before = kalua.now()
  task.sleep(0.01)
  late[#late + 1] = kalua.now() - before - 0.01
end
local function at(list, q) table.sort(list) return #list > 0 and list[math.max(1, math.ceil(q * #list))] * 1e3 or -1 end
require "log".error(string.format("RESULT %.3f %.3f %.3f %d %.3f %.3f %d", at(late, 0.5), at(late, 0.99), at(late, 1), #late,
  at(aged, 0.5), at(aged, 0.99), #aged))
require "bus".send("over", true)`;

const over = 'local task = require "task"\n'
  + 'task.spawn(function() for _ in require "bus".listen("over"):messages() do error "over" end end)\n'
  + 'task.sleep(0.4)\n';
const hostile = {
  alone: 'return',
  'prints without end': 'while true do print(("p"):rep(100)) task.yield() end',
  'logs without end': 'local log = require "log" while true do log.error(("l"):rep(100)) task.yield() end',
  'starts tasks without end': 'while true do pcall(task.spawn, task.sleep, 0.001) task.yield() end',
  'fills its memory again and again': 'while true do pcall(function() local t = {} for i = 1, 1e9 do t[i] = { i } if i % 1000 == 0 then task.yield() end end end) end',
  'fails in tasks without end': 'while true do task.spawn(error, "no") task.yield() end',
  'loops for ever in 3 tasks, --cpu-ms 100': 'for _ = 1, 3 do task.spawn(function() while true do end end) task.sleep(0.5) end task.sleep(100)',
};

function run(name, text) {
  fs.writeFileSync(path.join(cwd, 'calm.lua'), calm);
  fs.writeFileSync(path.join(cwd, 'hostile.lua'), over + text);
  return new Promise((resolve) => {
    const child = spawn(KALUA, ['--quiet', '--rate', '500', '--cpu-ms', '100', '--mem', '64', '--log-file', 'log', 'calm.lua', 'hostile.lua'],
      { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.resume();
    const timer = setInterval(() => {
      const log = fs.existsSync(path.join(cwd, 'log')) ? fs.readFileSync(path.join(cwd, 'log'), 'utf8') : '';
      const found = log.match(/RESULT (.*)/);
      if (!found) return;
      clearInterval(timer);
      child.once('exit', () => { fs.rmSync(path.join(cwd, 'log'), { force: true }); resolve(found[1].split(' ').map(Number)); });
      child.kill('SIGKILL');
    }, 200);
  });
}

console.log('| beside a script that | timer late, median ms | p99 | worst | book event age, median ms | p99 |\n| --- | ---: | ---: | ---: | ---: | ---: |');
for (const [name, text] of Object.entries(hostile)) {
  const [p50, p99, worst, , age50, age99] = await run(name, text);
  console.log(`| ${name} | ${p50.toFixed(2)} | ${p99.toFixed(2)} | ${worst.toFixed(1)} | ${age50.toFixed(2)} | ${age99.toFixed(2)} |`);
}
fs.rmSync(cwd, { recursive: true, force: true });
