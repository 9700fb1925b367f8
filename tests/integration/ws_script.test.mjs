// Module ws as a script sees it: refusals, limits, waiting, ends. The servers are npm ws and one of bytes.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { kalua, root, until } from './peers.mjs';
import { byteServer, clientFrames, closeAll, closeFrame, frame, lua, npmServer, upgrade } from './ws_servers.mjs';

test.after(closeAll);

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

test('the iterator over messages may be called by hand', async () => {
  const s = await npmServer({ on: (c) => { c.send('a'); c.send(Buffer.from('b')); c.close(1000); } });
  const out = await lua(`
    local c <close> = ws.connect(A[1])
    local messages = c:messages()
    print(messages()) print(messages()) print(messages())`, [s.url]);
  assert.equal(out, 'a\ttext\nb\tbinary\nnil\tclosed\n');
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
  assert.deepEqual(got.filter((f) => f.payload.length < 100 && f.opcode !== 9).map((f) => f.payload.toString('latin1')), ['the last', '\x03\xe8']);
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
  let n = 0, first;
  const s = await npmServer({ on: (c) => c.on('message', (m) => {
    assert.deepEqual(JSON.parse(m), { type: 'subscribe', product_ids: ['BTC-USD'], channels: ['ticker'] });
    c.send(JSON.stringify({ type: 'subscriptions' }));
    c.send(JSON.stringify({ type: 'ticker', price: `${95000 + n}.5` }));
    if (n++ === 0) first = c;
  }) });
  const r = await kalua(['--quiet', '--allow-net', '127.0.0.1', path.join(root, 'scripts/examples/reference_price.lua'), '--', s.url], {
    onOut: (out) => { if (out.includes('BTC-USD 95000.5')) first.terminate(); }, kill: /BTC-USD 95000.5[^]*BTC-USD 95001.5/ });
  assert.match(r.stdout, /^KXBTCD-\S+\t\$\d+ or above\n/);
  assert.match(r.stdout, /(0\.\d+|-) \| (0\.\d+|-) {3}BTC-USD 95000\.5( {3}\(stale\))?\n/);
  assert.match(r.stdout, /BTC-USD 95001\.5\n/, r.stderr);
});
