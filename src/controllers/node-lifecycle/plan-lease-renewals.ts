/**
 * The Leases that the control plane renews for the agents that it hears over their tunnels, so that
 * an agent at rest makes no request; pure. The time of a renewal is that at which the agent was
 * heard. An agent without a tunnel renews its Lease itself.
 */
import { toRfc3339Micro } from '../../base/clock.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { asRecord } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Lease } from '../../schemas/types.ts';

/** The namespace of the nodes' Leases. */
export const LEASE_NAMESPACE = 'kube-node-lease';
/** As kubelet: a quarter of the lease. */
export const RENEW_EVERY_MS = 10_000;
/** Agents of earlier releases renew every ten seconds: a Lease that is this fresh is left alone. */
const FRESH_MS = RENEW_EVERY_MS / 2;

export interface LeaseRenewal {
  readonly lease: Lease;
  readonly renewTime: string;
}

/** `heard`: milliseconds since each agent was heard. */
export function planLeaseRenewals(
  heard: ReadonlyMap<string, number>,
  leaseOf: (nodeName: string) => Lease | undefined,
  nowMs: number,
): readonly LeaseRenewal[] {
  return [...heard].flatMap(([nodeName, silentMs]) => {
    const lease = leaseOf(nodeName);
    // The agent makes its Lease itself.
    if (!lease || lease.spec.holderIdentity !== nodeName) return [];
    const heardAtMs = nowMs - silentMs;
    const renewedAtMs = renewedAt(lease);
    // A time in the future comes from a node whose clock is ahead.
    if (renewedAtMs <= nowMs && heardAtMs - renewedAtMs < FRESH_MS) return [];
    return [{ lease, renewTime: toRfc3339Micro(heardAtMs) }];
  });
}

/** Whoever has renewed the Lease meanwhile has heard from the agent later. */
export const renewalWrite = ({ lease, renewTime }: LeaseRenewal): Write => ({
  verb: 'update',
  object: lease,
  change: (current): KubeObject => {
    const spec = asRecord(current['spec']);
    return spec['renewTime'] === lease.spec.renewTime
      ? { ...current, spec: { ...spec, renewTime } }
      : current;
  },
});

/** Milliseconds since the Lease of this node was renewed; undefined where that cannot be told. */
export function leaseAgeMs(lease: Lease | undefined, nodeName: string, nowMs: number): number | undefined {
  if (lease?.spec.holderIdentity !== nodeName) return undefined;
  const ageMs = nowMs - renewedAt(lease);
  return ageMs >= 0 ? ageMs : undefined;
}

const renewedAt = ({ spec }: Lease): number => Date.parse(spec.renewTime ?? '');
