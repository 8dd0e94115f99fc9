// Objects of JSON schemas: named properties in the schema's order, those that may be left out with their commas, and others
// where the schema says so.
import { type Expression, either, repeat, rule, sequence, text } from './expression.ts';
import { type Conversion, convert, countOf } from './json-schema.ts';
import { type Schema, refuse } from './json-schemas.ts';
import { colon, comma, quoted, space, stringExcept, writeInString } from './json-text.ts';
import { readRegex } from './regex.ts';

export interface Property {
  name: string;
  value: Expression;
  isRequired: boolean;
}

const mostName = 500;

export function objectOf(conversion: Conversion, schema: Schema, where: string): Expression {
  const named = propertiesOf(conversion, schema, where);
  if (named.some(({ isRequired, value }) => isRequired && isImpossible(value))) return { either: [] };
  const properties = named.filter(({ value }) => !isImpossible(value));
  const required = properties.filter(({ isRequired }) => isRequired).length;
  const least = countOf(schema, 'minProperties', where) ?? 0;
  const most = countOf(schema, 'maxProperties', where) ?? Infinity;
  const other = otherMember(conversion, schema, named.map(({ name }) => name), where);
  const mostOthers = other ? most - properties.length : 0;
  if (most < properties.length) refuse(`${where}/maxProperties`, 'fewer properties than it names');
  if (least > Math.max(required, 1)) refuse(`${where}/minProperties`, 'more properties than it requires');
  if (!properties.length && other && !least && most === Infinity && isAny(schema)) return rule('object');

  if (!properties.length && !other && !least) return text('{}');

  const others = (isFirst: boolean): Expression => {
    if (!other || mostOthers < 1) return sequence();
    const following = repeat(sequence(comma, other), 0, isFirst ? mostOthers - 1 : mostOthers);
    return isFirst ? repeat(sequence(other, following), least > required ? 1 : 0, 1) : following;
  };
  const name = `${conversion.names.get(schema)}o`;
  const members = properties.map(({ name: key, value, isRequired }) => ({ member: sequence(text(JSON.stringify(key)), colon, value), isRequired }));
  const close = sequence(space, text('}'));
  const isEmptyAllowed = least === 0 || (other !== undefined && mostOthers > 0);
  const last = { any: sequence(others(false), close), first: isEmptyAllowed ? sequence(others(true), close) : { either: [] } };
  return sequence(text('{'), space, chain(conversion.rules, name, members, comma, last));
}

/**
 * Members in order, those that are not required perhaps left out, with `between` between them, and then `last`, which may differ where
 * there was none. By rules, named after `name`: of each member there are two ways on, by whether there was one before it.
 */
export function chain(
  rules: Map<string, Expression>,
  name: string,
  members: readonly { member: Expression; isRequired: boolean }[],
  between: Expression,
  last: { any: Expression; first: Expression },
): Expression {
  rules.set(`${name}${members.length}`, last.any);
  rules.set(`${name}${members.length}f`, last.first);
  members.forEach(({ member, isRequired }, i) => {
    const following = sequence(member, rule(`${name}${i + 1}`));
    for (const [suffix, here] of [['f', following], ['', sequence(between, following)]] as const)
      rules.set(`${name}${i}${suffix}`, isRequired ? here : either(here, rule(`${name}${i + 1}${suffix}`)));
  });
  return rule(`${name}0f`);
}

const isImpossible = (value: Expression): boolean => 'either' in value && value.either.length === 0;

/** Whether nothing is said of an object. */
const isAny = ({ patternProperties, additionalProperties }: Schema): boolean => !patternProperties && (additionalProperties ?? true) === true;

export function propertiesOf(conversion: Conversion, schema: Schema, where: string): Property[] {
  const { properties = {}, required = [], additionalProperties = true } = schema as { properties?: Record<string, Schema | boolean> } & Schema;
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties)) refuse(`${where}/properties`, 'no schemas by name');
  if (!Array.isArray(required) || required.some((name) => typeof name !== 'string')) refuse(`${where}/required`, 'no list of names');
  const names = [...new Set([...Object.keys(properties), ...(required as string[])])];
  const long = names.find((name) => name.length > mostName);
  if (long !== undefined) refuse(`${where}/properties`, `a name of ${long.length} characters; they may have ${mostName}`);
  return names.map((name) => ({
    name,
    value: convert(conversion, Object.hasOwn(properties, name) ? properties[name] : (additionalProperties as Schema | boolean), `${where}/properties/${name}`),
    isRequired: (required as string[]).includes(name),
  }));
}

/** A member with another name, where the schema says that there may be some, or names none. */
function otherMember(conversion: Conversion, schema: Schema, names: readonly string[], where: string): Expression | undefined {
  const { patternProperties } = schema;
  const additional = (schema.additionalProperties ?? schema.unevaluatedProperties) as Schema | boolean | undefined;
  if (patternProperties !== undefined) return patternMember(conversion, patternProperties, names, `${where}/patternProperties`);
  if (additional === false || (additional === undefined && schema.properties !== undefined)) return undefined;
  const value = convert(conversion, additional ?? true, `${where}/additionalProperties`);
  return sequence(names.length ? stringExcept(names) : rule('string'), colon, value);
}

function patternMember(conversion: Conversion, patterns: unknown, names: readonly string[], where: string): Expression | undefined {
  if (typeof patterns !== 'object' || patterns === null) refuse(where, 'no schemas by pattern');
  const entries = Object.entries(patterns as Record<string, Schema | boolean>);
  if (entries.length > 1) refuse(where, 'several patterns, which a name might match at once');
  const [[pattern, value] = []] = entries;
  if (pattern === undefined || value === undefined) return undefined;
  const key = quoted(readRegex(pattern, { write: writeInString }));
  const matching = names.find((name) => conversion.schemas.matches(pattern, name, where));
  if (matching !== undefined) refuse(where, `a pattern that the property ${matching} matches too`);
  return sequence(key, colon, convert(conversion, value, where));
}
