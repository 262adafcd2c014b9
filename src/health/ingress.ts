/** An Ingress waits for an address, as in Argo CD. */
import { listAt, recordAt, textAt } from './fields.ts';
import { type Assessor, type Health, healthy, progressing } from './types.ts';

export const assessIngress: Assessor = (object): Health => {
  const addresses = listAt(recordAt(recordAt(object, 'status'), 'loadBalancer'), 'ingress');
  if (addresses.length > 0) return healthy;
  const name = textAt(recordAt(object, 'spec'), 'ingressClassName');
  return progressing(
    `Waiting for an address: nothing serves ${name ? `the IngressClass "${name}"` : 'it'} yet; nodes serve the class "symphony"`,
  );
};
