import { describe, expect, it } from 'vitest';
import { escapeName } from '../../../../src/schemas/custom/rules/escape.ts';
import { readFieldPath } from '../../../../src/schemas/custom/rules/field-path.ts';
import { readSchema } from '../../../../src/schemas/custom/structural-schema.ts';
import { validateSchema } from '../../../../src/schemas/custom/validate-schema.ts';
import { validateCustomObject } from '../../../../src/schemas/custom/validate-value.ts';
import type { FieldError } from '../../../../src/schemas/errors/field-error.ts';

type Json = Record<string, unknown>;
const RULES = 'x-kubernetes-validations';
const TEXT = { type: 'string' };
const NUMBER = { type: 'integer' };
const object = (properties: Json, more: Json = {}): Json => ({ type: 'object', properties, ...more });
const rule = (text: string, more: Json = {}): Json => ({ [RULES]: [{ rule: text, ...more }] });
/** The schema of an object whose spec is this. */
const withSpec = (spec: Json, more: Json = {}): Json => object({ spec }, more);

const refused = (schema: Json): readonly string[] =>
  validateSchema(schema, 'schema').map(({ path, detail }) => `${path}: ${detail}`);
const shown = ({ type, path, value, detail }: FieldError): string =>
  `${type} ${path}${value === undefined ? '' : ` ${JSON.stringify(value)}`}: ${detail}`;
