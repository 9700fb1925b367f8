// What all parts of the page share: texts into the document, rows kept by their key, figures for people.
// Whatever comes from the simulator is inserted as text, never as HTML.
export const $ = (id) => document.getElementById(id);

// An element: el('td', { class: 'n', text: '5' }, child, …). Properties are set, `class` and names with a dash are attributes.
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'text') node.textContent = value;
    else if (name === 'class' || name.includes('-')) node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

export function attribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

// Makes the children of `parent` those of `rows`, in their order: nodes stay with their key, so that focus, selection and
// an open menu do. `make()` gives a node, `update(node, row)` fills it.
export function keyed(parent, rows, key, make, update) {
  const old = parent.keyed ?? new Map(), now = new Map();
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const keys = new Set(rows.map(key));
  for (const [k, node] of old) if (!keys.has(k)) node.remove();
  let at = parent.firstElementChild;
  for (const row of rows) {
    const k = key(row), node = old.get(k) ?? make();
    update(node, row);
    now.set(k, node);
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
  parent.keyed = now;
  if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
}

// A row of cells whose texts are filled by fill(): cells('', 'n', 'n').
export const cells = (...classes) => el('tr', {}, ...classes.map((c) => el('td', c ? { class: c } : {})));
export function fill(row, ...values) {
  values.forEach((v, i) => { if (v !== undefined) text(row.cells[i], v); });
}

// "label: figure" pairs of a <dl>.
export function pairs(dl, values) {
  keyed(dl, Object.entries(values), ([k]) => k,
    () => el('div', {}, el('dt'), el('dd')),
    (node, [k, v]) => { text(node.firstChild, k); text(node.lastChild, v); });
}

const trim = (decimal, places) => {
  const [whole, part = ''] = decimal.split('.');
  const kept = part.replace(/0+$/, '').padEnd(places, '0');
  return (whole.replace(/\B(?=(\d{3})+$)/g, ',')) + (kept ? `.${kept}` : '');
};
export const price = (p, places = 2) => trim(p, places); // "0.4200": 0.42
export const count = (c) => trim(c, 0); // "1200.50": 1,200.5
export const dollars = (m) => `${m.startsWith('-') ? '−' : ''}$${trim(m.replace('-', ''), 2)}`;
export const whole = (n) => trim(String(n), 0);
export const clock = (ms) => new Date(ms).toLocaleTimeString([], { hourCycle: 'h23' });

// How long, in its two largest units: "3d 4h", "12m 5s"; "240d".
export function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s >= 100 * 86400) return `${whole(Math.floor(s / 86400))}d`;
  const parts = [[86400, 'd'], [3600, 'h'], [60, 'm'], [1, 's']];
  const first = Math.max(0, parts.findIndex(([n]) => s >= n));
  if (s < 1) return '0s';
  return parts.slice(first, first + 2).map(([n, u], i) => `${Math.floor((i ? s % parts[first][0] : s) / n)}${u}`).join(' ');
}
