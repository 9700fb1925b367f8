// Holds the parts together: the stream, what is chosen, the header, and what is said when nobody answers.
import { $, attribute, clock, el, pairs, text } from './dom.js';
import { Closed, follow, forgetToken, keepToken, look, takeToken, tokenOf } from './api.js';
import { Chart } from './chart.js';
import { money, plain, signed, tone } from './format.js';
import * as ladder from './ladder.js';
import * as log from './log.js';
import * as scripts from './scripts.js';
import * as tables from './tables.js';

const MODES = { live: ['LIVE', 'orders are real'], paper: ['PAPER', 'orders are filled on paper, nothing is sent'],
  demo: ['DEMO', 'orders go to the exchange’s demo environment'], sim: ['SIM', 'orders go to a simulator'] };
const LIGHTS = ['bad', 'warn', 'good', 'off'];
const RETRY_MS = [500, 1000, 2000, 4000, 5000];
let state = null, stream = null, tries = 0, retry = null;
let profile = null, script = null, book = '', version = null, run = null;
let seconds = 600, samples = [], chartOf = 0;

// ---- the header ----

function feedLight(f) {
  const quiet = f.age_ms !== null && f.age_ms > 5000 ? `, quiet for ${Math.round(f.age_ms / 1000)} s` : '';
  if (!f.wanted) return ['off', 'no feed yet'];
  if (!f.connected) return ['bad', 'feed away'];
  if (f.stale_books) return ['warn', `${f.stale_books} book${f.stale_books > 1 ? 's' : ''} stale`];
  return f.late ? ['warn', `feed late, ${(f.delay_ms / 1000).toFixed(1)} s behind`] : ['good', `feed live${quiet}`];
}

// That which is worst off, of those of all accounts.
function feeds(accounts, several) {
  const [worst] = accounts.map((a) => [a, ...feedLight(a.feed)]).sort((x, y) => LIGHTS.indexOf(x[1]) - LIGHTS.indexOf(y[1]));
  const [a, light, said] = worst;
  $('light').className = `light ${light}`;
  text($('feed-text'), several && ['bad', 'warn'].includes(light) ? `${plain(a.shown)}: ${said}` : said);
  $('feed').title = plain(a.feed.last_error ?? '');
}

// The figures of what is chosen: of an account, or of a strategy on it.
const traded = (s) => (script === null ? scripts.accountOf(s, profile) : scripts.tradingOn(s.scripts.find((x) => x.name === script), profile));

function header(s) {
  const modes = Object.keys(MODES).filter((m) => s.accounts.some((x) => x.mode === m)); // what matters most comes first
  const word = modes.map((m) => MODES[m][0]).join(' + ');
  text($('mode'), s.process.killed ? `${word} · STOPPED` : word);
  $('mode').title = modes.map((m) => MODES[m][1]).join('; ');
  attribute(document.body, 'data-mode', modes[0]);
  const several = s.accounts.length > 1;
  document.body.classList.toggle('several', several);
  feeds(s.accounts, several);
  const a = scripts.accountOf(s, profile);
  pairs($('figures'), {
    ...(several ? { account: plain(a.shown) } : {}),
    ...(a.profit === undefined ? {} : { profit: money(a.profit, true), today: money(a.profit_today, true), 'at risk': money(a.at_risk) }),
    balance: a.balance === null ? '–' : money(a.balance),
    writes: `${Math.floor(a.budget.write)}/${Math.floor(a.budget.write_capacity)}`,
    up: scripts.up(s),
  });
  for (const d of $('figures').children) {
    d.dataset.of = d.firstChild.textContent;
    if (['profit', 'today'].includes(d.dataset.of)) signed(d.lastChild, d.dataset.of === 'profit' ? a.profit : a.profit_today);
  }
  const what = traded(s)?.profit;
  document.title = `${what === undefined ? '' : `${money(what, true)} · `}${word} · kalua`;
}

// ---- the curve ----

function chosenName() {
  const on = state?.accounts.length > 1 ? plain(scripts.accountOf(state, profile).shown) : '';
  return script === null ? on || 'all together' : plain(script) + (on && ` on ${on}`);
}

