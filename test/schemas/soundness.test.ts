import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import { metadataProblem, typeProblem } from '../../src/schemas/soundness.ts';
import { aConfigMap, aDeployment, aPod } from '../support/builders.ts';

const pod = aPod({ name: 'a', namespace: 'default' });
const problem = (object: object): string | undefined =>
  typeProblem(builtinRegistry, 'pods', object as Parameters<typeof typeProblem>[2]);

describe('a stored object', () => {
  it('is sound with what a newer version may have written', () => {
    expect(problem(pod)).toBeUndefined();
    expect(
      problem({ ...pod, spec: { ...pod.spec, newField: { a: 1 }, restartPolicy: 'Sometimes' } }),
    ).toBeUndefined();
    expect(metadataProblem('default/a', pod)).toBeUndefined();
    expect(typeProblem(builtinRegistry, 'configmaps', aConfigMap({ name: 'a' }))).toBeUndefined();
  });

  it('is not where it lacks what it cannot be without, or has other types', () => {
    expect(problem({ ...pod, spec: null })).toBe('spec: Required value');
    expect(problem({ ...pod, spec: {} })).toBe('spec.containers: Required value');
    expect(problem({ ...pod, spec: { containers: 'all' } })).toContain('spec.containers');
    expect(problem({ ...pod, status: { conditions: { a: 'b' } } })).toContain('status.conditions');
    expect(typeProblem(builtinRegistry, 'pods', aDeployment({ name: 'a' }))).toBe('its kind is another');
  });

  it('is not under a name of somebody else, or with metadata that nobody can use', () => {
    expect(metadataProblem('default/b', pod)).toBe('its name is another');
    const withMetadata = (metadata: object): object => ({
      ...pod,
      metadata: { ...pod.metadata, ...metadata },
    });
    for (const wrong of [{ labels: [] }, { labels: { a: 1 } }, { finalizers: {} }, { ownerReferences: [{}] }])
      expect(metadataProblem('default/a', withMetadata(wrong))).toMatch(/^its /);
    for (const wrong of [null, [], 'text', { metadata: {} }])
      expect(metadataProblem('default/a', wrong)).toBeDefined();
  });
});
