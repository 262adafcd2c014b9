/**
 * Where Symphony answers otherwise than the recorded Kubernetes on purpose. A case that is listed
 * here is left out of the count; one that is not listed and differs is a defect.
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
  {
    section: 'authz',
    name: 'access-reviews/19',
    reason: 'upstream records owners of the fields of a TokenReview, which nobody keeps',
  },
  {
    section: 'errors',
    name: '114-job-completions-immutable',
    reason: 'upstream shows its internal form of the whole template: two kilobytes of nulls',
  },
  { section: 'errors', name: '303-patch-strategic-bad-directive', reason: bad },
  { section: 'errors', name: '304-patch-strategic-missing-merge-key', reason: bad },
  ...['281-list-resource-version-too-large', '285-list-rv-exact-future'].map((name) => ({
    section: 'errors',
    name,
    reason: 'the recorded version lies in the future there; ours count microseconds and are past it',
  })),
  {
    section: 'lists-watch',
    name: '011-rv-get-forms',
    reason:
      'its last step asks for a version of the future, which is in the past of our versions (microseconds)',
  },
  ...['034-watch-pod-graceful-delete-unscheduled', '035-watch-pod-graceful-delete-scheduled'].map((name) => ({
    section: 'lists-watch',
    name,
    reason: 'a pod whose grace is 0 is removed in one commit, without an update of its metadata right before',
  })),
  {
    section: 'lists-watch',
    name: '053-generate-name',
    reason: 'the recording holds the random suffix of a name that was cut to its longest length',
  },
  {
    section: 'patches',
    name: '048-smp-pod-status-conditions-by-type',
    reason: 'upstream writes times that nobody set as null, and records their owner; here they are absent',
  },
  {
    section: 'validation',
    name: 'Pod/create/spec.preemptionPolicy=""',
    reason: 'the recording knows no admission, which refuses it first (403), as it does upstream',
  },
  { section: 'errors', name: '080-pod-missing-runtimeclass', reason: later },
  { section: 'errors', name: '315-patch-apply-duplicate-list-key', reason: bad },
  { section: 'errors', name: '316-patch-apply-unknown-field', reason: bad },
  {
    section: 'errors',
    name: '309-patch-change-kind',
    reason:
      'upstream decodes the result as the new kind and shows it whole; we say that the kind cannot change',
  },
];

/** Why a case is left out; undefined when it has to hold. */
export function deliberateReason(section: string, name: string): string | undefined {
  return deliberateDifferences.find(
    (difference) => difference.section === section && difference.name === name,
  )?.reason;
}
