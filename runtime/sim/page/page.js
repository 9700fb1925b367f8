// The page that `kalua sim` serves: asks for what is in view once a second while it is seen, and shows the state of the
// exchange. Every part draws what it asked for; what is not in view is not asked for.
import { $, attribute, clock, pairs, span, text, whole } from './dom.js';
import { NoAnswer, Refused, look } from './api.js';
import * as activity from './activity.js';
import * as market from './market.js';
import * as markets from './markets.js';
import * as orders from './orders.js';
import * as triggers from './triggers.js';
import { run } from './toast.js';

const PERIOD_MS = 1000;
const inView = (id) => $(id).offsetParent !== null;
let run_of = ''; // which run of the simulator is shown
let paused = false;
let timer, busy = false, again = false;

// ---- the state of the exchange ----

// What of the exchange runs: all of it, nothing, or all but some shards.
function activeness(shards, field, name) {
  const off = shards.filter((s) => !s[field]);
  const until = Math.min(...off.map((s) => s.resume_ts_ms ?? Infinity));
  const when = until < Infinity ? ` until ${clock(until)}` : '';
  if (off.length === 0) return [`${name} active`, 'good'];
  if (off.length === shards.length) return [`${name} paused${when}`, field === 'exchange_active' ? 'bad' : 'warn'];
  return [`${name} paused on shard ${off.map((s) => s.exchange_index).join(', ')}${when}`, 'warn'];
}

function state(id, [label, look_of]) {
  text($(id), label);
  attribute($(id), 'class', `state ${look_of}`);
}

function showStatus(s) {
  state('exchange-state', s.state === 'outage' ? ['outage', 'bad'] : activeness(s.shards, 'exchange_active', 'exchange'));
  state('trading-state', s.state === 'outage' ? ['', ''] : activeness(s.shards, 'trading_active', 'trading'));
  paused = s.state !== 'running' || s.shards.some((x) => !x.trading_active);
  text($('pause'), paused ? 'Resume trading' : 'Pause trading');
  $('pause').disabled = false;
  pairs($('figures'), {
    speed: `×${s.speed}`,
    markets: whole(s.markets),
    requests: whole(s.counters.requests),
    'HTTP 429': whole(s.counters.rate_limited),
    orders: whole(s.counters.orders),
    trades: whole(s.counters.trades),
    clients: whole(s.counters.ws_clients),
    seed: String(s.seed),
    up: span(s.now_ts_ms - s.start_ts_ms),
  });
}

// ---- once a second ----

function answered() {
  $('gone').hidden = true;
  document.body.classList.remove('stale');
}

function unanswered(why) {
  text($('gone'), why instanceof Refused ? `The simulator refuses: ${why.message}` : !(why instanceof NoAnswer) ? `This page has a fault: ${why.message}`
    : `The simulator at ${location.host} does not answer. What is shown is old; this page goes on when it is back.`);
  $('gone').hidden = false;
  document.body.classList.add('stale');
  state('exchange-state', ['not there', 'bad']);
  state('trading-state', ['', '']);
  $('pause').disabled = true;
}

async function cycle() {
  const status = await look('status');
  const id = `${status.pid} ${status.start_ts_ms}`;
  if (id !== run_of) {
    activity.forget();
    await triggers.load();
    run_of = id;
  }
  showStatus(status);
  await Promise.all([
    inView('markets') && markets.load(),
    inView('market') && market.load(),
    inView('activity') && activity.load(status),
  ]);
}

async function poll() {
  clearTimeout(timer);
  again = busy;
  if (busy || document.visibilityState === 'hidden') return;
  busy = true;
  const start = performance.now();
  try {
    await cycle();
    answered();
  } catch (e) {
    unanswered(e);
    if (!(e instanceof Refused || e instanceof NoAnswer)) console.error(e);
  }
  busy = false;
  timer = setTimeout(poll, again ? 0 : Math.max(200, PERIOD_MS - (performance.now() - start)));
}

// ---- where one is ----

function show(view) {
  document.body.dataset.view = view;
  for (const b of $('views').children) attribute(b, 'aria-current', b.dataset.view === view ? 'page' : null);
  poll();
}

function openFromAddress() {
  let ticker = '';
  try {
    ticker = decodeURIComponent(location.hash.slice(1));
  } catch {
    // an address that somebody cut: no market
  }
  market.open(ticker);
  markets.setOpened(ticker);
  triggers.setView(ticker, '');
  document.title = ticker ? `${ticker} – kalua sim` : 'kalua sim';
  show(ticker ? 'market' : 'markets');
}

for (const b of $('views').children) b.addEventListener('click', () => show(b.dataset.view));
$('pause').addEventListener('click', () => run($('pause'), paused ? 'resume' : 'pause', {}));
addEventListener('hashchange', openFromAddress);
addEventListener('happened', poll);
document.addEventListener('visibilitychange', poll);
markets.start(poll);
orders.start();
market.start();
activity.start(poll);
openFromAddress();
