// The exchange's description, read here a second time and by other code than runtime/kalshi/generate.lua: what each
// operation takes, what it answers, and which strings of an answer are numbers.
import fs from 'node:fs';

const read = (name) => fs.readFileSync(new URL(`../../runtime/kalshi/spec/${name}`, import.meta.url), 'utf8');
export const base = '/trade-api/v2';
export const loadDocument = () => JSON.parse(read('openapi.json'));
const api = loadDocument();

const deref = (o) => {
  while (o?.$ref) o = o.$ref.slice(2).split('/').reduce((at, key) => at[key], api);
  return o;
};

// Everything a schema is made of: {list: plain schemas, names: of the references passed on the way}.
export function parts(schema, out = { list: [], names: new Set() }) {
  if (schema.$ref) {
    out.names.add(schema.$ref.split('/').pop());
    return parts(deref({ $ref: schema.$ref }), out);
  }
  out.list.push(schema);
  for (const way of ['allOf', 'anyOf', 'oneOf']) for (const branch of schema[way] ?? []) parts(branch, out);
  return out;
}
export const facet = (list, key) => list.find((s) => s[key] !== undefined)?.[key];

// Fixed-point numbers: the two schemas that say so, and every string inside the pairs of a book and the price grid.
const pairs = new Set(['PriceLevelDollarsCountFp', 'PriceRange']);
export function fixedKind({ list, names }, inside) {
  if (names.has('FixedPointDollars')) return 'dollars';
  if (names.has('FixedPointCount')) return 'count';
  return inside && facet(list, 'type') === 'string' ? 'dollars' : null;
}
export const entersPairs = (names) => [...names].some((n) => pairs.has(n));

// Lists that travel as one comma-separated string: the notes of the protocol name tickers, market_tickers and, on
// orders, event_ticker; count_filter is documented as a list as well.
function isCommaList(operation, p) {
  if (p.in !== 'query' || facet(parts(p.schema).list, 'type') !== 'string') return false;
  return /^(market_)?tickers$/.test(p.name) || (operation === 'GetOrders' && p.name === 'event_ticker') ||
    (operation === 'GetPositions' && p.name === 'count_filter');
}

const rows = read('endpoints.tsv').trim().split('\n').slice(1).map((line) => line.split('\t'));

export const operations = rows.map(([id, method, path, , auth, , , , , status]) => {
  const op = api.paths[path]?.[method.toLowerCase()];
  if (!op) throw new Error(`${id} of endpoints.tsv is not in openapi.json`);
  if (op.operationId !== id) throw new Error(`${id} of endpoints.tsv is ${op.operationId} in openapi.json`);
  if ((auth === 'yes') !== Boolean(op.security?.length)) throw new Error(`${id}: the two files differ in auth`);
  const params = (op.parameters ?? []).map(deref).map((p) => ({
    name: p.name, in: p.in, required: p.in === 'path' || p.required === true, schema: p.schema,
    explode: p.explode !== false, comma: isCommaList(id, p),
    slashes: p.in === 'path' && op['x-wildcard-path'] === true }));
  const order = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const body = deref(op.requestBody)?.content['application/json'].schema ?? null;
  const success = Object.keys(op.responses).filter((s) => s < '300').sort()[0];
  const answer = deref(op.responses[success]).content?.['application/json'].schema ?? null;
  return {
    id, method, path, legacy: status === 'legacy', auth: auth === 'yes', body, success: Number(success), answer,
    refusals: Object.keys(op.responses).filter((s) => s >= '400' && s < '500').map(Number),
    // A few paths name a parameter that the document does not describe.
    path_params: order.map((name) => params.find((p) => p.in === 'path' && p.name === name) ??
      { name, in: 'path', required: true, schema: { type: 'string' } }),
    query_params: params.filter((p) => p.in === 'query'),
    // A POST or PUT carries at least {} (the exchange refuses one without a content type), a DELETE what is documented.
    sends_body: body !== null || method === 'POST' || method === 'PUT' };
});

const templates = operations.map((op) => ({ op, segments: op.path.split('/').slice(1) }));

// The operation that a method and the raw path below /trade-api/v2 belong to, with the decoded path values, or null.
export function matchOperation(method, path) {
  const given = path.split('/').slice(1);
  let best = null;
  for (const { op, segments } of templates) {
    if (op.method !== method || given.length < segments.length) continue;
    if (given.length > segments.length && !op.path_params.at(-1)?.slashes) continue;
    let literal = 0;
    const values = [];
    const fits = segments.every((s, i) => {
      if (!s.startsWith('{')) return s === given[i] && ++literal;
      values.push(i === segments.length - 1 ? given.slice(i).join('/') : given[i]);
      return values.at(-1) !== '';
    });
    if (fits && (!best || literal > best.literal)) best = { op, literal, values: values.map(decodeURIComponent) };
  }
  return best;
}

// The document as the mock server gets it: what it says in words or not at all is said in its own language, so that the
// mock makes up numbers where numbers belong and refuses what is none.
export function mockDocument() {
  const doc = loadDocument();
  const s = doc.components.schemas;
  Object.assign(s.FixedPointDollars, { pattern: '^-?(0|[1-9][0-9]{0,4})\\.[0-9]{1,6}$', example: '0.5600' });
  Object.assign(s.FixedPointCount, { pattern: '^-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,2})?$', example: '10.50' });
  const dollars = { $ref: '#/components/schemas/FixedPointDollars' };
  s.PriceLevelDollarsCountFp.items = dollars;
  for (const name of Object.keys(s.PriceRange.properties)) s.PriceRange.properties[name] = dollars;
  for (const methods of Object.values(doc.paths)) {
    for (const [method, op] of Object.entries(methods)) {
      if (method !== 'post' && method !== 'put') continue;
      op.requestBody ??= { content: { 'application/json': { schema: { type: 'object' } } } };
      op.requestBody.required = true;
    }
  }
  return doc;
}
