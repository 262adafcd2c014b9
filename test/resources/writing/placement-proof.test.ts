import { describe, expect, it } from 'vitest';
import { jsonClone } from '../../../src/base/json.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { PLACEMENT_PROOF, RESTORED_OWNER } from '../../../src/schemas/pods/pod-marks.ts';
import { createPlacementProofs } from '../../../src/resources/writing/placement-proof.ts';

const proofs = createPlacementProofs(Buffer.alloc(32, 1));

const bound = (): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u1',
    resourceVersion: '7',
    labels: { app: 'web' },
    annotations: { note: 'x' },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-1', uid: 'r1', controller: true },
    ],
    finalizers: ['example.com/wait'],
    managedFields: [{ manager: 'kubectl' }],
  },
  spec: {
    nodeName: 'n1',
    serviceAccountName: 'web',
    securityContext: { runAsNonRoot: true },
    containers: [{ name: 'c', image: 'nginx:1', env: [] }],
    volumes: [{ name: 'data', emptyDir: {} }],
    tolerations: [],
  },
  status: { phase: 'Running' },
});

/** Every path to a leaf of the value. */
function leaves(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null || Object.keys(value).length === 0) return [path];
  return Object.entries(value).flatMap(([key, member]) => leaves(member, [...path, key]));
}

function changed(object: KubeObject, path: readonly string[], next: unknown): KubeObject {
  const copy = jsonClone(object);
  let parent = copy as unknown as Record<string, unknown>;
  for (const step of path.slice(0, -1)) parent = parent[step] as Record<string, unknown>;
  const last = path.at(-1) ?? '';
  if (next === undefined) Reflect.deleteProperty(parent, last);
  else parent[last] = next;
  return copy;
}

const FREE = ['status', 'apiVersion', 'kind', 'metadata.resourceVersion', 'metadata.managedFields'];

describe('the proof that the control plane bound a pod', () => {
  it('holds for the pod it was made for, also after it went through JSON', () => {
    const sealed = proofs.seal(bound());
    expect(sealed.metadata.annotations?.[PLACEMENT_PROOF]).toMatch(/^v1\.[\w-]{43}$/);
    expect(proofs.isProven(JSON.parse(JSON.stringify(sealed)) as KubeObject)).toBe(true);
  });

  it('does not hold once any field of metadata or spec is another, or gone', () => {
    const sealed = proofs.seal(bound());
    const free = (path: string): boolean =>
      FREE.some((prefix) => path === prefix || path.startsWith(`${prefix}.`));
    for (const path of leaves(sealed)) {
      for (const next of ['forged', undefined]) {
        const isProven = proofs.isProven(changed(sealed, path, next));
        expect(isProven, `${path.join('.')} = ${next}`).toBe(free(path.join('.')));
      }
    }
  });

  it.each([
    ['a host path', { volumes: [{ name: 'data', hostPath: { path: '/' } }] }],
    ['another container', { containers: [{ name: 'd', securityContext: { privileged: true } }] }],
    ['the network of the host', { hostNetwork: true }],
  ])('does not hold with %s added', (_, spec) => {
    const sealed = proofs.seal(bound());
    const forged = { ...sealed, spec: { ...(sealed['spec'] as object), ...spec } };
    expect(proofs.isProven(forged)).toBe(false);
  });

  it('is of no other key, and not made for a pod that nobody bound', () => {
    expect(createPlacementProofs(Buffer.alloc(32, 2)).isProven(proofs.seal(bound()))).toBe(false);
    const free = changed(bound(), ['spec', 'nodeName'], undefined);
    expect(proofs.seal(free).metadata.annotations).toEqual({ note: 'x' });
    expect(proofs.isProven(bound())).toBe(false);
  });

  it('replaces a given one, and ends the record of a lost owner with the new owner', () => {
    const given = bound();
    given.metadata.annotations = { [PLACEMENT_PROOF]: 'v1.forged', [RESTORED_OWNER]: 'ReplicaSet/web-1' };
    const sealed = proofs.seal(given);
    expect(proofs.isProven(sealed)).toBe(true);
    expect(sealed.metadata.annotations?.[RESTORED_OWNER]).toBeUndefined();
    expect(proofs.seal(sealed)).toBe(sealed);
  });

  it('is not made again for a status, and is for every other change', () => {
    let reads = 0;
    const spec = new Proxy(bound()['spec'] as object, {
      ownKeys: (target) => {
        reads += 1;
        return Reflect.ownKeys(target);
      },
    });
    const sealed = proofs.seal({ ...bound(), spec });
    const later = { ...sealed.metadata, resourceVersion: '8', managedFields: [{ manager: 'kubelet' }] };
    const readsBefore = reads;
    const reported = proofs.seal({ ...sealed, metadata: later, status: { phase: 'Succeeded' } });
    expect(reads).toBe(readsBefore);
    expect(proofs.isProven(reported)).toBe(true);

    const released = proofs.seal({ ...sealed, metadata: { ...later, finalizers: [] } });
    expect(released.metadata.annotations).not.toEqual(sealed.metadata.annotations);
    expect(proofs.isProven(released)).toBe(true);
    const unmarked = { ...sealed, metadata: { ...later, annotations: { note: 'x' } } };
    expect(proofs.isProven(proofs.seal(unmarked))).toBe(true);
    expect(proofs.isProven(proofs.seal({ ...sealed, spec: { ...spec, hostNetwork: true } }))).toBe(true);
  });
});
