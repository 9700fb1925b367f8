// A curve over time in an SVG of the size of its box: axes, the zero line, and a reading under the pointer, a finger or
// the arrow keys.
const NS = 'http://www.w3.org/2000/svg';
const LEFT = 58, RIGHT = 10, TOP = 8, BOTTOM = 20;
const STEPS_MS = [10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800].map((s) => s * 1000);

function shape(parent, tag, attributes) {
  const node = document.createElementNS(NS, tag);
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
  parent.append(node);
  return node;
}

function niceStep(range, most) {
  const rough = range / most, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.9999);
}

const hour = (ms, seconds) => new Date(ms).toLocaleTimeString([], { hourCycle: 'h23', hour: '2-digit', minute: '2-digit', ...(seconds ? { second: '2-digit' } : {}) });
const day = (ms) => new Date(ms).toLocaleDateString([], { month: 'short', day: 'numeric' });

// `read(sample | null)`: what is read now; null: nothing, so the last one counts.
export class Chart {
  constructor(box, read) {
    this.box = box;
    this.svg = box.querySelector('svg');
    this.read = read;
    this.samples = [];
    this.span = 0;
    this.at = null; // index that is read
    new ResizeObserver(() => this.draw()).observe(box);
    box.addEventListener('pointermove', (e) => this.point(e));
    box.addEventListener('pointerdown', (e) => this.point(e));
    box.addEventListener('pointerleave', () => this.choose(null));
    box.addEventListener('blur', () => this.choose(null));
    box.addEventListener('keydown', (e) => this.key(e));
  }

  // Samples [ms, dollars], the oldest first; `span` ms are shown, 0: all there are.
  show(samples, span) {
    const read = this.at === null ? null : this.samples[this.at]?.[0];
    this.samples = samples;
    this.span = span;
    if (read != null) this.at = this.nearest(read);
    this.draw();
  }

  nearest(ms) {
    let low = 0, high = this.samples.length - 1;
    if (high < 0) return null;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.samples[middle][0] < ms) low = middle + 1; else high = middle;
    }
    return low > 0 && ms - this.samples[low - 1][0] < this.samples[low][0] - ms ? low - 1 : low;
  }

  point(e) {
    if (!this.scale) return;
    const x = e.clientX - this.svg.getBoundingClientRect().left;
    this.choose(this.nearest(this.scale.from + ((x - LEFT) / this.scale.width) * (this.scale.to - this.scale.from)));
  }

  key(e) {
    const last = this.samples.length - 1, step = Math.max(1, Math.round(last / 60));
    const to = { ArrowLeft: (this.at ?? last) - step, ArrowRight: (this.at ?? last) + step, Home: 0, End: last, Escape: null }[e.key];
    if (to === undefined || last < 0) return;
    e.preventDefault();
    this.choose(to === null ? null : Math.min(last, Math.max(0, to)));
  }

  choose(i) {
    this.at = i;
    this.mark();
  }

  mark() {
    const sample = this.at === null ? null : this.samples[this.at];
    this.read(sample);
    this.cursor?.classList.toggle('on', Boolean(sample && this.scale));
    if (!sample || !this.scale) return;
    const x = this.scale.x(sample[0]), y = this.scale.y(sample[1]);
    this.cursor.firstChild.setAttribute('x1', x);
    this.cursor.firstChild.setAttribute('x2', x);
    this.cursor.lastChild.setAttribute('cx', x);
    this.cursor.lastChild.setAttribute('cy', y);
  }

  draw() {
    const { svg, samples } = this;
    const w = this.box.clientWidth, h = this.box.clientHeight;
    svg.replaceChildren();
    this.scale = null;
    if (samples.length < 2 || w < 120 || h < 60) {
      this.mark();
      return;
    }
    svg.setAttribute('viewBox', `0 0 ${w} ${h}`);
    const to = samples.at(-1)[0], from = this.span ? Math.max(to - this.span, samples[0][0]) : samples[0][0];
    let low = Infinity, high = -Infinity;
    for (const [, v] of samples) { low = Math.min(low, v); high = Math.max(high, v); }
    if (low > 0 && low < (high - low) * 0.5) low = 0; // near zero it is shown with it
    if (high < 0 && -high < (high - low) * 0.5) high = 0;
    const room = Math.max(high - low, 0.1) * 0.08 + (high - low < 0.1 ? 0.05 : 0);
    low -= room;
    high += room;
    const width = w - LEFT - RIGHT, height = h - TOP - BOTTOM;
    const x = (t) => LEFT + (width * (t - from)) / Math.max(1, to - from), y = (v) => TOP + height * (1 - (v - low) / (high - low));
    this.scale = { from, to, width, x, y };

    const step = niceStep(high - low, Math.max(2, Math.floor(height / 36)));
    const places = Math.max(2, Math.ceil(-Math.log10(step) - 1e-9));
    for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-6; v += step) {
      const value = Math.abs(v) < step * 1e-6 ? 0 : v;
      shape(svg, 'line', { class: value === 0 ? 'zero' : 'grid', x1: LEFT, x2: w - RIGHT, y1: y(value), y2: y(value) });
      shape(svg, 'text', { class: 'axis', x: LEFT - 7, y: y(value) + 4, 'text-anchor': 'end' }).textContent = `${value < 0 ? '−' : ''}${Math.abs(value).toFixed(places)}`;
    }
    const every = STEPS_MS.find((s) => (to - from) / s <= Math.max(2, width / 90)) ?? STEPS_MS.at(-1);
    const offset = new Date(to).getTimezoneOffset() * 60000;
    for (let t = Math.ceil((from - offset) / every) * every + offset; t <= to; t += every) {
      if (x(t) > w - RIGHT - 20 || x(t) < LEFT + 16) continue;
      shape(svg, 'line', { class: 'tick', x1: x(t), x2: x(t), y1: TOP + height, y2: TOP + height + 4 });
      shape(svg, 'text', { class: 'axis', x: x(t), y: h - 5, 'text-anchor': 'middle' }).textContent = every >= 86400000 ? day(t) : hour(t, every < 60000);
    }
    const line = samples.map(([t, v], i) => `${i ? 'L' : 'M'}${x(t).toFixed(1)} ${y(v).toFixed(1)}`).join('');
    const base = y(Math.min(Math.max(0, low), high)).toFixed(1);
    shape(svg, 'path', { class: 'area', d: `${line}L${x(to).toFixed(1)} ${base}L${x(samples[0][0]).toFixed(1)} ${base}Z` });
    shape(svg, 'path', { class: 'curve', d: line });
    this.cursor = shape(svg, 'g', { class: 'cursor' });
    shape(this.cursor, 'line', { y1: TOP, y2: TOP + height });
    shape(this.cursor, 'circle', { r: 3.5 });
    this.mark();
  }
}

// A small curve without axes: the points of an SVG's polyline, 100 by 20.
export function spark(polyline, values) {
  const low = Math.min(...values), high = Math.max(...values), range = high - low;
  polyline.setAttribute('points', values.length < 2 ? '' : values.map((v, i) =>
    `${((100 * i) / (values.length - 1)).toFixed(1)},${(range ? 18 - (16 * (v - low)) / range : 10).toFixed(1)}`).join(' '));
}
