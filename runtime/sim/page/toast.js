// A trigger behind one button, and its outcome in the corner.
import { $, el, text } from './dom.js';
import { trigger } from './api.js';

let timer;

function toast(message, ok) {
  const node = $('toast');
  text(node, message);
  node.className = ok ? 'good' : 'bad';
  node.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => { node.hidden = true; }, ok ? 5000 : 10000);
}

export async function run(button, kind, args) {
  button.disabled = true;
  try {
    toast((await trigger(kind, args)).message, true);
  } catch (e) {
    toast(`${kind}: ${e.message}`, false);
  } finally {
    button.disabled = false;
  }
}

// `args` is a function, so that the button is about what is in view when it is pressed.
export const button = (label, kind, args, title = '') => {
  const b = el('button', { type: 'button', text: label, title, class: 'small' });
  b.addEventListener('click', (e) => { e.stopPropagation(); run(b, kind, args()); });
  return b;
};
