import { expect, it } from 'vitest';
import { assessService } from '../../src/health/service.ts';
import { LOAD_BALANCER_CONDITION } from '../../src/schemas/load-balancers.ts';
import type { Service } from '../../src/schemas/types.ts';
import { aService } from '../support/services.ts';

const assess = (status: Service['status'], type = 'LoadBalancer') =>
  assessService({ ...aService({ type }), ...(status ? { status } : {}) });
const condition = (status: 'True' | 'False', message: string): Service['status'] => ({
  conditions: [{ type: LOAD_BALANCER_CONDITION, status, reason: 'NoPool', message, lastTransitionTime: '' }],
});

it('a load balancer is healthy with an address, and otherwise says why it has none', () => {
  expect(assess({}, 'ClusterIP')).toEqual({ status: 'Healthy', message: '' });
  expect(assess({ loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } })).toEqual({
    status: 'Healthy',
    message: '',
  });
  const waits = 'Waiting for an address of the load balancer';
  expect(assess({})).toEqual({ status: 'Progressing', message: waits });
  expect(assess(condition('False', 'there is no pool'))).toEqual({
    status: 'Progressing',
    message: `${waits}: there is no pool`,
  });
  expect(assess(condition('True', 'of before'))).toEqual({ status: 'Progressing', message: waits });
});
