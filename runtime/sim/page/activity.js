// Below the book: accounts with their positions, all orders of clients, what happened, the fault rules in force.
import { $, attribute, cells, clock, count, dollars, el, fill, keyed, price, text, whole } from './dom.js';
import { look } from './api.js';
import * as orders from './orders.js';
import { button } from './toast.js';

const TABS = ['accounts', 'orders', 'log', 'faults'];
const POSITIONS_MOST = 300, EVENTS_MOST = 300;
let shown = 'accounts';
let since = 0;
let events = [];

function choose(name, poke) {
  shown = name;
  for (const t of TABS) {
    $(`${t}-tab`).hidden = t !== name;
    attribute($(`tab-${t}`), 'aria-selected', String(t === name));
    $(`tab-${t}`).tabIndex = t === name ? 0 : -1;
  }
  poke();
}

export function start(poke) {
  TABS.forEach((name, i) => {
    $(`tab-${name}`).addEventListener('click', () => choose(name, poke));
    $(`tab-${name}`).addEventListener('keydown', (e) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
      if (!step) return;
      const next = TABS[(i + step + TABS.length) % TABS.length];
      choose(next, poke);
      $(`tab-${next}`).focus();
    });
  });
  $('ended').addEventListener('change', poke);
  choose(shown, poke);
}

// The simulator began anew: its events are numbered from 1 again.
export function forget() {
  since = 0;
  events = [];
}

async function accounts() {
  const list = (await look('accounts')).accounts;
  keyed($('accounts'), list, (a) => a.user_id, () => cells('', 'mono key', 'n', 'n', 'n', 'quiet'), (row, a) => {
    fill(row, String(a.user), a.key_id, dollars(a.balance), dollars(a.portfolio_value), whole(a.resting_orders),
      a.balances.map((b) => whole(Math.floor(Number(b)))).join('  '));
    row.cells[5].title = a.balances.map(dollars).join('\n');
    row.title = `key_id ${a.key_id}\nuser_id ${a.user_id}`;
  });
  const positions = list.flatMap((a) => a.positions.map((p) => ({ ...p, user: a.user })));
  keyed($('positions'), positions.slice(0, POSITIONS_MOST), (p) => `${p.user} ${p.subaccount} ${p.market}`, () => {
    const row = cells('', '', 'n', 'n', 'n', 'n', 'n');
    row.cells[1].append(el('a'));
    return row;
  }, (row, p) => {
    text(row.cells[1].firstChild, p.market);
    attribute(row.cells[1].firstChild, 'href', `#${encodeURIComponent(p.market)}`);
    fill(row, p.subaccount ? `${p.user} / ${p.subaccount}` : String(p.user), undefined,
      `${p.position.startsWith('-') ? 'NO' : 'YES'} ${count(p.position.replace('-', ''))}`,
      dollars(p.cost), price(p.last), dollars(p.realized), dollars(p.fees));
  });
  $('positions-note').hidden = positions.length > 0 && positions.length <= POSITIONS_MOST;
  text($('positions-note'), positions.length ? `The first ${POSITIONS_MOST} of ${whole(positions.length)} positions.` : 'No positions.');
}

async function log() {
  const got = await look('events', { since, limit: EVENTS_MOST });
  since = got.next;
  if (got.events.length > 0) events = [...got.events.reverse(), ...events].slice(0, EVENTS_MOST);
  keyed($('log'), events, (e) => e.id, () => cells('quiet', '', 'text'), (row, e) => {
    fill(row, clock(e.ts_ms), e.type, e.text);
    row.cells[1].className = e.type === 'fault' ? 'ask' : '';
  });
  $('log-note').hidden = events.length > 0;
}

function faults(rules) {
  keyed($('faults'), rules, (f) => f.id, () => {
    const row = cells('n quiet', 'text mono', 'n', 'n');
    row.lastElementChild.append(button('Remove', 'clear', () => ({ id: Number(row.dataset.id) })));
    return row;
  }, (row, f) => {
    row.dataset.id = f.id;
    fill(row, String(f.id), f.rule + (f.on ? '  (on)' : ''), whole(f.struck));
  });
  $('faults-note').hidden = rules.length > 0;
}

export async function load(status) {
  text($('tab-faults'), status.faults.length ? `Faults (${status.faults.length})` : 'Faults');
  if (shown === 'accounts') await accounts();
  else if (shown === 'log') await log();
  else if (shown === 'faults') faults(status.faults);
  else orders.show('orders', (await look('orders', { status: $('ended').checked ? 'all' : 'resting', limit: 100 })).orders, true);
}
