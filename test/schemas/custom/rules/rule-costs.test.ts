/**
 * The estimated cost of rules: the figures are those that upstream's own tests expect of release
 * 1.36.
 */
import { describe, expect, it } from 'vitest';
import { compileRule, isProblem, readRule } from '../../../../src/schemas/custom/rules/rule.ts';
import { extentOf } from '../../../../src/schemas/custom/rules/extent-of.ts';
import { shapeOf } from '../../../../src/schemas/custom/rules/shape.ts';
import { readSchema } from '../../../../src/schemas/custom/structural-schema.ts';
import { validateSchema } from '../../../../src/schemas/custom/validate-schema.ts';

type Json = Record<string, unknown>;

function costOf(schema: Json, rule: string): number {
  const structural = readSchema(schema);
  const [shape, extent] = [shapeOf(structural, false), extentOf(structural, false)];
  if (!shape || !extent) throw new Error('No expression sees this schema');
  const compiled = compileRule(readRule({ rule }), shape.type, extent);
  if (isProblem(compiled)) throw new Error(compiled.text);
  return compiled.program.maxCost;
}

const typed = (type: string): Json => {
  if (type === 'int-or-string') return { 'x-kubernetes-int-or-string': true };
  return ['duration', 'date', 'date-time'].includes(type) ? { type: 'string', format: type } : { type };
};
/** Without a limit, or with one. */
type Sized = (most?: number) => Json;
const limit = (name: string, most?: number): Json => (most === undefined ? {} : { [name]: most });
const list =
  (items: Json): Sized =>
  (most) => ({ type: 'array', items, ...limit('maxItems', most) });
const map =
  (values: Json): Sized =>
  (most) => ({ type: 'object', additionalProperties: values, ...limit('maxProperties', most) });
const text =
  (more: Json = {}): Sized =>
  (most) => ({ type: 'string', ...more, ...limit('maxLength', most) });
const texts: Sized = (most) => list(text()(most))(most);
const OBJECT: Json = {
  type: 'object',
  properties: { required: { type: 'string' }, optional: { type: 'string' } },
  required: ['required'],
};
const INNER: Json = {
  type: 'object',
  properties: { required: { type: 'string' } },
  required: ['required'],
};

it.each<[Sized, string, free: number, most: number, limited: number]>([
  [list(typed('number')), 'self.all(x, true)', 4718591, 10, 32],
  [list(typed('string')), 'self.all(x, true)', 3145727, 20, 62],
  [list(typed('boolean')), 'self.all(x, true)', 1887437, 5, 17],
  [list(typed('duration')), 'self.all(x, true)', 2359295, 5, 17],
  [list(typed('date')), 'self.all(x, true)', 725936, 15, 47],
  [list(typed('date-time')), 'self.all(x, true)', 428963, 25, 77],
  [list(typed('int-or-string')), 'self.all(x, true)', 4718591, 10, 32],
  [list({ type: 'array', items: typed('number') }), 'self.all(x, true)', 3145727, 100, 302],
  [list(OBJECT), 'self.all(x, true)', 555128, 50, 152],
  [list(typed('number')), 'self.all(x, x == 0.0)', 6291454, 3 * 1024 * 2048, 25165826],
  [list(map(typed('number'))()), 'self.all(x, x.y == 25.2)', 6291452, 12, 74],
  [map(typed('number')), 'self.all(x, true)', 1348169, 10, 32],
  [map(typed('string')), 'self.all(x, true)', 1179647, 3, 11],
  [map(typed('boolean')), 'self.all(x, true)', 943718, 100, 302],
  [map(typed('int-or-string')), 'self.all(x, true)', 1348169, 15, 47],
  [map(typed('duration')), 'self.all(x, true)', 1048577, 5, 17],
  [map(typed('date')), 'self.all(x, true)', 524288, 10, 32],
  [map(typed('date-time')), 'self.all(x, true)', 349526, 25, 77],
  [map(OBJECT), 'self.all(x, true)', 428963, 20, 62],
  [map(map(typed('number'))()), 'self.all(x, true)', 1179647, 10, 32],
  [map(list(typed('number'))()), 'self.all(x, true)', 1179647, 25, 77],
  [map(typed('string')), 'has(self.x)', 1, 550, 1],
  [text(), "self.contains('test')", 314574, 10, 5],
  [text(), "self.startsWith('test')", 2, 15, 2],
  [text(), "self.endsWith('test')", 2, 30, 2],
  [text(), 'size(self + "hello") > size("hello")', 314578, 4, 7],
  [text(), 'self.matches("x")', 314574, 50, 22],
  [text(), '"".matches("(((((((((())))))))))[0-9]")', 7, 10, 7],
  [text(), 'self.matches("")', 1, 100, 1],
  [text(), 'self == "x"', 2, 0, 1],
  [text({ format: 'byte' }), 'self == b"x"', 2, 0, 1],
  [text({ enum: ['A', 'B', 'C', 'LongValue'] }), "self.contains('A')", 2, 1000, 401],
  [text(), "self.find('[0-9]+') == ''", 629147, 10, 11],
  [text(), "self.lowerAscii() == 'lower!'", 314575, 10, 6],
  [list(typed('number')), 'self[1] == 0.0', 2, 5000, 2],
  [list(typed('number')), 'self[3] == 0.0', 2, 0, 2],
  [list(typed('string')), 'self[1] == self[1]', 314577, 8, 314577],
  [list(typed('int-or-string')), 'self[0] == 5', 3, 10, 3],
  [list(typed('boolean')), 'self[0] == false', 2, 25, 2],
  [list(OBJECT), 'self[0] == null', 2, 422, 2],
  [list({ type: 'array', items: typed('number') }), 'self[0][0] == -1.0', 3, 51, 3],
  [list(map(typed('number'))()), 'self[0].x > 2.0', 4, 3000, 4],
  [list(typed('duration')), 'self[0].getHours() == 2', 4, 525, 4],
  [list(typed('date')), 'self[2].getDayOfMonth() == 13', 4, 42, 4],
  [map(typed('number')), 'self["x"] == 0.0', 2, 0, 2],
  [map(typed('integer')), 'oldSelf.size() == self.size()', 5, 10, 5],
  [map(typed('date-time')), 'self["a"] == self["b"]', 8, 7, 8],
  [map(typed('duration')), 'self["c"] == self["d"]', 8, 42, 8],
  [(most) => map(text()(most))(most), 'self.all(x, x.contains(self[x]))', 2752507, 10, 72],
  [
    (most) => list(map({ ...INNER, ...limit('maxProperties', most) })(most))(most),
    'self.all(x, x["y"].required == "z")',
    7340027,
    10,
    72,
  ],
  [() => list(map(INNER)())(), 'self.all(x, x["y"].required == "z")', 7340027, 10, 7340027],
  [texts, "self.join(' ') == 'aa bb'", 329853068905, 10, 43],
  [texts, 'self.isSorted() == true', 329854432052, 10, 52],
  [
    (most) => ({ type: 'object', properties: { str: text()(most), separator: text()(most) } }),
    'self.str.split(self.separator) == []',
    629160,
    10,
    22,
  ],
  [
    (most) => ({ 'x-kubernetes-int-or-string': true, ...limit('maxLength', most) }),
    'isQuantity(self)',
    314574,
    20,
    9,
  ],
])('%o of %s', (schema, rule, free, most, limited) => {
  const figures = [costOf(schema(), rule), costOf(schema(most), rule)];
  expect({ rule, figures }).toEqual({ rule, figures: [free, limited] });
});

