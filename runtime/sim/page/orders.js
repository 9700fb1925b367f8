// Tables of clients' orders, with what can be done to one that rests.
import { $, attribute, cells, clock, count, el, fill, keyed, price, text } from './dom.js';
import { button } from './toast.js';

const HEADS = [['User', ''], ['Side', ''], ['Price', 'n'], ['Filled', 'n'], ['Status', ''], ['Since', ''], ['', '']];

export function start() {
  for (const row of document.querySelectorAll('.order-heads')) {
    if ('market' in row.dataset) row.append(el('th', { text: 'Market' }));
    row.append(...HEADS.map(([t, c]) => el('th', c ? { text: t, class: c } : { text: t })));
  }
}

function make(withMarket) {
  const row = cells(...(withMarket ? [''] : []), '', '', 'n', 'n', '', 'quiet', 'n acts');
  if (withMarket) row.cells[0].append(el('a'));
  const id = () => ({ order: row.dataset.id });
  row.lastElementChild.append(el('span', { class: 'do' },
    button('Fill', 'fill', id, 'at its price, with what is ahead of it'), ' ', button('Cancel', 'cancel', id, 'without its owner’s doing')));
  return row;
}

// Newest first; the rows of `id`, and a note where there are none.
export function show(id, list, withMarket) {
  const sorted = [...list].sort((a, b) => b.created_ts_ms - a.created_ts_ms);
  keyed($(id), sorted, (o) => o.order_id, () => make(withMarket), (row, o) => {
    const at = withMarket ? 1 : 0;
    row.dataset.id = o.order_id;
    row.title = `order ${o.order_id}\nclient order ${o.client_order_id}`;
    if (withMarket) {
      text(row.cells[0].firstChild, o.market);
      attribute(row.cells[0].firstChild, 'href', `#${encodeURIComponent(o.market)}`);
    }
    const values = [o.subaccount ? `${o.user} / ${o.subaccount}` : String(o.user), o.side, price(o.price),
      `${count(o.filled)} / ${count(o.initial)}`, o.status, clock(o.created_ts_ms)];
    fill(row, ...Array(at).fill(undefined), ...values);
    row.cells[at + 1].className = o.side;
    row.querySelector('.do').hidden = o.status !== 'resting';
  });
  $(`${id}-note`).hidden = list.length > 0;
}
