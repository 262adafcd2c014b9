/** Adds up the weights of the preferred node affinity terms that a node matches. */
import { compileTerm } from '../../schemas/pods/node-selector.ts';
import type { ScorePlugin } from '../types.ts';
import { normaliseByMax } from './normalise.ts';

export const nodeAffinity: ScorePlugin = {
  name: 'NodeAffinity',
  weight: 2,
  score: (pod, nodes) => {
    const preferred = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    if (preferred.length === 0) return undefined;
    const terms = preferred.map((term) => ({ weight: term.weight, matches: compileTerm(term.preference) }));
    const raw = nodes.map((node) =>
      terms.reduce((sum, term) => sum + (term.matches(node) ? term.weight : 0), 0),
    );
    return normaliseByMax(raw);
  },
};
