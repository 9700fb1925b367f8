// Module http of scripts against Node's servers: plain, TLS, HTTP/2, redirects, a proxy, and servers that misbehave.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import zlib from 'node:zlib';
import { KALUA, cleanEnv, kalua, sleep, tempDir, until } from './peers.mjs';

// No exchange is needed: both addresses are given, and nothing is sent to them.
const offline = { KALSHI_ENV: 'sim', KALSHI_REST_URL: 'http://127.0.0.1:9/trade-api/v2', KALSHI_WS_URL: 'ws://127.0.0.1:9/ws' };
const noProxy = Object.fromEntries(['http_proxy', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY', 'no_proxy', 'NO_PROXY',
  'SSL_CERT_FILE', 'SSL_CERT_DIR'].map((k) => [k, '']));

function write(text) {
  const cwd = tempDir();
  fs.writeFileSync(path.join(cwd, 's.lua'),
    `local http, task, json = require "http", require "task", require "json"\nlocal kalua = require "kalua"\nlocal A = kalua.args\n${text}`);
  return cwd;
}

// Runs a script to its end, which must be a good one, and returns its output.
async function lua(text, args, { allow = ['127.0.0.1'], env = {}, options = [] } = {}) {
  const r = await kalua(['--quiet', ...allow.flatMap((h) => ['--allow-net', h]), ...options, 's.lua', '--', ...args],
    { cwd: write(text), env: { ...offline, ...noProxy, ...env } });
  assert.equal(r.code, 0, `${r.stdout}\n${r.stderr}`);
  assert.equal(r.stderr, '');
  return r.stdout;
}

// The error that an expression raises: "kind: message".
const fails = (expression, args, o) => lua(`local ok, e = pcall(function() return ${expression} end)
  print(ok and "no error" or e)`, args, o);

// What a failed test left open must not keep the program from ending.
const opened = new Set();
test.after(() => opened.forEach((close) => close()));

async function serve(handler, make = (h) => http.createServer(h)) {
  const seen = [];
  const server = make((req, res) => {
    let body = '';
    req.setEncoding('latin1');
    req.on('data', (d) => { body += d; });
    req.on('end', () => {
      seen.push({ method: req.method, url: req.url, headers: req.headers, body });
      handler(req, res, body);
    });
    req.on('error', () => {});
  });
  server.on('clientError', (e, socket) => socket.destroy());
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const port = server.address().port;
  const close = () => { opened.delete(close); server.closeAllConnections?.(); return new Promise((r) => server.close(r)); };
  opened.add(close);
  return { server, seen, port, url: `http://127.0.0.1:${port}`, close };
}

