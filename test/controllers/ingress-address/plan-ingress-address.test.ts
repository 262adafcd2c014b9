import { describe, expect, it } from 'vitest';
import {
  ingressAddresses,
  planIngressAddress,
} from '../../../src/controllers/ingress-address/plan-ingress-address.ts';
import type { Node } from '../../../src/schemas/types.ts';
import { anIngress } from '../../support/ingress-objects.ts';

const aNode = (address: string, ready: string, serves = 'true'): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: address, labels: { 'symphony.dev/ingress': serves } },
  spec: {},
  status: {
    addresses: [{ type: 'InternalIP', address }],
    conditions: [{ type: 'Ready', status: ready }],
  },
});

describe('the addresses of Ingresses', () => {
  it.each([
    ['those of ready nodes', [aNode('10.0.0.2', 'True'), aNode('10.0.0.1', 'False')], [], ['10.0.0.2']],
    ['of all that serve, while none is ready', [aNode('10.0.0.1', 'Unknown')], [], ['10.0.0.1']],
    ['not of nodes without the role', [aNode('10.0.0.1', 'True', 'false')], [], []],
    ['what is given instead', [aNode('10.0.0.1', 'True')], ['lb.example.com'], ['lb.example.com']],
    ['each once', [aNode('10.0.0.1', 'True'), aNode('10.0.0.1', 'True')], [], ['10.0.0.1']],
  ])('are %s', (_, nodes, given, expected) => expect(ingressAddresses(nodes, given)).toEqual(expected));

  it('stand in the status as addresses or names, and are not written twice', () => {
    const ingress = anIngress({ rules: ['Prefix a.com/ a'] });
    const plan = planIngressAddress({ ingress, addresses: ['10.0.0.1', 'lb.example.com'] });
    const [write] = plan?.writes ?? [];
    const written = write?.object as typeof ingress;
    expect(written.status?.loadBalancer?.ingress).toEqual([
      { ip: '10.0.0.1' },
      { hostname: 'lb.example.com' },
    ]);
    expect(
      planIngressAddress({ ingress: written, addresses: ['10.0.0.1', 'lb.example.com'] }),
    ).toBeUndefined();
  });
});
