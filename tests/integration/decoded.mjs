// What a script must see of an answer, worked out from the answer's text and the schema, and compared as decimals: no
// number passes through a double of this side.
import { LosslessNumber, isLosslessNumber } from 'lossless-json';
import { entersPairs, facet, fixedKind, parts } from './document.mjs';

// A fixed-point number: travels as a string, is a number in a script.
export class Fixed {
  constructor(text, kind) { Object.assign(this, { text, kind }); }
}

// One text for all ways of writing a decimal: digits without zeros at either end, and a power of ten.
export function canonical(text) {
  const m = /^([-+]?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(text);
  if (!m) return null;
  const [, sign, whole, fraction = '', power = '0'] = m;
  const digits = (whole + fraction).replace(/^0+/, '');
  const trimmed = digits.replace(/0+$/, '');
  if (trimmed === '') return '0';
  return `${sign === '-' ? '-' : ''}${trimmed}e${Number(power) - fraction.length + digits.length - trimmed.length}`;
}

const isNode = (v) => v !== null && typeof v === 'object' && !isLosslessNumber(v) && !(v instanceof Fixed);

// The schemas of a member of an object or of an item of an array, each [schema, inside a pair or not].
function below(nodes, pick) {
  return nodes.flatMap(([schema, inside]) => {
    const { list, names } = parts(schema);
    return list.flatMap((s) => pick(s).map((sub) => [sub, inside || entersPairs(names)]));
  });
}
const members = (nodes, name) => {
  const named = below(nodes, (s) => (s.properties && Object.hasOwn(s.properties, name) ? [s.properties[name]] : []));
  if (named.length) return named;
  return below(nodes, (s) => (typeof s.additionalProperties === 'object' ? [s.additionalProperties] : []));
};
const items = (nodes) => below(nodes, (s) => (s.items ? [s.items] : []));
const kindOf = (nodes) => {
  for (const [schema, inside] of nodes) {
    const kind = fixedKind(parts(schema), inside);
    if (kind) return kind;
  }
  return null;
};

// The value with its fixed-point strings marked. `found(where, kind, text)` hears of each, also of what is no number.
export function marked(value, nodes, found = () => {}, where = '') {
  if (Array.isArray(value)) {
    const inner = items(nodes);
    return value.map((v) => marked(v, inner, found, `${where}[]`));
  }
  if (isNode(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, v]) =>
      [name, marked(v, members(nodes, name), found, `${where}.${name}`)]));
  }
  if (typeof value !== 'string') return value;
  const kind = kindOf(nodes);
  if (!kind) return value;
  found(where, kind, value);
  return canonical(value) === null ? value : new Fixed(value, kind);
}

// What a script sees: with `raw` everything as it came, otherwise null members absent and fixed-point strings numbers.
export function expected(value, schema, { raw, found }) {
  if (raw) return value;
  const strip = (v) => {
    if (Array.isArray(v)) return v.map(strip);
    if (v instanceof Fixed) return new LosslessNumber(v.text);
    if (!isNode(v)) return v;
    return Object.fromEntries(Object.entries(v).filter(([, x]) => x !== null).map(([k, x]) => [k, strip(x)]));
  };
  return strip(marked(value, schema ? [[schema, false]] : [], found));
}

const show = (v) => (v instanceof Fixed ? `fixed-point ${v.text}` : isLosslessNumber(v) ? `number ${v.value}`
  : v === undefined ? 'nothing' : JSON.stringify(v)?.slice(0, 120));
const isEmpty = (v) => isNode(v) && Object.keys(v).length === 0;

function sameNumber(got, want) {
  if (canonical(got) === canonical(want)) return true;
  // A float that is no fixed-point number has been a double in the mock as well: the same double will do.
  const digits = want.replace(/[-.]|[eE].*/g, '').replace(/^0+/, '').length;
  return /[.eE]/.test(want) && digits > 15 && Number(got) === Number(want);
}

// Where `got` is not `want`; both as read by lossless-json. An empty Lua table is both [] and {}.
export function differences(got, want, where = '', out = []) {
  const differ = () => out.push(`${where || 'the value'}: ${show(got)} instead of ${show(want)}`);
  if (want instanceof Fixed) {
    if (typeof got !== 'string' || canonical(got) !== canonical(want.text)) differ();
  } else if (isLosslessNumber(want)) {
    if (!isLosslessNumber(got) || !sameNumber(got.value, want.value)) differ();
  } else if (!isNode(want)) {
    if (got !== want) differ();
  } else if (!isNode(got) || (Array.isArray(got) !== Array.isArray(want) && !(isEmpty(got) && isEmpty(want)))) {
    differ();
  } else {
    const of = (v, key) => (Object.hasOwn(v, key) ? v[key] : undefined);
    for (const key of new Set([...Object.keys(got), ...Object.keys(want)])) {
      const name = Array.isArray(want) ? `${where}[${key}]` : `${where}.${key}`;
      differences(of(got, key), of(want, key), name, out);
    }
  }
  return out;
}

// Every place of a schema where a fixed-point number may stand, as marked() names them.
export function fixedPlaces(schema) {
  const places = new Set();
  const walk = (nodes, where, depth) => {
    if (depth > 12) throw new Error(`a schema contains itself at ${where}`);
    if (kindOf(nodes)) places.add(where);
    const inner = items(nodes);
    if (inner.length) walk(inner, `${where}[]`, depth + 1);
    const names = new Set(nodes.flatMap(([s]) => parts(s).list.flatMap((x) => Object.keys(x.properties ?? {}))));
    for (const name of names) walk(members(nodes, name), `${where}.${name}`, depth + 1);
  };
  if (schema) walk([[schema, false]], '', 0);
  return places;
}

export const typeOf = (schema) => facet(parts(schema).list, 'type');