// A server of bytes: what comes in is passed on, what goes out is not looked at.
async function raw(handler) {
  const sockets = new Set();
  const server = net.createServer((s) => {
    sockets.add(s);
    s.on('error', () => {});
    s.on('close', () => sockets.delete(s));
    handler(s);
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const port = server.address().port;
  const close = () => { opened.delete(close); sockets.forEach((s) => s.destroy()); return new Promise((r) => server.close(r)); };
  opened.add(close);
  return { port, url: `http://127.0.0.1:${port}`, sockets, close };
}

const certificates = {};
function certificate(name, days = 2) {
  certificates[name + days] ??= (() => {
    const dir = tempDir();
    const file = (f) => path.join(dir, f);
    const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
    fs.writeFileSync(file('ext'), `subjectAltName=${name}\n`);
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', file('key.pem'),
      '-out', file('csr.pem'), '-subj', '/CN=test');
    openssl('x509', '-req', '-in', file('csr.pem'), '-signkey', file('key.pem'), '-days', String(days), '-extfile', file('ext'),
      '-out', file('cert.pem'));
    return { key: fs.readFileSync(file('key.pem')), cert: fs.readFileSync(file('cert.pem')), path: file('cert.pem') };
  })();
  return certificates[name + days];
}
const serveTls = async (handler, c) => {
  const s = await serve(handler, (h) => https.createServer({ key: c.key, cert: c.cert }, h));
  s.url = `https://127.0.0.1:${s.port}`;
  return s;
};

test('requests and answers', async () => {
  const s = await serve((req, res, body) => {
    if (req.url.startsWith('/missing')) { res.writeHead(404, { 'X-Why': 'none' }); res.end('no such thing'); return; }
    res.writeHead(201, { 'Content-Type': 'application/json', 'Set-Cookie': ['a=1', 'b=2'], 'X-Body': String(body.length) });
    res.end(JSON.stringify({ method: req.method, big: 123456789012345, body }));
  });
  const out = await lua(`
    local res = http.get(A[1] .. "/x", { query = { q = "a b" }, headers = { ["X-One"] = "1" } })
    print(res.status, res.ok, res.url == A[1] .. "/x?q=a%20b", res.headers["content-type"], #res:values "set-cookie")
    print(res:json().big, tostring(res):match "^http.Response: 201 http")
    print(http.post(A[1] .. "/p", { json = { a = { 1 } } }):json().body)
    print(http.post(A[1] .. "/p", "\\0\\xff", { headers = { ["Content-Type"] = "application/octet-stream" } }).headers["x-body"])
    print(http.request{ url = A[1], method = "DELETE" }:json().method, http.request{ url = A[1], method = "HEAD" }.body == "")
    local ok, e = pcall(http.get, A[1] .. "/missing?token=secret")
    print(ok, e.kind, e.status, e.retryable, e.where:match "s.lua:%d+", e)
    print(e.response.headers["x-why"], http.get(A[1] .. "/missing", { raise = false }).body)
  `, [s.url]);
  assert.equal(out, ['201\ttrue\ttrue\tapplication/json\t2', '123456789012345\thttp.Response: 201 http', '{"a":[1]}', '2', 'DELETE\ttrue',
    `false\thttp\t404\tfalse\ts.lua:11\thttp: GET ${s.url}/missing answered 404: no such thing`, 'none\tno such thing', ''].join('\n'));
  assert.equal(s.seen[0].url, '/x?q=a%20b');
  assert.equal(s.seen[0].headers['x-one'], '1');
  assert.match(s.seen[0].headers['user-agent'], /^kalua\//);
  assert.equal(s.seen[1].headers['content-type'], 'application/json');
  assert.equal(s.seen[2].body, '\0\xff');
  for (const r of s.seen) assert.ok(!Object.keys(r.headers).some((h) => h.startsWith('kalshi')));
  await s.close();
});

test('nothing without a permission, and the error names the flag', async () => {
  const s = await serve((req, res) => res.end('ok'));
  const get = 'http.get(A[1])';
  assert.equal(await fails(get, [s.url], { allow: [] }),
    `permission: the script may not connect to '127.0.0.1:${s.port}': run it with --allow-net 127.0.0.1:${s.port}\n`);
  assert.match(await fails(get, [s.url], { allow: ['localhost', '*.0.0.1', `127.0.0.1:${s.port + 1}`] }), /^permission/);
  assert.match(await fails('http.stream{ url = A[1] }', [s.url], { allow: [] }), /^permission/);
  assert.equal(s.seen.length, 0);
  assert.equal(await lua(`print(${get}.body)`, [s.url], { allow: [`127.0.0.1:${s.port}`] }), 'ok\n');
  assert.equal(await lua(`print(${get}.body)`, [s.url], { allow: [], options: ['--allow-all'] }), 'ok\n');
  const r = await kalua(['--allow-net', 'https://a.test/', 's.lua'], { cwd: write(''), env: offline });
  assert.equal(r.code, 2);
  assert.match(r.stderr, /--allow-net: 'https:\/\/a\.test\/' names no host/);
  await s.close();
});

test('what a script cannot send', async () => {
  const s = await serve((req, res) => res.end('ok'));
  const header = (h) => fails(`http.get(A[1], { headers = { ["${h}"] = "1" } })`, [s.url]);
  for (const h of ['Host', 'content-length', 'Transfer-Encoding', 'Connection', 'Upgrade', 'Expect', 'Proxy-Authorization'])
    assert.match(await header(h), new RegExp(`^validation: the header ${h} is set by the client itself`));
  assert.match(await header('Kalshi-Access-Key'), /^validation: the header Kalshi-Access-Key is for signed calls/);
  assert.match(await fails('http.get "http://192.0.2.1/"', [], { options: ['--allow-all'] }), /^validation: .*unencrypted.*https/);
  assert.match(await fails('http.get "ftp://127.0.0.1/"', []), /^validation/);
  assert.match(await fails('http.get "https://user:secret@127.0.0.1/"', []), /^validation: (?!.*secret)/);
  assert.match(await fails('table.sort({ 2, 1 }, function() http.get(A[1]) end)', [s.url]), /^validation: .*task\.spawn/);
  assert.equal(s.seen.length, 0);
  await s.close();
});

test('redirects: five, by the rules for methods, without credentials to another origin', async () => {
  const other = await serve((req, res) => res.end('other'));
  const s = await serve((req, res) => {
    const [, status, where] = req.url.split('!');
    const n = /^\/n(\d+)/.exec(req.url);
    if (n) { res.writeHead(n[1] === '0' ? 200 : 302, { Location: `/n${n[1] - 1}` }); res.end('end'); return; }
    if (!status) { res.end(req.method); return; }
    res.writeHead(Number(status), { Location: decodeURIComponent(where ?? '/end') });
    res.end('moved');
  });
  const to = (status, where) => `${s.url}/!${status}!${encodeURIComponent(where)}`;
  const allow = ['127.0.0.1'];
  assert.equal(await lua('local r = http.get(A[1] .. "/n5") print(r.body, r.url)', [s.url], { allow }), `end\t${s.url}/n0\n`);
  assert.match(await fails('http.get(A[1] .. "/n6")', [s.url]), /^protocol: more than 5 redirects/);
  assert.equal(await lua('print(http.get(A[1] .. "/n6", { redirects = 6 }).body, http.get(A[1] .. "/n6", { redirects = 0 }).status)',
    [s.url]), 'end\t302\n');
  // Methods.
  s.seen.length = 0;
  assert.equal(await lua(`local function p(n, o) o.json = 1 return http.post(A[1] .. "/!" .. n, o) end
    print(p(303, { redirects = 1 }).body, p(302, { redirects = 1 }).body, p(307, { redirects = 1 }).body, p(308, { redirects = 1 }).body,
      p(307, {}).status)`, [s.url]), 'GET\tGET\tPOST\tPOST\t307\n');
  assert.deepEqual(s.seen.map((r) => [r.method, r.body, r.headers['content-type'] ?? '']).filter((_, i) => i % 2), [
    ['GET', '', ''], ['GET', '', ''], ['POST', '1', 'application/json'], ['POST', '1', 'application/json']]);
  // Credentials.
  s.seen.length = 0;
  const secret = `{ headers = { Authorization = "Bearer t", Cookie = "c=1", ["X-Key"] = "k", ["X-Plain"] = "p" }, secret_headers = { "x-key" } }`;
  await lua(`http.get(A[1], ${secret}) http.get(A[2], ${secret})`, [to(302, '/end'), to(302, other.url)]);
  const got = (r) => ['authorization', 'cookie', 'x-key', 'x-plain'].map((h) => r.headers[h] ?? '');
  assert.deepEqual(got(s.seen[1]), ['Bearer t', 'c=1', 'k', 'p']);
  assert.deepEqual(got(other.seen[0]), ['', '', '', 'p']);
  // Permission, again for each; streams too.
  other.seen.length = 0;
  for (const call of ['http.get(A[1])', 'http.stream{ url = A[1] }'])
    assert.match(await fails(call, [to(302, other.url)], { allow: [`127.0.0.1:${s.port}`] }),
      new RegExp(`^permission: '127.0.0.1:${s.port}' redirects to '127.0.0.1:${other.port}'.*--allow-net 127.0.0.1:${other.port}`));
  assert.match(await fails('http.get(A[1])', [to(302, 'http://a.test/')], { options: ['--allow-all'] }), /^protocol: .*unencrypted/);
  assert.equal(other.seen.length, 0);
  assert.equal(await lua('local t = http.stream{ url = A[1] } print(t.status, t.url, t:read(), t:read())', [to(302, `${other.url}/y`)]),
    `200\t${other.url}/y\tother\tnil\n`);
  await s.close();
  await other.close();
});

test('certificates are checked; --ca says whom else to trust', async () => {
  const good = certificate('IP:127.0.0.1'), wrong = certificate('DNS:elsewhere.test'), old = certificate('IP:127.0.0.1', -1);
  for (const [c, env, expected] of [[good, {}, /^config: .*not trusted.*--ca/], [wrong, { KALUA_CA: wrong.path }, /^config: .*not trusted/],
    [old, { KALUA_CA: old.path }, /^config: .*(expired|not trusted)/], [good, { KALUA_CA: good.path }, /^no error/]]) {
    const s = await serveTls((req, res) => res.end('ok'), c);
    assert.match(await fails('http.get(A[1])', [s.url], { env }), expected);
    assert.equal(s.seen.length, expected.test('no error') ? 1 : 0);
    await s.close();
  }
  const plain = await serve((req, res) => res.end('ok'));
  const s = await serveTls((req, res) => { res.writeHead(302, { Location: plain.url }); res.end(); }, good);
  assert.match(await fails('http.get(A[1])', [s.url], { env: { KALUA_CA: good.path } }), /^protocol: .*from https to http/);
  assert.equal(plain.seen.length, 0);
  await s.close();
  await plain.close();
});

test('HTTP/2 where the server offers it, all calls on one connection', async () => {
  const c = certificate('IP:127.0.0.1');
  const server = http2.createSecureServer({ key: c.key, cert: c.cert });
  let sessions = 0;
  server.on('session', () => { sessions++; });
  server.on('stream', (stream, headers) => {
    stream.respond({ ':status': 200, 'x-path': headers[':path'], 'set-cookie': ['a', 'b'] });
    stream.write('first ');
    setTimeout(() => stream.end('second'), 20);
  });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  const out = await lua(`
    local got = task.all{ function() return http.get(A[1] .. "/1") end, function() return http.get(A[1] .. "/2") end }
    for _, r in ipairs(got) do print(r.status, r.body, r.headers["x-path"], #r:values "Set-Cookie") end
    local s = http.stream{ url = A[1] .. "/3" }
    print(s.headers["x-path"], s:read() .. (s:read() or ""))
  `, [`https://127.0.0.1:${server.address().port}`], { env: { KALUA_CA: c.path } });
  assert.equal(out, '200\tfirst second\t/1\t2\n200\tfirst second\t/2\t2\n/3\tfirst second\n');
  assert.equal(sessions, 1);
  await new Promise((r) => server.close(r));
});

test('a proxy from the environment, where no_proxy does not say otherwise', async () => {
  const c = certificate('DNS:api.example.test');
  const s = await serveTls((req, res) => res.end(req.headers.host), c);
  const connects = [];
  const proxy = http.createServer();
  proxy.on('connect', (req, socket) => {
    connects.push({ url: req.url, headers: req.headers });
    const up = net.connect(s.port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\nX-Proxy: 1\r\n\r\n');
      up.pipe(socket).pipe(up);
    });
    up.on('error', () => socket.destroy());
    socket.on('error', () => up.destroy());
  });
  await new Promise((r) => proxy.listen(0, '127.0.0.1', r));
  const env = { KALUA_CA: c.path, HTTPS_PROXY: `http://127.0.0.1:${proxy.address().port}` };
  const get = 'http.get("https://api.example.test/", { timeout = 20, headers = { Authorization = "t" } })';
  assert.equal(await lua(`local r = ${get} print(r.body, r.headers["x-proxy"])`, [], { env, allow: ['*.example.test'] }),
    'api.example.test\tnil\n');
  assert.equal(connects[0].url, 'api.example.test:443');
  assert.equal(connects[0].headers.authorization, undefined);
  assert.match(await fails(get, [], { env, allow: ['example.test', '127.0.0.1'] }), /^permission/);
  assert.match(await fails(get, [], { env: { ...env, NO_PROXY: '.example.test' }, allow: ['*.example.test'] }), /^network: cannot find the host/);
  assert.equal(connects.length, 1);
  await new Promise((r) => { proxy.closeAllConnections(); proxy.close(r); });
  await s.close();
});

test('servers that misbehave', async () => {
  const big = zlib.gzipSync(Buffer.alloc(40 << 20));
  const s = await serve((req, res) => {
    if (req.url === '/gzip') { res.writeHead(200, { 'Content-Encoding': 'gzip' }); res.end(zlib.gzipSync('small')); return; }
    if (req.url === '/bomb') { res.writeHead(200, { 'Content-Encoding': 'gzip' }); res.end(big); return; }
    if (req.url === '/long') { res.writeHead(200); res.end(Buffer.alloc(17 << 20)); return; }
    if (req.url === '/chunks') { for (let i = 0; i < 5; i++) res.write(String(i)); res.end(); return; }
    if (req.url === '/html') { res.end('<html>'); return; }
    res.end();
  });
  const odd = await raw((sock) => sock.once('data', (d) => {
    const url = String(d).split(' ')[1];
    if (url === '/loris') {
      const slow = [...'HTTP/1.1 200 OK\r\nX-Slow: '];
      const t = setInterval(() => sock.write(slow.shift() ?? 'x'), 10);
      sock.on('close', () => clearInterval(t));
    }
    if (url === '/silent') return;
    if (url === '/cut') sock.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    if (url === '/chunk-cut') sock.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal');
    if (url === '/none') sock.destroy();
    if (url === '/ssh') sock.write('SSH-2.0-x\r\n\r\n');
    if (url === '/headers') for (let i = 0; i < 400; i++) sock.write(i ? `X-${i}: ${'x'.repeat(1000)}\r\n` : 'HTTP/1.1 200 OK\r\n');
  }));
  const get = (url, o = '{}') => fails(`http.get(A[1], ${o}).body`, [url]);
  assert.equal(await lua('print(http.get(A[1] .. "/gzip").body, http.get(A[1] .. "/chunks").body)', [s.url]), 'small\t01234\n');
  assert.match(await get(`${s.url}/bomb`), /^protocol: .*longer than the 16777216 bytes/);
  assert.match(await get(`${s.url}/long`), /^protocol: .*longer than the 16777216 bytes/);
  assert.match(await get(`${s.url}/chunks`, '{ max_body = 4 }'), /^protocol: .*longer than the 4 bytes/);
  assert.match(await fails('http.get(A[1]):json()', [`${s.url}/html`]), /^protocol: .*not JSON.*<html>/);
  for (const url of ['/loris', '/silent']) assert.match(await get(odd.url + url, '{ timeout = 0.3 }'), /^timeout: no whole answer/);
  for (const url of ['/cut', '/chunk-cut', '/none']) assert.match(await get(odd.url + url), /^network: .*(before its answer|without an answer|failed)/);
  assert.match(await get(`${odd.url}/ssh`), /^protocol: .*not proper HTTP/);
  assert.match(await get(`${odd.url}/headers`), /^protocol: .*header/);
  const port = odd.port;
  await odd.close();
  assert.match(await get(`http://127.0.0.1:${port}/`), /^network: .*refused/);
  await s.close();
});

test('the timeout is for all redirects together', async () => {
  const s = await serve((req, res) => setTimeout(() => { res.writeHead(302, { Location: '/again' }); res.end(); }, 150));
  const before = Date.now();
  assert.match(await fails('http.get(A[1], { timeout = 0.4, redirects = 50 })', [s.url]), /^timeout/);
  assert.ok(s.seen.length < 10, `${s.seen.length} requests in ${Date.now() - before} ms`);
  await s.close();
});

test('a call that is given up ends its transfer, in each phase', async () => {
  const s = await raw((sock) => sock.on('data', (d) => {
    const url = String(d).split(' ')[1];
    if (url === '/head') sock.write('HTTP/1.1 200 OK\r\nX-A');
    if (url === '/body') sock.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome');
  }));
  for (const url of ['/nothing', '/head', '/body']) {
    for (const call of ['http.get(A[1])', 'http.stream{ url = A[1] }:lines()()']) {
      assert.match(await fails(`task.timeout(0.2, function() return ${call} end)`, [s.url + url]), /^timeout/);
      assert.equal(await lua(`local t = task.spawn(function() return ${call} end) task.sleep(0.2) t:cancel "enough"
        print(pcall(t.await, t)) task.sleep(0.1)`, [s.url + url]), 'false\tcancelled: enough\n');
      await until('the end of the connections', () => s.sockets.size === 0);
    }
  }
  await s.close();
});

test('a script that ends in the middle of calls leaves nothing', async () => {
  const s = await raw((sock) => sock.on('data', () => sock.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome')));
  const p = spawn(KALUA, ['--quiet', '--allow-net', '127.0.0.1', 's.lua', '--', s.url], { env: { ...cleanEnv(), ...offline, ...noProxy },
    cwd: write(`kept = http.stream{ url = A[1] } task.spawn(http.get, A[1])
      task.spawn(function() for l in http.stream{ url = A[1] }:lines() do print(l) end end) print "waiting" task.sleep(60)`) });
  let out = '', err = '';
  p.stdout.on('data', (d) => { out += d; });
  p.stderr.on('data', (d) => { err += d; });
  const ended = new Promise((r) => p.on('close', r));
  await until('three connections', () => s.sockets.size === 3 && out.includes('waiting'));
  p.kill('SIGINT');
  assert.equal(await ended, 130, err);
  assert.doesNotMatch(err, /Sanitizer|left open/);
  await until('their end', () => s.sockets.size === 0);
  await s.close();
});

test('a stream is held back while it is not read, and is whole', async () => {
  const total = 40 << 20;
  let written = 0;
  const s = await serve((req, res) => {
    res.writeHead(200, { 'Content-Length': total });
    const chunk = Buffer.alloc(1 << 16, 'x');
    const more = () => { while (written < total) { written += chunk.length; if (!res.write(chunk)) { res.once('drain', more); return; } } res.end(); };
    more();
  });
  const cwd = write(`local s <close> = http.stream{ url = A[1], idle = 4 }
    local n = #s:read()
    print "paused" task.sleep(5)
    for piece in s.read, s do n = n + #piece end
    print(n, s:read())`);
  let seen;
  const r = await kalua(['--quiet', '--allow-net', '127.0.0.1', 's.lua', '--', s.url], { cwd, env: { ...offline, ...noProxy },
    onOut: (out) => { if (!seen && out.includes('paused')) seen = sleep(1000).then(() => written); } });
  assert.equal(r.code, 0, r.stderr);
  assert.equal(r.stdout, `paused\n${total}\tnil\n`);
  assert.ok(await seen < total / 2, `${await seen} bytes were written to a stream that was not read`);
  await s.close();
});

test('server-sent events as they come', async () => {
  let res_;
  const s = await serve((req, res) => {
    if (req.url === '/plain') { res.end('x'); return; }
    res.writeHead(200, { 'Content-Type': 'text/event-stream' });
    res.write(': hello\n\nevent: tick\nid: 1\nretry: 500\ndata: one\n\ndata: tw');
    res_ = res;
  });
  const out = await kalua(['--quiet', '--allow-net', '127.0.0.1', 's.lua', '--', s.url], { env: { ...offline, ...noProxy },
    cwd: write(`local s <close> = http.stream{ url = A[1], headers = { Accept = "text/event-stream", ["Last-Event-ID"] = "0" } }
      for e in s:events() do print(e.event, e.data, e.id, e.retry_ms) end
      print(pcall(function() http.stream{ url = A[1] .. "/plain" }:events() end))`),
    onOut: (o) => { if (o.includes('one') && res_) { const r = res_; res_ = null; r.end('o\ndata: \u00fc\n\ndata: cut'); } } });
  assert.equal(out.code, 0, out.stderr);
  assert.match(out.stdout, /^tick\tone\t1\t500\nmessage\ttwo\n\u00fc\t1\t500\nfalse\tprotocol: .*no text\/event-stream\n$/);
  assert.equal(s.seen[0].headers['last-event-id'], '0');
  await s.close();
});

test('streams that end badly', async () => {
  const s = await raw((sock) => sock.once('data', (d) => {
    const url = String(d).split(' ')[1];
    if (url === '/quiet') sock.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    if (url === '/cut') sock.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    if (url === '/no') sock.end('HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nsick');
  }));
  const two = (o) => fails(`(function() local s = http.stream(${o}) print(s:read()) return s:read() end)()`, [s.url]);
  assert.match(await two('{ url = A[1] .. "/quiet", idle = 0.3 }'), /^abc\ntimeout: .*sent nothing for 300 ms/);
  assert.match(await two('{ url = A[1] .. "/cut" }'), /^abc\nnetwork/);
  assert.match(await two('{ url = A[1] .. "/quiet", max_body = 2 }'), /^protocol: .*longer than the 2 bytes/);
  assert.match(await two('{ url = A[1] .. "/silent", timeout = 0.3 }'), /^timeout: no answer/);
  assert.match(await two('{ url = A[1] .. "/no" }'), /^http: GET .* answered 500: sick/);
  assert.equal(await lua(`local s = http.stream{ url = A[1] .. "/quiet" }
    local t = task.spawn(s.read, s) t:await()
    local reader = task.spawn(s.read, s)
    task.yield()
    print(pcall(s.read, s))
    s:close() s:close()
    print(pcall(reader.await, reader))
    print(pcall(s.read, s))`, [s.url]), 'false\tvalidation: another task reads this stream: one reads, or each has its own\n'
    + 'false\tclosed: the stream is closed\nfalse\tclosed: the stream is closed\n');
  await s.close();
});
