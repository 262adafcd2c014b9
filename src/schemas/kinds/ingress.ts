import { IN_PRIVILEGED_NAMESPACE } from '../pod-security/namespace-policy.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { validateIngress, validateIngressStatus } from '../validation/ingress.ts';
import { defineKind } from './define-kind.ts';

export const ingressKind = defineKind({
  group: 'networking.k8s.io',
  kind: 'Ingress',
  plural: 'ingresses',
  shortNames: ['ing'],
  subresources: ['status'],
  applyOrder: 160,
  countsGeneration: true,
  nameRule: dns1123Subdomain,
  stored: {
    missing: `no traffic is routed by it yet; reach a pod with kubectl port-forward, or publish its port with hostPort ${IN_PRIVILEGED_NAMESPACE}`,
  },
  initialStatus: () => ({ loadBalancer: {} }),
  validate: validateIngress,
  validateStatus: validateIngressStatus,
});
