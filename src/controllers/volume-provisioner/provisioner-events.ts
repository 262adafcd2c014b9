/** The events of the provisioner; upstream's external-provisioner. */
import { eventsOf, type EventTexts, normal, warning } from '../planned-event.ts';

export const PROVISIONER_EVENTS = {
  Provisioning: normal(
    'Provisioning',
    (claim) => `External provisioner is provisioning volume for claim "${claim}"`,
  ),
  ProvisioningSucceeded: normal(
    'ProvisioningSucceeded',
    (volume) => `Successfully provisioned volume ${volume}`,
  ),
  ProvisioningFailed: warning(
    'ProvisioningFailed',
    (name, why) => `failed to provision volume with StorageClass "${name}": ${why}`,
  ),
} satisfies EventTexts['texts'];

export const eventOf = eventsOf<typeof PROVISIONER_EVENTS>();
