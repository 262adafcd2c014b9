import { describe, expect, it } from 'vitest';
import { pemBlocks } from '../../../src/schemas/certificates/pem-blocks.ts';

const block = (label: string, body: string): string =>
  `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;

describe('PEM blocks', () => {
  it('are found one after the other, whatever stands between them', () => {
    const found = [...pemBlocks(`note\n${block('A', 'YWE=')}between${block('B', 'YmI=')}`)];
    expect(found.map(({ label, body }) => [label, body.trim()])).toEqual([
      ['A', 'YWE='],
      ['B', 'YmI='],
    ]);
    expect(found[0]?.whole).toBe(block('A', 'YWE=').trim());
  });

  it('begin and end with the same label', () => {
    expect([...pemBlocks('-----BEGIN A-----\nYWE=\n-----END B-----\n')]).toEqual([]);
    expect([...pemBlocks(`-----BEGIN A-----\n${block('B', 'YmI=')}`)].map(({ label }) => label)).toEqual([
      'B',
    ]);
  });

  it('are none in a text without an end, or none at all', () => {
    for (const text of ['', '-----BEGIN A-----', '-----BEGIN A', '-----END A-----'])
      expect([...pemBlocks(text)]).toEqual([]);
  });
});
