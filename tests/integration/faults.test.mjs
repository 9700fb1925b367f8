// Every fault that a network, a proxy or an exchange has in store, and how a call ends for the script that made it: reads
// are tried again where that helps, writes reach the exchange at most once, every error says what happened.
import assert from 'node:assert/strict';
import http from 'node:http';
import test, { after, before, describe } from 'node:test';
import { WRITES, placeOrders, run } from './fault_cases.mjs';
import { FaultServer, faults, makeCertificates } from './fault_server.mjs';
import { Sim } from './peers.mjs';

// A server somewhere else, at which nothing must arrive.
async function elsewhere() {
  const seen = [];
  const server = http.createServer((req, res) => { seen.push({ url: req.url, headers: req.headers }); res.end('{}'); });
  await new Promise((r) => server.listen(0, '127.0.0.1', r));
  return { url: `http://127.0.0.1:${server.address().port}`, seen,
    close: () => { server.closeAllConnections(); return new Promise((r) => server.close(r)); } };
}

async function faulty(t, options) {
  const server = await FaultServer.start(options);
  t.after(() => server.close());
  return server;
}

let sim, other, ticker;
before(async () => {
  other = await elsewhere();
  sim = await Sim.start('--quiet-market');
  ({ body: { markets: [{ ticker }] } } = await sim.rest('GET', '/markets?series_ticker=KXNBAGAME&limit=1'));
});
after(async () => {
  await other?.close();
  await sim?.stop();
});

// ---- reads ----

// What passes: the call succeeds, and `tries` requests arrive. Without `tries` one is enough.
const PASSING = [
  [faults.delay(700), 1], [faults.informationalFirst, 1], [faults.invalidUtf8, 1], // the bytes are handed on as they are
  [faults.resetAfterHead, 2], [faults.resetBeforeForward, 2], [faults.closeBeforeForward, 2], [faults.resetAfterForward, 2],
  [faults.closeAfterForward, 2], [faults.resetInHead, 2], [faults.resetInBody, 2], [faults.truncated, 2],
  [faults.badChunk, 2], [faults.silence, 2], [faults.slowLoris, 2],
  [faults.status(500), 2], [faults.status(502, { html: true }), 2], [faults.status(503, { html: true }), 2], [faults.status(504), 2],
  [faults.busy, 4, 3],
];

// What does not: each call ends in an error of a kind and with words.
const lasting = () => [
  [faults.html, 'protocol', /answered 200 with something that is not JSON.*<html>/],
  [faults.text, 'protocol', /answered 200 with something that is not JSON.*ok/],
  [faults.brokenJson, 'protocol', /answered 200 with something that is not JSON/],
  [faults.empty, 'protocol', /answered 200 without a body/],
  [faults.noContent, 'protocol', /answered 204 without a body/],
  [faults.oversized, 'protocol', /longer than the 67108864 bytes allowed/],
  [faults.bomb, 'protocol', /longer than the 67108864 bytes allowed/],
  [faults.notHttp, 'protocol', /not proper HTTP/],
  [faults.status(501), 'http', /answered 501/],
  ...[301, 302, 307, 308].map((s) => [faults.redirect(s, other.url), 'http', /redirects are not followed/, s]),
];

// The n-th case is known by what it asks for.
const READS = [
  ['get_markets', (n, more = '') => `kalshi.get_markets{ limit = 1, series_ticker = "CASE${n}"${more} }`,
    (n) => (rq) => new RegExp(`^/markets\\?.*series_ticker=CASE${n}($|&)`).test(rq.path)],
  ['get_balance', (n, more = '') => `kalshi.get_balance{ subaccount = ${n}${more} }`,
    (n) => (rq) => new RegExp(`^/portfolio/balance\\?subaccount=${n}($|&)`).test(rq.path)],
];

