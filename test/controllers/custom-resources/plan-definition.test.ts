import { expect, it } from 'vitest';
import { planDefinition } from '../../../src/controllers/custom-resources/plan-definition.ts';
import { CLEANUP_FINALIZER } from '../../../src/schemas/custom/definition.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { definitionSample } from '../../schemas/custom-samples.ts';

const NOW = Date.parse('2026-01-02T03:04:05Z');
const deleted: KubeObject = {
  ...definitionSample,
  metadata: {
    ...definitionSample.metadata,
    deletionTimestamp: '2026-01-02T03:04:05Z',
    finalizers: [CLEANUP_FINALIZER],
  },
};
const conditionsOf = (object: KubeObject | undefined): readonly unknown[] =>
  (object?.['status'] as { conditions: { type: string; status: string; reason: string }[] }).conditions.map(
    ({ type, status, reason }) => [type, status, reason],
  );
const plan = (definition: KubeObject, others: readonly KubeObject[] = [], objects?: readonly KubeObject[]) =>
  planDefinition({ definition, all: [definition, ...others], objects, nowMs: NOW });

it('a definition gets the names that it asks for, is established, and is left alone then', () => {
  const [write] = plan(definitionSample).writes;
  expect(conditionsOf(write?.object)).toEqual([
    ['NamesAccepted', 'True', 'NoConflicts'],
    ['Established', 'True', 'InitialNamesAccepted'],
  ]);
  expect(plan(write?.object as KubeObject).writes).toEqual([]);
});

it('a name that another definition of the group has is refused; what was established stays so', () => {
  const other: KubeObject = {
    ...definitionSample,
    metadata: { name: 'widgets.rec.example.com' },
    status: { acceptedNames: { plural: 'widgets', singular: 'widget', kind: 'Gadget', shortNames: ['wg'] } },
  };
  const [write] = plan(definitionSample, [other]).writes;
  expect(conditionsOf(write?.object)).toEqual([
    ['NamesAccepted', 'False', 'KindConflict'],
    ['Established', 'False', 'NotAccepted'],
  ]);
  const established = plan(definitionSample).writes[0]?.object as KubeObject;
  expect(conditionsOf(plan(established, [other]).writes[0]?.object)).toEqual([
    ['NamesAccepted', 'False', 'KindConflict'],
    ['Established', 'True', 'InitialNamesAccepted'],
  ]);
});

it('a deleted definition goes after its objects, and what is not its own it leaves alone', () => {
  const object: KubeObject = {
    apiVersion: 'rec.example.com/v1',
    kind: 'Gadget',
    metadata: { name: 'g', namespace: 'n', uid: 'u' },
  };
  expect(plan(deleted, [], [object]).writes.map(({ verb }) => verb)).toEqual(['update', 'delete']);
  const [last] = plan(deleted, [], []).writes;
  expect(last?.object.metadata.finalizers).toBeUndefined();
  expect(plan(deleted, [], undefined).writes.map(({ verb }) => verb)).toEqual(['update']);
});
