/** Annotations that mean something to a pod. */
import { asRecord, asRecords, asString, type JsonRecord } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { type FieldErrors, forbidden, invalid, keyed } from './report.ts';

type Fields = Readonly<JsonRecord>;

export const MIRROR_POD = 'kubernetes.io/config.mirror';
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const APPARMOR_PROFILES = ['', 'runtime/default', 'unconfined'];

/** Whether the pod stands for one that its node has on its disk. */
export const isMirrorPod = ({ metadata }: KubeObject): boolean =>
  asRecord(metadata.annotations)[MIRROR_POD] !== undefined;

/** A number as it is written in annotations: no plus, no leading zeros. */
const isInt32 = (text: string): boolean =>
  /^(0|-\d+|[1-9]\d*)$/.test(text) && Number(text) >= -(2 ** 31) && Number(text) < 2 ** 31;

export function validatePodAnnotations(value: unknown, spec: Fields, path: string): FieldErrors {
  const annotations = asRecord(value);
  const errors: FieldErrors = [];
  const mirror = annotations[MIRROR_POD];
  if (typeof mirror === 'string' && asString(spec['nodeName']) === '') {
    const detail = 'must set spec.nodeName if mirror pod annotation is set';
    errors.push(invalid(keyed(path, MIRROR_POD), mirror, detail));
  }
  const cost = annotations[DELETION_COST];
  if (typeof cost === 'string' && !isInt32(cost))
    errors.push(invalid(keyed(path, DELETION_COST), cost, 'must be a 32bit integer'));
  return [...errors, ...validateAppArmorAnnotations(annotations, spec, path)];
}

function validateAppArmorAnnotations(annotations: Fields, spec: Fields, path: string): FieldErrors {
  const keys = Object.keys(annotations).filter((key) => key.startsWith(APPARMOR));
  if (keys.length === 0) return [];
  const names = new Set(
    ['containers', 'initContainers', 'ephemeralContainers'].flatMap((list) =>
      asRecords(spec[list]).map(({ name }) => asString(name)),
    ),
  );
  return keys.flatMap((key) => {
    const container = key.slice(APPARMOR.length);
    const profile = asString(annotations[key]);
    const errors = names.has(container) ? [] : [invalid(keyed(path, key), container, 'container not found')];
    if (!APPARMOR_PROFILES.includes(profile) && !profile.startsWith('localhost/')) {
      const detail = `invalid AppArmor profile name: ${JSON.stringify(profile)}`;
      errors.push(invalid(keyed(path, key), profile, detail));
    }
    return errors;
  });
}

/** Some annotations stay as they were when the pod was created. */
export function validatePodAnnotationsUpdate(value: unknown, oldValue: unknown, path: string): FieldErrors {
  const [annotations, old] = [asRecord(value), asRecord(oldValue)];
  const what = (key: string): string | undefined =>
    key.startsWith(APPARMOR)
      ? 'AppArmor annotations'
      : key === MIRROR_POD
        ? 'mirror pod annotation'
        : undefined;
  const errors: FieldErrors = [];
  for (const key of Object.keys(old)) {
    const fixed = what(key);
    if (fixed !== undefined && annotations[key] !== old[key])
      errors.push(forbidden(keyed(path, key), `may not remove or update ${fixed}`));
  }
  for (const key of Object.keys(annotations)) {
    const fixed = what(key);
    if (fixed !== undefined && !Object.hasOwn(old, key))
      errors.push(forbidden(keyed(path, key), `may not add ${fixed}`));
  }
  return errors;
}
