/** Annotations that mean something to a pod. */
import { isRecord } from '../../base/json.ts';
import { asRecord, asRecords, asString, type Fields } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { validateRelativePath } from './paths.ts';
import { append, type FieldErrors, forbidden, invalid, keyed } from './report.ts';
import { validateTolerations } from './scheduling.ts';

export const MIRROR_POD = 'kubernetes.io/config.mirror';
const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const TOLERATIONS = 'scheduler.alpha.kubernetes.io/tolerations';
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP = 'container.seccomp.security.alpha.kubernetes.io/';
const SECCOMP_PROFILES = ['runtime/default', 'docker/default', 'unconfined'];
export const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const APPARMOR_PROFILES = ['', 'runtime/default', 'unconfined'];
export const LOCALHOST = 'localhost/';

/** Whether the pod mirrors a static pod of its node. */
export const isMirrorPod = ({ metadata }: KubeObject): boolean =>
  asRecord(asRecord(metadata)['annotations'])[MIRROR_POD] !== undefined;

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
  append(errors, validateTolerationsText(asString(annotations[TOLERATIONS]), path));
  const cost = annotations[DELETION_COST];
  if (typeof cost === 'string' && !isInt32(cost))
    errors.push(invalid(keyed(path, DELETION_COST), cost, 'must be a 32bit integer'));
  append(errors, validateSeccompAnnotations(annotations, path));
  return [...errors, ...validateAppArmorAnnotations(annotations, spec, path)];
}

/** Tolerations as pods had them before there was a field; nothing reads them any more. */
function validateTolerationsText(text: string, path: string): FieldErrors {
  if (text === '') return [];
  const list = parsed(text);
  if (list === null) return [];
  if (!Array.isArray(list) || !list.every(isRecord))
    return [invalid(path, TOLERATIONS, 'must be a list of tolerations in JSON')];
  return validateTolerations(list, `${path}.${TOLERATIONS}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The key is a part of the path here, as upstream writes it. */
function validateSeccompAnnotations(annotations: Fields, path: string): FieldErrors {
  return Object.entries(annotations).flatMap(([key, value]) => {
    if (key !== SECCOMP_POD && !key.startsWith(SECCOMP)) return [];
    const at = `${path}.${key}`;
    const profile = asString(value);
    if (SECCOMP_PROFILES.includes(profile)) return [];
    return profile.startsWith(LOCALHOST)
      ? validateRelativePath(profile.slice(LOCALHOST.length), at)
      : [invalid(at, profile, 'must be a valid seccomp profile')];
  });
}

function validateAppArmorAnnotations(annotations: Fields, spec: Fields, path: string): FieldErrors {
  const keys = Object.keys(annotations).filter((key) => key.startsWith(APPARMOR));
  if (keys.length === 0) return [];
  const names = new Set(CONTAINER_LISTS.flatMap((list) => asRecords(spec[list]).map(nameOf)));
  return keys.flatMap((key) => {
    const container = key.slice(APPARMOR.length);
    const profile = asString(annotations[key]);
    const errors = names.has(container) ? [] : [invalid(keyed(path, key), container, 'container not found')];
    if (!APPARMOR_PROFILES.includes(profile) && !profile.startsWith(LOCALHOST)) {
      const detail = `invalid AppArmor profile name: ${JSON.stringify(profile)}`;
      errors.push(invalid(keyed(path, key), profile, detail));
    }
    return errors;
  });
}

const CONTAINER_LISTS = ['initContainers', 'containers', 'ephemeralContainers'];
const nameOf = ({ name }: Fields): string => asString(name);

/** An annotation and the field that came after it say the same. `path` is that of the spec. */
export function validateProfileMatch(value: unknown, spec: Fields, path: string): FieldErrors {
  const annotations = asRecord(value);
  const podContext = asRecord(spec['securityContext']);
  const compare = (key: string, profile: unknown, at: string, field: string): FieldErrors =>
    isRecord(profile) && Object.hasOwn(annotations, key)
      ? compareProfiles(asString(annotations[key]), profile, `${at}.securityContext.${field}`)
      : [];
  const hasAppArmor = asRecord(spec['os'])['name'] !== 'windows';
  return [
    ...compare(SECCOMP_POD, podContext['seccompProfile'], path, 'seccompProfile'),
    ...CONTAINER_LISTS.flatMap((list) =>
      asRecords(spec[list]).flatMap((container, index) => {
        const { seccompProfile, appArmorProfile } = asRecord(container['securityContext']);
        const at = `${path}.${list}[${index}]`;
        const key = APPARMOR + nameOf(container);
        const profile = appArmorProfile ?? podContext['appArmorProfile'];
        return [
          ...compare(SECCOMP + nameOf(container), seccompProfile, at, 'seccompProfile'),
          ...(hasAppArmor ? compare(key, profile, at, 'appArmorProfile') : []),
        ];
      }),
    ),
  ];
}

function compareProfiles(annotation: string, { type, localhostProfile }: Fields, path: string): FieldErrors {
  const what = path.endsWith('seccompProfile') ? 'seccomp' : 'apparmor';
  const differs = (member: string, word: string): FieldErrors => [
    forbidden(`${path}.${member}`, `${what} ${word} in annotation and field must match`),
  ];
  const isDefault =
    annotation === 'runtime/default' || (what === 'seccomp' && annotation === 'docker/default');
  switch (type) {
    case 'Unconfined':
      return annotation === 'unconfined' ? [] : differs('type', 'type');
    case 'RuntimeDefault':
      return isDefault ? [] : differs('type', 'type');
    case 'Localhost':
      if (!annotation.startsWith(LOCALHOST)) return differs('type', 'type');
      return annotation.slice(LOCALHOST.length) === localhostProfile
        ? []
        : differs('localhostProfile', 'profile');
    default:
      return [];
  }
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
