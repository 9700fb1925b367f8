// Module ws against servers that we did not write: npm ws, Python's websockets, libwebsockets; and what a script sees of
// limits, waiting and ends. ws_conformance.test.mjs has what no such server would send.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { kalua, root, until } from './peers.mjs';
import { byteServer, certificate, clientFrames, closeAll, closeFrame, frame, lua, lwsServer, npmServer, pythonServer, upgrade } from './ws_servers.mjs';

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

test('a handshake that is refused says with what status and why', async () => {
  const answers = { 301: 'Location: ws://127.0.0.1:1/\r\n', 400: '', 401: '', 403: '', 404: '', 426: '', 429: '', 500: '', 503: '' };
  const s = await byteServer((socket, head) => {
    const status = /\/(\d+)/.exec(head)[1];
    socket.end(`HTTP/1.1 ${status} Reason\r\n${answers[status]}Content-Length: 22\r\n\r\n{"message":"not today"}`);
  });
  const out = await lua(`for _, status in ipairs{ 301, 400, 401, 403, 404, 426, 429, 500, 503 } do
    local ok, e = pcall(ws.connect, A[1] .. status)
    print(ok, e.kind, e.status, e.retryable, e.message:find("not today", 1, true) ~= nil)
  end`, [s.url]);
  assert.equal(out, Object.keys(answers).map((n) => `false\thttp\t${n}\t${n >= 429}\ttrue\n`).join(''));
  const http = await npmServer({ verifyClient: () => false });
  assert.match(await lua('print(select(2, pcall(ws.connect, A[1])))', [http.url]), /^http: .* with HTTP 401 Unauthorized/);
});

test('headers reach the server, those of the runtime are refused, and no redirect is followed', async () => {
  const seen = [];
  const s = await npmServer({ on: (c, req) => { seen.push(req.headers, req.url); c.close(); } });
  const out = await lua(`
    ws.connect(A[1] .. "p?token=t", { headers = { Authorization = "Bearer b", ["X-Two"] = { "1", 2 }, Origin = "https://o.test" } }):recv()
    for _, name in ipairs{ "Host", "Sec-WebSocket-Key", "Sec-WebSocket-Extensions", "Connection", "Upgrade", "Content-Length",
        "Proxy-Authorization", "KALSHI-ACCESS-KEY", "Kalshi-Access-Signature" } do
      local ok, e = pcall(ws.connect, A[1], { headers = { [name] = "x" } })
      print(name, ok, e.kind)
    end
    local _, e = pcall(ws.connect, (A[1]:gsub("127.0.0.1", "localhost")) .. "?token=secret")
    print(e)`, [s.url]);
  assert.equal(seen[0].authorization, 'Bearer b');
  assert.equal(seen[0]['x-two'], '1, 2');
  assert.equal(seen[0].origin, 'https://o.test');
  assert.equal(seen[1], '/p?token=t');
  assert.equal(seen.length, 2);
  const lines = out.trim().split('\n');
  assert.ok(lines.slice(0, 9).every((l) => l.endsWith('\tfalse\tvalidation')), out);
  assert.match(lines[9], /^permission: the script may not connect to 'localhost:\d+': run it with --allow-net localhost:\d+$/);
});

test('a script that does not read is told how many messages it lost, where they are missing', async () => {
  const s = await npmServer({ on: (c) => c.on('message', (m) => {
    if (m.toString() === 'many') for (let i = 1; i <= 25000; i++) c.send(String(i));
    if (m.toString() === 'big') for (let i = 1; i <= 5; i++) c.send('x'.repeat(6 << 20));
  }) });
  const out = await lua(`
    local c <close> = ws.connect(A[1])
    c:send "many"
    c:ping(nil, 60)                       -- the pong comes behind all of them
    local n = 0
    local ok, e = pcall(function() for m in c:messages() do n = n + 1 assert(m == tostring(n)) end end)
    print(n, ok, e)
    c:send "big"
    c:ping(nil, 60)
    n = 0
    ok, e = pcall(function() for _ in c:messages() do n = n + 1 end end)
    print(n, ok, e.kind)
    c:ping()
    print(c.open, c:recv(0))`, [s.url]);
  assert.equal(out, '10000\tfalse\toverflow: 15000 messages lost: the reader of this connection was more than 10000 messages or 16 MiB behind\n'
    + '2\tfalse\toverflow\ntrue\tnil\ttimeout\n');
});

