/**
 * Where Symphony answers otherwise than the recorded Kubernetes on purpose. A case that is listed here is left out of the
 * count; one that is not listed and differs is a defect.
 *
 * Everywhere (matching.ts): `metadata.managedFields` is not kept yet (server-side apply has its own issue), and pods get no
 * `kube-api-access-*` volume before service account tokens exist.
 */
export interface DeliberateDifference {
  readonly section: string;
  /** Name of the case, as recorded. */
  readonly name: string;
  readonly reason: string;
}

const bad = 'bad input is answered with 400, never with 500';
const later = 'belongs to a kind or feature of a later issue';

export const deliberateDifferences: readonly DeliberateDifference[] = [
  { section: 'errors', name: '303-patch-strategic-bad-directive', reason: bad },
  { section: 'errors', name: '304-patch-strategic-missing-merge-key', reason: bad },
  ...['281-list-resource-version-too-large', '285-list-rv-exact-future'].map((name) => ({
    section: 'errors',
    name,
    reason: 'the recorded version lies in the future there; ours count microseconds and are past it',
  })),
  { section: 'errors', name: '080-pod-missing-runtimeclass', reason: later },
  { section: 'errors', name: '314-patch-apply-conflict', reason: later },
  { section: 'errors', name: '315-patch-apply-duplicate-list-key', reason: later },
  { section: 'errors', name: '316-patch-apply-unknown-field', reason: later },
  { section: 'errors', name: '321-eviction-missing-pod', reason: later },
  { section: 'errors', name: '322-eviction-blocked-by-pdb', reason: later },
  { section: 'errors', name: '332-quota-exceeded', reason: later },
  { section: 'errors', name: '333-quota-missing-requests', reason: later },
  { section: 'errors', name: '336-impersonated-forbidden', reason: later },
  { section: 'errors', name: '337-impersonated-forbidden-create', reason: later },
  {
    section: 'errors',
    name: '309-patch-change-kind',
    reason:
      'upstream decodes the result as the new kind and shows it whole; we say that the kind cannot change',
  },
];

export function isDeliberate(section: string, name: string): boolean {
  return deliberateDifferences.some(
    (difference) => difference.section === section && difference.name === name,
  );
}
