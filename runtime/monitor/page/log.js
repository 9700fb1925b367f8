// The last lines of all scripts and of the process, or of one: level, words, and whether the newest stays in view.
import { $, clock, el, text } from './dom.js';
import { plain } from './format.js';

const KEPT = 2000, DRAWN = 500;
const LEVELS = { error: 0, warn: 1, info: 2, print: 2, debug: 3, trace: 4 };
let lines = [], script = null, newest = 0;

const follows = () => $('log-follow').checked;

function wanted(l) {
  const words = $('log-words').value.toLowerCase();
  return (LEVELS[l.level] ?? 2) <= Number($('log-level').value) && (script === null || l.source === script)
    && (!words || l.text.toLowerCase().includes(words) || l.source.toLowerCase().includes(words));
}

const lineNode = (l) => el('li', { class: `line ${l.level}` }, el('time', { text: clock(l.ts_ms) }),
  el('p', {}, el('i', { text: plain(l.source) }), ' ', ...(l.level === 'print' ? [] : [el('b', { text: l.level }), ' ']), el('span', { text: plain(l.text) })));

function toEnd() {
  if (follows()) $('log-box').scrollTop = $('log-box').scrollHeight;
}

function noteIt() {
  const empty = !$('log-lines').childElementCount;
  $('log-note').hidden = !empty;
  if (empty && lines.length) text($('log-note'), 'No line fits what is asked for.');
}

function draw() {
  $('log-lines').replaceChildren(...lines.filter(wanted).slice(-DRAWN).map(lineNode));
  noteIt();
  toEnd();
}

export function add({ lines: more, lost }) {
  const fresh = more.filter((l) => l.number > newest);
  if (!fresh.length) return;
  if (lost && newest) fresh.unshift({ number: newest, ts_ms: fresh[0].ts_ms, level: 'warn', source: 'page', text: 'lines are missing here: more came than could be read' });
  newest = fresh.at(-1).number;
  lines = [...lines, ...fresh].slice(-KEPT);
  $('log-lines').append(...fresh.filter(wanted).slice(-DRAWN).map(lineNode));
  while ($('log-lines').childElementCount > DRAWN) $('log-lines').firstChild.remove();
  noteIt();
  toEnd();
}

// Older lines of one script, which a talkative neighbour may have pushed out of what this page has.
export function merge(older) {
  const have = new Set(lines.map((l) => l.number));
  const missing = older.filter((l) => !have.has(l.number) && l.number <= newest);
  if (!missing.length) return;
  lines = [...lines, ...missing].sort((a, b) => a.number - b.number).slice(-KEPT);
  draw();
}

export const after = () => newest;

export function forget() {
  lines = [];
  newest = 0;
  draw();
}

export function select(name) {
  script = name;
  draw();
}

export function start() {
  for (const id of ['log-words', 'log-level']) $(id).addEventListener('input', draw);
  $('log-follow').addEventListener('change', toEnd);
  $('log-box').addEventListener('scroll', () => {
    const box = $('log-box'), atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 4;
    if (box.clientHeight) $('log-follow').checked = atEnd;
  });
}