describe('faults', { concurrency: 6 }, () => {
  for (const [operation, call, match] of READS) {
    test(`${operation}: what passes is got over by trying again`, async (t) => {
      const server = await faulty(t, { sim });
      PASSING.forEach(([f, , times = 1], n) => server.on(match(n), f, { times }));
      const { cases, stderr, code } = await run(`task.all{ ${PASSING.map((_, n) =>
        `function() try("${n}", function() return ${call(n)} end) end`).join(',\n')} }`, server.env());
      assert.equal(code, 0, stderr);
      PASSING.forEach(([f, tries], n) => {
        assert.equal(cases[n]?.ok, true, `${f.name}: ${JSON.stringify(cases[n])}\n${stderr}`);
        assert.equal(server.requests.filter(match(n)).length, tries, f.name);
      });
    });

    test(`${operation}: what does not pass is an error that says what came`, async (t) => {
      const server = await faulty(t, { sim });
      const list = lasting();
      list.forEach(([f], n) => server.on(match(n), f, { times: Infinity }));
      const { cases, stderr, code } = await run(`task.all{ ${list.map((_, n) =>
        `function() try("${n}", function() return ${call(n)} end) end`).join(',\n')} }`, server.env());
      assert.equal(code, 0, stderr);
      list.forEach(([f, kind, words, status], n) => {
        const got = cases[n];
        assert.equal(got?.ok, false, `${f.name}: ${JSON.stringify(got)}`);
        assert.equal(got.kind, kind, `${f.name}: ${got.message}`);
        assert.match(got.message, words, f.name);
        assert.match(got.message, new RegExp(`^${operation}`), f.name);
        if (status) assert.equal(got.status, status);
        assert.equal(server.requests.filter(match(n)).length, 1, `${f.name} is not tried again`);
      });
    });

    test(`${operation}: what stays bad ends at the deadline with the last reason`, async (t) => {
      const server = await faulty(t, { sim });
      const list = [
        [faults.status(503, { html: true }), 'http', /answered 503.*html/, 503],
        [faults.resetAfterForward, 'network', /127\.0\.0\.1/],
        [faults.closeAfterForward, 'network', /ended the connection without an answer/],
        [faults.truncated, 'network', /ended the connection before its answer was complete/],
        [faults.busy, 'rate_limit', /answered 429/, 429],
        [faults.badChunk, 'network', /127\.0\.0\.1/],
        [faults.silence, 'timeout', /no whole answer from '127\.0\.0\.1:\d+' within \d+ ms/],
      ];
      list.forEach(([f], n) => server.on(match(n), f, { times: Infinity }));
      const { cases, stderr } = await run(`task.all{ ${list.map((_, n) =>
        `function() try("${n}", function() return ${call(n, ', timeout = 10')} end) end`).join(',\n')} }`, server.env());
      list.forEach(([f, kind, words, status], n) => {
        const got = cases[n], what = `${f.name}: ${JSON.stringify(got)} ${stderr}`;
        // The last try may be cut off by the deadline before it meets the fault.
        if (got?.kind !== 'timeout') {
          assert.equal(got?.kind, kind, what);
          assert.match(got.message, words, what);
          assert.equal(got.status, status, what);
        }
        assert.match(got.message, new RegExp(`^${operation}\\b`), what);
        assert.equal(got.retryable, true, what);
        assert.ok(got.seconds < 30, what);
        const tries = server.requests.filter(match(n)).length; // curl may try a kept connection first
        assert.ok(tries >= (f === faults.silence ? 1 : 2) && tries <= 20, `${tries} tries: ${what}`);
      });
    });

    test(`${operation}: a head that is no head is an error or an answer, never a hang`, async (t) => {
      const server = await faulty(t, { sim });
      const list = [faults.headerBomb, faults.longHeader, faults.duplicateLength];
      list.forEach((f, n) => server.on(match(n), f, { times: Infinity }));
      const { cases, stderr, code } = await run(`task.all{ ${list.map((_, n) =>
        `function() try("${n}", function() return ${call(n, ', timeout = 10')} end) end`).join(',\n')} }`, server.env());
      assert.equal(code, 0, stderr);
      list.forEach((f, n) => {
        const got = cases[n], what = `${f.name}: ${JSON.stringify(got)} ${stderr}`;
        assert.ok(got && got.seconds < 30, what);
        if (!got.ok) assert.match(got.message, /header|JSON|no whole answer/, what);
      });
    });
  }

  test('connections that are refused or closed while idle are made anew', async (t) => {
    const server = await faulty(t, { sim });
    server.resetAccepts = 2;
    server.on((rq) => rq.path.startsWith('/portfolio/balance'), faults.closeWhenIdle, { times: Infinity });
    const { cases, stderr } = await run(`for i = 1, 20 do
      try("read" .. i, function() return kalshi.get_balance().balance end)
      task.sleep(i % 2 == 0 and 0.03 or 0)
    end`, server.env());
    for (let i = 1; i <= 20; i++) assert.equal(cases[`read${i}`]?.ok, true, `${JSON.stringify(cases[`read${i}`])} ${stderr}`);
    assert.ok(server.accepts >= 12, `${server.accepts} connections`);
  });

  // ---- writes ----

  // [fault, times it strikes, ends well, kind, words, requests that arrive]
  const strikes = () => [
    [faults.delay(700), 1, true, null, null, 1],
    [faults.informationalFirst, 1, true, null, null, 1],
    [faults.busy, 3, true, null, null, 4],
    [faults.status(400), Infinity, false, 'http', /answered 400/, 1],
    [faults.status(403), Infinity, false, 'auth', /answered 403/, 1],
    ...[301, 302, 307, 308].map((s) => [faults.redirect(s, other.url), Infinity, false, 'http', /redirects are not followed/, 1]),
  ];

  for (const [operation, w] of Object.entries(WRITES)) {
    test(`${operation}: an answer is an answer, and it reaches the exchange once`, async (t) => {
      const server = await faulty(t, { sim });
      const list = strikes(), name = (n) => `${operation}-${n}`;
      const ids = w.on ? await placeOrders(sim, ticker, list.map((_, n) => name(n))) : {};
      const mine = list.map((_, n) => w.mine(name(n), ids[name(n)]));
      list.forEach(([f, times], n) => server.on(mine[n], f, { times }));
      const { cases, stderr, code } = await run(`local T = "${ticker}"
        local ID = json.decode '${JSON.stringify(ids)}'
        task.all{ ${list.map((_, n) => `function() try("${n}", function() return ${w.call(name(n))} end) end`).join(',\n')} }`, server.env());
      assert.equal(code, 0, stderr);
      const orders = (await sim.rest('GET', `/portfolio/orders?ticker=${ticker}&limit=1000`)).body.orders;
      list.forEach(([f, , ok, kind, words, arrive], n) => {
        const got = cases[n], what = `${operation}, ${f.name}: ${JSON.stringify(got)}`;
        assert.equal(got?.ok, ok, what);
        if (!ok) {
          assert.equal(got.kind, kind, what);
          assert.match(got.message, words, what);
          assert.notEqual(got.code, 'outcome_unknown', what);
        }
        const requests = server.requests.filter(mine[n]);
        assert.equal(requests.length, arrive, what);
        assert.ok(requests.filter((rq) => rq.forwarded).length <= 1, what);
        const there = orders.filter((o) => o.client_order_id === name(n));
        assert.equal(there.length, w.on || ok ? 1 : 0, what);
        assert.equal(!!w.carriedOut(there[0]), ok, `${what} ${JSON.stringify(there)}`);
      });
    });
  }

  test('a redirect takes nothing elsewhere, least of all a signature', async (t) => {
    const away = await elsewhere();
    t.after(away.close);
    const server = await faulty(t, { sim });
    const mine = (rq) => /\/(fills|x|schedule)$/.test(rq.path);
    for (const status of [301, 302, 303, 307, 308]) server.on(mine, faults.redirect(status, away.url), { times: 3 });
    const { cases, stderr } = await run(`for i = 1, 5 do
      try("read" .. i, kalshi.get_fills) try("write" .. i, kalshi.cancel_order, "x") try("public" .. i, kalshi.get_exchange_schedule)
    end`, server.env());
    assert.equal(Object.keys(cases).length, 15, stderr);
    for (const [name, c] of Object.entries(cases)) assert.match(c.message ?? '', /redirects are not followed/, `${name}: ${JSON.stringify(c)}`);
    assert.equal(server.requests.filter(mine).length, 15);
    assert.deepEqual(away.seen, []);
    assert.deepEqual(other.seen, []);
  });

  // ---- TLS ----

  test('certificates that are not right end every call before anything is sent, and the message says why', async (t) => {
    const made = makeCertificates();
    const order = `{ ticker = "${ticker}", side = "bid", price = 0.01, count = 1, client_order_id = "tls",
      time_in_force = "good_till_canceled", self_trade_prevention_type = "taker_at_cross" }`;
    const calls = `try("read", kalshi.get_balance) try("write", kalshi.create_order, ${order})`;
    const bad = [
      ['expired', made.expired, /certificate.*expired/i], ['wrongHost', made.wrongHost, /certificate.*127\.0\.0\.1|certificate.*(name|host)/i],
      ['selfSigned', made.selfSigned, /certificate.*self.signed/i],
    ];
    await Promise.all(bad.map(async ([name, secure, words]) => {
      const server = await faulty(t, { sim, tls: secure });
      const { cases, stderr } = await run(calls, { ...server.env(), KALUA_CA: made.ca });
      for (const which of ['read', 'write']) {
        assert.equal(cases[which]?.kind, 'config', `${name}: ${JSON.stringify(cases[which])} ${stderr}`);
        assert.match(cases[which].message, words);
        assert.notEqual(cases[which].code, 'outcome_unknown');
      }
      assert.equal(server.requests.length, 0, `${name}: nothing was sent`);
    }));
    const good = await faulty(t, { sim, tls: made.good });
    const { cases } = await run('try("read", kalshi.get_balance)', { ...good.env(), KALUA_CA: made.ca });
    assert.equal(cases.read?.ok, true, JSON.stringify(cases.read));
  });

  test('a server that speaks only TLS 1.1 is refused, and a write to it has surely not happened', async (t) => {
    const made = makeCertificates();
    const server = await faulty(t, { sim, tls: { ...made.good, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } });
    const { cases, stderr } = await run(`task.all{
      function() try("read", kalshi.get_balance, { timeout = 3 }) end,
      function() try("write", kalshi.cancel_order, "x", { timeout = 3 }) end }`, { ...server.env(), KALUA_CA: made.ca });
    for (const which of ['read', 'write']) {
      assert.equal(cases[which]?.ok, false, stderr);
      assert.match(cases[which].message, /TLS|no connection to/i);
      assert.notEqual(cases[which].code, 'outcome_unknown');
    }
    assert.equal(server.requests.length, 0);
  });
});
