/**
 * Strategic merge patch: the cases of upstream's documentation, and laws over generated containers.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTypeSchemas, type SchemaDocument } from '../../../src/resources/decoding/type-schemas.ts';
import { applyStrategicMergePatch } from '../../../src/resources/patch/strategic-merge-patch.ts';
import { definitions } from '../../../src/schemas/generated/definitions.js';

const schemas = createTypeSchemas(definitions as SchemaDocument);

function patched(kind: 'Deployment' | 'Pod', target: object, patch: object): Record<string, unknown> {
  const schema = schemas.ofKind(kind === 'Pod' ? '' : 'apps', 'v1', kind);
  if (!schema) throw new Error(`no schema of ${kind}`);
  return applyStrategicMergePatch(
    target as Record<string, unknown>,
    patch as Record<string, unknown>,
    schemas,
    schema.schema,
  );
}

const pod = (spec: object): object => ({ spec });
const names = (result: Record<string, unknown>): unknown =>
  (result['spec'] as { containers: { name: string }[] }).containers.map(({ name }) => name);

describe('a strategic merge patch', () => {
  it('merges containers by name, and puts new ones first', () => {
    const target = pod({ containers: [{ name: 'web', image: 'nginx:1', env: [{ name: 'A', value: '1' }] }] });
    const patch = pod({
      containers: [
        { name: 'redis', image: 'redis' },
        { name: 'web', image: 'nginx:2' },
      ],
    });
    const result = patched('Pod', target, patch);
    expect(names(result)).toEqual(['redis', 'web']);
    expect(result).toMatchObject({
      spec: { containers: [{ image: 'redis' }, { image: 'nginx:2', env: [{ name: 'A', value: '1' }] }] },
    });
  });

  it('replaces lists without a merge key', () => {
    const target = pod({ containers: [{ name: 'a', args: ['1', '2'] }], tolerations: [{ key: 'x' }] });
    const patch = pod({ containers: [{ name: 'a', args: ['3'] }], tolerations: [{ key: 'y' }] });
    expect(patched('Pod', target, patch)).toEqual(
      pod({ containers: [{ name: 'a', args: ['3'] }], tolerations: [{ key: 'y' }] }),
    );
  });

  it('deletes an element by its directive, and a field by null', () => {
    const target = pod({ hostname: 'h', containers: [{ name: 'a' }, { name: 'b' }] });
    const patch = pod({ hostname: null, containers: [{ name: 'a', $patch: 'delete' }] });
    expect(patched('Pod', target, patch)).toEqual(pod({ containers: [{ name: 'b' }] }));
  });

  it('replaces a list, or an object, that says so', () => {
    const target = pod({ containers: [{ name: 'a' }, { name: 'b' }], securityContext: { runAsUser: 1 } });
    const patch = pod({
      containers: [{ name: 'c' }, { $patch: 'replace' }],
      securityContext: { $patch: 'replace', fsGroup: 2 },
    });
    expect(patched('Pod', target, patch)).toEqual(
      pod({ containers: [{ name: 'c' }], securityContext: { fsGroup: 2 } }),
    );
  });

  it('keeps only the named keys of a union', () => {
    const target = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };
    expect(patched('Deployment', target, patch)).toEqual({ spec: { strategy: { type: 'Recreate' } } });
  });

  it('orders as it is told, the rest where it was', () => {
    const target = pod({ containers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] });
    const patch = pod({ '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }, { name: 'b' }] });
    expect(names(patched('Pod', target, patch))).toEqual(['c', 'a', 'b']);
  });

  it('merges lists of plain values, new ones first, and deletes from them', () => {
    const target = { metadata: { finalizers: ['x/a', 'x/b'] } };
    expect(patched('Pod', target, { metadata: { finalizers: ['x/c'] } })).toEqual({
      metadata: { finalizers: ['x/c', 'x/a', 'x/b'] },
    });
    const remove = { metadata: { '$deleteFromPrimitiveList/finalizers': ['x/a'] } };
    expect(patched('Pod', target, remove)).toEqual({ metadata: { finalizers: ['x/b'] } });
  });

  it('merges ports by their number', () => {
    const port = (containerPort: number, name: string): object => ({ containerPort, name });
    const target = pod({ containers: [{ name: 'a', ports: [port(80, 'http'), port(443, 'tls')] }] });
    const patch = pod({ containers: [{ name: 'a', ports: [port(80, 'web')] }] });
    expect(patched('Pod', target, patch)).toEqual(
      pod({ containers: [{ name: 'a', ports: [port(80, 'web'), port(443, 'tls')] }] }),
    );
  });

  it.each([
    ['an unknown directive', { spec: { $patch: 'merge-all' } }],
    ['an element without its key', { spec: { containers: [{ image: 'x' }] } }],
  ])('with %s is refused', (_what, patch) => {
    expect(() => patched('Pod', pod({ containers: [{ name: 'a' }] }), patch)).toThrow();
  });
});

const container = fc.record(
  { name: fc.constantFrom('a', 'b', 'c', 'd'), image: fc.constantFrom('x:1', 'x:2'), tty: fc.boolean() },
  { requiredKeys: ['name'] },
);
const containers = fc.uniqueArray(container, { selector: ({ name }) => name, maxLength: 4 });

describe('every strategic merge patch of containers', () => {
  it('applied twice is applied once', () => {
    fc.assert(
      fc.property(containers, containers, (live, change) => {
        const once = patched('Pod', pod({ containers: live }), pod({ containers: change }));
        expect(patched('Pod', once, pod({ containers: change }))).toEqual(once);
      }),
    );
  });

  it('keeps each container that it does not name, and never doubles one', () => {
    fc.assert(
      fc.property(containers, containers, (live, change) => {
        const result = patched('Pod', pod({ containers: live }), pod({ containers: change }));
        const found = (names(result) as string[]).toSorted();
        expect(found).toEqual([...new Set([...live, ...change].map(({ name }) => name))].toSorted());
      }),
    );
  });

  it('leaves its arguments alone', () => {
    fc.assert(
      fc.property(containers, containers, (live, change) => {
        const before = structuredClone([live, change]);
        patched('Pod', pod({ containers: live }), pod({ containers: change }));
        expect([live, change]).toEqual(before);
      }),
    );
  });
});
