import { AGE, column, NAME, tableOf } from '../../tables/columns.ts';
import { asRecord, asString, getPath } from '../../json-access.ts';
import {
  validateResourceQuota,
  validateResourceQuotaStatus,
  validateResourceQuotaUpdate,
} from './validation.ts';
import { defineKind } from '../define-kind.ts';

export const resourceQuotaKind = defineKind({
  group: '',
  kind: 'ResourceQuota',
  shortNames: ['quota'],
  subresources: ['status'],
  applyOrder: 10,
  table: tableOf(
    NAME,
    column('Request', ({ status }) => usageText(status, (resource) => !isLimit(resource))),
    column('Limit', ({ status }) => usageText(status, isLimit)),
    AGE,
  ),
  initialStatus: () => ({}),
  validate: validateResourceQuota,
  validateUpdate: validateResourceQuotaUpdate,
  validateStatus: validateResourceQuotaStatus,
});

const isLimit = (resource: string): boolean => resource.startsWith('limits.');

/** `pods: 1/10, requests.cpu: 2/4`; limits have a column of their own. */
function usageText(status: unknown, wanted: (resource: string) => boolean): string {
  const hard = asRecord(getPath(status, 'hard'));
  const used = asRecord(getPath(status, 'used'));
  return Object.keys(hard)
    .filter(wanted)
    .sort()
    .map((resource) => `${resource}: ${asString(used[resource]) || '0'}/${asString(hard[resource])}`)
    .join(', ');
}
