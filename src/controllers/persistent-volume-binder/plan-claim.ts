/**
 * One claim: finds its volume, completes both sides, tells the scheduler or a provisioner that it
 * waits for them, and notices a lost volume. Pure; upstream's syncClaim.
 *
 * The references of both sides are one commit, their phases the next one. A half that the
 * scheduler or a user wrote is completed in the same way.
 */
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import {
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  findVolume,
  hasAnnotation,
  isVolumeOf,
  misfitOf,
  reserveVolume,
  SELECTED_NODE,
  withAnnotations,
} from '../../schemas/volumes/binding.ts';
import { classNameOf, waitsForConsumer } from '../../schemas/volumes/classes.ts';
import { PROVISIONER_ANNOTATION } from '../../schemas/volumes/drivers.ts';
import { type Plan, planOf } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { eventOf } from './binder-events.ts';
import { claimStatus } from './claim-status.ts';
import { planExpansion } from './plan-expansion.ts';
import { volumePhase } from './volume-phase.ts';

export interface ClaimView {
  readonly type: 'claim';
  readonly claim: PersistentVolumeClaim;
  /** The class that the claim names, if there is one. */
  readonly storageClass: StorageClass | undefined;
  /** The default class, for a claim that names none. */
  readonly defaultClass: StorageClass | undefined;
  /** The volume that the claim names. */
  readonly volume: PersistentVolume | undefined;
  /** For a claim that names none: volumes reserved for it, and free ones of its class. */
  readonly candidates: readonly PersistentVolume[];
  /** Pods without a node that use the claim. */
  readonly waitingPods: readonly string[];
  /** The bytes that are left on the node of `volume`; undefined: it is not limited. */
  readonly room: number | undefined;
}

const BETA_PROVISIONER = 'volume.beta.kubernetes.io/storage-provisioner';
const NO_CLASS = 'no persistent volumes available for this claim and no storage class is set';

export function planClaim(view: ClaimView): Plan | undefined {
  const { claim } = view;
  return hasAnnotation(claim, BIND_COMPLETED) ? planBound(view) : planUnbound(view);
}

function planUnbound(view: ClaimView): Plan | undefined {
  const { claim, volume } = view;
  if ((claim.spec.volumeName ?? '') === '') return planUnnamed(view);
  if (!volume) return planOf(pending(claim));
  if (isVolumeOf(volume, claim)) return planBind(volume, claim);
  if (volume.spec.claimRef) return planOf(pending(claim), eventOf('Taken', claim, volume.metadata.name));
  const misfit = misfitOf(volume, claim);
  if (misfit === undefined) return planBind(volume, claim);
  const text = `Cannot bind to requested volume "${volume.metadata.name}": ${misfit}`;
  return planOf(pending(claim), eventOf('VolumeMismatch', claim, text));
}

function planUnnamed(view: ClaimView): Plan | undefined {
  const { claim, storageClass, defaultClass, candidates, waitingPods } = view;
  const isDelayed = waitsForConsumer(storageClass);
  const volume = findVolume(claim, candidates, { reservedOnly: isDelayed });
  if (volume) return planBind(volume, claim);
  if (isDeleting(claim)) return planOf(pending(claim));
  if (defaultClass) {
    const spec = { ...claim.spec, storageClassName: defaultClass.metadata.name };
    return planOf([{ verb: 'update', object: { ...claim, spec } }]);
  }
  if (isDelayed && !hasAnnotation(claim, SELECTED_NODE)) {
    const event =
      waitingPods.length === 0
        ? eventOf('WaitForFirstConsumer', claim)
        : eventOf('WaitForPodScheduled', claim, ...waitingPods);
    return planOf(pending(claim), event);
  }
  if (classNameOf(claim) === '') return planOf(pending(claim), eventOf('FailedBinding', claim, NO_CLASS));
  return planProvisioning(view);
}

/** Names the provisioner that the claim waits for. Our own is volume-provisioner/. */
function planProvisioning({ claim, storageClass }: ClaimView): Plan | undefined {
  if (!storageClass) {
    const text = `storageclass.storage.k8s.io "${classNameOf(claim)}" not found`;
    return planOf(pending(claim), eventOf('ProvisioningFailed', claim, text));
  }
  const { provisioner } = storageClass;
  // Upstream's own plugins are gone, and its name for "none" has never been one.
  if (provisioner.startsWith('kubernetes.io/')) {
    const text = `no volume plugin matched name: ${provisioner}`;
    return planOf(pending(claim), eventOf('ProvisioningFailed', claim, text));
  }
  const event = eventOf('ExternalProvisioning', claim, provisioner);
  if (claim.metadata.annotations?.[PROVISIONER_ANNOTATION] === provisioner) return planOf([], event);
  const annotations = { [BETA_PROVISIONER]: provisioner, [PROVISIONER_ANNOTATION]: provisioner };
  return planOf([{ verb: 'update', object: withAnnotations(claim, annotations) }], event);
}

function planBound(view: ClaimView): Plan | undefined {
  const { claim, volume } = view;
  const lost = (...[event, text]: ['ClaimLost', string] | ['ClaimMisbound', '']): Plan | undefined => {
    const writes = claimStatus(claim, 'Lost', undefined);
    return planOf(writes, ...(writes.length > 0 ? [eventOf(event, claim, text)] : []));
  };
  if ((claim.spec.volumeName ?? '') === '')
    return lost(
      'ClaimLost',
      'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!',
    );
  if (!volume)
    return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  const { claimRef } = volume.spec;
  if (claimRef && claimRef.uid !== claim.metadata.uid && !isVolumeOf(volume, claim))
    return lost('ClaimMisbound', '');
  return planBind(volume, claim) ?? planExpansion(claim, volume, view.room);
}

/** First the references of both sides, then their phases. */
function planBind(volume: PersistentVolume, claim: PersistentVolumeClaim): Plan | undefined {
  const reserved = reserveVolume(volume, claim);
  const completed = completeClaim(claim, volume.metadata.name);
  const references: Write[] = [];
  if (reserved !== volume) references.push({ verb: 'update', object: reserved });
  if (completed !== claim) references.push({ verb: 'update', object: completed });
  if (references.length > 0) return planOf(references);
  return planOf([...volumePhase(volume, 'Bound'), ...claimStatus(claim, 'Bound', volume)]);
}

function completeClaim(claim: PersistentVolumeClaim, volumeName: string): PersistentVolumeClaim {
  const isChosen = claim.spec.volumeName === volumeName;
  if (isChosen && hasAnnotation(claim, BIND_COMPLETED)) return claim;
  const named = isChosen ? claim : { ...claim, spec: { ...claim.spec, volumeName } };
  return withAnnotations(named, {
    ...(isChosen ? {} : { [BOUND_BY_CONTROLLER]: 'yes' }),
    [BIND_COMPLETED]: 'yes',
  });
}

const pending = (claim: PersistentVolumeClaim): readonly Write[] => claimStatus(claim, 'Pending', undefined);
