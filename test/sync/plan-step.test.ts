import { expect, it } from 'vitest';
import type { Change } from '../../src/diff/change-set.ts';
import { requestedKinds } from '../../src/schemas/custom/custom-kind.ts';
import { customResourceDefinitionKind } from '../../src/schemas/kinds/custom-resource-definition.ts';
import { configMapKind } from '../../src/schemas/kinds/config-map.ts';
import type { ResourceKind } from '../../src/schemas/resource-kind.ts';
import { planStep } from '../../src/sync/plan-step.ts';
import { definitionSample } from '../schemas/custom-samples.ts';

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

it('definitions go first and alone, then what is served, and then one waits', () => {
  expect(planStep([definition, object, other], () => true).step).toEqual([definition]);
  expect(planStep([definition], () => true).step).toEqual([definition]);
  expect(planStep([object, other], (kind) => kind !== gadget).step).toEqual([other]);
  expect(planStep([object], () => false)).toEqual({
    step: [],
    waitingFor: 'the definition of gadgets.rec.example.com',
  });
  expect(planStep([object], () => true).step).toEqual([object]);
});
