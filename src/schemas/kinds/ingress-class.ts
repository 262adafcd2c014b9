import { fill, part } from '../defaults/draft.ts';
import { validateIngressClass, validateIngressClassUpdate } from '../validation/ingress.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { defineKind } from './define-kind.ts';

export const ingressClassKind = defineKind({
  group: 'networking.k8s.io',
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
  applyOrder: 90,
  countsGeneration: true,
  nameRule: dns1123Subdomain,
  stored: { idle: 'nothing routes traffic by it yet' },
  fillDefaults: (draft) => fill(part(part(draft, 'spec'), 'parameters'), { scope: 'Cluster' }),
  validate: validateIngressClass,
  validateUpdate: validateIngressClassUpdate,
});
