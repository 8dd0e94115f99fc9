// What JSON schemas say before anything is made of them: whether they are bounded, where references lead, and what several that
// all have to hold (allOf, references with keywords beside them) come to as one.
import { RequestError } from '../../errors.ts';
import { createMatcher } from './pattern.ts';

export type Schema = { readonly [keyword: string]: unknown };

export interface Schemas {
  /** One schema in place of references and of all that has to hold together. The same one for the same parts. */
  resolve(schema: Schema | boolean, where: string): Schema | boolean;
  /** Whether a schema says more than what it is called and described as. */
  asserts(schema: Schema): boolean;
  /** Whether a value of its `enum` or `const` passes the rest of a schema. */
  fits(schema: Schema, value: unknown, where: string): boolean;
  /** Whether a part of a text matches a regular expression. */
  matches(pattern: unknown, text: string, where: string): boolean;
  /** Refuses branches of which two might hold at once. */
  checkExclusive(branches: readonly unknown[], where: string): void;
}

const annotations = [
  '$schema', '$id', '$comment', '$defs', 'definitions', 'title', 'description', 'default', 'examples', 'example', 'deprecated', 'readOnly', 'writeOnly',
  'contentEncoding', 'contentMediaType', 'discriminator', 'externalDocs', 'xml', 'nullable',
];
const assertions = [
  'type', 'enum', 'const', 'properties', 'required', 'additionalProperties', 'unevaluatedProperties', 'patternProperties', 'minProperties',
  'maxProperties', 'items', 'prefixItems', 'additionalItems', 'minItems', 'maxItems', 'uniqueItems', 'anyOf', 'oneOf', 'minLength', 'maxLength',
  'pattern', 'format', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf',
];
const isAnnotation = (keyword: string): boolean => annotations.includes(keyword) || keyword.startsWith('x-');

const mostDepth = 100;
const mostNodes = 50_000;
const mostBranches = 64;
const mostTogether = 2000;

export function refuse(where: string, what: string): never {
  throw new RequestError(`The schema has at ${where}: ${what}. This cannot be enforced, so leave it out or say it otherwise.`, { code: 'unsupported_schema' });
}

export function createSchemas(root: unknown): Schemas {
  checkSize(root);
  const ids = new Map<Schema, number>();
  const together = new Map<string, Schema | boolean>();
  const idOf = (schema: Schema): number => ids.get(schema) ?? (ids.set(schema, ids.size), ids.size - 1);

  /** Schemas that have to hold at once, without references; false if one of them allows nothing. */
  function partsOf(schema: Schema | boolean, where: string, above: readonly string[] = []): Schema[] | false {
    if (typeof schema === 'boolean') return schema && [];
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return refuse(where, `${JSON.stringify(schema)} where a schema should be`);
    check(schema, where);
    const { $ref, allOf = [] } = schema;
    if (!Array.isArray(allOf)) refuse(`${where}/allOf`, 'no list of schemas');
    const parts: Schema[] = [schema];
    const add = (more: Schema[] | false): boolean => more !== false && parts.push(...more) > 0;
    if ($ref !== undefined) {
      if (above.includes($ref as string)) refuse(`${where}/$ref`, `a reference to itself, ${JSON.stringify($ref)}`);
      if (!add(partsOf(target(root, $ref, where), String($ref), [...above, $ref as string]))) return false;
    }
    for (const [i, each] of allOf.entries()) {
      if (above.length > mostDepth) refuse(where, `more than ${mostDepth} references within one another`);
      if (!add(partsOf(each as Schema, `${where}/allOf/${i}`, above))) return false;
    }
    return parts;
  }

  function resolve(schema: Schema | boolean, where: string): Schema | boolean {
    const parts = partsOf(schema, where);
    if (parts === false) return false;
    const saying = [...new Set(parts)].filter(asserts);
    if (!saying.length) return true;
    if (saying.length === 1) return saying[0];
    const key = saying.map(idOf).sort((a, b) => a - b).join();
    let merged = together.get(key);
    if (merged === undefined) {
      if (together.size >= mostTogether) refuse(where, `more than ${mostTogether} schemas that have to hold together`);
      merged = saying.reduce<Schema | false>((a, b) => a && mergeTwo(a, b, where), {});
      together.set(key, merged);
    }
    return merged;
  }

  const matches = createMatches();
  return {
    resolve, asserts, matches,
    fits: (schema, value, where) => fits(matches, schema, value, where),
    checkExclusive: (branches, where) => checkExclusive(resolve, branches as Schema[], where),
  };
}

