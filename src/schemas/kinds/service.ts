import { part } from '../defaults/draft.ts';
import { defaultServiceSpec } from '../defaults/service.ts';
import { dns1035Label } from '../validation/names.ts';
import { validateService, validateServiceUpdate } from '../validation/service.ts';
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
  nameRule: dns1035Label,
  fillDefaults: (draft) => defaultServiceSpec(part(draft, 'spec')),
  initialStatus: () => ({ loadBalancer: {} }),
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  prepareForUpdate: keepAllocations,
});
