// One market: its ladder around the spread, trades, orders of clients, and what is done to it most.
import { $, attribute, cells, clock, count, el, fill, keyed, pairs, price, span, text } from './dom.js';
import { Refused, look } from './api.js';
import { askOf, bidOf, lastOf, none, statusClass } from './markets.js';
import * as orders from './orders.js';
import { button } from './toast.js';
import { setView } from './triggers.js';

let ticker = '';
let most = { bids: 0, asks: 0 }; // rows of each side so far: a side that gets thinner does not move the other

// How many decimals all prices of a column have, so that they stand below each other.
const placesOf = (prices) => Math.max(2, ...prices.map((p) => price(p).split('.')[1].length));

function makeLevel() {
  const row = cells('', '', '');
  for (const i of [0, 2]) row.cells[i].append(el('div', { class: 'bar' }), el('span', { class: 'size' }));
  return row;
}

// Level i of a side, counted from the spread; an empty row where there is none.
function updateLevel(row, level, side, largest, places) {
  const own = row.cells[side === 'bids' ? 0 : 2];
  text(own.lastChild, level ? count(level[1]) : '');
  own.firstChild.style.width = level ? `${Math.max(1, (100 * Number(level[1])) / largest)}%` : '0';
  text(row.cells[1], level ? price(level[0], places) : '');
  row.cells[1].className = side === 'bids' ? 'bid' : 'ask';
}

function ladder(book) {
  const depth = Number($('depth').value);
  const shown = { bids: depth ? book.bids.slice(0, depth) : book.bids, asks: depth ? book.asks.slice(0, depth) : book.asks };
  const largest = Math.max(...[...shown.bids, ...shown.asks].map((l) => Number(l[1])), 0.01);
  const places = placesOf([...shown.bids, ...shown.asks].map((l) => l[0]));
  for (const side of ['asks', 'bids']) {
    const body = $(side);
    most[side] = Math.max(depth || 10, depth ? 0 : most[side], shown[side].length);
    while (body.rows.length > most[side]) (side === 'asks' ? body.firstChild : body.lastChild).remove();
    while (body.rows.length < most[side]) {
      if (side === 'asks') body.prepend(makeLevel());
      else body.append(makeLevel());
    }
    for (let i = 0; i < most[side]; i++)
      updateLevel(body.rows[side === 'asks' ? most[side] - 1 - i : i], shown[side][i], side, largest, places);
  }
  const both = book.bids.length > 0 && book.asks.length > 0;
  const [bid, ask] = both ? [Number(book.bids[0][0]), Number(book.asks[0][0])] : [0, 0];
  text($('spread').firstElementChild, both ? `spread ${price((ask - bid).toFixed(4))} · middle ${price(((ask + bid) / 2).toFixed(4))}`
    : book.bids.length + book.asks.length > 0 ? 'one side only' : 'empty book');
}

// The spread in the middle of the box: when another market or depth is shown, not while somebody scrolls.
function centre() {
  const box = $('ladder-box'), spread = $('spread').getBoundingClientRect();
  box.scrollTop += spread.top + spread.height / 2 - box.getBoundingClientRect().top - box.clientHeight / 2 - 10;
}

function spark(trades) {
  const p = trades.map((t) => Number(t.price)).reverse();
  const low = Math.min(...p), high = Math.max(...p), range = high - low || 1;
  attribute($('spark').firstElementChild, 'points', p.length < 2 ? '' : p.map((y, i) =>
    `${((200 * i) / (p.length - 1)).toFixed(1)},${(high === low ? 20 : 38 - (36 * (y - low)) / range).toFixed(1)}`).join(' '));
  attribute($('spark'), 'aria-label', p.length < 2 ? 'No trades to draw' : `The latest ${p.length} trades: from ${price(low.toFixed(4))} to ${price(high.toFixed(4))}`);
}

function facts(m) {
  const now = Date.now();
  pairs($('facts'), {
    bid: none(m.bid_size) ? '–' : `${bidOf(m)} × ${count(m.bid_size)}`,
    ask: none(m.ask_size) ? '–' : `${askOf(m)} × ${count(m.ask_size)}`,
    last: lastOf(m),
    volume: count(m.volume),
    'open interest': count(m.open_interest),
    [m.close_ts_ms > now ? 'closes in' : 'closed']: m.close_ts_ms > now ? span(m.close_ts_ms - now) : `${span(now - m.close_ts_ms)} ago`,
    shard: String(m.exchange_index),
    ...(m.value === undefined ? {} : { 'YES is worth': price(m.value) }),
  });
}

export function start() {
  const of = (more) => () => ({ market: ticker, ...more });
  $('quick').append(
    button('News ▲', 'news', of({ size: 2 }), 'what it is about moves in its favour'),
    button('News ▼', 'news', of({ size: -2 }), 'what it is about moves against it'),
    button('Pause', 'pause', of(), 'trading in this market'),
    button('Resume', 'resume', of(), 'trading in this market'),
    button('Close', 'close', of(), 'now'),
    button('Settle YES', 'settle', of({ result: 'yes' }), 'pays a dollar for YES'),
    button('Settle NO', 'settle', of({ result: 'no' }), 'pays a dollar for NO'));
  $('depth').addEventListener('change', () => { most = { bids: 0, asks: 0 }; dispatchEvent(new Event('happened')); });
}

function note(message, isError) {
  text($('market-note'), message);
  $('market-note').hidden = false;
  $('market-note').className = isError ? 'note error' : 'note';
}

export function open(t) {
  if (t === ticker) return;
  ticker = t;
  most = { bids: 0, asks: 0 };
  $('market-view').hidden = true;
  note(t ? `${t} …` : 'Choose a market to see its book.', false);
}

export async function load() {
  const asked = ticker;
  if (!asked) return;
  try {
    const [book, { trades }, mine] = await Promise.all([look(`book/${encodeURIComponent(asked)}`),
      look('trades', { market: asked, limit: 100 }), look('orders', { market: asked, status: 'all', limit: 50 })]);
    if (asked !== ticker) return;
    const first = $('market-view').hidden || $('ladder-box').dataset.of !== `${asked} ${$('depth').value}`;
    $('market-view').hidden = false;
    $('market-note').hidden = true;
    text($('ticker'), book.ticker);
    text($('market-status'), book.status);
    $('market-status').className = `badge ${statusClass(book.status)}`;
    text($('title'), `${book.title} · ${book.yes_sub_title}`);
    setView(asked, book.event_ticker);
    facts(book);
    ladder(book);
    spark(trades);
    const places = placesOf(trades.map((t) => t.price));
    keyed($('trades'), trades.slice(0, 50), (t) => t.trade_id, () => cells('quiet', 'n', 'n'), (row, t) => {
      fill(row, clock(t.ts_ms), `${price(t.price, places)} ${t.taker_side === 'bid' ? '▲' : '▼'}`, count(t.count));
      row.cells[1].className = `n ${t.taker_side}`;
    });
    orders.show('market-orders', mine.orders, false);
    if (first) {
      $('ladder-box').dataset.of = `${asked} ${$('depth').value}`;
      centre();
    }
  } catch (e) {
    if (!(e instanceof Refused)) throw e;
    if (asked !== ticker) return;
    $('market-view').hidden = true;
    note(e.status === 404 ? `There is no market ${asked}: what was settled long ago is forgotten.` : e.message, true);
  }
}
