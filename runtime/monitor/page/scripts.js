// The strategies as rows, all of them together first, and what is known of the one that is chosen. With several accounts
// they stand below each that they trade on.
import { $, attribute, clock, el, keyed, pairs, span, text, whole } from './dom.js';
import { spark } from './chart.js';
import { bytes, contracts, explain, money, plain, signed } from './format.js';

const SPARK_MS = 10000, SPARK_POINTS = 60;
const sparks = new Map(); // key of account and strategy → [[ms, dollars]]
let state = null, chosen = null, chosenOn = null, onChoose = () => {};

const keyOf = (profile, name) => `${profile}\n${name ?? ''}`; // no name of a profile has a line break

// What a strategy does on an account: undefined or null where that is nothing.
export const tradingOn = (s, profile) => (profile ? s?.elsewhere?.[profile] : s?.trading);
export const accountOf = (s, profile) => s.accounts.find((a) => a.profile === (profile ?? ''));

// What a strategy is in, in one word and a colour.
function standing(s, t) {
  if (t?.halted) return ['halted', 'bad'];
  if (s.phase === 'ended') return s.failed ? ['failed', 'bad'] : ['ended', 'off'];
  if (s.phase === 'waiting') return ['restarts soon', 'bad'];
  if (s.phase === 'paused') return ['paused', 'warn'];
  if (s.phase === 'absent') return ['not running', 'off'];
  return [s.phase, s.phase === 'running' ? 'good' : 'warn'];
}

// What is worth a line of its own below the name; the newest fault of one that runs well is in its details only.
function problem(s, t) {
  if (t?.halted) return t.halted;
  if (s.failed || s.phase === 'waiting') return s.last_error ?? '';
  if (t?.orders_unknown) return `${t.orders_unknown} order${t.orders_unknown > 1 ? 's' : ''} of unknown outcome`;
  if (t?.standstill) return t.standstill;
  if (t?.refused && !t.placed) return `${t.refused} order${t.refused > 1 ? 's' : ''} refused by ${t.refused_by}`;
  return '';
}

function makeRow() {
  const name = el('button', { type: 'button', class: 'name' });
  const polyline = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  for (const [k, v] of Object.entries({ viewBox: '0 0 100 20', preserveAspectRatio: 'none', 'aria-hidden': 'true' })) svg.setAttribute(k, v);
  svg.append(polyline);
  const row = el('tr', {}, el('th', { scope: 'row' }, el('div', { class: 'line1' }, el('span', { class: 'light' }), name, el('span', { class: 'standing' })), el('div', { class: 'trouble' })),
    el('td', { class: 'spark' }, svg), ...['n', 'n', 'n', 'n wide', 'n wide', 'n wide'].map((c) => el('td', { class: c })));
  row.addEventListener('click', () => onChoose(row.profile, row.name));
  return row;
}

function updateRow(row, r) {
  const [head, , profit, value, open, fills, errors, memory] = row.cells;
  const [light, button, standing] = head.firstChild.children;
  const pressed = r.name === chosen && (r.profile === chosenOn || (chosenOn === null && r.all === true));
  row.name = r.name;
  row.profile = r.all ? null : r.profile;
  text(button, plain(r.label));
  attribute(button, 'aria-pressed', String(pressed));
  row.classList.toggle('chosen', pressed);
  row.classList.toggle('heading', r.name === null && !r.all);
  light.className = `light ${r.tone}`;
  text(standing, r.word);
  text(head.lastChild, plain(r.trouble));
  head.lastChild.hidden = !r.trouble;
  head.lastChild.title = plain(r.trouble);
  spark(row.cells[1].firstChild.firstChild, (sparks.get(keyOf(r.profile, r.name)) ?? []).map((p) => p[1]));
  if (r.t) {
    signed(profit, r.t.profit);
    text(value, money(r.t.value));
    text(open, whole(r.t.orders_open));
    text(fills, whole(r.t.fills));
  } else {
    for (const c of [profit, value, open, fills]) text(c, '–');
  }
  text(errors, r.errors === undefined ? '' : whole(r.errors));
  errors.classList.toggle('down', r.errors > 0);
  text(memory, r.memory ? bytes(r.memory) : '–');
}

