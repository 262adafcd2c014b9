/**
 * A node that has just registered is not ready for pods: it gets the taint that the controllers
 * take away once it reports that it is (upstream's admission plug-in TaintNodesByCondition).
 */
import type { Node, Taint } from '../../schemas/types.ts';
import type { AdmissionRule } from './types.ts';

const NOT_READY: Taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };

export const nodeTaint: AdmissionRule = {
  name: 'TaintNodesByCondition',
  applies: ({ kind, operation }) => kind.group === '' && kind.kind === 'Node' && operation === 'create',
  admit({ object }) {
    const node = object as Node;
    const taints = node.spec?.taints ?? [];
    const tainted = taints.some(({ key, effect }) => key === NOT_READY.key && effect === NOT_READY.effect);
    const spec = { ...node.spec, taints: [...taints, NOT_READY] };
    return Promise.resolve(tainted ? object : { ...object, spec });
  },
};
