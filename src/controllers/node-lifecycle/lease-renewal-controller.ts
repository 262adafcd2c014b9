/**
 * Renews the Leases of all agents that some server hears over their tunnels, in one commit every
 * ten seconds. Only the leader does, under its fence.
 */
import { objectKey } from '../../schemas/object.ts';
import type { Lease } from '../../schemas/types.ts';
import type { Controller, Reconciler } from '../controller.ts';
import {
  LEASE_NAMESPACE,
  type LeaseRenewal,
  planLeaseRenewals,
  RENEW_EVERY_MS,
  renewalWrite,
} from './plan-lease-renewals.ts';

export interface LeaseRenewalOptions {
  /** Milliseconds since each agent was heard over its tunnel. */
  readonly heartbeats: (signal: AbortSignal) => Promise<ReadonlyMap<string, number>>;
  /** The renewals that were written here, by node: they are no signs of life (node-sightings.ts). */
  readonly renewals: Map<string, string>;
}

/** Some tens of milliseconds of the event loop. */
const COMMIT_SIZE = 500;
const ALL = 'leases';

export const leaseRenewal = ({ heartbeats, renewals }: LeaseRenewalOptions): Controller => ({
  name: 'lease-renewal',
  async open({ caches, clock, signal }): Promise<Reconciler<readonly LeaseRenewal[]>> {
    const leases = await caches.open<Lease>('leases.coordination.k8s.io');
    const leaseOf = (nodeName: string): Lease | undefined => leases.get(objectKey(LEASE_NAMESPACE, nodeName));
    return {
      resyncMs: RENEW_EVERY_MS,
      keys: () => [ALL],
      async observe() {
        // The ages are those of a later time: no agent is said to be heard later than it was.
        const askedAtMs = clock.now();
        const due = planLeaseRenewals(await heartbeats(signal), leaseOf, askedAtMs);
        // Before the commit: its news may come before its answer. The caches show the last one.
        renewals.clear();
        for (const { lease, renewTime } of due) renewals.set(lease.metadata.name, renewTime);
        return due;
      },
      plan: (due) => ({ writes: due.map(renewalWrite), commitSize: COMMIT_SIZE }),
    };
  },
});
