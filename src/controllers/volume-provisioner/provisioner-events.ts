/** The events of the provisioner; upstream's external-provisioner. */
import { type EventTexts, eventsOf } from '../planned-event.ts';

export const PROVISIONER_EVENTS = {
  Provisioning: {
    type: 'Normal',
    reason: 'Provisioning',
    message: (claim = '') => `External provisioner is provisioning volume for claim "${claim}"`,
  },
  ProvisioningSucceeded: {
    type: 'Normal',
    reason: 'ProvisioningSucceeded',
    message: (volume = '') => `Successfully provisioned volume ${volume}`,
  },
  ProvisioningFailed: {
    type: 'Warning',
    reason: 'ProvisioningFailed',
    message: (name = '', why = '') => `failed to provision volume with StorageClass "${name}": ${why}`,
  },
} satisfies EventTexts['texts'];

export const eventOf = eventsOf<typeof PROVISIONER_EVENTS>();
