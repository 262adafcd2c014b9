import { describe, expect, it } from 'vitest';
import { createBudget } from '../../../src/schemas/cel/budget.ts';
import { CompileError, CostExceeded } from '../../../src/schemas/cel/errors.ts';
import { compileProgram } from '../../../src/schemas/cel/program.ts';
import { formatType, STRING, listOf, INT } from '../../../src/schemas/cel/types.ts';
import { itemsOf, listValue, type Value } from '../../../src/schemas/cel/values.ts';

const LIMIT = 100_000;
const run = (source: string, limit = LIMIT): Value =>
  compileProgram(source, new Map()).evaluate({}, createBudget(limit));
const complaint = (source: string): string => {
  try {
    compileProgram(source, new Map([['name', STRING]]));
  } catch (error) {
    expect(error).toBeInstanceOf(CompileError);
    return (error as Error).message;
  }
  return '';
};

describe('an expression is true', () => {
  it.each([
    '1 + 2 * 3 == 7 && 7 / 2 == 3 && -7 % 3 == -1',
    '1.5 * 2.0 == 3.0 && 1 < 1.5 && 2u > 1 && 1u + 2u == 3u',
    "'a' + 'b' == 'ab' && 'b' > 'a' && size('héllo') == 5 && 'x'.size() == 1",
    '[1, 2] + [3] == [1, 2, 3] && 2 in [1, 2] && [1, 2, 3][1] == 2',
    "{'a': 1}['a'] == 1 && 'a' in {'a': 1} && has({'a': 1}.a) && !has({'a': 1}.b)",
    '[1, 2, 3].all(x, x > 0) && [1, 2].exists(x, x == 2) && [1, 2].exists_one(x, x > 1)',
    '[1, 2, 3].filter(x, x > 1).map(x, x * 2) == [4, 6] && [1, 2].map(x, x > 1, x) == [2]',
    "{'a': 1, 'b': 2}.all(k, k in ['a', 'b']) && {'a': 1}.exists(k, v, k == 'a' && v == 1)",
    '[5, 6].transformList(i, v, i + v) == [5, 7] && [5].transformMap(i, v, v * 2) == {0: 10}',
    '(1 / 0 == 1) || true',
    '!((1 / 0 == 1) && false)',
    '[0, 1].exists(x, 1 / x == 1)',
    "type(1) == int && type('a') == string && type([1]) == list && type(null) == null_type",
    "optional.of('a') != null",
    "int('42') == 42 && string(1.5) == '1.5' && double('0.5') == 0.5 && bool('true') && uint(3) == 3u",
    "string(b'ab') == 'ab' && bytes('ab') == b'ab' && bytes('é').size() == 2",
    "duration('90m') > duration('1h') && string(duration('1h')) == '3600s'",
    "timestamp('2024-02-29T12:30:00Z') + duration('24h') == timestamp('2024-03-01T12:30:00Z')",
    "timestamp('2024-02-29T23:30:00Z').getDate() == 29",
    "timestamp('2024-02-29T23:30:00Z').getDate('Europe/Berlin') == 1",
    "timestamp('2024-02-29T23:30:00.5Z').getMilliseconds() == 500",
    "optional.of(1).orValue(2) == 1 && optional.none().orValue(2) == 2 && {'a': 1}.?a.hasValue()",
    "!{'a': 1}.?b.hasValue() && [1][?3].orValue(7) == 7 && optional.of(2).optMap(v, v + 1).value() == 3",
    'optional.of(1).or(optional.of(1 / 0)).value() == 1',
    "'abc'.charAt(1) == 'b' && 'abcb'.indexOf('b', 2) == 3 && 'abcb'.lastIndexOf('b') == 3",
    "'Ab'.lowerAscii() == 'ab' && 'Ab'.upperAscii() == 'AB' && ' a '.trim() == 'a'",
    "'a-b-c'.split('-') == ['a', 'b', 'c'] && 'a-b-c'.split('-', 2) == ['a', 'b-c']",
    "['a', 'b'].join('+') == 'a+b' && 'aXbX'.replace('X', 'y', 1) == 'aybX' && 'abc'.substring(1) == 'bc'",
    "'%s is %d of %.2f, %x'.format([dyn('a'), 3, 1.5, 255]) == 'a is 3 of 1.50, ff'",
    'strings.quote(\'a"b\') == \'"a\\\\"b"\'',
    "'a1b22'.find('[0-9]+') == '1' && 'a1b22'.findAll('[0-9]+') == ['1', '22'] && 'ab'.matches('^a')",
    '[1, 2, 3].isSorted() && [3, 1].min() == 1 && [1, 3].max() == 3 && [1, 2].sum() == 3',
    "['b', 'a'].max() == 'b' && [1.5, 2.5].sum() == 4.0 && [1, 2, 1].lastIndexOf(1) == 2",
    'sets.contains([1, 2], [2]) && sets.equivalent([1, 2], [2, 1]) && sets.intersects([1], [1, 2])',
    "url('https://a.b:80/p/q?x=1&x=2').getHost() == 'a.b:80' && url('https://[::1]:8/').getHostname() == '::1'",
    "url('https://a/p?x=1&x=2').getQuery()['x'] == ['1', '2'] && isURL('/a') && !isURL('a b')",
    "quantity('1Gi').isGreaterThan(quantity('1G')) && quantity('1k').add(1) == quantity('1001')",
    "isQuantity('1.5Mi') && !isQuantity('x') && quantity('50k').asInteger() == 50000 && quantity('-1').sign() == -1",
    "ip('192.168.0.1').family() == 4 && ip.isCanonical('::1') && !ip.isCanonical('::0001') && !isIP('1.2.3')",
    "cidr('10.0.0.0/8').containsIP('10.1.2.3') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')",
    "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8') && string(ip('2001:db8:0:0::1')) == '2001:db8::1'",
    "!format.dns1123Label().validate('a').hasValue() && format.named('uuid').hasValue()",
    "[ip('127.0.0.1')].all(ip, ip.isLoopback())",
    "r'a\\d' == 'a\\\\d' && '''x''' == 'x'",
    '-9223372036854775808 < 0',
    'dyn(1) == 1.0 && dyn([1]) == [1]',
  ])('%s', (source) => {
    expect(run(source)).toBe(true);
  });
});