const asserts = (schema: Schema): boolean => Object.keys(schema).some((keyword) => assertions.includes(keyword) && schema[keyword] !== undefined);

function check(schema: Schema, where: string): void {
  for (const [keyword, value] of Object.entries(schema)) {
    if (value === undefined || isAnnotation(keyword) || assertions.includes(keyword) || keyword === '$ref' || keyword === 'allOf') continue;
    refuse(`${where}/${keyword}`, `the keyword ${keyword}`);
  }
}

function checkSize(root: unknown): void {
  let nodes = 0;
  const visit = (value: unknown, depth: number): void => {
    if (depth > mostDepth) refuse('#', `more than ${mostDepth} levels`);
    if (++nodes > mostNodes) refuse('#', `more than ${mostNodes} values`);
    if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) visit(each, depth + 1);
  };
  visit(root, 0);
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** What a reference like #/$defs/name means. */
function target(root: unknown, reference: unknown, where: string): Schema | boolean {
  if (typeof reference !== 'string' || !/^#(?:\/|$)/.test(reference))
    refuse(`${where}/$ref`, `the reference ${JSON.stringify(reference)}; it has to be one within the schema, as #/$defs/name`);
  let at: unknown = root;
  for (const part of reference.split('/').slice(1)) {
    const name = decoded(part)?.replaceAll('~1', '/').replaceAll('~0', '~');
    if (name === undefined) refuse(`${where}/$ref`, `the reference ${reference}, which is no part of an address: % is written %25 there`);
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) refuse(`${where}/$ref`, `the reference ${reference}, to which nothing belongs`);
    at = (at as Record<string, unknown>)[name];
  }
  return at as Schema | boolean;
}

const includes = (values: readonly unknown[], value: unknown): boolean => values.some((each) => JSON.stringify(each) === JSON.stringify(value));
const both = (a: unknown, b: unknown): unknown => (a === undefined ? b : b === undefined ? a : { allOf: [a, b] });
const most = (a: unknown, b: unknown): unknown => (a === undefined ? b : b === undefined ? a : Math.max(a as number, b as number));
const least = (a: unknown, b: unknown): unknown => (a === undefined ? b : b === undefined ? a : Math.min(a as number, b as number));

/** One schema for two that have to hold together; false where nothing could pass both. */
function mergeTwo(a: Schema, b: Schema, where: string): Schema | false {
  const merged: Record<string, unknown> = {};
  for (const keyword of new Set([...Object.keys(a), ...Object.keys(b)])) {
    if (!assertions.includes(keyword)) continue;
    const [x, y] = [a[keyword], b[keyword]];
    if (x === undefined || y === undefined || JSON.stringify(x) === JSON.stringify(y)) merged[keyword] = x ?? y;
    else if (/^(minimum|exclusiveMinimum|min[A-Z]\w+)$/.test(keyword)) merged[keyword] = most(x, y);
    else if (/^(maximum|exclusiveMaximum|max[A-Z]\w+)$/.test(keyword)) merged[keyword] = least(x, y);
    else if (keyword === 'required') merged[keyword] = [...new Set([...(x as string[]), ...(y as string[])])];
    else if (keyword === 'enum') merged[keyword] = (x as unknown[]).filter((value) => includes(y as unknown[], value));
    else if (keyword === 'type') {
      const common = commonTypes([x].flat() as string[], [y].flat() as string[]);
      if (!common.length) return false;
      merged[keyword] = common;
    } else if (keyword === 'anyOf') merged[keyword] = crossed(x as unknown[], y as unknown[], `${where}/${keyword}`);
    else if (keyword === 'const') return false;
    else if (keyword === 'uniqueItems') merged[keyword] = true;
    else if (keyword === 'unevaluatedProperties') merged[keyword] = false;
    else if (!['properties', 'additionalProperties', 'items'].includes(keyword) || Array.isArray(x) || Array.isArray(y))
      return refuse(`${where}/${keyword}`, `two different values of ${keyword} that both have to hold`);
  }
  return { ...merged, ...mergedItems(a, b), ...mergedProperties(a, b) };
}

function mergedItems(a: Schema, b: Schema): Schema {
  const items = Array.isArray(a.items) || Array.isArray(b.items) ? undefined : both(a.items, b.items);
  return items === undefined ? {} : { items };
}

