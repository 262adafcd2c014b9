import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutMiddle, withoutTrailing } from '../../src/base/text.ts';

describe('texts', () => {
  it('lose what is repeated at their end, and nothing else', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(5), (text, times) => {
        fc.pre(!text.endsWith('/'));
        expect(withoutTrailing(text + '/'.repeat(times), '/')).toBe(text);
      }),
    );
  });

  it('are cut in the middle, so that beginning and end stay', () => {
    expect(cutMiddle('short', 10)).toBe('short');
    expect(cutMiddle(`begin${'x'.repeat(1_000)}end`, 10)).toBe('begin … xxend');
  });
});
