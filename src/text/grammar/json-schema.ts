// From a JSON schema to a grammar of texts that it accepts. Not of all of them: properties come in the schema's order, and
// those that it does not name only where it says that there may be others. What cannot be held is refused by name.
import { type Expression, type Grammar, either, repeat, rule, sequence, text, rename } from './expression.ts';
import { formats } from './json-formats.ts';
import { type Bounds, canBound, integersWithin, numbersWithin } from './json-numbers.ts';
import { type Property, objectOf, propertiesOf } from './json-objects.ts';
import { type Schema, type Schemas, createSchemas, refuse } from './json-schemas.ts';
import { comma, jsonRules, listOf, quoted, space, stringCharacter, writeInString } from './json-text.ts';
import { readRegex } from './regex.ts';

/** What converts a schema: within, schemas are rules, so that they may refer to one another. */
export interface Conversion {
  readonly schemas: Schemas;
  readonly rules: Map<string, Expression>;
  readonly names: Map<Schema, string>;
}

const mostRules = 10_000;
const mostValues = 5000;
const mostCount = 100_000;

/** JSON of a schema; `schema` true: any JSON. @throws RequestError with the code unsupported_schema. */
export function readJsonSchema(schema: unknown): Grammar {
  const conversion: Conversion = { schemas: createSchemas(schema), rules: new Map(jsonRules), names: new Map() };
  const value = convert(conversion, schema as Schema | boolean, '#');
  return { root: sequence(space, value), rules: conversion.rules };
}

/** What stands for a schema among the rules of others: its own rules begin with `prefix`. */
export const convertSchema = (schema: unknown, prefix: string, rules: Map<string, Expression>): Expression =>
  converted(schema, prefix, rules, (conversion) => [convert(conversion, schema as Schema | boolean, '#')])[0];

/** The same of each property of a schema of objects, for calls that are not written as JSON. */
export function convertProperties(schema: unknown, prefix: string, rules: Map<string, Expression>): Property[] {
  let properties: Property[] = [];
  const values = converted(schema, prefix, rules, (conversion) => {
    const resolved = conversion.schemas.resolve(schema as Schema, '#');
    if (typeof resolved !== 'object') return [];
    const more = ['anyOf', 'oneOf', 'enum', 'const', 'patternProperties'].find((keyword) => resolved[keyword] !== undefined);
    if (more) refuse(`#/${more}`, `${more}, for arguments that this model does not write as JSON`);
    properties = propertiesOf(conversion, resolved, '#');
    return properties.map(({ value }) => value);
  });
  return properties.map((property, i) => ({ ...property, value: values[i] }));
}

function converted(schema: unknown, prefix: string, rules: Map<string, Expression>, make: (conversion: Conversion) => Expression[]): Expression[] {
  const conversion: Conversion = { schemas: createSchemas(schema), rules: new Map(jsonRules), names: new Map() };
  const values = make(conversion);
  const shared = new Set(jsonRules.map(([name]) => name));
  const renamed = (part: Expression): Expression => rename(part, (name) => (shared.has(name) ? name : `${prefix}-${name}`));
  for (const [name, expression] of conversion.rules) rules.set(shared.has(name) ? name : `${prefix}-${name}`, renamed(expression));
  return values.map(renamed);
}

export function convert(conversion: Conversion, given: Schema | boolean, where: string): Expression {
  const { schemas, rules, names } = conversion;
  const schema = schemas.resolve(given, where);
  if (schema === true) return rule('value');
  if (schema === false) return { either: [] };
  const known = names.get(schema);
  if (known !== undefined) return rule(known);
  const name = `s${names.size}`;
  if (names.size >= mostRules) refuse(where, `more than ${mostRules} schemas within one another`);
  names.set(schema, name);
  rules.set(name, bodyOf(conversion, schema, where));
  return rule(name);
}

