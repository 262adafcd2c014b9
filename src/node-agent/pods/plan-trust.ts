/**
 * Whether a list of the control plane may end pods, pure (docs/INVARIANTS.md, "rebuild before
 * destroy"). `known` is the epoch of the data that the agent's own record belongs to.
 */
import type { ClusterCondition } from '../../client/types.ts';

export type Trust =
  /** The list counts; pods that it lacks are ended. */
  | 'trusted'
  /** The control plane has lost its data. It must be told what runs here. */
  | 'rebuilding'
  /** It was rebuilt, maybe without this agent. From the next list on, its word counts again. */
  | 'rebuilt';

export function planTrust(known: string | undefined, { epoch, phase }: ClusterCondition): Trust {
  if (phase === 'rebuilding') return 'rebuilding';
  return known === undefined || known === epoch ? 'trusted' : 'rebuilt';
}
