import { fillZero, parts } from '../defaults/draft.ts';
import { validateEndpoints } from '../validation/endpoints.ts';
import { dns1123Subdomain } from '../validation/names.ts';
import { defineKind } from './define-kind.ts';

export const endpointsKind = defineKind({
  group: '',
  kind: 'Endpoints',
  plural: 'endpoints',
  shortNames: ['ep'],
  applyOrder: 102,
  nameRule: dns1123Subdomain,
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  stored: { missing: 'traffic to Services is not routed yet, so addresses given by hand lead nowhere' },
  fillDefaults(draft) {
    for (const subset of parts(draft, 'subsets'))
      for (const port of parts(subset, 'ports')) fillZero(port, { protocol: 'TCP' });
  },
  validate: validateEndpoints,
});