function bodyOf(conversion: Conversion, schema: Schema, where: string): Expression {
  for (const keyword of ['anyOf', 'oneOf'] as const) {
    const { [keyword]: branches, ...rest } = schema;
    if (branches === undefined) continue;
    if (!Array.isArray(branches) || !branches.length) refuse(`${where}/${keyword}`, 'no list of schemas');
    if (keyword === 'oneOf') conversion.schemas.checkExclusive(branches, where);
    const alone = !conversion.schemas.asserts(rest);
    return either(...branches.map((branch, i) => convert(conversion, alone ? branch : { allOf: [rest, branch] }, `${where}/${keyword}/${i}`)));
  }
  if ('const' in schema || 'enum' in schema) return valuesOf(conversion, schema, where);
  const types = typesOf(schema, where);
  return types ? either(...types.map((type) => ofType(conversion, schema, type, where))) : rule('value');
}

const keywordsOf: Record<string, readonly string[]> = {
  object: ['properties', 'required', 'additionalProperties', 'unevaluatedProperties', 'patternProperties', 'minProperties', 'maxProperties'],
  array: ['items', 'prefixItems', 'additionalItems', 'minItems', 'maxItems', 'uniqueItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
};
const allTypes = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'];

/** Those that it names; else those that it says something of; undefined for any. */
function typesOf(schema: Schema, where: string): string[] | undefined {
  if (schema.type === undefined) {
    const said = Object.keys(keywordsOf).filter((type) => keywordsOf[type].some((keyword) => schema[keyword] !== undefined));
    return said.length ? said : undefined;
  }
  const types = [schema.type].flat() as string[];
  const unknown = types.find((type) => !allTypes.includes(type));
  if (unknown !== undefined || !types.length) refuse(`${where}/type`, `the type ${JSON.stringify(unknown ?? [])}`);
  return types;
}

function ofType(conversion: Conversion, schema: Schema, type: string, where: string): Expression {
  switch (type) {
    case 'object': return objectOf(conversion, schema, where);
    case 'array': return arrayOf(conversion, schema, where);
    case 'string': return stringOf(schema, where);
    case 'number': case 'integer': return numberOf(schema, type === 'integer', where);
    default: return rule(type);
  }
}

/** A whole number from 0 on of a keyword. */
export function countOf(schema: Schema, keyword: string, where: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > mostCount)
    refuse(`${where}/${keyword}`, `${JSON.stringify(value)}; counts go up to ${mostCount}`);
  return value as number;
}

function valuesOf({ schemas }: Conversion, schema: Schema, where: string): Expression {
  const listed = 'enum' in schema ? schema.enum : [schema.const];
  if (!Array.isArray(listed) || !listed.length) refuse(`${where}/enum`, 'no list of values');
  if (listed.length > mostValues) refuse(`${where}/enum`, `${listed.length} values; it may have ${mostValues}`);
  const isConstant = (value: unknown): boolean => !('const' in schema) || JSON.stringify(value) === JSON.stringify(schema.const);
  const fitting = listed.filter((value) => isConstant(value) && schemas.fits(schema, value, where));
  return either(...fitting.map((value) => text(JSON.stringify(value))));
}

