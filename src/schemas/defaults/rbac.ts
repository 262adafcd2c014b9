/** Defaults of roles and bindings: the API group of a subject, where it follows from its kind. */
import { type Draft, dropZero, fillZero, part, parts } from './draft.ts';
import { RBAC_GROUP } from '../rbac.ts';

/** A role without rules is stored, and shown, with `rules: null`. */
export function fillRoleDefaults(draft: Draft): void {
  draft['rules'] ??= null;
}

export function fillBindingDefaults(draft: Draft): void {
  fillZero(part(draft, 'roleRef'), { apiGroup: RBAC_GROUP });
  for (const subject of parts(draft, 'subjects')) {
    const { kind } = subject;
    if (kind === 'User' || kind === 'Group') fillZero(subject, { apiGroup: RBAC_GROUP });
    dropZero(subject, ['apiGroup', 'namespace']);
  }
}
