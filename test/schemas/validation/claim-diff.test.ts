import { describe, expect, it } from 'vitest';
import { claimSpecDiff, unifiedDiff } from '../../../src/schemas/validation/claim-diff.ts';

const claim = {
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1Gi' } },
  volumeMode: 'Filesystem',
};

describe('the difference between the specs of a claim', () => {
  it('is shown as upstream shows it', () => {
    expect(claimSpecDiff(claim, { ...claim, resources: { requests: { storage: '512Mi' } } })).toBe(
      [
        '@@ -6,7 +6,7 @@',
        '  "Resources": {',
        '   "Limits": null,',
        '   "Requests": {',
        '-   "storage": "1Gi"',
        '+   "storage": "512Mi"',
        '   }',
        '  },',
        '  "VolumeName": "",',
        '',
      ].join('\n'),
    );
  });

  it('shows what was set for the first time, and nothing where nothing differs', () => {
    const selector = { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'x', operator: 'Exists' }] };
    const text = claimSpecDiff(claim, {
      ...claim,
      selector,
      dataSource: { kind: 'PersistentVolumeClaim', name: 'src' },
    });
    expect(text).toContain('- "Selector": null,\n+ "Selector": {\n+  "matchLabels": {');
    expect(text).toContain('+  "APIGroup": null,\n+  "Kind": "PersistentVolumeClaim",\n+  "Name": "src"\n');
    expect(claimSpecDiff(claim, claim)).toBe('');
  });
});

describe('a unified diff', () => {
  const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => `line ${index}`);

  it('has a hunk for each place that differs', () => {
    const after = lines(20).map((line) => (line === 'line 2' || line === 'line 15' ? `${line}!` : line));
    const hunks = unifiedDiff(lines(20), after)
      .split('\n')
      .filter((line) => line.startsWith('@@'));
    expect(hunks).toEqual(['@@ -1,6 +1,6 @@', '@@ -13,7 +13,7 @@']);
  });

  it('counts lines that only come or only go', () => {
    expect(unifiedDiff(['a'], ['a', 'b'])).toBe('@@ -1 +1,2 @@\n a\n+b\n');
    expect(unifiedDiff(['a', 'b'], ['b'])).toBe('@@ -1,2 +1 @@\n-a\n b\n');
    expect(unifiedDiff([], ['b'])).toBe('@@ -0,0 +1 @@\n+b\n');
  });
});