it('grows with every loop inside of another', () => {
  const numbers = list(typed('number'));
  expect(costOf(numbers(10), 'self.all(x, self.all(y, true))')).toBe(352);
  expect(costOf(numbers(10), 'self.all(x, self.all(y, self.all(z, true)))')).toBe(3552);
  expect(costOf(numbers(), 'self.all(x, self.all(y, self.all(z, true)))')).toBeGreaterThan(1e18);
});

describe('a definition', () => {
  const RULES = 'x-kubernetes-validations';
  const dear = (most?: number): Json => ({
    ...list({ type: 'string', maxLength: 10 })(most),
    [RULES]: [{ rule: 'self.all(x, self.all(y, x != y || true))' }],
  });
  const object = (properties: Json): Json => ({ type: 'object', properties });
  const said = (schema: Json): readonly string[] =>
    validateSchema(object({ spec: schema }), 's').map(({ type, path }) => `${type} ${path}`);
  const AT = 's.properties[spec]';

  it('is refused where a rule may cost too much, and the whole with it', () => {
    expect(said(object({ a: dear() }))).toEqual([
      `FieldValueForbidden ${AT}.properties[a].${RULES}[0].rule`,
      `FieldValueForbidden ${AT}.properties[a].${RULES}[0].rule`,
      'FieldValueForbidden s',
    ]);
    expect(said(object({ a: dear(100) }))).toEqual([]);
  });

  it('counts a rule as often as its place may occur', () => {
    expect(said(list(object({ a: dear(100) }))(10))).toEqual([]);
    expect(said(list(object({ a: dear(100) }))(1000))).toContain(
      `FieldValueForbidden ${AT}.items.properties[a].${RULES}[0].rule`,
    );
    expect(said(list(object({ a: dear(100) }))())).toContain(
      `FieldValueForbidden ${AT}.items.properties[a].${RULES}[0].rule`,
    );
  });

  it('is refused where its rules together may cost too much, and the dearest are named', () => {
    // Each is just below its own limit.
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`a${index}`, dear(1000)]));
    const found = said(object(many));
    expect(found).toHaveLength(5);
    expect(found.at(-1)).toBe('FieldValueForbidden s');
  });

  it('says by how much', () => {
    const [first] = validateSchema(object({ spec: dear(1100) }), 's');
    expect(first?.detail).toMatch(
      /^estimated rule cost exceeds budget by factor of 1\.\d{1,6}x \(try simplifying the rule/,
    );
  });
});
