// The rows at the bottom of a terminal that show how a run goes, in a real one; and what the summary says afterwards.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import { kalua, tempDir } from './peers.mjs';
import { Tmux, inTerminal } from './tmux.mjs';

const folder = tempDir();
const script = path.join(folder, 'quoter.lua');
fs.writeFileSync(script, `local kalshi, task, kalua = require "kalshi", require "task", require "kalua"
local t
for _, m in ipairs(kalshi.get_markets { status = "open", limit = 1000 }.markets) do
  if m.yes_bid_dollars > 0.2 and m.yes_ask_dollars < 0.8 then t = m.ticker break end -- where a bid of a cent rests
end
kalshi.create_order { ticker = t, side = "bid", price = 0.01, count = 5, time_in_force = "good_till_canceled",
  self_trade_prevention_type = "taker_at_cross" }
kalua.expect { max_drawdown = "<200", profit = ">=0", unknown = "==0" }
for i = 1, tonumber(kalua.args[1]) do print("line " .. i) task.sleep(0.02) end`);

after(() => Tmux.closeAll());

const status = (n) => (lines) => lines.length === n && lines.some((l) => /^line \d+$/.test(l))
  && /^ sim {3}feed \d.* {2}writes \d+ of \d+ {2}at risk 0\.05 {2}1 script$/.test(lines[n - 2])
  && /^ quoter +0\.00 {2}holds 0 in 0 {2}1 open {2}0 fills/.test(lines[n - 1]);

test('they stay while lines scroll, follow the size, and are gone at the end', inTerminal([script, '--', '2000'], { columns: 90, rows: 20 }, async (t) => {
  await t.shows(status(20));
  await t.resize(80, 15);
  const lines = (await t.shows(status(15))).filter((l) => l.startsWith('line ')).map((l) => Number(l.slice(5)));
  lines.forEach((n, i) => assert.ok(i === 0 || n === lines[i - 1] + 1, `a line was written over: ${lines}`));
  await t.keys('C-c');
  await t.code(); // which tmux does not always know
  const last = await t.text();
  assert.doesNotMatch(last, /at risk/);
  assert.match(last, /script +orders fills +traded +fees realized unrealized +profit drawdown\n {2}quoter +1 +0 +0 +0\.00/);
}));

test('they are not there for a pipe, and thresholds hold for the script', async () => {
  const { code, stdout, stderr } = await kalua([script, '--', '3'], { cwd: folder });
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout + stderr, /\x1b/);
  fs.writeFileSync(path.join(folder, 'missed.lua'), 'require "kalua".expect { traded = ">1", max_drawdown = "<200" }');
  const missed = await kalua(['--quiet', 'missed.lua'], { cwd: folder });
  assert.equal(missed.code, 5);
  assert.match(missed.stderr, /missed expected traded > 1, and it is 0/);
});
