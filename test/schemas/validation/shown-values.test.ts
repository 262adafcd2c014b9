/** Refused values are shown as upstream's internal types, nested parts included. */
import { expect, it } from 'vitest';
import { anObject, type Fields } from './complaints.ts';
import { kindOf, stored } from './verdict.ts';

const shown = (apiVersion: string, kind: string, spec: Fields, path: string): unknown => {
  const object = stored(anObject(apiVersion, kind, { spec }));
  return kindOf(object)
    .validate(object)
    .find((error) => error.path === path)?.value;
};

it('a success policy of a Job without indexes', () => {
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } };
  const spec = { template, successPolicy: { rules: [{ succeededCount: 1 }] } };
  expect(shown('batch/v1', 'Job', spec, 'spec.successPolicy')).toEqual({
    Rules: [{ SucceededIndexes: null, SucceededCount: 1 }],
  });
});

it('an unknown update strategy of a StatefulSet', () => {
  const updateStrategy = { type: 'x', rollingUpdate: { maxUnavailable: 2 } };
  const spec = { updateStrategy, template: {}, selector: {} };
  expect(shown('apps/v1', 'StatefulSet', spec, 'spec.updateStrategy')).toEqual({
    Type: 'x',
    RollingUpdate: { Partition: 0, MaxUnavailable: 2 },
  });
});