test('a send waits while the server does not read, in order, and what waits is bounded', async () => {
  let socket, received;
  const s = await byteServer((c, head, bytes) => {
    if (head.includes('GET /go')) {
      socket.resume();
      c.end();
      until('all that was sent', () => received().length > 24 << 20).then(() => socket.write(closeFrame(1000)));
      return;
    }
    socket = c;
    received = bytes;
    c.write(upgrade(head));
    c.pause();
  });
  const out = await lua(`
    local c = ws.connect(A[1])
    local sent = 0
    local sender = task.spawn(function() for i = 1, 24 do c:send(string.char(64 + i):rep(1 << 20)) sent = sent + 1 end end)
    task.sleep(0.5)
    local before = sent
    local given_up = task.spawn(c.send, c, "never sent")
    task.sleep(0.1)
    given_up:cancel "no patience"
    assert(not pcall(given_up.await, given_up))
    local last = task.spawn(c.send, c, "the last")
    task.yield()
    pcall(ws.connect, A[1] .. "go")       -- now it reads
    last:await()
    sender:await()
    print(before < 20, sent, c:recv())`, [s.url]);
  assert.equal(out, 'true\t24\tnil\tclosed\n');
  const got = clientFrames(received());
  assert.deepEqual(got.filter((f) => f.payload.length < 100).map((f) => f.payload.toString('latin1')), ['the last', '\x03\xe8']);
  const big = got.filter((f) => f.payload.length === 1 << 20).map((f) => f.payload[0]);
  assert.deepEqual(big, Array.from({ length: 24 }, (_, i) => 65 + i));
});

test('waiting ends with a cancel, a timeout, the end of the block and of the script', async () => {
  const s = await npmServer();
  const mute = await byteServer((c, head) => { if (!head.includes('GET /never')) c.write(upgrade(head)); });
  const out = await lua(`
    local c = ws.connect(A[1])
    local reader = task.spawn(function() return c:recv() end)
    task.yield()
    local _, e = pcall(c.recv, c)
    print(e)
    reader:cancel "enough"
    print(pcall(reader.await, reader))
    c:send "still there"
    print(c:recv(20))
    print(select(2, pcall(task.timeout, 0.05, function() for m in c:messages() do print(m) end end)).kind)
    local waiting = task.spawn(function() return c:recv() end)
    task.yield()
    print(c:close(), waiting:await())
    do
      local d <close> = ws.connect(A[1])
      d:send "x"
    end
    _, e = pcall(ws.connect, A[2] .. "never", { timeout = 0.1 })
    print(e.kind, e.retryable)
    local m = ws.connect(A[2])
    _, e = pcall(m.ping, m, nil, 0.05)
    print(e)
    print(pcall(m.ping, m, ("x"):rep(126)))
    local lost = ws.connect(A[2], { idle = 0.1 })
    _, e = pcall(lost.recv, lost)
    print(e.kind, lost.close_code)
    local connecting = task.spawn(ws.connect, A[2] .. "never")
    task.yield()
    connecting:cancel "changed my mind"
    print(pcall(connecting.await, connecting))
    local kept = ws.connect(A[1])
    task.spawn(function() for m in kept:messages() do print(m) end end)
    kalua.on_stop(function() print(kept.open) end)
    task.spawn(function() task.sleep(0.1) kept:close(4000) end)`, [s.url, mute.url]);
  assert.deepEqual(out.trim().split('\n'), ['validation: another task waits for messages of this connection: one reads',
    'false\tcancelled: enough', 'still there\ttext', 'timeout', 'true\tnil\tclosed', 'timeout\ttrue',
    'timeout: connection:ping: no pong came in time', 'false\tvalidation: connection:ping: a payload has at most 125 bytes, not 126',
    'timeout\t1006', 'false\tcancelled: changed my mind', 'false']);
  await until('all ends', () => s.closed.length === 3);
  assert.deepEqual(s.closed.slice().sort(), ['closed 1000 ', 'closed 1000 ', 'closed 4000 ']);
});


