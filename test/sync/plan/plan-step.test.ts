import { expect, it } from 'vitest';
import type { Change } from '../../../src/diff/change-set.ts';
import { requestedKinds } from '../../../src/schemas/custom/custom-kind.ts';
import { customResourceDefinitionKind } from '../../../src/schemas/kinds/custom-resource-definition.ts';
import { configMapKind } from '../../../src/schemas/kinds/config-map.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type { ResourceKind } from '../../../src/schemas/resource-kind.ts';
import { planStep } from '../../../src/sync/plan/plan-step.ts';
import { definitionSample } from '../../schemas/custom-samples.ts';

const gadget = requestedKinds(definitionSample).all[0] as ResourceKind;
const change = (kind: ResourceKind): Change => ({
  action: 'create',
  kind,
  key: 'a',
  wave: 0,
  object: { apiVersion: 'v1', kind: kind.kind, metadata: { name: 'a' } },
  live: undefined,
  origin: undefined,
});
const [definition, object, other] = [customResourceDefinitionKind, gadget, configMapKind].map(change) as [
  Change,
  Change,
  Change,
];

const served = { isServed: () => true, uncounted: [] };

it('definitions go first and alone, then what is served, and then one waits', () => {
  const unserved = { isServed: (kind: ResourceKind) => kind !== gadget, uncounted: [] };
  expect(planStep([definition, object, other], served).step).toEqual([definition]);
  expect(planStep([definition], served).step).toEqual([definition]);
  expect(planStep([object, other], unserved).step).toEqual([other]);
  expect(planStep([object], { isServed: () => false, uncounted: [] })).toEqual({
    step: [],
    waitingFor: 'the definition of gadgets.rec.example.com',
  });
  expect(planStep([object], served).step).toEqual([object]);
});

it('what admission reads goes in stages before what it governs', () => {
  const of = (kind: string): Change => change(builtinRegistry.kinds.find((known) => known.kind === kind)!);
  const kinds = [
    'Pod',
    'RoleBinding',
    'ClusterRoleBinding',
    'LimitRange',
    'ResourceQuota',
    'ServiceAccount',
    'Role',
    'ClusterRole',
    'PriorityClass',
    'RuntimeClass',
    'StorageClass',
    'IngressClass',
    'Namespace',
    'CustomResourceDefinition',
  ];
  let open = kinds.map(of);
  const stages: string[][] = [];
  while (open.length > 0) {
    const { step } = planStep(open, served);
    stages.push(step.map(({ kind }) => kind.kind));
    open = open.filter((item) => !step.includes(item));
  }
  expect(stages).toEqual([
    ['CustomResourceDefinition'],
    ['Namespace'],
    kinds.slice(3, 12),
    ['RoleBinding', 'ClusterRoleBinding'],
    ['Pod'],
  ]);
});

it('an updated namespace goes before a pod, and deletions come with the rest', () => {
  const [namespace, pod, gone] = ['Namespace', 'Pod', 'Role'].map((kind) =>
    change(builtinRegistry.kinds.find((known) => known.kind === kind)!),
  ) as [Change, Change, Change];
  const update: Change = { ...namespace, action: 'update' };
  const deletion: Change = { ...gone, action: 'delete' };
  expect(planStep([update, pod, deletion], served).step).toEqual([update]);
  expect(planStep([pod, deletion], served).step).toEqual([pod, deletion]);
});

it('what a quota counts waits until the quota is counted', () => {
  const inNamespace = (kind: string, namespace: string): Change => {
    const made = change(builtinRegistry.byKind('v1', kind)!);
    return { ...made, object: { ...made.object, metadata: { name: 'a', namespace } } };
  };
  const quota: KubeObject = {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'q', namespace: 'shop' },
    spec: { hard: { pods: '1' } },
  };
  const view = { isServed: () => true, uncounted: [quota] };
  const [mine, elsewhere, free] = [
    inNamespace('Pod', 'shop'),
    inNamespace('Pod', 'other'),
    inNamespace('ConfigMap', 'shop'),
  ] as const;
  expect(planStep([mine, elsewhere, free], view).step).toEqual([elsewhere, free]);
  expect(planStep([mine], view)).toEqual({
    step: [],
    waitingFor: 'the first count of ResourceQuota "shop/q"',
  });
});
