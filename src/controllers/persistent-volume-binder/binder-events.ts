/** The events of the binder; upstream's persistentvolume-controller and expand controller. */
import { eventsOf, type EventTexts, normal, warning } from '../planned-event.ts';

export const BINDER_EVENTS = {
  FailedBinding: normal('FailedBinding'),
  Taken: warning('FailedBinding', (volume) => `volume "${volume}" already bound to a different claim.`),
  VolumeMismatch: warning('VolumeMismatch'),
  WaitForFirstConsumer: normal(
    'WaitForFirstConsumer',
    () => 'waiting for first consumer to be created before binding',
  ),
  WaitForPodScheduled: normal('WaitForPodScheduled', (...pods) =>
    pods.length > 1
      ? `waiting for pods ${pods.join(',')} to be scheduled`
      : `waiting for pod ${pods[0] ?? ''} to be scheduled`,
  ),
  ProvisioningFailed: warning('ProvisioningFailed'),
  ExternalProvisioning: normal(
    'ExternalProvisioning',
    (provisioner) =>
      `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
  ),
  ClaimLost: warning('ClaimLost'),
  ClaimMisbound: warning(
    'ClaimMisbound',
    () => 'Two claims are bound to the same volume, this one is bound incorrectly',
  ),
  VolumeFailedDelete: warning('VolumeFailedDelete'),
  VolumeFailedRecycle: warning('VolumeFailedRecycle'),
  DataLeft: warning(
    'VolumeDataLeft',
    (node) => `Node "${node}" is gone: the data of the volume stays on its disk`,
  ),
  DataShared: warning(
    'VolumeDataLeft',
    (volume) => `The volume "${volume}" is in the same directory of the export: the data of both stays`,
  ),
  ExternalExpanding: normal(
    'ExternalExpanding',
    () => 'waiting for an external controller to expand this PVC',
  ),
  VolumeResizeSuccessful: normal('VolumeResizeSuccessful', () => 'Resize volume succeeded'),
  VolumeResizeFailed: warning(
    'VolumeResizeFailed',
    (volume, why) => `resize volume "${volume}" failed: ${why}`,
  ),
} satisfies EventTexts['texts'];

export const eventOf = eventsOf<typeof BINDER_EVENTS>();
