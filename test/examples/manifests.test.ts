/** Every example is read, validated and planned, as `npm run demo` would. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { seededRng } from '../../src/base/rng.ts';
import { planPlacement } from '../../src/scheduler/plan-placement.ts';
import { readManifests, validateManifests } from '../../src/schemas/manifest/index.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import { prepareCreate } from '../../src/schemas/strategy/index.ts';
import type { Deployment, Node, Pod } from '../../src/schemas/types.ts';

const folder = fileURLToPath(new URL('../../examples/manifests/', import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

function load(names: readonly string[]): readonly KubeObject[] {
  const documents = names.flatMap((name) => {
    const result = readManifests({ path: name, bytes: readFileSync(folder + name) });
    expect(result.errors).toEqual([]);
    return result.documents;
  });
  const { objects, errors, warnings } = validateManifests(documents, builtinRegistry, {
    defaultNamespace: 'default',
  });
  expect(errors).toEqual([]);
  expect(warnings).toEqual([]);
  return objects.map(({ object }) => object);
}

const node: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node-1' },
  spec: {},
  status: { allocatable: { cpu: '2', memory: '4Gi', pods: '110' } },
};

describe('examples/manifests', () => {
  it('holds something', () => expect(files.length).toBeGreaterThan(2));

  it.each(files)('%s is valid by itself', (name) => {
    expect(load([name]).length).toBeGreaterThan(0);
  });

  it('is accepted as one application, and its pods find a place on a small node', () => {
    const objects = load(files);
    const deployments = objects.filter((object): object is Deployment => object.kind === 'Deployment');
    expect(deployments.map(({ metadata }) => metadata.name).sort()).toEqual(['orders', 'web']);
    const context = { nowMs: 0, uid: 'uid', nameSuffix: 'abcde' };
    const pods = deployments.flatMap((deployment) =>
      Array.from({ length: deployment.spec.replicas ?? 1 }, (_, index) => {
        const { template } = deployment.spec;
        const pod = {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { ...template.metadata, name: `${deployment.metadata.name}-${index}`, namespace: 'shop' },
          spec: template.spec,
        } as KubeObject;
        return prepareCreate(builtinRegistry.byKind('v1', 'Pod')!, pod, context) as Pod;
      }),
    );
    const world = { nodes: [node], pods: [], namespaces: [], services: [], replicaSets: [] };
    const plan = planPlacement(pods, world, seededRng(1));
    expect(plan.rejections).toEqual([]);
    expect(plan.bindings).toHaveLength(4);
  });
});
