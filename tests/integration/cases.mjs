// The calls of the conformance run: for every operation what a script passes and, worked out beside it, what must
// arrive.
import { LosslessNumber } from 'lossless-json';
import { Fixed } from './decoded.mjs';
import { entersPairs, facet, fixedKind, operations, parts } from './document.mjs';

// The documented texts are free; these hold everything that has to be escaped in a path, a query or a JSON string.
const pathTexts = ['KX-26NOV22-B51', 'a b/c%d?e#f&g=h+i;j', 'Zürich/東京"\'<>', '%2F..~_'];
const queryTexts = ['KX-26NOV22-B51', 'a b&c=d+e%20f#g?', 'Zürich 東京 "\'()*!', 'x;y/z:@[]'];
const bodyTexts = ['plain', 'quote " backslash \\ slash /', 'Zürich 東京 🙂', 'line\nfeed\ttab\u0001\u2028\u007f'];
const listTexts = ['KX-A', 'KX B+C', 'KX-Ü&='];
const dollars = [0.42, 0.0001, '0.9999', 0.5, 0.1];
const counts = [10, 2.5, '3.00', 0.01, 1234.56];

const pick = (list, k) => list[k % list.length];

// An integer of the schema's range: its ends in turn; where there is none, the largest that Prism takes.
function integer(list, k) {
  const low = facet(list, 'minimum'), high = facet(list, 'maximum');
  const most = facet(list, 'format') === 'int64' ? '9007199254740991' : '2147483647';
  return new LosslessNumber(String(pick([low ?? 1, high ?? most, (low ?? 0) + 1], k)));
}

function text(list, k, free) {
  const format = facet(list, 'format');
  if (format === 'date-time') return pick(['2026-11-25T12:00:00Z', '2026-11-25T12:00:00.123456+01:00'], k);
  if (format === 'uuid') return '6f1c2f3e-9f0a-4c7b-8d7e-0123456789ab';
  return pick(free, k);
}

// One value that fits a schema: {lua: what a script passes, wire: what arrives}. `k` chooses among the possible ones;
// `full` fills in what is optional, `nulls` gives null where that is allowed.
function value(schema, how, k, inside = false) {
  const { list, names } = parts(schema);
  const same = (v) => ({ lua: v, wire: v });
  if (how.nulls && facet(list, 'nullable')) return same(null);
  const kind = fixedKind({ list, names }, inside);
  if (kind) {
    const lua = pick(kind === 'count' ? counts : dollars, k);
    return { lua, wire: new Fixed(String(lua), kind) };
  }
  const options = facet(list, 'enum')?.filter((v) => v !== null);
  if (options) {
    const chosen = pick(options, k);
    return same(typeof chosen === 'number' ? new LosslessNumber(String(chosen)) : chosen);
  }
  switch (facet(list, 'type') ?? (facet(list, 'properties') ? 'object' : 'string')) {
    case 'integer': return same(integer(list, k));
    case 'number': return same(new LosslessNumber(pick(['0.25', '1e-7', '123456.789'], k)));
    case 'boolean': return same(k % 2 === 0);
    case 'array': {
      const n = Math.max(facet(list, 'minItems') ?? 0, Math.min(2, facet(list, 'maxItems') ?? 2));
      const inner = inside || entersPairs(names);
      const all = Array.from({ length: n }, (_, i) => value(facet(list, 'items'), how, k + i, inner));
      return { lua: all.map((v) => v.lua), wire: all.map((v) => v.wire) };
    }
    case 'object': return object(schema, how, k);
    default: return same(text(list, k, how.texts ?? bodyTexts));
  }
}

function object(schema, how, k) {
  const { list } = parts(schema);
  const required = new Set(list.flatMap((s) => s.required ?? []));
  const out = { lua: {}, wire: {} };
  for (const [name, sub] of list.flatMap((s) => Object.entries(s.properties ?? {}))) {
    if (!how.full && !required.has(name)) continue;
    const v = value(sub, how, k++);
    out.lua[name] = v.lua;
    out.wire[name] = v.wire;
  }
  return out;
}

const plain = (v) => (v instanceof LosslessNumber ? v.value : v instanceof Fixed ? v.text : String(v));

// A query parameter: {lua, wire: the texts of its key, one for each time it is repeated}. In odd turns a list is passed
// the short way, as the one value that it holds or as the text that the commas make of it.
function query(p, how, k) {
  if (p.comma) {
    const list = [pick(listTexts, k), pick(listTexts, k + 1)];
    return { lua: k % 2 ? list.join(',') : list, wire: [list.join(',')] };
  }
  const v = value(p.schema, { ...how, nulls: false, texts: queryTexts }, k);
  if (!Array.isArray(v.lua)) return { lua: v.lua, wire: [plain(v.wire)] };
  const short = k % 2 && v.lua.length > 0;
  const texts = (short ? v.wire.slice(0, 1) : v.wire).map(plain);
  return { lua: short ? v.lua[0] : v.lua, wire: p.explode ? texts : [texts.join(',')] };
}

function makeCase(op, how, k) {
  const path = op.path_params.map((p) => value(p.schema, { ...how, texts: pathTexts }, k).lua);
  const args = {}, wanted = { path: path.map(plain), query: [], body: undefined };
  for (const p of op.query_params) {
    if (!how.full && !p.required) continue;
    const v = query(p, how, k);
    args[p.name] = v.lua;
    for (const t of v.wire) wanted.query.push([p.name, t]);
  }
  if (op.sends_body) {
    const body = op.body ? object(op.body, how, k) : { lua: {}, wire: {} };
    for (const name of Object.keys(body.lua)) {
      if (Object.hasOwn(args, name)) throw new Error(`${op.id}: ${name} is in the query and in the body`);
    }
    Object.assign(args, body.lua);
    wanted.body = body.wire;
  }
  // Path values stand in front, or in odd turns in the table with the rest.
  const inTable = how.full && k % 2 === 1;
  if (inTable) {
    op.path_params.forEach((p, i) => {
      if (Object.hasOwn(args, p.name)) throw new Error(`${op.id}: ${p.name} is in the path and elsewhere`);
      args[p.name] = path[i];
    });
  }
  if (how.raw) args.raw = true;
  return { op, path: inTable ? [] : path, args: Object.keys(args).length ? args : null, raw: how.raw === true, wanted };
}

// So many turns that every value of every enumeration is sent, and at least four.
function turns(op) {
  let most = 4;
  const look = (schema) => {
    const { list } = parts(schema);
    most = Math.max(most, facet(list, 'enum')?.length ?? 0);
    for (const s of list) {
      if (s.items) look(s.items);
      Object.values(s.properties ?? {}).forEach(look);
    }
  };
  [...op.path_params, ...op.query_params].forEach((p) => look(p.schema));
  if (op.body) look(op.body);
  return most;
}

// The least and the most of every operation, the most with changing values, both also with raw answers.
export const allCases = () => operations.flatMap((op) => [
  makeCase(op, {}, 0),
  ...Array.from({ length: turns(op) }, (_, k) => makeCase(op, { full: true, nulls: k === 2 }, k)),
  makeCase(op, { raw: true }, 0),
  makeCase(op, { full: true, raw: true }, 1)]);
// The least of every operation, so often as `times` says.
export const leastCases = (times) =>
  operations.flatMap((op) => Array.from({ length: times(op) }, () => makeCase(op, {}, 0)));
// The most of every operation, once.
export const fullCases = () => operations.map((op) => makeCase(op, { full: true }, 0));
