// Orders, positions, fills: of all, or of the strategy that is chosen.
import { $, attribute, cells, clock, el, fill, keyed, text } from './dom.js';
import { contracts, money, placesOf, plain, signed, yesPrice } from './format.js';

const TABS = ['orders', 'positions', 'fills'];
const last = { orders: null, positions: null, fills: null };
let script = null, profile = null, names = {}, held = new Set(), openBook = () => {}, shown = 'orders';

function choose(name) {
  shown = name;
  for (const t of TABS) {
    $(`${t}-tab`).hidden = t !== name;
    attribute($(`tab-${t}`), 'aria-selected', String(t === name));
    $(`tab-${t}`).tabIndex = t === name ? 0 : -1;
  }
}

export function start(onBook) {
  openBook = onBook;
  TABS.forEach((name, i) => {
    $(`tab-${name}`).addEventListener('click', () => choose(name));
    $(`tab-${name}`).addEventListener('keydown', (e) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
      if (!step) return;
      choose(TABS[(i + step + TABS.length) % TABS.length]);
      $(`tab-${shown}`).focus();
    });
  });
  choose('orders');
}

// A market is a button where its book can be shown.
function market(cell, ticker) {
  const shows = held.has(ticker);
  if (cell.firstChild?.tagName !== (shows ? 'BUTTON' : 'SPAN')) {
    const node = shows ? el('button', { type: 'button', class: 'link' }) : el('span');
    if (shows) node.addEventListener('click', () => openBook(node.dataset.ticker));
    cell.replaceChildren(node);
  }
  if (cell.firstChild.dataset.ticker === ticker && cell.firstChild.firstChild) return;
  /* Where there is no room for all of it, the begin is cut: what tells markets apart stands at the end. */
  const name = plain(ticker), at = Math.max(name.lastIndexOf('-'), 0);
  cell.firstChild.dataset.ticker = ticker;
  cell.firstChild.replaceChildren(el('span', { class: 'front', text: name.slice(0, at) }), el('span', { text: name.slice(at) }));
  cell.title = name;
}

function note(name, rows, empty, more) {
  const n = $(`${name}-note`);
  n.hidden = rows > 0 && !more;
  text(n, rows ? more : empty);
}

const ofChoice = (rows) => rows.filter((r) => (profile === null || r.profile === profile) && (script === null || r.script === script));
function account(cell, row) {
  const several = Object.keys(names).length > 1; // else the column is not there
  text(cell, several ? plain(names[row.profile] ?? row.profile) : '');
  cell.title = cell.textContent;
}
const side = (cell, word) => { text(cell, word); cell.className = word; };

function why(o) {
  if (o.error) return o.error.code || o.error.kind;
  return o.status === 'canceled' && !/^cancel/i.test(o.reason) ? o.reason : '';
}

function orders() {
  const rows = ofChoice(last.orders.orders), places = placesOf(rows.map((o) => o.yes_price));
  keyed($('orders'), rows, (o) => `${o.profile}\n${o.id}`, () => cells('quiet wide', 'who wide', 'account', 'market', '', 'n', 'n', 'status'), (row, o) => {
    fill(row, clock(o.created_ms), plain(o.script), undefined, undefined, undefined, yesPrice(o.yes_price, places), `${contracts(o.filled)} / ${contracts(o.count)}`);
    account(row.cells[2], o);
    market(row.cells[3], o.ticker);
    side(row.cells[4], o.side);
    const because = why(o);
    text(row.cells[7], because ? `${o.status}: ${plain(because)}` : o.status);
    row.cells[7].title = plain(o.error?.message ?? '');
    row.className = ['resting', 'pending'].includes(o.status) ? 'live' : o.status === 'unknown' || o.status === 'rejected' ? 'wrong' : 'over';
  });
  const out = last.orders.open_left_out;
  note('orders', rows.length, script === null ? 'No order yet: what scripts place with kalshi.order stands here, ended ones too.'
    : `${plain(script)} has no order. If it should have: its log, its errors, and “refused” in its details say why not.`,
  out ? `${out} more are open: GET /api/orders has them.` : '');
}

function positions() {
  const of = script === null && last.positions.positions.length === 0 ? last.positions.account : last.positions.positions, rows = ofChoice(of);
  keyed($('positions'), rows, (p) => `${p.profile}\n${p.script ?? ''}\n${p.ticker}\n${p.subaccount}`, () => cells('who wide', 'account', 'market', 'n', 'n', 'n', 'n', 'n wide', 'n quiet wide'), (row, p) => {
    fill(row, plain(p.script ?? 'account'), undefined, undefined, contracts(p.position), p.average_yes_price === null ? '–' : yesPrice(Number(p.average_yes_price).toFixed(4)),
      p.mark === null ? '–' : yesPrice(p.mark), undefined, undefined, money(p.fees));
    account(row.cells[1], p);
    market(row.cells[2], p.ticker);
    signed(row.cells[6], p.unrealized);
    signed(row.cells[7], p.realized);
  });
  note('positions', rows.length, 'Nothing is held.', last.positions.left_out ? `${last.positions.left_out} more are left out.` : '');
}

function fills() {
  const rows = ofChoice(last.fills.fills), places = placesOf(rows.map((f) => f.yes_price));
  keyed($('fills'), rows, (f) => `${f.profile} ${f.trade_id} ${f.order_id}`, () => cells('quiet', 'who wide', 'account', 'market', '', 'n', 'n', 'n quiet wide'), (row, f) => {
    fill(row, clock(f.ts_ms), plain(f.script ?? 'elsewhere'), undefined, undefined, undefined, yesPrice(f.yes_price, places), contracts(f.count), yesPrice(f.fee));
    account(row.cells[2], f);
    market(row.cells[3], f.ticker);
    side(row.cells[4], f.side);
    row.title = f.taker ? 'taken' : 'made';
  });
  note('fills', rows.length, 'No fill since the process started.', '');
}

const draw = { orders, positions, fills };

function drawAll() {
  for (const t of TABS) if (last[t]) draw[t]();
  text($('tab-orders'), last.orders?.open ? `Orders (${last.orders.open})` : 'Orders');
}

export function show(name, value) {
  last[name] = value;
  draw[name]();
  text($('tab-orders'), last.orders?.open ? `Orders (${last.orders.open})` : 'Orders');
}

export function select(ofProfile, name) {
  profile = ofProfile;
  script = name;
  drawAll();
}

// What people call each account, by its profile.
export function setAccounts(accounts) {
  const now = Object.fromEntries(accounts.map((a) => [a.profile, a.profile || a.shown]));
  if (JSON.stringify(now) === JSON.stringify(names)) return;
  names = now;
  drawAll();
}

export function setBooks(tickers) {
  if (tickers.length === held.size && tickers.every((t) => held.has(t))) return;
  held = new Set(tickers);
  drawAll();
}
