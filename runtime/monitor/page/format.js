// Figures and texts for people. What comes from scripts and the exchange is text: characters that would move or hide
// others are shown as marks.
import { count, el, text } from './dom.js';

export const plain = (s) => s.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');

const grouped = (digits) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',');

// Dollars of an exact text, to the cent: 1,234.50; −2.18; with `sign` +12.30. Nothing is added to less than half a cent.
export function money(m, sign = false) {
  const cents = Number(m).toFixed(2);
  if (Number(cents) === 0) return '0.00';
  const [whole, part] = cents.replace('-', '').split('.');
  return `${cents.startsWith('-') ? '−' : sign ? '+' : ''}${grouped(whole)}.${part}`;
}
export const tone = (m) => (Number(Number(m).toFixed(2)) > 0 ? 'up' : Number(Number(m).toFixed(2)) < 0 ? 'down' : 'flat');

// A figure with a sign and its colour; exact where one points at it.
export function signed(node, m) {
  text(node, money(m, true));
  node.classList.toggle('up', tone(m) === 'up');
  node.classList.toggle('down', tone(m) === 'down');
  node.title = `$${count(m.replace('-', '−'))}`;
}

export const contracts = (c) => count(c.replace('-', '−'));
export const yesPrice = (p, places = 2) => p.replace(/^(\d+\.\d\d\d*?)0+$/, '$1').padEnd(places + 2, '0');
// How many places all prices of a column have, so that they stand below each other.
export const placesOf = (prices) => Math.max(2, ...prices.map((p) => yesPrice(p).length - 2));

export function bytes(n) {
  const units = ['B', 'K', 'M', 'G'];
  let i = 0;
  for (; n >= 1000 && i < 3; i++) n /= 1024;
  return `${n < 10 && i > 0 ? n.toFixed(1) : Math.round(n)}${units[i]}`;
}

// "kalua explain WORD" where a word of the catalogue is known.
export const explain = (code) => el('code', { text: `kalua explain ${code}` });
