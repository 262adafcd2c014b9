import { expect, it } from 'vitest';
import { planApplicationDefinition } from '../../../src/controllers/custom-resources/plan-application-definition.ts';
import { applicationDefinition } from '../../../src/schemas/applications/application-definition.ts';
import { customResourceDefinitionKind } from '../../../src/schemas/kinds/custom-resource-definition.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';

const stored = customResourceDefinitionKind.withDefaults(applicationDefinition());

it('is made where it is missing, and left alone where it says what is served', () => {
  expect(planApplicationDefinition(undefined)).toMatchObject([{ verb: 'create' }]);
  const labelled: KubeObject = { ...stored, metadata: { ...stored.metadata, labels: { some: 'label' } } };
  expect(planApplicationDefinition(labelled)).toEqual([]);
});

it('gets back its spec and keeps its metadata', () => {
  const metadata = { ...stored.metadata, labels: { some: 'label' } };
  const [write] = planApplicationDefinition({ ...stored, metadata, spec: { group: 'argoproj.io' } });
  expect(write).toEqual({ verb: 'update', object: { ...stored, metadata } });
});

it('is not written while it is being deleted', () => {
  const metadata = { ...stored.metadata, deletionTimestamp: '2026-01-02T03:04:05Z' };
  expect(planApplicationDefinition({ ...stored, metadata, spec: {} })).toEqual([]);
});
