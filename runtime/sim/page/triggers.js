// A form for every trigger, made from what the simulator says about its kinds and arguments.
import { $, el, text } from './dom.js';
import { look, trigger } from './api.js';

const CHANNELS = ['orderbook_delta', 'ticker', 'trade', 'fill', 'user_orders', 'market_positions', 'market_lifecycle_v2',
  'order_group_updates', 'communications'];
const TARGETS = ['*', 'reads', 'writes', 'create_order', 'cancel_order', 'amend_order', 'batch_create_orders', 'ws', '/markets/*',
  'POST /portfolio/*'];
const HINTS = { time: '30s, 500ms', time_or_dist: '5ms', count: '10', price: '0.42' };
const view = { market: '', event: '' };
const followers = []; // fields that hold what is in view until somebody types

let made = '';

const listOf = (id, values) => el('datalist', { id }, ...values.map((v) => el('option', { value: v })));

function choices(arg) {
  if (arg.type === 'side') return ['bid', 'ask'];
  return arg.choices ? arg.choices.split('|') : null;
}

function input(arg) {
  const options = choices(arg);
  const common = { name: arg.name, 'aria-required': String(arg.required) };
  if (options) return el('select', common, el('option', { value: '', text: arg.required ? 'choose' : '' }), ...options.map((o) => el('option', { value: o, text: o })));
  if (arg.name === 'spec') return el('textarea', { ...common, rows: 3, spellcheck: false });
  const numeric = { count: 'decimal', price: 'decimal', whole: 'numeric' }[arg.type];
  const field = el('input', { ...common, type: 'text', autocomplete: 'off', spellcheck: false, placeholder: HINTS[arg.type] ?? '' });
  if (numeric) field.inputMode = numeric;
  if (arg.type === 'channel') field.setAttribute('list', 'channels');
  if (arg.type === 'target') field.setAttribute('list', 'targets');
  return field;
}

// Fields for a market or event: one that is needed holds the one in view, another takes it at a press.
function follow(field, arg, kind) {
  const what = arg.name;
  const b = el('button', { type: 'button', text: 'in view', class: 'small', title: `the ${what} in view` });
  b.addEventListener('click', () => { field.value = view[what]; field.dataset.typed = ''; field.focus(); });
  if (arg.required) {
    field.addEventListener('input', () => { field.dataset.typed = field.value; });
    followers.push({ field, what });
    field.value = view[what];
  }
  b.setAttribute('aria-label', `${kind}: the ${what} in view`);
  return b;
}

function outcome(out, ok, message, more = {}) {
  out.className = ok ? 'good' : 'bad';
  const rest = Object.entries(more).filter(([k]) => k !== 'kind' && k !== 'message')
    .map(([k, v]) => `${k} ${typeof v === 'object' ? JSON.stringify(v) : v}`).join(' · ');
  text(out, rest ? `${message}\n${rest}` : message);
}

function form(kind) {
  const out = el('output', { 'aria-live': 'polite' });
  const run = el('button', { type: 'submit', text: `Run ${kind.kind}`, class: 'go' });
  const f = el('form', { noValidate: true });
  for (const arg of kind.args) {
    const field = input(arg);
    const row = el('span', { class: 'field' }, field);
    if (arg.name === 'market' || arg.name === 'event') row.append(follow(field, arg, kind.kind));
    const name = el('span', {}, el('b', { text: arg.name }), el('span', { class: 'need', text: arg.required ? ' * ' : ' ' }), arg.help);
    const label = el('label', {}, name, row);
    f.append(label);
  }
  f.append(run, out);
  f.addEventListener('submit', async (e) => {
    e.preventDefault();
    if (run.disabled) return;
    const args = {};
    for (const arg of kind.args) {
      const value = f.elements[arg.name].value.trim();
      if (value !== '') args[arg.name] = value;
    }
    run.disabled = true;
    out.className = '';
    try {
      const done = await trigger(kind.kind, args);
      outcome(out, true, done.message, done);
    } catch (error) {
      outcome(out, false, error.message);
    } finally {
      run.disabled = false;
    }
  });
  return f;
}

// The market in view, and its event, for the fields that nobody typed into.
export function setView(market, event) {
  Object.assign(view, { market, event });
  for (const { field, what } of followers) if (!field.dataset.typed && field !== document.activeElement) field.value = view[what];
}

export async function load() {
  const { triggers } = await look('triggers');
  if (made === JSON.stringify(triggers)) return; // what was typed stays when the simulator began anew
  made = JSON.stringify(triggers);
  const nodes = [listOf('channels', CHANNELS), listOf('targets', TARGETS)];
  let group = '';
  followers.length = 0;
  for (const kind of triggers) {
    if (kind.group !== group) nodes.push(el('h3', { text: kind.group }));
    group = kind.group;
    const details = el('details', { name: 'trigger', id: `trigger-${kind.kind}` },
      el('summary', {}, el('b', { text: kind.kind }), ' ', el('span', { text: kind.summary })), form(kind));
    nodes.push(details);
  }
  $('trigger-list').replaceChildren(...nodes);
}
