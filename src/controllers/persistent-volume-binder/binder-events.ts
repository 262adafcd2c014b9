/** The events of the binder; upstream's persistentvolume-controller and expand controller. */
import { type EventTexts, eventsOf } from '../planned-event.ts';

export const BINDER_EVENTS = {
  FailedBinding: { type: 'Normal', reason: 'FailedBinding', message: (text = '') => text },
  Taken: {
    type: 'Warning',
    reason: 'FailedBinding',
    message: (volume = '') => `volume "${volume}" already bound to a different claim.`,
  },
  VolumeMismatch: { type: 'Warning', reason: 'VolumeMismatch', message: (text = '') => text },
  WaitForFirstConsumer: {
    type: 'Normal',
    reason: 'WaitForFirstConsumer',
    message: () => 'waiting for first consumer to be created before binding',
  },
  WaitForPodScheduled: {
    type: 'Normal',
    reason: 'WaitForPodScheduled',
    message: (...pods) =>
      pods.length > 1
        ? `waiting for pods ${pods.join(',')} to be scheduled`
        : `waiting for pod ${pods[0] ?? ''} to be scheduled`,
  },
  ProvisioningFailed: { type: 'Warning', reason: 'ProvisioningFailed', message: (text = '') => text },
  ExternalProvisioning: {
    type: 'Normal',
    reason: 'ExternalProvisioning',
    message: (provisioner = '') =>
      `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
  },
  ClaimLost: { type: 'Warning', reason: 'ClaimLost', message: (text = '') => text },
  ClaimMisbound: {
    type: 'Warning',
    reason: 'ClaimMisbound',
    message: () => 'Two claims are bound to the same volume, this one is bound incorrectly',
  },
  VolumeFailedDelete: { type: 'Warning', reason: 'VolumeFailedDelete', message: (text = '') => text },
  VolumeFailedRecycle: { type: 'Warning', reason: 'VolumeFailedRecycle', message: (text = '') => text },
  DataLeft: {
    type: 'Warning',
    reason: 'VolumeDataLeft',
    message: (node = '') => `Node "${node}" is gone: the data of the volume stays on its disk`,
  },
  DataShared: {
    type: 'Warning',
    reason: 'VolumeDataLeft',
    message: (volume = '') =>
      `The volume "${volume}" is in the same directory of the export: the data of both stays`,
  },
  ExternalExpanding: {
    type: 'Normal',
    reason: 'ExternalExpanding',
    message: () => 'waiting for an external controller to expand this PVC',
  },
  VolumeResizeSuccessful: {
    type: 'Normal',
    reason: 'VolumeResizeSuccessful',
    message: () => 'Resize volume succeeded',
  },
  VolumeResizeFailed: {
    type: 'Warning',
    reason: 'VolumeResizeFailed',
    message: (volume = '', why = '') => `resize volume "${volume}" failed: ${why}`,
  },
} satisfies EventTexts['texts'];

export const eventOf = eventsOf<typeof BINDER_EVENTS>();
