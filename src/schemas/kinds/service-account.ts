import { dns1123Subdomain } from '../validation/names.ts';
import { defineKind } from './define-kind.ts';

export const serviceAccountKind = defineKind({
  group: '',
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  shortNames: ['sa'],
  subresources: ['token'],
  applyOrder: 40,
  nameRule: dns1123Subdomain,
});
