/** PriorityClasses: a pod gets the priority of its class, and only one class is the default. */
import { isPod } from '../../schemas/pods/pod-marks.ts';
import type { Pod } from '../../schemas/types.ts';
import { deny } from '../refusals.ts';
import { planPriority } from './plan-priority.ts';
import type { AdmissionRule } from './types.ts';

const PRIORITY_CLASSES = { group: 'scheduling.k8s.io', plural: 'priorityclasses' } as const;

export const podPriority: AdmissionRule = {
  name: 'Priority',
  applies: ({ kind, operation }) => isPod(kind) && operation === 'create',
  async admit({ kind, object }, { find, snapshots }) {
    const pod = object as Pod;
    const className = pod.spec.priorityClassName ?? '';
    const named = className === '' ? undefined : await find(PRIORITY_CLASSES, className);
    const classes = await snapshots.open(PRIORITY_CLASSES);
    const defaults = classes.list().filter((candidate) => candidate['globalDefault'] === true);
    const plan = planPriority(pod, named, defaults);
    if ('refusal' in plan) throw deny(kind, object, plan.refusal);
    return { ...pod, spec: plan.spec };
  },
};

export const globalDefaultPriority: AdmissionRule = {
  name: 'PriorityClass',
  applies: ({ kind, object }) =>
    kind.group === PRIORITY_CLASSES.group &&
    kind.plural === PRIORITY_CLASSES.plural &&
    object['globalDefault'] === true,
  async admit({ kind, object }, { list }) {
    const other = (await list(PRIORITY_CLASSES, undefined)).find(
      (candidate) => candidate['globalDefault'] === true && candidate.metadata.name !== object.metadata.name,
    );
    if (!other) return object;
    const why = `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`;
    throw deny(kind, object, why);
  },
};