/** A property has to pass what each of the two says of it, by name or as one of the others. */
function mergedProperties(a: Schema, b: Schema): Schema {
  const of = (schema: Schema, name: string): unknown =>
    Object.hasOwn((schema.properties ?? {}) as object, name) ? (schema.properties as Schema)[name] : schema.additionalProperties;
  const names = new Set([a, b].flatMap(({ properties }) => Object.keys((properties ?? {}) as object)));
  const others = [a, b].map((schema) => schema.additionalProperties);
  const additionalProperties = others.includes(false) ? false : both(others[0], others[1]);
  return {
    ...(names.size && { properties: Object.fromEntries([...names].map((name) => [name, both(of(a, name), of(b, name)) ?? true])) }),
    ...(additionalProperties !== undefined && { additionalProperties }),
  };
}

const commonTypes = (a: readonly string[], b: readonly string[]): string[] => {
  const has = (types: readonly string[], type: string): boolean => types.includes(type) || (type === 'integer' && types.includes('number'));
  return [...new Set([...a.filter((type) => has(b, type)), ...b.filter((type) => has(a, type))])];
};

function crossed(a: readonly unknown[], b: readonly unknown[], where: string): unknown[] {
  if (a.length * b.length > mostBranches) refuse(where, `${a.length * b.length} ways in which two lists could hold together; there may be ${mostBranches}`);
  return a.flatMap((x) => b.map((y) => ({ allOf: [x, y] })));
}

/** Each expression is read once. */
function createMatches(): Schemas['matches'] {
  const matchers = new Map<unknown, (text: string) => boolean>();
  return (pattern, text, where) => {
    if (typeof pattern !== 'string') refuse(where, 'no text');
    try {
      let matcher = matchers.get(pattern);
      if (!matcher) matchers.set(pattern, (matcher = createMatcher(pattern)));
      return matcher(text);
    } catch (error) {
      return refuse(where, (error as Error).message);
    }
  };
}

const typeOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);

function fits(matches: Schemas['matches'], schema: Schema, value: unknown, where: string): boolean {
  const type = typeOf(value);
  const types = schema.type === undefined ? undefined : ([schema.type].flat() as string[]);
  const isOfType = !types || types.includes(type) || (types.includes('integer') && Number.isInteger(value));
  if (!isOfType) return false;
  const { minLength, maxLength, pattern, minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema as Record<string, never>;
  if (typeof value === 'number')
    return !(value < minimum || value > maximum || value <= exclusiveMinimum || value >= exclusiveMaximum);
  if (typeof value === 'string')
    return !([...value].length < minLength || [...value].length > maxLength || (pattern !== undefined && !matches(pattern, value, `${where}/pattern`)));
  const more = Object.keys(schema).find((keyword) => /properties|items|required/i.test(keyword));
  if (more && typeof value === 'object' && value !== null) refuse(`${where}/${more}`, `${more} beside a list of values`);
  return true;
}

/** By their types, by values of which they have none in common, or by a property that both require and that tells them apart. */
function checkExclusive(resolve: Schemas['resolve'], branches: readonly Schema[], where: string): void {
  const values = (schema: Schema): unknown[] | undefined => ('const' in schema ? [schema.const] : (schema.enum as unknown[] | undefined));
  const differ = (x: Schema | boolean, y: Schema | boolean, depth: number): boolean => {
    const [a, b] = [resolve(x, where), resolve(y, where)];
    if (a === false || b === false) return true;
    if (a === true || b === true || depth > 5) return false;
    const [listed, others] = [values(a), values(b)];
    if (listed && others && !listed.some((value) => includes(others, value))) return true;
    const types = [a, b].map((each) => (each.type === undefined ? values(each)?.map(typeOf) : ([each.type].flat() as string[])));
    if (types[0] && types[1] && !commonTypes(types[0], types[1]).length) return true;
    const [one, other] = [a, b].map(({ properties = {}, required = [] }) => ({
      properties: properties as Record<string, Schema>,
      required: required as string[],
    }));
    const lacks = (name: string, schema: Schema, { properties }: typeof one): boolean =>
      schema.additionalProperties === false && !Object.hasOwn(properties, name);
    return (
      one.required.some((name) => lacks(name, b, other)) || other.required.some((name) => lacks(name, a, one)) ||
      one.required.some((name) => other.required.includes(name) && name in one.properties && name in other.properties &&
        differ(one.properties[name], other.properties[name], depth + 1))
    );
  };
  branches.forEach((branch, i) => branches.slice(0, i).forEach((before, j) => {
    if (!differ(before, branch, 0)) refuse(`${where}/oneOf`, `the branches ${j} and ${i} of oneOf, which might hold at once (anyOf allows that)`);
  }));
}
