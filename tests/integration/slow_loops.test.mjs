// A loop that works through a queue, a little at each turn, looks as if it waited at each of them: it is no endless loop to
// be broken, and slows neither the other tasks nor the connection.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { kalua, tempDir } from './peers.mjs';
import { closeAll, lua, npmServer } from './ws_servers.mjs';

test.after(closeAll);

// 300 turns of 5 ms are longer than a stretch of a script may be (1,000 ms).
const common = `
  local task, kalua = require "task", require "kalua"
  local TURNS = 300
  local function work()
    local start = kalua.now()
    while kalua.now() - start < 0.005 do end
  end
  local beside = 0
  local other = task.spawn(function() while true do task.sleep(0.001) beside = beside + 1 end end)
`;

async function run(body) {
  const dir = tempDir();
  fs.writeFileSync(path.join(dir, 'slow.lua'), `${common}
    local kalshi = require "kalshi"
    local ticker = kalshi.get_markets{ status = "open", limit = 1 }.markets[1].ticker
    local book <close> = kalshi.book(ticker)
    local function collect()
      local from = book.seq
      repeat task.sleep(0.05) until book.seq - from > 1500
      beside = 0
    end
    ${body}
    print(n, beside > 10)
    other:cancel()`);
  const { stdout, stderr } = await kalua(['run', '--quiet', '--log', 'error', '--markets', '2', '--rate', '10000', 'slow.lua'], { cwd: dir });
  assert.equal(stderr, '');
  return stdout;
}

test('for d in book:deltas()', async () => {
  assert.equal(await run(`
    local deltas, n = book:deltas(), 0
    collect()
    for _ in deltas do
      work()
      n = n + 1
      if n == TURNS then break end
    end`), '300\ttrue\n');
});

test('book:on_delta', async () => {
  assert.equal(await run(`
    local n, waited = 0, false
    local done = task.channel(1)
    local t = book:on_delta(function()
      if not waited then waited = true collect() end
      work()
      n = n + 1
      if n == TURNS then done:send(true) task.sleep(600) end
    end)
    done:recv()
    t:cancel()`), '300\ttrue\n');
});

test('for m in sub:messages()', async () => {
  assert.equal(await run(`
    local sub <close>, n = kalshi.subscribe{ channels = { "orderbook_delta" }, market_ticker = ticker }, 0
    collect()
    for _ in sub:messages() do
      work()
      n = n + 1
      if n == TURNS then break end
    end`), '300\ttrue\n');
});

test('messages and recv of a WebSocket', async () => {
  const s = await npmServer({ on: (c) => { for (let i = 0; i < 600; i++) c.send(String(i)); } });
  const out = await lua(`${common}
    local c <close> = ws.connect(A[1])
    c:ping(nil, 60) -- the pong comes behind all of them
    local n = 0
    beside = 0
    for m in c:messages() do
      assert(m == tostring(n))
      work()
      n = n + 1
      if n == TURNS then break end
    end
    print(n, beside > 10)
    beside = 0
    for i = n, n + TURNS - 1 do
      assert(c:recv(60) == tostring(i))
      work()
    end
    print(beside > 10)
    other:cancel()`, [s.url]);
  assert.equal(out, '300\ttrue\ntrue\n');
});
