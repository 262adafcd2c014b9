/** A Service is healthy at once, but a load balancer waits for its address. */
import { LOAD_BALANCER_CONDITION } from '../schemas/load-balancers.ts';
import { type Health, type Assessor, healthy, progressing } from './types.ts';
import { conditionOf, listAt, recordAt, textAt } from './fields.ts';

export const assessService: Assessor = (object): Health => {
  if (textAt(recordAt(object, 'spec'), 'type') !== 'LoadBalancer') return healthy;
  const status = recordAt(object, 'status');
  if (listAt(recordAt(status, 'loadBalancer'), 'ingress').length > 0) return healthy;
  const condition = conditionOf(status, LOAD_BALANCER_CONDITION);
  const why = textAt(condition, 'status') === 'False' ? `: ${textAt(condition, 'message')}` : '';
  return progressing(`Waiting for an address of the load balancer${why}`);
};
