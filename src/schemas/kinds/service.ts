import { isRecord } from '../../base/json.ts';
import { fill, part, parts } from '../defaults/draft.ts';
import { withFamilies } from '../defaults/service-families.ts';
import { defaultServiceSpec } from '../defaults/service.ts';
import { dns1123Label } from '../validation/names.ts';
import { validateService, validateServiceStatus, validateServiceUpdate } from '../validation/service.ts';
import { keepAllocations } from '../defaults/service-allocations.ts';
import { defineKind } from './define-kind.ts';

/** Addresses and node ports are allocated by the API server; see defaults/service.ts. */
export const serviceKind = defineKind({
  group: '',
  kind: 'Service',
  plural: 'services',
  shortNames: ['svc'],
  categories: ['all'],
  subresources: ['proxy', 'status'],
  applyOrder: 100,
  nameRule: dns1123Label,
  fillDefaults(draft) {
    defaultServiceSpec(part(draft, 'spec'));
    for (const entry of parts(part(part(draft, 'status'), 'loadBalancer'), 'ingress'))
      if (entry['ip'] !== undefined && entry['ip'] !== '') fill(entry, { ipMode: 'VIP' });
  },
  defaultsStatus: true,
  initialStatus: () => ({ loadBalancer: {} }),
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  validateStatus: validateServiceStatus,
  prepareForCreate: (service) =>
    isRecord(service['spec']) ? { ...service, spec: withFamilies(service['spec']) } : service,
  prepareForUpdate: keepAllocations,
});
