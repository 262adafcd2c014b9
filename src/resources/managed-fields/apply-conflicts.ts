/** The fields that an apply would take from other owners, and the 409 that lists them. Pure. */
import { failure } from '../../schemas/errors/status.ts';
import { countOf, type FieldSet, intersection, isEmptySet, pathTexts, union } from './field-set.ts';
import type { Entry, Managed } from './owner-record.ts';
import type { Comparison } from './typed-values.ts';

/** The fields that the change takes from another owner. */
export interface Conflict {
  readonly entry: Entry;
  readonly fields: FieldSet;
}

export function conflictsOf(
  managed: Managed,
  { added, modified }: Comparison,
  own: string,
): readonly Conflict[] {
  const changed = union(added, modified);
  return [...managed]
    .filter(([id]) => id !== own)
    .map(([, entry]) => ({ entry, fields: intersection(entry.fields, changed) }))
    .filter(({ fields }) => !isEmptySet(fields));
}

function managerText({ manager, subresource, operation, apiVersion }: Entry): string {
  const through = subresource === undefined ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  return `${JSON.stringify(manager)}${through}${operation === 'Update' ? ` using ${apiVersion}` : ''}`;
}

/** Conflicts that one answer lists; it says how many there are. */
const MAX_SHOWN_CONFLICTS = 1_000;

interface ShownConflict {
  readonly manager: string;
  readonly field: string;
}

export function conflictError(conflicts: readonly Conflict[]): Error {
  const count = conflicts.reduce((sum, { fields }) => sum + countOf(fields), 0);
  const shown = shownConflicts(conflicts).sort((a, b) => (a.field < b.field ? -1 : 1));
  const causes = shown.map(({ manager, field }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${manager}`,
    field,
  }));
  const [only] = shown;
  let text: string;
  if (count === 1 && only) text = `1 conflict: conflict with ${only.manager}: ${only.field}`;
  else {
    const byManager = new Map<string, string[]>();
    for (const { manager, field } of shown) {
      const lines = byManager.get(manager) ?? [`conflicts with ${manager}:`];
      lines.push(`- ${field}`);
      byManager.set(manager, lines);
    }
    const parts = [...byManager].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, lines]) => lines);
    text = `${count} conflicts: ${parts.join('\n')}`;
  }
  return failure(409, 'Conflict', `Apply failed with ${text}`, { causes });
}

function shownConflicts(conflicts: readonly Conflict[]): ShownConflict[] {
  const shown: ShownConflict[] = [];
  for (const { entry, fields } of conflicts) {
    const manager = managerText(entry);
    for (const field of pathTexts(fields)) {
      if (shown.length >= MAX_SHOWN_CONFLICTS) return shown;
      shown.push({ manager, field });
    }
  }
  return shown;
}
