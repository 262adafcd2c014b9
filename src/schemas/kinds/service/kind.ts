import { ignored } from '../../profile/rules.ts';
import { serviceTable } from './table.ts';
import { textFields } from '../../values/field-selectors.ts';
import { isRecord } from '../../../base/json.ts';
import { fill, part, parts } from '../../defaults/draft.ts';
import { withFamilies } from '../../defaults/service-families.ts';
import { defaultServiceSpec } from './defaults.ts';
import { dns1123Label } from '../../validation/names.ts';
import { validateService, validateServiceStatus, validateServiceUpdate } from './validation.ts';
import { keepAllocations } from './allocations.ts';
import { defineKind } from '../define-kind.ts';

/** Addresses and node ports are allocated by the API server; see defaults.ts. */
export const serviceKind = defineKind({
  group: '',
  kind: 'Service',
  shortNames: ['svc'],
  categories: ['all'],
  subresources: ['proxy', 'status'],
  applyOrder: 100,
  nameRule: dns1123Label,
  table: serviceTable,
  selectable: textFields('spec.clusterIP', 'spec.type'),
  fields: [
    ignored('spec.externalName', 'the API of proxies does not follow it; pods resolve it'),
    ignored('spec.ports.*.appProtocol', 'the API shows it; no part of Symphony reads it'),
  ],
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
