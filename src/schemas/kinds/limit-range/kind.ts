import { CREATED_AT, NAME, tableOf } from '../../tables/columns.ts';
import { parts, type Draft } from '../../defaults/draft.ts';
import { isRecord } from '../../../base/json.ts';
import { validateLimitRange } from './validation.ts';
import { defineKind } from '../define-kind.ts';

export const limitRangeKind = defineKind({
  group: '',
  kind: 'LimitRange',
  shortNames: ['limits'],
  applyOrder: 12,
  table: tableOf(NAME, { ...CREATED_AT, head: { ...CREATED_AT.head, description: '' } }),
  lenient: ['spec.limits'],
  fillDefaults(draft) {
    const spec = (draft['spec'] ??= {});
    if (!isRecord(spec)) return;
    // The list is always written, even where there is none.
    spec['limits'] ??= null;
    for (const limit of parts(spec, 'limits'))
      if (limit['type'] === 'Container') defaultContainerLimit(limit);
  },
  validate: validateLimitRange,
});

/** A default limit defaults to `max`, a default request to the default limit or else to `min`. */
function defaultContainerLimit(limit: Draft): void {
  const copy = (name: string): Draft => (isRecord(limit[name]) ? { ...limit[name] } : {});
  const defaults = { ...copy('max'), ...copy('default') };
  const requests = { ...copy('min'), ...defaults, ...copy('defaultRequest') };
  if (Object.keys(defaults).length > 0) limit['default'] = defaults;
  if (Object.keys(requests).length > 0) limit['defaultRequest'] = requests;
}