const violations = (schema: Json, spec: unknown, old?: unknown): readonly string[] =>
  validateCustomObject(
    readSchema(schema),
    { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' }, spec },
    old === undefined
      ? undefined
      : { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' }, spec: old },
  ).map(shown);

describe('a definition with rules', () => {
  const spec = (rules: Json, properties: Json = { x: NUMBER }): Json => withSpec(object(properties, rules));
  const AT = 'schema.properties[spec].x-kubernetes-validations[0]';

  it('is taken when they compile', () => {
    expect(refused(spec(rule('self.x > 0')))).toEqual([]);
    expect(refused(withSpec(object({}), rule("self.metadata.name == 'a' && self.kind != ''")))).toEqual([]);
  });

  it('is refused where a rule names what the schema does not', () => {
    expect(refused(spec(rule('self.z == 100')))).toEqual([
      `${AT}.rule: compilation failed: ERROR: <input>:1:5: undefined field 'z'\n | self.z == 100\n | ....^`,
    ]);
  });

  it.each<[string, Json, string]>([
    ['no rule', rule(' '), '.rule: rule is not specified'],
    ['no truth value', rule('self.x'), '.rule: cel expression must evaluate to a bool'],
    ['an empty message', rule('true', { message: ' ' }), '.message: must be non-empty if specified'],
    ['a message of lines', rule('true', { message: 'a\nb' }), '.message: must not contain line breaks'],
    [
      'lines and no message',
      rule('true\n&& true'),
      '.message: message must be specified if rule contains line breaks',
    ],
    [
      'an unknown reason',
      rule('true', { reason: 'Because' }),
      '.reason: supported values: "FieldValueDuplicate"',
    ],
    ['a path to nowhere', rule('true', { fieldPath: '.y' }), '.fieldPath: must be a valid path'],
    [
      'a message that is a number',
      rule('true', { messageExpression: '1' }),
      '.messageExpression: messageExpression must evaluate to a string',
    ],
    [
      'a message that does not compile',
      rule('true', { messageExpression: 'x' }),
      '.messageExpression: messageExpression compilation failed: ERROR',
    ],
    [
      'optionalOldSelf for nothing',
      rule('true', { optionalOldSelf: true }),
      '.optionalOldSelf: may not be set if oldSelf is not used in rule',
    ],
  ])('is refused with %s', (_, rules, text) => {
    expect(refused(spec(rules))).toEqual([expect.stringContaining(`${AT}${text}`)]);
  });

  it('is refused where nothing old corresponds to what a transition is about', () => {
    const items = { ...NUMBER, ...rule('self == oldSelf') };
    expect(refused(spec({}, { list: { type: 'array', items } }))).toEqual([
      'schema.properties[spec].properties[list].items.x-kubernetes-validations[0].rule: oldSelf cannot be used on the uncorrelatable portion of the schema within schema.properties[spec].properties[list]',
    ]);
  });

  it('is refused where its default breaks a rule', () => {
    const x = { ...NUMBER, default: 0, ...rule('self > 0') };
    expect(refused(spec({}, { x }))).toEqual([
      'schema.properties[spec].properties[x].default: failed rule: self > 0',
    ]);
  });

  it('does not let rules see what no schema describes', () => {
    const free = { 'x-kubernetes-preserve-unknown-fields': true };
    expect(refused(spec(rule('has(self.free)'), { free }))).toEqual([
      expect.stringContaining("undefined field 'free'"),
    ]);
    expect(refused(spec({}, { free: { ...free, ...rule('true') } }))).toEqual([
      expect.stringContaining('rule declared on schema that does not support validation rules'),
    ]);
  });
});

describe('an object', () => {
  const schema = withSpec(object({ min: NUMBER, max: NUMBER, name: TEXT }, rule('self.min <= self.max')));

  it('passes what its rules allow', () => {
    expect(violations(schema, { min: 1, max: 2 })).toEqual([]);
  });

  it('is refused with the rule, or what the rule says', () => {
    expect(violations(schema, { min: 3, max: 2 })).toEqual([
      'FieldValueInvalid spec: failed rule: self.min <= self.max',
    ]);
    const told = (more: Json): readonly string[] =>
      violations(
        withSpec(object({ min: NUMBER, inner: object({ 'a-b': NUMBER }) }, rule('self.min > 0', more))),
        { min: 0 },
      );
    expect(told({ message: ' too small ' })).toEqual(['FieldValueInvalid spec: too small']);
    expect(told({ message: 'm', messageExpression: "'is ' + string(self.min)" })).toEqual([
      'FieldValueInvalid spec: is 0',
    ]);
    expect(told({ message: 'm', messageExpression: 'string(1 / self.min)' })).toEqual([
      'FieldValueInvalid spec: m',
    ]);
    expect(told({ message: 'm', reason: 'FieldValueForbidden', fieldPath: '.inner.a-b' })).toEqual([
      'FieldValueForbidden spec.inner.a-b: m',
    ]);
    expect(told({ message: 'm', reason: 'FieldValueDuplicate', fieldPath: '.min' })).toEqual([
      'FieldValueDuplicate spec.min: ',
    ]);
  });

  it('is refused where a rule fails to say', () => {
    expect(violations(schema, { min: 3 })).toEqual([
      'FieldValueInvalid spec: no such key: max evaluating rule: self.min <= self.max',
    ]);
  });

  it('is told of rules on the whole object without a path', () => {
    expect(
      violations(withSpec(object({}), rule("self.metadata.name != 'w'", { message: 'no' })), {}),
    ).toEqual(['FieldValueInvalid <nil>: no']);
  });

  it('has its rules left out while its structure is wrong', () => {
    expect(violations(schema, { min: 'a', max: 2 })).toEqual([
      expect.stringContaining('FieldValueTypeInvalid spec.min'),
      expect.stringContaining('some validation rules were not checked because the object was invalid'),
    ]);
  });

  it('is checked in its lists, maps and conditions', () => {
    const positive = { ...NUMBER, ...rule('self > 0', { message: 'no' }) };
    const deep = withSpec(
      object(
        { list: { type: 'array', items: positive }, map: { type: 'object', additionalProperties: positive } },
        { allOf: [{ properties: { list: rule('self.size() < 3', { message: 'long' }) } }] },
      ),
    );
    // New definitions have no rules in conditions; those of older versions go on.
    expect(refused(deep)).toEqual([
      expect.stringContaining(
        'allOf[0].properties[list].x-kubernetes-validations: must be empty to be structural',
      ),
    ]);
    expect(violations(deep, { list: [1, 0, 2], map: { a: 0, b: 1 } })).toEqual([
      'FieldValueInvalid spec.list: long',
      'FieldValueInvalid spec.list[1]: no',
      'FieldValueInvalid spec.map[a]: no',
    ]);
  });

  it('has its values seen as their formats say', () => {
    const formats = object(
      {
        port: { 'x-kubernetes-int-or-string': true },
        at: { type: 'string', format: 'date-time' },
        wait: { type: 'string', format: 'duration' },
        data: { type: 'string', format: 'byte' },
        ratio: { type: 'number' },
        'is-on': { type: 'boolean' },
        namespace: TEXT,
        none: { ...TEXT, nullable: true },
      },
      {
        [RULES]: [
          'type(self.port) == string || self.port > 5',
          "self.at < timestamp('2030-01-01T00:00:00Z')",
          "self.wait > duration('1h')",
          "self.data == b'hi' && self.ratio < 2.0 && self.is__dash__on && self.__namespace__ == 'n'",
          'has(self.none)',
        ].map((text) => ({ rule: text })),
      },
    );
    const spec = {
      port: 8,
      at: '2024-01-01T00:00:00Z',
      wait: '2h',
      data: 'aGk=',
      ratio: 1,
      'is-on': true,
      namespace: 'n',
      none: null,
    };
    expect(refused(withSpec(formats))).toEqual([]);
    expect(violations(withSpec(formats), spec)).toEqual([]);
    expect(violations(withSpec(formats), { ...spec, port: 'http', wait: '30m' })).toEqual([
      "FieldValueInvalid spec: failed rule: self.wait > duration('1h')",
    ]);
  });

  it('compares lists as their schema says', () => {
    const set = { type: 'array', items: TEXT, 'x-kubernetes-list-type': 'set' };
    const map = {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
      items: object({ k: TEXT, v: NUMBER }, { required: ['k'] }),
    };
    const same = withSpec(object({ set, map }, rule('self.set == oldSelf.set && self.map == oldSelf.map')));
    const before = {
      set: ['a', 'b'],
      map: [
        { k: 'x', v: 1 },
        { k: 'y', v: 2 },
      ],
    };
    expect(violations(same, { set: ['b', 'a'], map: [...before.map].reverse() }, before)).toEqual([]);
    expect(violations(same, { set: ['b', 'c'], map: before.map }, before)).toHaveLength(1);
    expect(
      violations(
        same,
        {
          set: ['b', 'a'],
          map: [
            { k: 'x', v: 2 },
            { k: 'y', v: 2 },
          ],
        },
        before,
      ),
    ).toHaveLength(1);
  });
});

describe('a rule on a change', () => {
  const fixed = withSpec(object({ x: { ...NUMBER, ...rule('self == oldSelf', { message: 'fixed' }) } }));

  it('is for updates of what was there before', () => {
    expect(violations(fixed, { x: 1 })).toEqual([]);
    expect(violations(fixed, { x: 1 }, {})).toEqual([]);
    expect(violations(fixed, { x: 1 }, { x: 1 })).toEqual([]);
    expect(violations(fixed, { x: 2 }, { x: 1 })).toEqual(['FieldValueInvalid spec.x: fixed']);
  });

  it('finds items again by their keys', () => {
    const items = object({ k: TEXT, v: { ...NUMBER, ...rule('self >= oldSelf') } }, { required: ['k'] });
    const list = {
      type: 'array',
      items,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
    };
    const schema = withSpec(object({ list }));
    expect(refused(schema)).toEqual([]);
    const before = {
      list: [
        { k: 'a', v: 1 },
        { k: 'b', v: 5 },
      ],
    };
    expect(
      violations(
        schema,
        {
          list: [
            { k: 'b', v: 4 },
            { k: 'c', v: 0 },
          ],
        },
        before,
      ),
    ).toEqual(['FieldValueInvalid spec.list[0].v: failed rule: self >= oldSelf']);
  });

  it('is for what is new, too, where it asks for it', () => {
    const more = { optionalOldSelf: true, message: 'once' };
    const schema = withSpec(object({ x: NUMBER }, rule('oldSelf.hasValue() || self.x == 0', more)));
    expect(refused(schema)).toEqual([]);
    expect(violations(schema, { x: 1 })).toEqual(['FieldValueInvalid spec: once']);
    expect(violations(schema, { x: 1 }, { x: 0 })).toEqual([]);
    const field = withSpec(
      object({ x: NUMBER }, rule('self.x >= oldSelf.?x.orValue(0)', { optionalOldSelf: true })),
    );
    expect(violations(field, { x: -1 })).toHaveLength(1);
    expect(violations(field, { x: 1 }, {})).toEqual([]);
  });

  it('lets stay what the schema refuses, too, as long as it is not touched', () => {
    const items = object({ k: TEXT, v: { ...NUMBER, maximum: 5 } }, { required: ['k'] });
    const list = {
      type: 'array',
      items,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
    };
    const schema = withSpec(
      object({ mode: { ...TEXT, enum: ['new'] }, list, n: NUMBER }, { required: ['n'] }),
    );
    const before = { mode: 'old', list: [{ k: 'a', v: 9 }], n: 1 };
    expect(violations(schema, before)).toHaveLength(2);
    expect(violations(schema, { ...before, n: 2 }, before)).toEqual([]);
    expect(
      violations(
        schema,
        {
          ...before,
          list: [
            { k: 'b', v: 1 },
            { k: 'a', v: 9 },
          ],
        },
        before,
      ),
    ).toEqual([]);
    expect(violations(schema, { ...before, mode: 'older' }, before)).toHaveLength(1);
    expect(violations(schema, { ...before, list: [{ k: 'b', v: 9 }] }, before)).toHaveLength(1);
    expect(violations(schema, { mode: 'old' }, before)).toEqual(['FieldValueRequired spec.n: ']);
  });

  it('lets stay what was wrong before, as long as it is not touched', () => {
    const schema = withSpec(object({ a: { ...NUMBER, ...rule('self > 0') }, b: NUMBER }));
    expect(violations(schema, { a: 0, b: 2 }, { a: 0, b: 1 })).toEqual([]);
    expect(violations(schema, { a: -1, b: 2 }, { a: 0, b: 1 })).toHaveLength(1);
  });
});

describe('the cost of rules', () => {
  const list = { type: 'array', items: NUMBER };
  const numbers = Array.from({ length: 3000 }, (_, index) => index);

  it('is bounded for each', () => {
    const schema = withSpec(object({ list }, rule('self.list.all(x, self.list.all(y, x + y >= 0))')));
    expect(violations(schema, { list: numbers })).toEqual([
      `FieldValueInvalid spec: 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self.list.all(x, self.list.all(y, x + y >= 0))`,
    ]);
  });

  it.each([
    ['decoding', 'self.list.all(x, self.list.all(y, size(self.data) > 0))'],
    ['comparing', 'self.list.all(x, self.list.all(y, self.a == self.b))'],
    [
      'reading a time from',
      'self.list.all(x, self.list.all(y, timestamp(self.a) == timestamp(self.b) || true))',
    ],
  ])('is bounded for %s a long text again and again', (_, text) => {
    const schema = withSpec(
      object({ list, data: { type: 'string', format: 'byte' }, a: TEXT, b: TEXT }, rule(text)),
    );
    const long = (): string => 'A'.repeat(400_000);
    expect(violations(schema, { list: numbers, data: long(), a: long(), b: long() })).toEqual([
      expect.stringContaining('cost limit'),
    ]);
  });

  it('is bounded for all of an object together', () => {
    const items = object({ list }, rule('self.list.all(x, x >= 0)'));
    const schema = withSpec(object({ rows: { type: 'array', items } }));
    expect(violations(schema, { rows: Array.from({ length: 300 }, () => ({ list: numbers })) })).toEqual([
      expect.stringContaining(
        'validation failed due to running out of cost budget, no further validation rules will be run',
      ),
    ]);
  });
});

it('names of properties are escaped where expressions cannot write them', () => {
  expect(['a', 'a-b', 'a.b/c', 'a__b', 'namespace', '1a', 'é'].map(escapeName)).toEqual([
    'a',
    'a__dash__b',
    'a__dot__b__slash__c',
    'a__underscores__b',
    '__namespace__',
    undefined,
    undefined,
  ]);
});

it('the path of a rule leads through properties and keys', () => {
  const schema = readSchema(
    object({ 'a.b': object({ c: TEXT }), map: { type: 'object', additionalProperties: TEXT } }),
  );
  expect(
    ["['a.b'].c", ".map['x y']", '.map.k', '.nope', '.map[0]', 'map'].map((path) =>
      readFieldPath(path, schema),
    ),
  ).toEqual(['.a.b.c', '.map[x y]', '.map[k]', undefined, undefined, undefined]);
});