const chart = new Chart($('chart'), (sample) => {
  const at = sample ?? samples.at(-1);
  if (at) signed($('reading-value'), String(at[1])); else text($('reading-value'), '–');
  text($('reading-time'), sample ? `${seconds === 600 ? clock(sample[0]) : new Date(sample[0]).toLocaleString([], { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })}`
    : at ? `${chosenName()}, now` : '');
  const box = $('chart');
  if (!at) return;
  attribute(box, 'aria-valuemin', '0');
  attribute(box, 'aria-valuemax', String(samples.length - 1));
  attribute(box, 'aria-valuenow', String(sample ? samples.indexOf(sample) : samples.length - 1));
  attribute(box, 'aria-valuetext', `${money(String(at[1]), true)} dollars at ${clock(at[0])}`);
});

function drawChart() {
  $('chart-empty').hidden = samples.length > 1;
  attribute($('chart'), 'data-tone', samples.length ? tone(samples.at(-1)[1]) : 'flat');
  chart.show(samples, seconds * 1000);
}

async function loadChart() {
  const asked = ++chartOf;
  try {
    const got = await look('profit', { profile: profile ?? '', script: script ?? '', seconds, points: 600 });
    if (asked !== chartOf) return;
    samples = (got.series[0]?.samples ?? []).map(([t, v]) => [t, Number(v)]);
    drawChart();
  } catch (e) {
    if (e instanceof Closed) showDoor(e.message);
  }
}

function extendChart(s) {
  const t = traded(s);
  if (t?.profit === undefined || (!t.fills && !samples.length)) return;
  const step = seconds === 600 ? 900 : seconds === 3600 ? 6000 : Math.max(900, (samples.at(-1)?.[0] - samples[0]?.[0]) / 600 || 900);
  if (samples.length > 1 && s.now_ms - samples.at(-2)[0] < step) samples[samples.length - 1] = [s.now_ms, Number(t.profit)];
  else samples.push([s.now_ms, Number(t.profit)]);
  if (seconds) while (samples[0] && s.now_ms - samples[0][0] > seconds * 1000) samples.shift();
  else if (samples.length > 1500) samples = samples.filter((_, i) => i % 2 === 0 || i === samples.length - 1);
  drawChart();
}

// ---- what is chosen ----

// Of an account (null: all of them) a strategy (null: all of them); once more, and all is chosen again.
async function choose(ofProfile, name) {
  const again = name === script && ofProfile === profile;
  [profile, script] = again || (state?.accounts.length === 1 && name === null) ? [null, null] : [ofProfile, name];
  scripts.select(profile, script);
  tables.select(profile, script);
  log.select(script);
  samples = [];
  if (state) header(state);
  drawChart();
  loadChart();
  if (script === null) return;
  const got = await look('log', { script, limit: 500 }).catch(() => null);
  if (got) log.merge(got.lines);
}

function chooseBook(ticker) {
  if (ticker === book) return;
  book = ticker;
  bookSeen = true;
  sessionStorage.setItem('kalua book', book);
  $('book-choice').value = book;
  open();
}

let listed = '', bookSeen = false;
function books(s) {
  const names = [...s.books].sort();
  tables.setBooks(names);
  const all = book && !names.includes(book) ? [book, ...names] : names;
  if (listed !== all.join('\n')) {
    listed = all.join('\n');
    $('book-choice').replaceChildren(...all.map((t) => el('option', { value: t, text: plain(t) })));
    $('book-choice').value = book;
    $('book-choice').disabled = all.length === 0;
  }
  if (names.includes(book)) bookSeen = true;
  if (!names.length && !book) ladder.noBook();
  else if (names.length && (!book || !bookSeen)) chooseBook(names[0]); // one that this tab had in another run is not waited for
}

// ---- the stream ----

function onState(s) {
  const now = `${s.process.pid} ${s.process.started_ms}`;
  if (version !== null && version !== s.process.version) location.reload(); // this page is of another version
  if (run !== now) {
    if (run !== null) { log.forget(); scripts.forget(); samples = []; }
    run = now;
    version = s.process.version;
    look('profit', { seconds: 600, points: 60 }).then((got) => scripts.setSparks(got.series), () => {});
    loadChart();
  }
  if (script !== null && !s.scripts.some((x) => x.name === script)) choose(profile, script);
  header(s);
  tables.setAccounts(s.accounts);
  books(s);
  scripts.show(s);
  extendChart(s);
}

