import { AGE, column, NAME, tableOf } from '../../tables/columns.ts';
import { asRecord } from '../../json-access.ts';
import { selectorText } from '../../tables/selector-text.ts';
import { fill, part, parts } from '../../defaults/draft.ts';
import { validateNetworkPolicy } from './validation.ts';
import { defineKind } from '../define-kind.ts';

export const networkPolicyKind = defineKind({
  group: 'networking.k8s.io',
  kind: 'NetworkPolicy',
  shortNames: ['netpol'],
  applyOrder: 14,
  countsGeneration: true,
  table: tableOf(
    NAME,
    column('Pod-Selector', ({ spec }) => selectorText(asRecord(spec)['podSelector'])),
    AGE,
  ),
  fillDefaults(draft) {
    const spec = part(draft, 'spec');
    if (!spec) return;
    for (const rule of [...parts(spec, 'ingress'), ...parts(spec, 'egress')])
      for (const port of parts(rule, 'ports')) fill(port, { protocol: 'TCP' });
    const types = spec['policyTypes'];
    if (types === undefined || (Array.isArray(types) && types.length === 0))
      spec['policyTypes'] = parts(spec, 'egress').length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate: validateNetworkPolicy,
});
