import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  counted,
  cutMiddle,
  firstBytes,
  listNames,
  listTexts,
  withoutTrailing,
} from '../../src/base/text.ts';

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
    expect(cutMiddle(`begin${'x'.repeat(1_000)}end`, 10)).toBe('begi … end');
  });

  it('keep the subject before the first colon, and the reason at the end', () => {
    const subject = `deployment/${'w'.repeat(63)}: `;
    const cut = cutMiddle(`${subject}${'x'.repeat(300)}: no such host`, 140);
    expect(cut.startsWith(subject)).toBe(true);
    expect(cut.endsWith(': no such host')).toBe(true);
    expect(cut.length).toBe(140);
    expect(cutMiddle(`${'w'.repeat(500)}: no such host`, 140).endsWith(': no such host')).toBe(true);
  });

  it('are never longer than the limit, and are cut between characters only', () => {
    const texts = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 400 }), fc.constant('🔥'.repeat(3_000)));
    fc.assert(
      fc.property(texts, fc.integer({ min: 0, max: 200 }), (text, limit) => {
        const cut = cutMiddle(text, limit);
        expect(Array.from(cut).length).toBeLessThanOrEqual(limit);
        expect(cut).not.toMatch(/\p{Cs}/u);
        if (Array.from(text).length <= limit) expect(cut).toBe(text);
      }),
    );
  });

  it('fit into a number of bytes, without half a character', () => {
    expect(firstBytes('a'.repeat(200), 123)).toHaveLength(123);
    expect(firstBytes('ы'.repeat(100), 123)).toBe('ы'.repeat(61));
    expect(firstBytes('🔥🔥', 7)).toBe('🔥');
    expect(firstBytes('short', 123)).toBe('short');
  });

  it('are listed within bounds, and what is left out is counted', () => {
    expect(listTexts(['a', 'b'], { texts: 2, length: 100 })).toEqual(['a', 'b']);
    expect(listTexts(['a', 'b', 'c'], { texts: 2, length: 100 })).toEqual(['a', 'b', 'and 1 more']);
    expect(listTexts(['aaaa', 'bbbb', 'c'], { texts: 9, length: 6 })).toEqual(['aaaa', 'and 2 more']);
  });

  it('count in English, and name the first ones', () => {
    const said = ['object', 'Service', 'IngressClass', 'NetworkPolicy', 'Gateway'].map((noun) =>
      counted(2, noun),
    );
    expect(said).toEqual(['2 objects', '2 Services', '2 IngressClasses', '2 NetworkPolicies', '2 Gateways']);
    expect(counted(1, 'NetworkPolicy')).toBe('1 NetworkPolicy');
    expect(listNames(['a', 'b'], 2)).toBe('a, b');
    expect(listNames(['a', 'b', 'c', 'd'], 2)).toBe('a, b and 2 more');
  });
});
