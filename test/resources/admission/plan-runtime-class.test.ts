import { expect, it } from 'vitest';
import { planRuntimeClass } from '../../../src/resources/admission/plan-runtime-class.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Pod, PodSpec, Toleration } from '../../../src/schemas/types.ts';

const plan = (spec: Partial<PodSpec>, rest?: object) => {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', namespace: 'ns' },
    spec: { containers: [], ...spec },
  };
  const named: KubeObject | undefined = rest && {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name: 'boxed' },
    handler: 'runsc',
    ...rest,
  };
  return planRuntimeClass(pod, named);
};
const runtimeClassName = 'boxed';

it.each<[string, Partial<PodSpec>, object | undefined, string]>([
  ['there is no such class', { runtimeClassName }, undefined, 'pod rejected: RuntimeClass "boxed" not found'],
  [
    'the class has another overhead',
    { runtimeClassName, overhead: { cpu: '1' } },
    { overhead: { podFixed: { cpu: '2' } } },
    "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
  ],
  [
    'the class has no overhead',
    { runtimeClassName, overhead: { cpu: '1' } },
    {},
    'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
  ],
  [
    'an overhead comes without a class',
    { overhead: { cpu: '1' } },
    undefined,
    'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
  ],
  [
    'pod and class want different nodes',
    { runtimeClassName, nodeSelector: { zone: 'a' } },
    { scheduling: { nodeSelector: { zone: 'b' } } },
    'conflict: runtimeClass.scheduling.nodeSelector[zone] = b; pod.spec.nodeSelector[zone] = a',
  ],
])('refuses a pod where %s', (_, spec, rest, refusal) => {
  expect(plan(spec, rest)).toEqual({ refusal });
});

it('takes an overhead that is the same in other words', () => {
  const overhead = { cpu: '1000m' };
  expect(plan({ runtimeClassName, overhead }, { overhead: { podFixed: { cpu: '1' } } })).toMatchObject({
    spec: { overhead: { cpu: '1' } },
  });
});

it('leaves a pod alone whose class says nothing', () => {
  const tolerations = [{ key: 'a' }, { key: 'a' }];
  expect(plan({ runtimeClassName, tolerations }, {})).toEqual({
    spec: { containers: [], runtimeClassName, tolerations },
  });
});

const equal = (seconds?: number): Toleration => ({
  key: 'k',
  operator: 'Equal',
  value: 'v',
  effect: 'NoExecute',
  ...(seconds === undefined ? {} : { tolerationSeconds: seconds }),
});
it.each<[string, Toleration, Toleration, readonly ('own' | 'added')[]]>([
  ['the same twice', equal(), equal(), ['own']],
  ['another value', equal(), { ...equal(), value: 'w' }, ['own', 'added']],
  ['any value', equal(), { key: 'k', operator: 'Exists' }, ['added']],
  ['everything', { operator: 'Exists' }, equal(), ['own']],
  ['a longer time', equal(10), equal(20), ['added']],
  ['a shorter time', equal(20), equal(10), ['own']],
  ['no end', equal(10), equal(), ['added']],
])('keeps of two tolerations the one that covers the other: %s', (_, own, added, kept) => {
  const result = plan({ runtimeClassName, tolerations: [own] }, { scheduling: { tolerations: [added] } });
  expect(result).toMatchObject({ spec: { tolerations: kept.map((which) => ({ own, added })[which]) } });
});