function arrayOf(conversion: Conversion, schema: Schema, where: string): Expression {
  const least = countOf(schema, 'minItems', where) ?? 0;
  const most = countOf(schema, 'maxItems', where) ?? Infinity;
  if (schema.uniqueItems === true && most > 1) refuse(`${where}/uniqueItems`, 'lists without equal items');
  if (most < least) return { either: [] };
  const tuple = (schema.prefixItems ?? (Array.isArray(schema.items) ? schema.items : [])) as (Schema | boolean)[];
  if (!Array.isArray(tuple)) refuse(`${where}/prefixItems`, 'no list of schemas');
  const rest = (Array.isArray(schema.items) ? schema.additionalItems : schema.items) as Schema | boolean | undefined;
  const item = (): Expression => convert(conversion, rest ?? true, `${where}/items`);
  if (!tuple.length) return listOf(most === 0 || rest === false ? { either: [] } : item(), least, rest === false ? 0 : most);
  // Where nothing is said of further items, they come only as far as they have to.
  const mostMore = rest === false ? 0 : Math.max(0, rest === undefined ? least - tuple.length : most - tuple.length);
  const leastMore = Math.max(0, least - tuple.length);
  if (leastMore > mostMore) return { either: [] };
  let more: Expression = mostMore ? repeat(sequence(comma, item()), leastMore, mostMore) : sequence();
  tuple.slice(0, most).map((each, i) => convert(conversion, each, `${where}/prefixItems/${i}`)).reverse().forEach((each, i, all) => {
    const at = all.length - 1 - i;
    const one = sequence(...(at ? [comma] : []), each, more);
    more = at < least ? one : repeat(one, 0, 1);
  });
  return sequence(text('['), space, more, space, text(']'));
}

function stringOf(schema: Schema, where: string): Expression {
  const { pattern, format } = schema;
  const least = countOf(schema, 'minLength', where) ?? 0;
  const most = countOf(schema, 'maxLength', where) ?? Infinity;
  const isCounted = least > 0 || most < Infinity;
  if (most < least) return { either: [] };
  if (pattern === undefined && format === undefined) return isCounted ? quoted(repeat(stringCharacter, least, most)) : rule('string');
  if (pattern !== undefined && format !== undefined) refuse(`${where}/format`, 'a format beside a pattern');
  if (isCounted) refuse(`${where}/${least ? 'minLength' : 'maxLength'}`, `a length beside a ${pattern === undefined ? 'format' : 'pattern'}`);
  if (pattern !== undefined) {
    if (typeof pattern !== 'string') refuse(`${where}/pattern`, 'no text');
    return quoted(attempt(`${where}/pattern`, () => readRegex(pattern, { write: writeInString })));
  }
  if (typeof format !== 'string' || !Object.hasOwn(formats, format))
    refuse(`${where}/format`, `the format ${JSON.stringify(format)}; there are ${Object.keys(formats).join(', ')}`);
  return quoted(readRegex(formats[format], { write: writeInString, whole: true }));
}

/** What a part refuses, as a refusal of the schema. */
function attempt<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    return refuse(where, (error as Error).message);
  }
}

function numberOf(schema: Schema, isInteger: boolean, where: string): Expression {
  const bound = (keyword: string): number | undefined => {
    const value = schema[keyword];
    if (value !== undefined && (typeof value !== 'number' || !Number.isFinite(value))) refuse(`${where}/${keyword}`, 'no number');
    return value as number | undefined;
  };
  const multiple = bound('multipleOf');
  if (multiple !== undefined && !(multiple === 1 && isInteger)) refuse(`${where}/multipleOf`, 'multiples of a number');
  const [minimum, above, maximum, below] = ['minimum', 'exclusiveMinimum', 'maximum', 'exclusiveMaximum'].map(bound);
  if ([minimum, above, maximum, below].every((each) => each === undefined)) return rule(isInteger ? 'integer' : 'number');
  const isAbove = above !== undefined && above >= (minimum ?? -Infinity);
  const isBelow = below !== undefined && below <= (maximum ?? Infinity);
  const bounds: Bounds = { least: isAbove ? above : minimum, most: isBelow ? below : maximum, aboveLeast: isAbove, belowMost: isBelow };
  const { least, most } = bounds;
  for (const value of [least, most])
    if (value !== undefined && !(isInteger ? Math.abs(value) < 1e15 : canBound(value)))
      refuse(where, `the bound ${value}; bounds have ${isInteger ? 'at most 15 digits' : 'at most 10 digits before the point and 6 after it'}`);
  return isInteger ? integersWithin(bounds) : numbersWithin(bounds);
}