function detail() {
  const s = state.scripts.find((x) => x.name === chosen);
  $('detail').hidden = !s;
  if (!s) return;
  const t = tradingOn(s, chosenOn ?? '');
  text($('detail-title'), plain(s.name) + (state.accounts.length > 1 ? ` on ${plain(accountOf(state, chosenOn).shown)}` : ''));
  const error = s.last_error ?? '';
  const key = `${error}\n${s.last_code ?? ''}\n${t?.refused_by ?? ''}\n${t?.halted ?? ''}`;
  if ($('detail-problem').dataset.key !== key) {
    $('detail-problem').dataset.key = key;
    $('detail-problem').replaceChildren(...[
      ...(t?.halted ? [`Halted: ${plain(t.halted)}. `, 'After the cause is dealt with: ', el('code', { text: 'kalua start NAME --resume' }), '. '] : []),
      ...(error ? [`Last error: ${plain(error)} `, ...(s.last_code ? [explain(plain(s.last_code)), ' '] : [])] : []),
      ...(t?.refused_by ? ['Last refused by ', el('b', { text: t.refused_by }), ': ', explain(t.refused_by)] : []),
    ]);
    $('detail-problem').hidden = !key.trim();
  }
  pairs($('detail-figures'), {
    ...(s.phase === 'absent' ? {} : { version: `${s.generation}, since ${clock(s.version_started_ms)}`, reloads: `${s.reloads} done, ${s.refused_reloads} refused, ${s.rolled_back} undone` }),
    ...(s.restarts ? { restarts: whole(s.restarts) } : {}),
    ...(s.shadow_of ? { 'shadow of': plain(s.shadow_of) } : {}),
    ...(t ? {
      today: money(t.profit_today, true), realized: money(t.realized, true), unrealized: money(t.unrealized, true), fees: money(t.fees),
      drawdown: money(t.drawdown), 'at risk': money(t.at_risk), holds: `${contracts(t.contracts)} in ${t.positions}`,
      orders: `${whole(t.placed)} placed, ${whole(t.rejected)} rejected, ${whole(t.refused)} refused`,
    } : {}),
    ...(s.phase === 'absent' ? {} : { tasks: whole(s.tasks), memory: `${bytes(s.memory)}, most ${bytes(s.memory_peak)}` }),
    ...(s.path ? { file: plain(s.path) } : {}),
  });
}

function sample(key, ms, t) {
  if (t?.profit === undefined || (!t.fills && !sparks.has(key))) return;
  const s = sparks.get(key) ?? [], profit = Number(t.profit);
  if (s.length && ms - s.at(-1)[0] < SPARK_MS) s.at(-1)[1] = profit;
  else s.push([ms, profit]);
  while (s.length > SPARK_POINTS || (s.length && ms - s[0][0] > SPARK_MS * SPARK_POINTS)) s.shift();
  sparks.set(key, s);
}

export function show(s) {
  state = s;
  for (const a of s.accounts) {
    sample(keyOf(a.profile, null), s.now_ms, a);
    for (const x of s.scripts) sample(keyOf(a.profile, x.name), s.now_ms, tradingOn(x, a.profile));
  }
  draw();
}

function scriptRow(x, profile) {
  const t = tradingOn(x, profile), [word, toneOf] = standing(x, t);
  return { profile, name: x.name, label: x.name, word, tone: toneOf, trouble: problem(x, t), t: t?.placed || t?.fills || t?.positions ? t : null,
    errors: x.phase === 'absent' ? undefined : x.errors, memory: x.memory };
}

// Below the first account all strategies stand, below the others those that have done something there.
function rowsOf(a, several) {
  const head = { profile: a.profile, name: null, all: !several, label: several ? a.shown : 'All together', word: several ? `balance ${a.balance === null ? '–' : money(a.balance)}` : '',
    tone: 'none', trouble: '', t: a.profit === undefined ? null : a, errors: undefined, memory: 0 };
  const does = (t) => t && (t.placed || t.fills || t.positions || t.orders_open || t.refused);
  return [head, ...state.scripts.filter((x) => !a.profile || does(tradingOn(x, a.profile))).map((x) => scriptRow(x, a.profile))];
}

function draw() {
  if (!state) return;
  const several = state.accounts.length > 1;
  const running = state.scripts.filter((x) => !['ended', 'absent'].includes(x.phase)).length;
  keyed($('script-rows'), state.accounts.flatMap((a) => rowsOf(a, several)), (r) => keyOf(r.profile, r.name), makeRow, updateRow);
  text($('scripts-note'), `${running} of ${state.scripts.filter((x) => x.phase !== 'absent').length} running`);
  $('scripts-empty').hidden = state.scripts.length > 0;
  detail();
}

// Samples of the last ten minutes, as the process kept them: [{profile, script, samples}].
export function setSparks(series) {
  for (const { profile, script, samples } of series) if (samples.length) sparks.set(keyOf(profile, script), samples.map(([ms, v]) => [ms, Number(v)]));
  draw();
}

export function forget() { sparks.clear(); }

export function select(profile, name) {
  chosenOn = profile;
  chosen = name;
  draw();
}

export function start(choose) { onChoose = choose; }
export const up = (s) => span(s.now_ms - s.process.started_ms);
