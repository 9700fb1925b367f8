// The book of one market around its spread, with own orders beside their levels. As many rows as there is room for, so
// that nothing moves but figures.
import { $, cells, clock, count, el, text } from './dom.js';
import { contracts, placesOf, plain, yesPrice } from './format.js';

const ROW = 21, HEAD = 24;
let shown = null;

function makeRow() {
  const row = cells('own', 'size', 'price', 'size', 'own');
  for (const i of [1, 3]) row.cells[i].append(el('div', { class: 'bar' }), el('span'));
  return row;
}

function rowsOf(body, n, atTop) {
  while (body.rows.length > n) (atTop ? body.firstChild : body.lastChild).remove();
  while (body.rows.length < n) {
    if (atTop) body.prepend(makeRow()); else body.append(makeRow());
  }
}

const ownAt = (own, side) => {
  const at = new Map();
  for (const o of own.filter((x) => x.side === side)) {
    const sum = at.get(o.yes_price) ?? { remaining: 0, who: new Set(), pending: false };
    sum.remaining += Number(o.remaining);
    sum.who.add(o.script);
    sum.pending ||= o.status !== 'resting';
    at.set(o.yes_price, sum);
  }
  return at;
};

function fillRow(row, level, own, side, largest, places) {
  const [size, mark] = side === 'bid' ? [row.cells[1], row.cells[0]] : [row.cells[3], row.cells[4]];
  text(size.lastChild, level ? count(level[1]) : '');
  size.firstChild.style.width = level ? `${Math.max(2, (100 * Number(level[1])) / largest)}%` : '0';
  text(row.cells[2], level ? yesPrice(level[0], places) : '');
  row.cells[2].className = `price ${side}`;
  const mine = level && own.get(level[0]);
  text(mark, mine ? contracts(mine.remaining.toFixed(2)) : '');
  mark.title = mine ? `own ${side}: ${[...mine.who].map(plain).join(', ')}` : '';
  mark.classList.toggle('mine', Boolean(mine));
  row.classList.toggle('with-own', Boolean(mine));
  return Boolean(mine);
}

function draw() {
  const b = shown;
  const n = Math.max(5, Math.floor(($('ladder-box').clientHeight - HEAD - ROW) / 2 / ROW));
  rowsOf($('asks'), n, true);
  rowsOf($('bids'), n, false);
  if (!b) return;
  const bids = (b.bids ?? []).slice(0, n), asks = (b.asks ?? []).slice(0, n);
  const largest = Math.max(...[...bids, ...asks].map((l) => Number(l[1])), 0.01);
  const places = placesOf([...bids, ...asks].map((l) => l[0]));
  let marked = 0;
  for (const [side, levels, body] of [['bid', bids, $('bids')], ['ask', asks, $('asks')]]) {
    const own = ownAt(b.own, side);
    for (let i = 0; i < n; i++) marked += fillRow(body.rows[side === 'ask' ? n - 1 - i : i], levels[i], own, side, largest, places);
  }
  const both = bids.length > 0 && asks.length > 0;
  text($('spread').firstElementChild, !b.held ? ' ' : both ? `spread ${yesPrice((Number(asks[0][0]) - Number(bids[0][0])).toFixed(4))} · middle ${yesPrice(((Number(asks[0][0]) + Number(bids[0][0])) / 2).toFixed(4))}`
    : bids.length + asks.length > 0 ? 'one side only' : b.ready ? 'empty book' : 'waiting for the book');
  const levels = new Set(b.own.map((o) => o.side + o.yes_price)).size;
  const beyond = levels - marked;
  text($('book-foot'), b.error ? plain(b.error) : b.stale && b.ready ? 'may be wrong: waiting for a new picture of the book'
    : [b.changed_ms ? `changed ${clock(b.changed_ms)}` : '', beyond > 0 ? `${beyond} own price${beyond > 1 ? 's' : ''} outside of what is shown` : ''].filter(Boolean).join(' · ') || ' ');
  $('ladder').classList.toggle('stale', Boolean(b.stale || b.error));
}

export function showBook(b) {
  shown = b;
  $('book-note').hidden = b.held;
  text($('book-note'), b.held ? '' : `No script has the book of ${plain(b.ticker)} open now. Open it in a script with kalshi.book(ticker).`);
  draw();
}

// No book is open: says how one comes here.
export function noBook() {
  shown = { held: false, own: [], bids: [], asks: [] };
  $('book-note').hidden = false;
  text($('book-note'), 'No script has a book open. What a script opens with kalshi.book(ticker) is shown here.');
  draw();
}

export function start() {
  new ResizeObserver(() => draw()).observe($('ladder-box'));
}
