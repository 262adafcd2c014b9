import {
  validateResourceQuota,
  validateResourceQuotaStatus,
  validateResourceQuotaUpdate,
} from '../validation/resource-quota.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { defineKind } from './define-kind.ts';

export const resourceQuotaKind = defineKind({
  group: '',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  subresources: ['status'],
  applyOrder: 10,
  nameRule: dns1123Subdomain,
  initialStatus: () => ({}),
  validate: validateResourceQuota,
  validateUpdate: validateResourceQuotaUpdate,
  validateStatus: validateResourceQuotaStatus,
});