const handlers = { state: onState, orders: (v) => tables.show('orders', v), positions: (v) => tables.show('positions', v),
  fills: (v) => tables.show('fills', v), log: log.add, book: (v) => { if (v.ticker === book) ladder.showBook(v); } };
const waiting = new Map(); // the newest of each while nobody sees the page; lines are taken all the same

function on(event, value) {
  if (event === 'state') {
    state = value;
    // After a restart it is not there yet, or no more: all is shown.
    if (profile !== null && !scripts.accountOf(value, profile)) choose(profile, script);
  }
  if (document.visibilityState === 'hidden' && event !== 'log') {
    waiting.set(event, value);
    if (event === 'state' && run !== null) header(value); // the title
    return;
  }
  handlers[event]?.(value);
}

document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') return;
  for (const [event, value] of waiting) handlers[event]?.(value);
  waiting.clear();
  loadChart();
});

function gone(why) {
  const since = state ? ` What is shown is from ${clock(state.now_ms)}.` : '';
  text($('gone'), `${why}${since} This page goes on when it is back.`);
  $('gone').hidden = false;
  document.body.classList.add('stale');
  $('light').className = 'light bad';
  text($('feed-text'), 'not there');
}

function opened() {
  tries = 0;
  $('gone').hidden = true;
  document.body.classList.remove('stale');
  $('door').hidden = true;
  document.querySelector('main').hidden = false;
  $('views').hidden = false;
}

async function open() {
  stream?.abort();
  clearTimeout(retry);
  const mine = new AbortController();
  stream = mine;
  let why = `kalua at ${location.host} has ended or does not answer.`;
  try {
    await follow({ ...(book ? { book } : {}), ...(log.after() ? { after: log.after() } : {}) }, mine.signal, opened, on);
  } catch (e) {
    if (mine.signal.aborted) return;
    if (e instanceof Closed) {
      showDoor(e.message);
      return;
    }
    if (e.message && !(e instanceof TypeError) && e.name !== 'AbortError') why = e.message;
  }
  if (mine.signal.aborted) return;
  gone(why);
  retry = setTimeout(open, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
}

// ---- the door ----

function showDoor(why) {
  stream?.abort();
  clearTimeout(retry);
  forgetToken();
  text($('door-why'), why);
  $('door-why').hidden = !why;
  text($('door-address'), `${location.origin}/#token=…`);
  $('door').hidden = false;
  $('gone').hidden = true;
  document.querySelector('main').hidden = true;
  $('views').hidden = true;
  text($('feed-text'), 'closed');
  $('light').className = 'light off';
  $('door-token').focus();
}

$('door-form').addEventListener('submit', (e) => {
  e.preventDefault();
  keepToken(tokenOf($('door-token').value));
  $('door-token').value = '';
  open();
});
addEventListener('hashchange', () => { if (/token=/.test(location.hash)) { takeToken(); open(); } });

// ---- the start ----

for (const b of $('views').children) {
  b.addEventListener('click', () => {
    document.body.dataset.view = b.dataset.view;
    for (const x of $('views').children) attribute(x, 'aria-current', x === b ? 'page' : null);
    if ($('log-follow').checked) $('log-box').scrollTop = $('log-box').scrollHeight;
  });
}
attribute($('views').firstElementChild, 'aria-current', 'page');
for (const b of document.querySelectorAll('[data-seconds]')) {
  b.addEventListener('click', () => {
    seconds = Number(b.dataset.seconds);
    for (const x of document.querySelectorAll('[data-seconds]')) attribute(x, 'aria-pressed', String(x === b));
    samples = [];
    loadChart();
  });
}
$('book-choice').addEventListener('change', () => chooseBook($('book-choice').value));
book = sessionStorage.getItem('kalua book') ?? '';
scripts.start(choose);
tables.start((ticker) => {
  chooseBook(ticker);
  if (matchMedia('(max-width: 767px)').matches) $('views').querySelector('[data-view=book]').click();
});
ladder.start();
log.start();
if (takeToken()) open(); else showDoor('');
