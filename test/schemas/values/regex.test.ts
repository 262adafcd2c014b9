import { expect, it } from 'vitest';
import { compileRegex, type Regex } from '../../../src/schemas/values/regex.ts';

const regex = (pattern: string): Regex => {
  const compiled = compileRegex(pattern);
  if (typeof compiled === 'string') throw new Error(compiled);
  return compiled;
};

it('reads patterns as Go does', () => {
  expect(regex('(?i)^[[:alpha:]]+\\z').test('ABC')).toBe(true);
  expect(regex('(?P<year>\\d{4})').findAll('2024 and 2025', 9)).toEqual(['2024', '2025']);
  expect(regex('a').findAll('aaa', 2)).toEqual(['a', 'a']);
  expect(compileRegex('(?=a)')).toBe('error parsing regexp: invalid or unsupported Perl syntax: `(?=`');
  expect(compileRegex('a{1001}')).toBe('error parsing regexp: invalid repeat count: `{1001}`');
  expect(compileRegex('a'.repeat(20_000))).toBe('error parsing regexp: expression too large');
});

it('takes time in proportion to the text, whatever the pattern', () => {
  // Half of a millennium by going back and forth.
  expect(regex('^(a+)+$').test(`${'a'.repeat(50_000)}!`)).toBe(false);
});
