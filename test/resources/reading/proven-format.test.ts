import { describe, expect, it } from 'vitest';
import { withProofs } from '../../../src/resources/reading/proven-format.ts';
import { createPlacementProofs } from '../../../src/resources/writing/placement-proof.ts';
import { builtinFormat } from '../../../src/schemas/registry.ts';

const proofs = createPlacementProofs(Buffer.alloc(32, 7));
const format = withProofs(builtinFormat, proofs);
/** As a version without any default would have stored it. */
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', namespace: 'default', uid: 'u' },
  spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
};

describe('a bound pod that gets a default when it is read', () => {
  it('is proven as the agent sees it', () => {
    const read = format.read('pods', proofs.seal(pod), 1);
    expect(read['spec']).toHaveProperty('restartPolicy', 'Always');
    expect(proofs.isProven(read)).toBe(true);
  });

  it('is not proven where it was not before', () => {
    const other = createPlacementProofs(Buffer.alloc(32, 8));
    expect(proofs.isProven(format.read('pods', other.seal(pod), 1))).toBe(false);
    expect(proofs.isProven(format.read('pods', pod, 1))).toBe(false);
  });

  it('is the very same object once it has all defaults', () => {
    const stored = proofs.seal(builtinFormat.read('pods', pod, 1));
    expect(format.read('pods', stored, 1)).toBe(stored);
  });
});
