// Module ws against servers that we did not write: npm ws, Python's websockets, libwebsockets. ws_script.test.mjs has what
// a script sees of limits, waiting and ends, ws_conformance.test.mjs what no such server would send.
import assert from 'node:assert/strict';
import test from 'node:test';
import { until } from './peers.mjs';
import { byteServer, certificate, closeAll, frame, lua, lwsServer, npmServer, pythonServer, upgrade } from './ws_servers.mjs';

test.after(closeAll);

// Echoes at every length form and edge, both kinds; fragments; pings both ways; a subprotocol.
const talk = `
local c = ws.connect(A[1], { protocols = { "v9.feed", "v1.feed" }, max_message = 1 << 26 })
assert(c.open and c.protocol == "v1.feed" and c.url == A[1])
local unit = "a\\u{20AC}\\u{1F600}"                      -- one, three and four bytes
local bytes = {}
for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
bytes = table.concat(bytes)
for _, n in ipairs{ 0, 1, 2, 125, 126, 127, 128, 65535, 65536, 65537, 1 << 20, (1 << 20) + 1, 5000000 } do
  local text = unit:rep(n // #unit) .. ("x"):rep(n % #unit)
  local binary = bytes:rep(n // 256) .. bytes:sub(1, n % 256)
  c:send(text)
  c:send_binary(binary)
  local got, kind = c:recv(20)
  assert(got == text and kind == "text", "text of " .. n)
  got, kind = c:recv(20)
  assert(got == binary and kind == "binary", "binary of " .. n)
end
c:send "!fragments fragmented"
assert(c:recv(20) == "fragmented")
for _, payload in ipairs{ "", "x", ("y"):rep(125) } do assert(c:ping(payload) < 10) end
assert(c:ping() < 10)
for i = 1, 20 do
  c:send("!ping " .. i)
  assert(c:recv(20) == "pong " .. i)
end
for i = 1, 1000 do c:send(tostring(i)) end                -- many frames in few segments
for i = 1, 1000 do assert(c:recv(20) == tostring(i)) end
assert(c:recv(0.02) == nil and select(2, c:recv(0)) == "timeout")
assert(c:close(3001, "d\\u{F6}ne") and not c.open)
print(c.close_code, select(2, c:recv()))
`;

// How each end looks from the script: what a loop over messages does, then code and reason.
const ends = `
for _, what in ipairs{ "1000 bye", "1001 away", "1002 x", "1003 x", "1008 no", "1011 oops", "3000 x", "4999 " .. ("r"):rep(123) } do
  local c <close> = ws.connect(A[1])
  c:send("!close " .. what)
  local ok, e = pcall(function() for _ in c:messages() do end end)
  print(ok and "ended" or e.kind .. " " .. e.status, c.close_code, c.close_reason)
  local sent, why = pcall(c.send, c, "x")
  assert(not sent and (why.kind == "closed" or why.kind == "ws"), why)
end
local c = ws.connect(A[1])
c:send "!drop"
local ok, e = pcall(c.recv, c)
print(ok, e.kind, c.close_code, c:close())
for _, code in ipairs{ 1000, 1001, 1008, 3000, 4999 } do print(ws.connect(A[1]):close(code, "mine")) end
`;
const endsShown = ['ended\t1000\tbye', 'ended\t1001\taway', 'ws 1002\t1002\tx', 'ws 1003\t1003\tx', 'ws 1008\t1008\tno', 'ws 1011\t1011\toops',
  'ws 3000\t3000\tx', `ws 4999\t4999\t${'r'.repeat(123)}`, 'false\tnetwork\t1006\tfalse', ...Array(5).fill('true'), ''].join('\n');

for (const [name, start] of [['npm ws', npmServer], ["Python's websockets", pythonServer], ['libwebsockets', lwsServer]]) {
  test(`${name}: messages of all sizes, fragments, pings, a subprotocol`, async () => {
    const s = await start();
    assert.equal(await lua(talk, [s.url]), '3001\tclosed\n');
    await until('the end at the server', () => s.closed.includes('closed 3001 döne'));
    await s.close();
  });

  test(`${name}: close codes both ways, and a connection that breaks`, async () => {
    const s = await start();
    assert.equal(await lua(ends, [s.url]), endsShown);
    for (const code of [1000, 1001, 1008, 3000, 4999]) await until(`code ${code}`, () => s.closed.includes(`closed ${code} mine`));
    await s.close();
  });
}

test('over TLS, with a certificate that --ca names', async () => {
  for (const start of [npmServer, pythonServer]) {
    const s = await start({ tls: true });
    assert.equal(await lua(talk, [s.url], { options: ['--ca', certificate().cert] }), '3001\tclosed\n');
    const out = await lua('print(select(2, pcall(ws.connect, A[1])).kind)', [s.url]);
    assert.equal(out, 'config\n');
    await s.close();
  }
});

test('compression is not asked for, and refused where a server uses it all the same', async () => {
  const asked = [];
  const plain = await npmServer({ on: (s, req) => { asked.push(req.headers['sec-websocket-extensions']); s.send('x'.repeat(5000)); s.close(1000); } });
  assert.equal(await lua('local n = 0 for m in ws.connect(A[1]):messages() do n = n + #m end print(n)', [plain.url]), '5000\n');
  assert.deepEqual(asked, [undefined]);
  const forced = await npmServer({ headers: ['Sec-WebSocket-Extensions: permessage-deflate'] });
  const bits = await byteServer((s, head) => { s.write(upgrade(head)); s.write(frame(1, 'zzz', { bits: 0x40 })); });
  for (const [server, says] of [[forced, /insists on the extension 'permessage-deflate', which was not offered: turn compression off/],
    [bits, /means compression \(permessage-deflate\), but none was agreed on/]]) {
    const out = await lua(`local ok, e = pcall(function() return ws.connect(A[1]):recv(20) end)
      print(ok, e.kind, e.message)`, [server.url]);
    assert.match(out, /^false\tprotocol\t/);
    assert.match(out, says);
  }
});

