/**
 * Rules about well-formed fields that Symphony does not implement. A field that no rule names is
 * implemented. Each kind lists its own; those of pods are in pod-rules.ts. docs/FIELDS.md shows
 * them all, and a test compares the two.
 *
 * `refused`: it would change what runs. In a repository it is an error that says what to do; the
 * API keeps pods and templates with it, as Kubernetes does, and their pods are not started.
 * `ignored`: accepted, stored and shown, without effect, because nothing depends on it here; keep
 * that list short and give each entry its reason.
 */
export interface FieldRule {
  /** Dotted path; `*` stands for every list item or map key. */
  readonly path: string;
  readonly verdict: 'refused' | 'ignored';
  /** The alternative (refused), or the reason why nothing depends on it (ignored). */
  readonly advice: string;
  /** Values that are no request for the feature, besides null and empty lists and objects. */
  readonly except?: readonly (string | number | boolean)[];
  /** For rules about the key that `*` matched: only keys that begin so. */
  readonly keyPrefix?: string;
}

export const refused = (path: string, advice: string, except?: FieldRule['except']): FieldRule => ({
  path,
  verdict: 'refused',
  advice,
  ...(except ? { except } : {}),
});
export const ignored = (path: string, advice: string): FieldRule => ({ path, verdict: 'ignored', advice });
