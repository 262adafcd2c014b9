/** Paths inside volumes and the like, which must not lead out of them. */
import { type FieldErrors, invalid, required } from './report.ts';

/** The path must stay below its mount. */
export function validateRelativePath(target: string, path: string): FieldErrors {
  const errors: FieldErrors = [];
  if (target.startsWith('/')) errors.push(invalid(path, target, 'must be a relative path'));
  return [...errors, ...validateNoBacksteps(target, path)];
}

/** As {@link validateRelativePath}; names that begin with two dots are the kubelet's own. */
export function validateItemPath(target: string, path: string): FieldErrors {
  if (target === '') return [required(path)];
  const errors = validateRelativePath(target, path);
  // A path that begins with '../' is refused above.
  if (target.startsWith('..') && !target.startsWith('../'))
    errors.push(invalid(path, target, "must not start with '..'"));
  return errors;
}

export function validateNoBacksteps(target: string, path: string): FieldErrors {
  return target.split('/').includes('..') ? [invalid(path, target, "must not contain '..'")] : [];
}
