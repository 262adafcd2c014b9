import type { PodStatus } from '../types.ts';

/** The pod has ended, and never runs again. */
export const isTerminal = (status: Pick<PodStatus, 'phase'> | undefined): boolean =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed';
