/** The claims of a pod's generic ephemeral volumes; they go with the pod. Pure. */
import type { PersistentVolumeClaim, Pod } from '../../schemas/types.ts';
import { ephemeralClaimName, foreignClaim } from '../../schemas/volumes/pod-claims.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import { unchanged } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { controllerReference, isDeleting } from '../ownership.ts';
import { eventsOf, type EventTexts, type PlannedEvent, warning } from '../planned-event.ts';

export interface EphemeralView {
  readonly pod: Pod;
  /** Claims of the pod's namespace, by name. */
  readonly claim: (name: string) => PersistentVolumeClaim | undefined;
}

export const EPHEMERAL_EVENTS = {
  FailedBinding: warning('FailedBinding', (volume, why) => `ephemeral volume ${volume}: ${why}`),
} satisfies EventTexts['texts'];

const eventOf = eventsOf<typeof EPHEMERAL_EVENTS>();

export function planEphemeralClaims({ pod, claim }: EphemeralView): Plan | undefined {
  if (isDeleting(pod)) return undefined;
  const writes: Write[] = [];
  const events: PlannedEvent[] = [];
  for (const volume of pod.spec.volumes ?? []) {
    const template = volume.ephemeral?.volumeClaimTemplate;
    if (!template) continue;
    const name = ephemeralClaimName(pod, volume);
    const found = claim(name);
    if (found) {
      const foreign = foreignClaim(pod, found);
      if (foreign !== undefined) events.push(eventOf('FailedBinding', pod, volume.name, foreign));
      continue;
    }
    const { labels, annotations } = template.metadata ?? {};
    const object: PersistentVolumeClaim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name,
        ...(pod.metadata.namespace === undefined ? {} : { namespace: pod.metadata.namespace }),
        ...(labels ? { labels } : {}),
        ...(annotations ? { annotations } : {}),
        ownerReferences: [controllerReference(pod)],
      },
      spec: template.spec,
    };
    writes.push({ verb: 'create', object });
  }
  if (writes.length + events.length === 0) return undefined;
  return { writes, events, ...(writes.length > 0 ? { checks: [unchanged(pod)] } : {}) };
}

/** Upstream's words, should the API refuse a claim. */
export const planRefusedClaims = ({ pod }: EphemeralView, message: string): Plan => {
  const volume = pod.spec.volumes?.find(({ ephemeral }) => ephemeral);
  const why = `create PVC ${volume ? ephemeralClaimName(pod, volume) : ''}: ${message}`;
  return { writes: [], events: [eventOf('FailedBinding', pod, volume?.name ?? '', why)] };
};
