import { AGE, column, NAME, tableOf } from '../tables/columns.ts';
import { part } from '../defaults/draft.ts';
import { getPath } from '../json-access.ts';
import { nonNegative, positive } from '../validation/numbers.ts';
import { defineKind } from './define-kind.ts';

export const leaseKind = defineKind({
  group: 'coordination.k8s.io',
  kind: 'Lease',
  applyOrder: 70,
  table: tableOf(NAME, column('Holder', 'spec.holderIdentity'), AGE),
  // Upstream asks for domains of finalizers where it validates by the rules of its core group only.
  anyFinalizer: true,
  fillDefaults(draft) {
    // Fields of coordinated leader election, a feature that is off.
    for (const field of ['strategy', 'preferredHolder']) delete part(draft, 'spec')?.[field];
  },
  validate: ({ spec }) => [
    ...positive(getPath(spec, 'leaseDurationSeconds'), 'spec.leaseDurationSeconds'),
    ...nonNegative(getPath(spec, 'leaseTransitions'), 'spec.leaseTransitions'),
  ],
});
