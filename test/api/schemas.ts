// Schemas of many kinds, for tests of answers that have to pass them.
const text = { type: 'string' };
const integer = { type: 'integer' };
const object = (properties: object, required: string[] = Object.keys(properties), more: object = {}) => ({ type: 'object', properties, required, ...more });
const closed = { additionalProperties: false };
const point = object({ x: { type: 'number' }, y: { type: 'number' } });

export const schemas: Record<string, object> = {
  'a person': object({ name: { type: 'string', maxLength: 30 }, age: { type: 'integer', minimum: 0, maximum: 120 } }, undefined, closed),
  'properties that may be left out': object({ a: integer, b: { type: 'boolean' }, c: { type: 'null' }, d: integer }, ['c']),
  'nothing is required': object({ a: integer, b: integer }, []),
  'nested objects': object({ a: object({ b: object({ c: object({ d: integer }) }) }) }),
  'an enum': { enum: ['red', 'green', 'blue'] },
  'an enum of several types': { enum: [1, 'one', null, true, { one: 1 }, [1]] },
  'a constant': { const: { version: 2, tags: ['a', 'b'] } },
  'a boolean': { type: 'boolean' },
  'an integer within bounds': { type: 'integer', minimum: -17, maximum: 1042 },
  'an integer from a bound on': { type: 'integer', exclusiveMinimum: 99 },
  'an integer up to a bound': { type: 'integer', maximum: -3 },
  'a number within bounds': { type: 'number', minimum: -0.25, maximum: 1.5 },
  'a number above 0': { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
  'any number': { type: 'number' },
  'a pattern': { type: 'string', pattern: '^[A-Z]{2}-\\d{4}$' },
  'a pattern with alternatives': { type: 'string', pattern: '^(?:cat|dog)s?$|^\\w{1,4}!' },
  'a pattern anywhere': object({ code: { type: 'string', pattern: 'b[0-9]' }, n: integer }),
  'a pattern of characters that are escaped': { type: 'string', pattern: '^["\\\\\\n\\t]{1,5}é+$' },
  'a pattern of letters': { type: 'string', pattern: '^\\p{Lu}\\p{Ll}{0,8}$' },
  'a string of bounded length': { type: 'string', minLength: 3, maxLength: 9 },
  'any of two': { anyOf: [integer, object({ a: text })] },
  'any of, within': object({ value: { anyOf: [{ type: 'null' }, { type: 'array', items: integer, maxItems: 4 }] } }),
  'one of two that a constant tells apart': {
    oneOf: [object({ kind: { const: 'circle' }, radius: { type: 'number', minimum: 0 } }), object({ kind: { const: 'square' }, side: integer })],
  },
  'any of with keywords beside it': { type: 'object', properties: { id: integer }, required: ['id'], anyOf: [object({ a: integer }), object({ b: integer })] },
  'all of two': { allOf: [object({ a: integer }), object({ b: { type: 'string', maxLength: 5 } })] },
  'all of bounds': { allOf: [{ type: 'integer', minimum: 3 }, { maximum: 20 }, { type: ['integer', 'string'] }] },
  'a recursive list': {
    $defs: { node: object({ value: integer, next: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] } }) }, $ref: '#/$defs/node',
  },
  'a recursive tree': {
    type: 'object', properties: { name: { type: 'string', maxLength: 4 }, children: { type: 'array', items: { $ref: '#' }, maxItems: 2 } },
    required: ['name', 'children'], additionalProperties: false,
  },
  'references in both directions': {
    definitions: {
      a: object({ b: { anyOf: [{ $ref: '#/definitions/b' }, { type: 'null' }] } }),
      b: object({ a: { anyOf: [{ $ref: '#/definitions/a' }, { type: 'null' }] } }),
    },
    $ref: '#/definitions/a',
  },
  'a list within bounds': { type: 'array', items: { type: 'integer', minimum: 0, maximum: 9 }, minItems: 2, maxItems: 5 },
  'a list of objects': { type: 'array', items: point, minItems: 1, maxItems: 3 },
  'lists of lists': { type: 'array', items: { type: 'array', items: { type: 'boolean' }, minItems: 3, maxItems: 3 }, minItems: 2, maxItems: 2 },
  'a tuple': { type: 'array', prefixItems: [integer, { type: 'boolean' }, { enum: ['x'] }], items: false, minItems: 2 },
  'names and values of other scripts': object({ 名前: { enum: ['山田', '😀', 'née'] }, 'größe "x"': { type: 'integer', minimum: 1 }, 'a\\b\n': { type: 'null' } }),
  'a map': { type: 'object', additionalProperties: { type: 'integer' }, maxProperties: 4 },
  'other properties beside named ones': object({ type: { const: 'x' } }, undefined, { additionalProperties: { type: 'boolean' }, maxProperties: 4 }),
  'properties by a pattern': { type: 'object', patternProperties: { '^x_[a-z]{1,3}$': integer }, additionalProperties: false, maxProperties: 3 },
  'several types': { type: ['integer', 'null', 'boolean'] },
  formats: object({ day: { type: 'string', format: 'date' }, at: { type: 'string', format: 'date-time' }, id: { type: 'string', format: 'uuid' } }),
  addresses: object({ mail: { type: 'string', format: 'email' }, ip: { type: 'string', format: 'ipv4' }, link: { type: 'string', format: 'uri' } }),
  'a long schema': object(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`property_${i}`, { type: 'integer', minimum: i, maximum: i + 5 }]))),
  'nullable by its types': object({ a: { type: ['string', 'null'], maxLength: 3 }, b: { type: ['integer', 'null'] } }),
};