test('arguments of methods are checked', async () => {
  const s = await npmServer();
  const out = await lua(`local c = ws.connect(A[1])
    for _, call in ipairs{
      function() c.send "x" end, function() c:send() end, function() c:send(1) end, function() c:send "\\xff" end,
      function() c:send "\\xed\\xa0\\x80" end, function() c:send_binary{} end, function() c:recv(-1) end, function() c:recv "x" end,
      function() c:ping(1) end, function() c:close(1005) end, function() c:close(999) end, function() c:close("1000") end,
      function() c:close(1000, ("r"):rep(124)) end, function() c:close(1000, "\\xff") end,
      function() c:send(("x"):rep((64 << 20) + 1)) end } do
      local ok, e = pcall(call)
      print(ok, e.kind, e.message)
    end
    print(c.open, c.nothing, tostring(c):match "^ws.Connection: ws://")`, [s.url]);
  const lines = out.trim().split('\n');
  assert.equal(lines.length, 16);
  for (const line of lines.slice(0, 15)) assert.match(line, /^false\tvalidation\tconnection:/);
  assert.match(lines[0], /call it with a colon, on a connection/);
  assert.match(lines[3], /not valid UTF-8: use send_binary/);
  assert.equal(lines[15], 'true\tnil\tws.Connection: ws://');
});

test('a server that never answers the close, or talks on, does not hold the script for more than five seconds', async () => {
  const s = await byteServer((c, head, bytes) => {
    c.write(upgrade(head));
    const timer = setInterval(() => {
      if (clientFrames(bytes()).some((f) => f.opcode === 8)) c.write(frame(1, 'and another thing'));
      if (c.destroyed) clearInterval(timer);
    }, 50);
  });
  const started = Date.now();
  assert.equal(await lua('local c = ws.connect(A[1]) print(c:close(), c.close_code) print((c:recv()))', [s.url]), 'false\t1006\nand another thing\n');
  assert.ok(Date.now() - started >= 4900);
});

test('what was sent reaches the server, whatever the script does next', async () => {
  const got = [];
  const s = await npmServer({ on: (c) => {
    const timer = setInterval(() => c.send('news'), 1); // of which some are unread when the script ends
    c.on('message', (m) => got.push(m.length));
    c.on('close', () => clearInterval(timer));
  } });
  for (const end of ['', 'c:close()', 'c = nil for _ = 1, 300000 do local _ = {} end', 'kalua.on_stop(function() c:send "bye" end)', 'do local d <close> = c end']) {
    got.length = 0;
    s.closed.length = 0;
    await lua(`local c = ws.connect(A[1]) c:recv() c:send(("x"):rep(5000000)) ${end}`, [s.url]);
    await until(`the end: ${end}`, () => s.closed.length);
    assert.deepEqual([...got, ...s.closed], [5000000, ...end.includes('bye') ? [3] : [], 'closed 1000 '], end);
  }
});

test('the example reads a price elsewhere, and goes on when that breaks off', async () => {
  let n = 0;
  const s = await npmServer({ on: (c) => c.on('message', (m) => {
    assert.deepEqual(JSON.parse(m), { type: 'subscribe', product_ids: ['BTC-USD'], channels: ['ticker'] });
    c.send(JSON.stringify({ type: 'subscriptions' }));
    c.send(JSON.stringify({ type: 'ticker', price: `${95000 + n}.5` }));
    if (n++ === 0) setTimeout(() => c.terminate(), 2500);
  }) });
  const r = await kalua(['--quiet', '--allow-net', '127.0.0.1', path.join(root, 'scripts/examples/reference_price.lua'), '--', s.url], {
    onOut: (out, p) => { if (/BTC-USD 95000.5[^]*BTC-USD 95001.5/.test(out)) p.kill('SIGINT'); } });
  assert.match(r.stdout, /^KXBTCD-\S+\t\$\d+ or above\n/);
  assert.match(r.stdout, /0\.\d+ \| 0\.\d+ {3}BTC-USD 95000\.5\n/);
  assert.match(r.stdout, /BTC-USD 95001\.5\n/, r.stderr);
});
