/** A Service is healthy at once, but a load balancer waits for its address. */
import { type Health, type Assessor, healthy, progressing } from './types.ts';
import { listAt, recordAt, textAt } from './fields.ts';

export const assessService: Assessor = (object): Health => {
  if (textAt(recordAt(object, 'spec'), 'type') !== 'LoadBalancer') return healthy;
  const addresses = listAt(recordAt(recordAt(object, 'status'), 'loadBalancer'), 'ingress');
  return addresses.length > 0
    ? healthy
    : progressing('Waiting for an address of the load balancer: nothing in this cluster assigns one yet');
};
