/**
 * The last signs of life of every node. Time in which this process could not hear (asleep, cut off,
 * held up, rebuilding) is no node's silence.
 */
import type { Clock } from '../../base/clock.ts';
import type { Lease, Node } from '../../schemas/types.ts';
import { laterBy, monitorPeriodMs, observe, type Sighting, silentAtMs } from './plan-node-health.ts';

export interface NodeSightingsOptions {
  readonly clock: Clock;
  readonly gracePeriodMs: number;
  readonly leaseGracePeriodMs: number;
  leaseOf(nodeName: string): Lease | undefined;
  /** The time that the control plane has last put into the Lease. */
  ownRenewalOf(nodeName: string): string | undefined;
  /** Milliseconds since each agent was heard over its tunnel. */
  heartbeats(): Promise<ReadonlyMap<string, number>>;
  /** Whether this process may judge, and the store answers it. */
  isConnected(): Promise<boolean>;
}

export interface NodeSightings {
  has(nodeName: string): boolean;
  /** Notes what the node and its Lease say. */
  see(node: Node): Sighting;
  /** Asks the agents. False: this process was away, and all nodes get a full grace period. */
  listen(): Promise<boolean>;
  /** When the node counts as lost. */
  silentAtMs(node: Node): number;
  forget(nodeName: string): void;
}

/** A tick that comes this many periods late means that this process was away, not the nodes. */
const LATE_TICKS = 4;

export function createNodeSightings(options: NodeSightingsOptions): NodeSightings {
  const { clock, gracePeriodMs, leaseGracePeriodMs } = options;
  const periodMs = monitorPeriodMs(gracePeriodMs);
  const sightings = new Map<string, Sighting>();
  const startedAtMs = clock.now();
  let lastTickMs = startedAtMs;
  /** No node counts as silent since before this time. */
  let couldHearSinceMs = startedAtMs;

  function see(node: Node): Sighting {
    const { name } = node.metadata;
    const seen = { node, lease: options.leaseOf(name), ownRenewal: options.ownRenewalOf(name) };
    const sighting = observe(sightings.get(name), seen, clock.now());
    sightings.set(name, sighting);
    return sighting;
  }

  async function noteHeartbeats(): Promise<void> {
    for (const [name, ageMs] of await options.heartbeats()) {
      const sighting = sightings.get(name);
      const heardAtMs = clock.now() - ageMs;
      // Heard before this process led: such a tunnel may have moved to another server.
      if (!sighting || heardAtMs < (sighting.heardAtMs ?? Math.min(startedAtMs, lastTickMs))) continue;
      sightings.set(name, { ...sighting, heardAtMs });
    }
  }

  async function couldHear(): Promise<boolean> {
    const sinceMs = clock.now() - lastTickMs;
    lastTickMs = clock.now();
    credit(Math.max(0, sinceMs - periodMs));
    // Also a clock that was set back.
    const isLate = sinceMs < 0 || sinceMs > periodMs * LATE_TICKS;
    return !isLate && options.isConnected();
  }

  /** Moves all signs of life by the time in which this process was held up. */
  function credit(ms: number): void {
    for (const [name, sighting] of sightings) sightings.set(name, laterBy(sighting, ms, clock.now()));
  }

  return {
    has: (nodeName) => sightings.has(nodeName),
    see,
    async listen() {
      await noteHeartbeats();
      const isHearing = await couldHear();
      if (!isHearing) couldHearSinceMs = clock.now();
      return isHearing;
    },
    silentAtMs: (node) => silentAtMs(see(node), { gracePeriodMs, leaseGracePeriodMs, couldHearSinceMs }),
    forget: (nodeName) => void sightings.delete(nodeName),
  };
}
