// The feed against an exchange that says true things in every form and false things in many. After each the books equal
// the truth, which the exchange keeps in the plainest way.
import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import WebSocket from 'ws';
import { Book, sleep, until } from './peers.mjs';
import { Client, Exchange, MARKET_ID, fragments, frame, random, spell, trade } from './hostile_exchange.mjs';

after(() => Client.endAll());

const PLAIN = {};
const ANY = { shuffle: true, space: true, escape: true, exponent: true, extra: true };

async function begin(n, seed, prefix = 'T-') {
  const x = await Exchange.start(Array.from({ length: n }, (_, i) => `${prefix}${i + 1}`));
  const rnd = random(seed);
  for (const ticker of x.books.keys()) for (let i = 0; i < 8; i++) x.step(rnd, ticker);
  const client = Client.start(x, prefix, n);
  await client.started();
  return { x, rnd, client, c: await x.ready() };
}

// A true delta of any market in some spelling.
const delta = (x, c, rnd, form = PLAIN) => spell(c.book('orderbook_delta', x.step(rnd)), rnd, form);

test('hostile feed', { concurrency: true }, async (t) => {
  await Promise.all([
    t.test('forms: no spelling and no cut of a true message changes a book, or needs a repair', async () => {
      const { x, rnd, client, c } = await begin(4, 11);
      // An independent client of the same bytes, so that what is tested is right in the eyes of npm's ws too.
      const other = new WebSocket(x.env.KALSHI_WS_URL, { maxPendingAutoPongs: 0 });
      const seen = new Map([...x.books.keys()].map((ticker) => [ticker, new Book()]));
      other.on('message', (d) => { const m = JSON.parse(d); seen.get(m.msg.market_ticker)?.apply(m); });
      await until('the other client', () => other.readyState === WebSocket.OPEN && x.connections.length === 2);
      const o = x.connections.pop();
      for (const ticker of x.books.keys()) await o.say({ type: 'orderbook_snapshot', msg: x.levels(ticker) });
      const both = async (bytes, size) => { await Promise.all([c.write(bytes, size), o.write(bytes, size)]); };
      const ping = frame('heartbeat', { opcode: 9 });
      const pong = frame('', { opcode: 10 }), long = frame('x'.repeat(125), { opcode: 9 });
      const control = () => rnd.pick([[], [ping], [ping, ping], [pong, long]]);
      const list = (n, one) => Buffer.concat(Array.from({ length: n }, one));
      const any = () => delta(x, c, rnd, ANY);
      const forms = {
        plain: () => both(frame(delta(x, c, rnd))),
        'keys in any order': () => both(frame(delta(x, c, rnd, { shuffle: true }))),
        'white space': () => both(frame(delta(x, c, rnd, { space: true }))),
        escapes: () => both(frame(delta(x, c, rnd, { escape: true }))),
        'exponents in integers': () => both(frame(delta(x, c, rnd, { exponent: true }))),
        'unknown keys': () => both(frame(delta(x, c, rnd, { extra: true }))),
        'all of it': () => both(frame(any())),
        'fragments of any size': () => both(fragments(any(), () => 1 + rnd.below(60))),
        'fragments of a byte': () => both(fragments(delta(x, c, rnd), () => 1)),
        'empty fragments': () => both(fragments(delta(x, c, rnd), () => rnd.below(3) * 40)),
        'control frames in between': () => both(fragments(any(), () => 1 + rnd.below(90), control)),
        'segments of a byte': () => both(
          Buffer.concat([frame(delta(x, c, rnd)), ping, fragments(delta(x, c, rnd), () => 70)]), 1),
        'many messages in one segment': () => both(list(300, () => frame(delta(x, c, rnd, rnd.pick([PLAIN, ANY]))))),
        'segments cut anywhere': () => both(
          list(40, () => fragments(any(), () => 1 + rnd.below(400), control)), () => 1 + rnd.below(700)),
        'snapshots nobody asked for, in any spelling': () => both(
          frame(spell(c.snapshot(rnd.pick([...x.books.keys()])), rnd, ANY))),
        'sides of a snapshot that are absent or empty': async () => {
          const ticker = rnd.pick([...x.books.keys()]);
          const was = x.books.get(ticker);
          x.books.set(ticker, { yes: new Map(), no: rnd.chance(0.5) ? was.no : new Map() });
          const message = c.snapshot(ticker);
          if (rnd.chance(0.5)) message.msg.yes_dollars_fp = [];
          await both(frame(JSON.stringify(message)));
        },
        'nesting at the limit': () => {
          const outside = `"deep":${'['.repeat(63)}${']'.repeat(63)}`;
          const inside = `"deep":${'{"a":'.repeat(61)}{}${'}'.repeat(61)}`;
          return both(frame(delta(x, c, rnd).replace('"msg":{', `${outside},"msg":{${inside},`)));
        },
        'types that nobody knows': async () => {
          await both(frame(spell(c.book('something_new', { market_ticker: 'T-1', price_dollars: '0.5' }), rnd, ANY)));
          await both(frame(JSON.stringify({ type: 'nothing', msg: { market_ticker: 'T-1' } })));
          await both(frame(JSON.stringify({ type: 'orderbook_delta_v2', sid: 998, seq: 7, msg: [] })));
        },
        'errors that end nothing': async () => {
          const error = (m) => both(frame(spell({ type: 'error', ...m }, rnd, ANY)));
          for (const code of [1, 8, 14, 27, 99]) await error({ msg: { code, msg: 'n\u00e4h "so"\\' } });
          await error({ id: 12345, msg: { code: 10, msg: 'of a command that nobody sent' } });
        },
      };
      let status;
      for (const [name, form] of Object.entries(forms)) {
        for (let i = 0; i < (/many|cut/.test(name) ? 2 : 8); i++) await form();
        status = await client.same(name);
        await until(`the other client after: ${name}`, () => [...x.books.keys()].every((ticker) => {
          const ought = x.levels(ticker), is = seen.get(ticker);
          return isDeepStrictEqual(is.levels('yes'), ought.yes_dollars_fp ?? [])
            && isDeepStrictEqual(is.levels('no'), ought.no_dollars_fp ?? []);
        }));
      }
      assert.deepEqual([status.gaps, status.malformed, status.reconnects], [0, 0, 0], client.err);
      assert.ok(!c.commands.some((m) => m.params?.action === 'get_snapshot'), 'a repair was asked for');
      other.terminate();
      await client.stop();
    }),

    t.test('lies: gaps, repeats, what fits no book and what is no message are repaired on the same connection', async () => {
      const { x, rnd, client, c } = await begin(4, 12);
      const some = (n = 3) => Array.from({ length: n }, () => c.book('orderbook_delta', x.step(rnd)));
      const say = async (...messages) => { for (const m of messages) await c.say(m); };
      const raw = (text) => c.write(frame(text));
      const asked = () => c.commands.filter((m) => m.params?.action === 'get_snapshot').length;
      // A delta that is no change of the truth.
      const lie = (msg) => c.book('orderbook_delta', { market_ticker: 'T-2', market_id: MARKET_ID, price_dollars: '0.5000',
        delta_fp: '1.00', side: 'yes', ...msg });
      // Carries a number, as the exchange counts it, and cannot be read: the change in it is lost.
      const unreadable = (turn) => raw(turn(JSON.stringify(c.book('orderbook_delta', x.step(rnd)))));
      const repaired = {
        'a message is left out': async () => { const [a, , b] = some(); await say(a, b); },
        'two gaps at once': async () => { await say(...some(20).filter((_, i) => i !== 7 && i !== 12)); },
        'two change places': async () => { const [a, b, d] = some(); await say(b, a, d); },
        'all come backwards': async () => { await say(...some(6).reverse()); },
        'a message has no sid': async () => { const [a, b] = some(); await say({ ...a, sid: undefined }, b); },
        'a message has no number': async () => { const [a, b] = some(); await say({ ...a, seq: undefined }, b); },
        'a level would become negative': () => say(lie({ delta_fp: '-99999999.00' })),
        'prices of nothing and of a dollar': () => say(lie({ price_dollars: '0.0000' }), lie({ price_dollars: '1.0000' })),
        'keys twice': () => unreadable((s) => s.replace('"delta_fp"', '"delta_fp":"77.00","delta_fp"')),
        'numbers for strings': () => unreadable((s) => s.replace(/"price_dollars":"([^"]*)"/, '"price_dollars":$1')),
        'a price off the grid': () => unreadable((s) => s.replace(/"price_dollars":"[^"]*"/, '"price_dollars":"0.38001"')),
        'a price above a dollar': () => unreadable((s) => s.replace(/"price_dollars":"[^"]*"/, '"price_dollars":"1.3800"')),
        'an exponent in a decimal': () => unreadable((s) => s.replace(/"delta_fp":"[^"]*"/, '"delta_fp":"1e2"')),
        'a fraction for a number': () => unreadable((s) => s.replace(/"seq":(\d+)/, '"seq":$1.5')),
        'a number beyond 64 bits': () => unreadable((s) => s.replace(/"seq":(\d+)/, '"seq":$1e30')),
        'a side that is none': () => unreadable((s) => s.replace(/"side":"[^"]*"/, '"side":"maybe"')),
        'no market': () => unreadable((s) => s.replace('"market_ticker"', '"market_tickr"')),
        'no message': () => unreadable((s) => s.replace('"msg"', '"mgs"')),
        'a message that is null': () => unreadable((s) => s.replace(/"msg":\{.*\}\}/, '"msg":null}')),
        'a message that ends early': () => unreadable((s) => s.slice(0, -2)),
        'a message that goes on behind its end': () => unreadable((s) => `${s}${s}`),
        'nesting beyond the limit': () => unreadable(
          (s) => s.replace('"msg":{', `"msg":{"deep":${'['.repeat(63)}${']'.repeat(63)},`)),
        'nesting beyond reason': () => unreadable((s) => s.replace('"msg":{', `"msg":{"deep":${'['.repeat(100000)},`)),
        'a control character in a string': () => unreadable((s) => s.replace('"T-', '"\u0001T-')),
        'half a surrogate in the name of a market': () => unreadable((s) => s.replace('"T-', '"\\ud83dT-')),
        'JavaScript': () => unreadable((s) => s.replace(/"seq":(\d+)/, '"seq":NaN')),
        'an empty message': () => raw(''),
        'an array': () => raw('[]'),
        'text': () => raw('the market is closed'),
        'numbers that begin anew': async () => {
          const lost = some(4);
          c.seqs.set('orderbook_delta', 0);
          await say(lost[0], ...some(3));
        },
        'a number far ahead': async () => {
          const [a] = some(1);
          c.seqs.set('orderbook_delta', 1e15);
          await say(a, ...some(2));
          c.seqs.set('orderbook_delta', 5);
          await say(...some(3));
        },
        'a snapshot that is no book': async () => {
          const m = c.snapshot('T-3');
          m.msg.yes_dollars_fp = [['0.4000', '1.00'], ['0.4000', '2.00']];
          await say(m);
        },
      };
      for (const [name, happens] of Object.entries(repaired)) {
        const before = asked();
        await happens();
        await client.same(name);
        assert.ok(asked() > before, `${name}: no snapshot was asked for`);
      }
      const ignored = {
        'a message comes twice': async () => { const [a, b, d] = some(); await say(a, a, b, b, b, d); },
        'old ones come again': async () => { const list = some(5); await say(...list, list[1], list[3]); },
        'another sid': () => say({ ...lie({}), sid: 777, seq: 1 }, { ...c.snapshot('T-2'), sid: 777, seq: 2 })
          .then(() => c.seqs.set('orderbook_delta', c.seqs.get('orderbook_delta') - 2)),
        'another market': () => say(lie({ market_ticker: 'T-99' })),
        'a snapshot of another market': () => say(c.book('orderbook_snapshot', { market_ticker: 'T', market_id: MARKET_ID })),
        'a trade on the sid of the books': () => say(c.book('trade', trade('x'))),
      };
      const before = asked();
      for (const [name, happens] of Object.entries(ignored)) {
        await happens();
        await say(...some(2));
        const status = await client.same(name);
        assert.equal(status.reconnects, 0, name);
      }
      assert.equal(asked(), before, 'a repair that was not needed');
      await client.stop();
    }),

    t.test('ended: errors 10 and 25, and an end that nobody asked for, lead to a new subscription', async () => {
      const { x, rnd, client } = await begin(6, 13);
      const ends = [
        (c, sid) => ({ type: 'error', sid, seq: c.next('orderbook_delta'), msg: { code: 10, msg: 'Channel error' } }),
        (c, sid) => ({ type: 'unsubscribed', sid, seq: c.next('orderbook_delta') }),
        // Too much for one connection: some of the markets may come on another.
        (c, sid) => ({ type: 'error', sid, msg: { code: 25, msg: 'Subscription buffer overflow', market_ticker: 'T-1' } }),
        (c, sid) => ({ type: 'error', sid, msg: { code: 10, msg: 'Channel error' } }),
      ];
      for (const end of ends) {
        for (let i = 0; i < 8; i++) await x.tell(x.step(rnd));
        const c = x.live().find((l) => l.markets.has('T-1')), sid = c.sid('orderbook_delta');
        const message = end(c, sid);
        c.markets.clear();
        await c.say(message);
        for (let i = 0; i < 5; i++) { // its last words
          await c.say({ type: 'orderbook_delta', sid, seq: 1000 + i, msg: x.step(rnd, 'T-1') });
        }
        await until('a new subscription', () => x.live().some((l) => l.markets.has('T-1')));
        await x.ready();
        for (let i = 0; i < 8; i++) await x.tell(x.step(rnd));
        const status = await client.same(JSON.stringify(message));
        assert.equal(status.reconnects, 0);
      }
      await client.stop();
    }),

    t.test('early: deltas before the snapshot of their market are for nobody', async () => {
      const x = await Exchange.start(['T-1', 'T-2', 'T-3']);
      const rnd = random(14);
      for (let i = 0; i < 30; i++) x.step(rnd);
      x.hook.snapshot = (c, ticker) => {
        for (let i = 0; i < 4; i++) c.say(c.book('orderbook_delta', x.step(rnd, ticker)));
        c.say(c.snapshot(ticker));
        for (let i = 0; i < 2; i++) c.say(c.book('orderbook_delta', x.step(rnd, ticker)));
        return true;
      };
      const client = Client.start(x, 'T-', 3);
      await client.started();
      const status = await client.same('early deltas');
      assert.equal(status.gaps, 0);
      await client.stop();
    }),

    t.test('huge: snapshots of every level there is, and of megabytes, whole and in thousands of pieces', async () => {
      const { x, rnd, client, c } = await begin(2, 15);
      for (let price = 1; price < 10000; price++) {
        x.change('T-1', 'yes', price, 1 + rnd.below(1e9));
        if (price % 3) x.change('T-1', 'no', price, 1 + rnd.below(1e9));
      }
      const message = () => {
        const m = c.snapshot('T-1');
        m.pad = [' '.repeat(600000), { 'k\u00e4y': Array.from({ length: 20000 }, (_, i) => [i, null, 'x']) }];
        return spell(m, rnd, { shuffle: true, space: true });
      };
      const text = message();
      assert.ok(text.length > 1 << 20, `${text.length} bytes`);
      await c.write(frame(text));
      await c.say(c.book('orderbook_delta', x.step(rnd, 'T-1')));
      await client.same('in one frame');
      x.change('T-1', 'yes', 5000, 100);
      const control = () => (rnd.chance(0.05) ? [frame('heartbeat', { opcode: 9 })] : []);
      await c.write(fragments(message(), () => 1 + rnd.below(1500), control), () => 1 + rnd.below(60000));
      for (let i = 0; i < 200; i++) await c.say(c.book('orderbook_delta', x.step(rnd, 'T-1')));
      const status = await client.same('in fragments');
      assert.deepEqual([status.gaps, status.malformed, status.reconnects], [0, 0, 0], client.err);
      await client.stop();
    }),

    t.test('broken: what is no WebSocket, and what comes behind the end, costs the connection and no book', async () => {
      const { x, rnd, client } = await begin(3, 16);
      const lie = (c) => frame(JSON.stringify(c.book('orderbook_delta',
        { market_ticker: 'T-1', market_id: MARKET_ID, price_dollars: '0.1234', delta_fp: '1.00', side: 'yes' })));
      const ways = {
        'text behind a close frame': (c) => Buffer.concat([frame(Buffer.from([3, 232]), { opcode: 8 }), lie(c), lie(c)]),
        'a masked frame': (c) => Buffer.concat([frame('{}', { mask: true }), lie(c)]),
        'a fragment that continues nothing': (c) => Buffer.concat([frame('{}', { opcode: 0 }), lie(c)]),
        'a message within a message': (c) => Buffer.concat([frame('{"type":', { fin: false }), lie(c)]),
        'reserved bits': (c) => Buffer.concat([frame('{}', { rsv: 4 }), lie(c)]),
      };
      let n = 1;
      for (const [name, way] of Object.entries(ways)) {
        const c = await x.ready(n);
        await c.say(c.book('orderbook_delta', x.step(rnd)));
        await c.write(way(c));
        x.step(rnd); // the market moves on
        await x.ready(++n);
        await x.connection.say(x.connection.book('orderbook_delta', x.step(rnd)));
        const status = await client.same(name);
        assert.equal(status.reconnects, n - 1, name);
      }
      await client.stop();
    }),
  ]);
});

// Not beside the others: what it computes would keep their heartbeats from going out on a busy machine.
test('ten thousand markets: every book right, after a gap too', async () => {
  const { x, rnd, client, c } = await begin(10000, 17, 'KXMARKET-');
  await client.same('the snapshots');
  const adds = c.commands.filter((m) => m.params?.action === 'add_markets' || m.cmd === 'subscribe');
  const named = adds.flatMap((m) => m.params.market_tickers ?? []);
  assert.equal(named.length, 10000, 'each market is named once');
  for (let i = 0; i < 20000; i++) {
    c.write(frame(JSON.stringify(c.book('orderbook_delta', x.step(rnd)))));
    if (i % 500 === 0) await sleep(0); // for the heartbeat
  }
  let status = await client.same('20,000 deltas');
  assert.equal(status.gaps, 0);
  c.next('orderbook_delta');
  for (let i = 0; i < 500; i++) c.write(frame(JSON.stringify(c.book('orderbook_delta', x.step(rnd)))));
  status = await client.same('a gap');
  assert.equal(status.gaps, 1);
  assert.equal(status.reconnects, 0);
  await sleep(50);
  await client.stop();
});
