// RFC 6455, section by section, from a server of bytes: ws_cases.mjs says what is sent and what must come of it. Each case
// comes in one piece, in pieces of random length and, unless it is large, byte by byte.
import assert from 'node:assert/strict';
import test from 'node:test';
import { becomes } from './peers.mjs';
import { cases, handshakes } from './ws_cases.mjs';
import { acceptOf, byteServer, clientFrames, closeAll, closeFrame, frame, lua, upgrade } from './ws_servers.mjs';

test.after(closeAll);

// Numbers that are the same in each run.
let seed = 12345;
const random = (n) => { seed = (seed * 1103515245 + 12345) & 0x7fffffff; return (seed >> 8) % n; };

function* pieces(bytes, way) {
  for (let at = 0; at < bytes.length;) {
    const n = way === 'whole' ? bytes.length : way === 'bytes' ? 1 : 1 + random(way === 'large' ? 50000 : 40);
    yield bytes.subarray(at, at + n);
    at += n;
  }
}

// Writes the pieces so that each has a chance to be a segment of its own.
async function write(socket, bytes, way) {
  for (const piece of pieces(bytes, way)) {
    if (socket.destroyed) return;
    socket.write(piece);
    if (way !== 'whole') await new Promise((r) => setImmediate(r));
  }
}

// Runs the script `one` for each number and way, several at a time; it prints a line of JSON.
const loop = (one) => `
local jobs = task.channel(1000)
local function work() for job in function() return jobs:recv() end do
  local i, way = job:match "^(%d+)/(%w+)$"
  ${one}
end end
local workers = {}
for i = 1, 8 do workers[i] = task.spawn(work) end
for job in A[2]:gmatch "[^,]+" do jobs:send(job) end
jobs:close()
for _, w in ipairs(workers) do w:await() end
`;

const receive = `
local messages, e = {}, nil
local ok, c = pcall(ws.connect, A[1] .. job, { max_message = 2 << 20, timeout = 60 })
if ok then
  ok, e = pcall(function()
    for m, kind in c:messages() do
      messages[#messages + 1] = { kind, (m:gsub(".", function(b) return string.format("%02x", b:byte()) end)) }
      if #m > 100000 then task.yield() end
    end
  end)
else
  e, c = c, {}
end
print(json.encode{ i = tonumber(i), way = way, messages = #messages > 0 and messages or json.empty_array, kind = not ok and e.kind or nil,
  status = not ok and e.status or nil, message = not ok and e.message or nil, code = c.close_code, reason = c.close_reason })
`;

const isSmall = (c) => !c.large && c.bytes.length < 1500;

test(`${cases.length} cases of frames`, async () => {
  const heard = new Map();
  const server = await byteServer((socket, head, received) => {
    const [, i, way] = /^GET \/(\d+)\/(\w+) /.exec(head);
    const c = cases[i];
    socket.on('close', () => heard.set(`${i}/${way}`, clientFrames(received())));
    write(socket, Buffer.concat([Buffer.from(upgrade(head)), c.bytes]), way === 'pieces' && c.large ? 'large' : way);
  });
  const jobs = cases.flatMap((c, i) => (isSmall(c) ? ['whole', 'pieces', 'bytes'] : ['whole', 'pieces']).map((way) => `${i}/${way}`));
  const out = await lua(loop(receive), [server.url, jobs.join(',')], { timeout: 200000 });
  const results = out.trim().split('\n').map((l) => JSON.parse(l));
  assert.equal(results.length, jobs.length);
  await becomes('the end of all connections, which this side may see after the script has ended', jobs.length, () => heard.size);
  for (const r of results) {
    const c = cases[r.i], name = `${c.section} ${c.name} (${r.way})`;
    assert.deepEqual(r.messages, c.messages, name);
    assert.equal(r.kind ? `${r.kind} ${r.status}` : 'closed', c.end, `${name}: ${r.message}`);
    assert.equal(r.code, c.code, name);
    assert.equal(r.reason, c.reason, name);
    const frames = heard.get(`${r.i}/${r.way}`) ?? assert.fail(`${name}: the connection is still there`);
    const close = frames.at(-1);
    assert.equal(close?.opcode, 8, `${name}: the last frame is a close`);
    assert.equal(close.payload.length ? close.payload.readUInt16BE(0) : null, c.heard, `${name}: the code that the server hears`);
    assert.deepEqual(frames.slice(0, -1).map((f) => [f.opcode, f.payload.toString()]), c.pongs.map((p) => [10, p]), `${name}: pongs`);
  }
});

test(`${handshakes.length} answers to the handshake`, async () => {
  const server = await byteServer((socket, head) => {
    const [, i, way] = /^GET \/(\d+)\/(\w+) /.exec(head);
    write(socket, Buffer.from(handshakes[i][1](acceptOf(head)), 'latin1'), way).then(() => socket.end());
  });
  const jobs = handshakes.flatMap((h, i) => ['whole', 'pieces', 'bytes'].map((way) => `${i}/${way}`));
  const out = await lua(loop(receive), [server.url, jobs.join(',')]);
  const results = out.trim().split('\n').map((l) => JSON.parse(l));
  assert.equal(results.length, jobs.length);
  for (const r of results) {
    const [name, , end, says] = handshakes[r.i];
    assert.match(r.kind ?? 'closed', new RegExp(`^(${end})$`), `${name} (${r.way}): ${r.message}`);
    if (says) assert.match(r.message, says, `${name} (${r.way})`);
  }
});

test('a session that is cut at every byte gives whole messages and an error, never half of one', async () => {
  const parts = [[frame(1, 'one'), 1], [frame(2, 'two'), 1], [frame(1, 'thr', { fin: false }), 0], [frame(9, 'ping'), 0], [frame(0, 'ee'), 1],
    [frame(1, 'x'.repeat(200)), 1], [closeFrame(1000, 'bye'), 0]];
  const cut = (head) => Buffer.concat([Buffer.from(head), ...parts.map(([bytes]) => bytes)]);
  const total = cut(upgrade('Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n')).length;
  const server = await byteServer((socket, head) => {
    socket.end(cut(upgrade(head)).subarray(0, Number(/^GET \/(\d+)/.exec(head)[1])));
  });
  const jobs = Array.from({ length: total + 1 }, (_, i) => `${i}/whole`);
  const out = await lua(loop(receive), [server.url, jobs.join(',')]);
  const results = out.trim().split('\n').map((l) => JSON.parse(l));
  assert.equal(results.length, total + 1);
  const all = ['one', 'two', 'three', 'x'.repeat(200)].map((m) => Buffer.from(m).toString('hex'));
  for (const r of results) {
    let at = total - parts.reduce((n, [bytes]) => n + bytes.length, 0), whole = 0;
    for (const [bytes, n] of parts) if (r.i >= (at += bytes.length)) whole += n;
    assert.deepEqual(r.messages.map(([, m]) => m), all.slice(0, whole), `cut behind ${r.i} bytes`);
    assert.equal(r.kind ?? 'closed', r.i < total ? 'network' : 'closed', `cut behind ${r.i} bytes: ${r.message}`);
  }
});
