// The list of markets: filtered, sorted and cut by the simulator, so that thousands cost no more than a page of them.
import { $, attribute, cells, count, el, fill, keyed, price, span, text, whole } from './dom.js';
import { look } from './api.js';

const LIMIT = 100;
const COLUMNS = [['ticker', 'Market', 'asc'], ['status', 'Status', 'asc'], ['bid', 'Bid', 'desc'], ['ask', 'Ask', 'desc'],
  ['last', 'Last', 'desc'], ['volume', 'Volume', 'desc'], ['close', 'Closes', 'asc']];
const view = { q: '', status: 'active', sort: 'volume', order: 'desc', offset: 0 };
let opened = '';
let reload = () => {};

export const none = (size) => Number(size) === 0;
export const bidOf = (m) => (none(m.bid_size) ? '–' : price(m.bid));
export const askOf = (m) => (none(m.ask_size) ? '–' : price(m.ask));
export const lastOf = (m) => (none(m.volume) ? '–' : price(m.last));
export const statusClass = (status) => ({ active: 'good', inactive: 'warn', disputed: 'bad' })[status] ?? '';

function change(over) {
  Object.assign(view, { offset: 0 }, over);
  heads();
  reload();
}

function heads() {
  COLUMNS.forEach(([sort], i) => {
    const th = $('market-heads').cells[i];
    attribute(th, 'aria-sort', view.sort !== sort ? null : view.order === 'asc' ? 'ascending' : 'descending');
  });
}

function makeRow() {
  const row = cells('', '', 'n', 'n', 'n', 'n', 'n quiet');
  row.cells[0].append(el('a'), el('small'));
  row.cells[1].append(el('span', { class: 'badge' }));
  row.addEventListener('click', (e) => { if (!e.target.closest('a')) row.querySelector('a').click(); });
  return row;
}

// Colours a price for a moment when it has moved.
function moved(cell, value) {
  const before = parseFloat(cell.textContent), after = parseFloat(value);
  text(cell, value);
  if (!(before !== after && before > 0 && after > 0)) return;
  cell.classList.remove('moved-up', 'moved-down');
  cell.classList.add(after > before ? 'moved-up' : 'moved-down');
}

function updateRow(row, m, now) {
  const [link, title] = row.cells[0].children;
  text(link, m.ticker);
  attribute(link, 'href', `#${encodeURIComponent(m.ticker)}`);
  text(title, `${m.event_title} · ${m.yes_sub_title}`);
  attribute(row.cells[0], 'title', `${m.title} · ${m.yes_sub_title}`);
  text(row.cells[1].firstChild, m.status);
  attribute(row.cells[1].firstChild, 'class', `badge ${statusClass(m.status)}`);
  moved(row.cells[2], bidOf(m));
  moved(row.cells[3], askOf(m));
  moved(row.cells[4], m.value === undefined ? lastOf(m) : `= ${price(m.value)}`);
  fill(row, undefined, undefined, undefined, undefined, undefined, whole(m.volume.split('.')[0]),
    m.close_ts_ms > now ? span(m.close_ts_ms - now) : 'closed');
  attribute(row, 'aria-current', m.ticker === opened ? 'true' : null);
}

export function setOpened(ticker) {
  opened = ticker;
  for (const row of $('market-rows').rows) attribute(row, 'aria-current', row.querySelector('a').textContent === ticker ? 'true' : null);
}

export function start(poke) {
  reload = poke;
  for (const [sort, label, order] of COLUMNS) {
    const b = el('button', { type: 'button', text: label });
    b.addEventListener('click', () => change({ sort, order: view.sort !== sort ? order : view.order === 'asc' ? 'desc' : 'asc' }));
    $('market-heads').append(el('th', {}, b));
  }
  heads();
  $('q').addEventListener('input', () => change({ q: $('q').value.trim() }));
  $('status').addEventListener('change', () => change({ status: $('status').value }));
  $('filter').addEventListener('submit', (e) => e.preventDefault());
  for (const [id, step] of [['previous', -LIMIT], ['next', LIMIT]])
    $(id).addEventListener('click', () => { change({ offset: Math.max(0, view.offset + step) }); $('markets').querySelector('.scroll').scrollTop = 0; });
  addEventListener('keydown', (e) => {
    if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) || !$('q').offsetParent) return;
    e.preventDefault();
    $('q').select();
  });
}

export async function load() {
  const asked = JSON.stringify(view);
  const { markets, total } = await look('markets', { ...view, limit: LIMIT });
  if (asked !== JSON.stringify(view)) return; // another question since
  const now = Date.now(), end = view.offset + markets.length;
  if (markets.length === 0 && view.offset > 0) return change({});
  keyed($('market-rows'), markets, (m) => m.ticker, makeRow, (row, m) => updateRow(row, m, now));
  $('market-rows').parentNode.classList.toggle('alike', view.status !== '');
  text($('range'), total ? `${whole(view.offset + 1)}–${whole(end)} of ${whole(total)}` : '0 markets');
  $('previous').disabled = view.offset === 0;
  $('next').disabled = end >= total;
  $('markets-note').hidden = total > 0;
  text($('markets-note'), 'No market is like that.');
}
