/** RuntimeClasses: a pod runs with the handler of its class, on nodes that have it. */
import { isPod } from '../../schemas/pods/pod-marks.ts';
import type { Pod } from '../../schemas/types.ts';
import { deny } from '../refusals.ts';
import { planRuntimeClass } from './plan-runtime-class.ts';
import type { AdmissionRule } from './types.ts';

const RUNTIME_CLASSES = { group: 'node.k8s.io', plural: 'runtimeclasses' } as const;

export const runtimeClass: AdmissionRule = {
  name: 'RuntimeClass',
  applies: ({ kind, operation, object }) => {
    if (!isPod(kind) || operation !== 'create') return false;
    const { runtimeClassName, overhead } = (object as Pod).spec;
    return Boolean(runtimeClassName) || overhead !== undefined;
  },
  async admit({ kind, object }, { find }) {
    const pod = object as Pod;
    const name = pod.spec.runtimeClassName ?? '';
    const plan = planRuntimeClass(pod, name === '' ? undefined : await find(RUNTIME_CLASSES, name));
    if ('refusal' in plan) throw deny(kind, object, plan.refusal);
    return { ...pod, spec: plan.spec };
  },
};