describe('an expression that is not well-formed is refused with its place', () => {
  it.each([
    ['name.z', "1:5: type 'string' does not support field selection"],
    ['foo == 1', "1:1: undeclared reference to 'foo' (in container '')"],
    ['name > 1', "1:6: found no matching overload for '_>_' applied to '(string, int)'"],
    ['name.contains(1)', "1:14: found no matching overload for 'contains' applied to 'string.(int)'"],
    ['name.nope()', "1:10: undeclared reference to 'nope' (in container '')"],
    ['[1, name]', "1:5: expected type 'int' but found 'string'"],
    ['true ? 1 : name', "1:6: found no matching overload for '_?_:_' applied to '(bool, int, string)'"],
    ['1 && true', "1:3: found no matching overload for '_&&_' applied to '(int, bool)'"],
    ['1.all(x, true)', 'cannot be range of a comprehension (must be list, map, or dynamic)'],
    ['has(name)', '1:4: invalid argument to has() macro'],
    ['name ==', 'Syntax error: '],
    ['99999999999999999999 > 0', 'Syntax error: invalid int literal'],
    [`${'('.repeat(300)}1${')'.repeat(300)}`, 'Syntax error: '],
    [`${'!'.repeat(12_000)}true`, 'Syntax error: '],
    [Array.from({ length: 400 }, () => '1').join(' + '), 'recursion limit exceeded'],
    [`'${'a'.repeat(20_000)}' == ''`, 'size exceeds limit'],
    [`[1]${'.map(a, {a: a})'.repeat(100)} == []`, 'the type of the expression is too large'],
  ])('%s', (source, text) => {
    expect(complaint(source)).toContain(text);
  });

  it('shows the line that it is in', () => {
    expect(complaint('true &&\n  name > 1')).toBe(
      "ERROR: <input>:2:8: found no matching overload for '_>_' applied to '(string, int)'\n |   name > 1\n | .......^",
    );
  });
});

describe('an evaluation fails', () => {
  it.each([
    ['1 / 0', 'division by zero'],
    ['1 % 0', 'modulus by zero'],
    ['9223372036854775807 + 1', 'integer overflow'],
    ['[1][1]', 'index out of bounds: 1'],
    ["{'a': 1}['b']", 'no such key: b'],
    ["{'a': 1}.b", 'no such key: b'],
    ["int('x')", 'strconv.ParseInt: parsing "x": invalid syntax'],
    ['dyn(1) + dyn("a")', 'no such overload'],
    ['[0].all(x, 1 / x == 1)', 'division by zero'],
    ["'a'.matches('(')", 'error parsing regexp: missing closing ): `(`'],
    ['optional.none().value()', 'optional.none() dereference'],
    ['{1: 1, 1u: 2}[1]', 'Failed with repeated key'],
  ])('%s', (source, text) => {
    const unchecked = source.replace('{1: 1, 1u: 2}', '{dyn(1): 1, dyn(1u): 2}');
    expect(() => run(unchecked)).toThrow(text);
  });
});

describe('the cost of an evaluation', () => {
  const numbers = listValue(Array.from({ length: 10_000 }, (_, index) => BigInt(index)));
  const over = (source: string): (() => Value) => {
    const program = compileProgram(source, new Map([['list', listOf(INT)]]));
    return () => program.evaluate({ list: numbers }, createBudget(LIMIT));
  };

  it.each([
    'list.all(x, list.all(y, list.all(z, x + y + z >= 0)))',
    'list.all(x, list.exists(y, 1 / 0 == y))',
    'list.all(x, x in list)',
    "list.map(x, 'aaaaaaaaaaaaaaaaaaaaaaaaaa'.matches('(a+)+(b+)+$')).size() > 0",
    'list.map(x, list.map(y, y)) == [[0]]',
    `['xxxxxxxxxx']${'.map(a, a + a + a + a + a + a + a + a)'.repeat(12)}[0] != ''`,
    'false || list.all(x, list.all(y, true)) || true',
  ])('%s ends when the budget is spent', (source) => {
    expect(over(source)).toThrow(CostExceeded);
  });

  it('lets what is cheap pass', () => {
    expect(over('list.exists(x, x == 10)')()).toBe(true);
  });
});

describe('the type of an expression', () => {
  it.each([
    ['[1].map(x, string(x))', 'list(string)'],
    ["{'a': [1]}", 'map(string, list(int))'],
    ["{'a': 1}.?a", 'optional_type(int)'],
    ['dyn(1) + 1', 'int'],
    ["url('/a').getQuery()", 'map(string, list(string))'],
  ])('%s is %s', (source, type) => {
    expect(formatType(compileProgram(source, new Map()).type)).toBe(type);
  });

  it('tells which variables it uses', () => {
    const scope = new Map([
      ['self', INT],
      ['oldSelf', INT],
    ]);
    expect([...compileProgram('self > 0', scope).uses]).toEqual(['self']);
    expect(itemsOf(listValue([1n]))).toEqual([1n]);
  });
});
