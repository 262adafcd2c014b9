/** `spec.os`: fields of the other operating system must not be set. Upstream's lists and order. */
import { words } from '../../base/words.ts';
import { asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { type FieldErrors, forbidden, notSupported, required } from './report.ts';

const SYSTEMS = ['linux', 'windows'];
const NOT_FOR_WINDOWS = 'cannot be set for a windows pod';
const NOT_FOR_LINUX = 'windows options cannot be set for a linux pod';

const LINUX_POD_FIELDS = words(`
  appArmorProfile seLinuxOptions hostUsers hostPID hostIPC seccompProfile fsGroup
  fsGroupChangePolicy sysctls shareProcessNamespace runAsUser runAsGroup supplementalGroups
  supplementalGroupsPolicy seLinuxChangePolicy
`);
/** They are fields of the spec itself, not of its security context. */
const OF_SPEC = ['hostUsers', 'hostPID', 'hostIPC', 'shareProcessNamespace'];
/** Booleans that upstream keeps by value: `false` is the same as absent. */
const BY_VALUE = ['hostPID', 'hostIPC'];

const LINUX_CONTAINER_FIELDS = words(`
  appArmorProfile seLinuxOptions seccompProfile capabilities readOnlyRootFilesystem privileged
  allowPrivilegeEscalation procMount runAsUser runAsGroup
`);

const CONTAINER_LISTS = ['initContainers', 'containers', 'ephemeralContainers'];

export function validateOs(spec: Fields, path: string): FieldErrors {
  if (isAbsent(spec['os'])) return [];
  const name = asString(asRecord(spec['os'])['name']);
  if (name === '') return [required(`${path}.os.name`, 'cannot be empty')];
  if (!SYSTEMS.includes(name)) return [notSupported(`${path}.os`, name, SYSTEMS)];
  const errors = name === 'linux' ? linuxErrors(spec, path) : windowsErrors(spec, path);
  return [...errors, ...containerErrors(spec, name, path)];
}

function linuxErrors(spec: Fields, path: string): FieldErrors {
  const { windowsOptions } = asRecord(spec['securityContext']);
  if (isAbsent(windowsOptions)) return [];
  return [forbidden(`${path}.securityContext.windowsOptions`, NOT_FOR_LINUX)];
}

function windowsErrors(spec: Fields, path: string): FieldErrors {
  const context = asRecord(spec['securityContext']);
  return LINUX_POD_FIELDS.flatMap((field) => {
    const holder = OF_SPEC.includes(field) ? spec : context;
    const at = holder === spec ? `${path}.${field}` : `${path}.securityContext.${field}`;
    return isSet(holder[field], field) ? [forbidden(at, NOT_FOR_WINDOWS)] : [];
  });
}

function isSet(value: unknown, field: string): boolean {
  if (isAbsent(value)) return false;
  if (BY_VALUE.includes(field)) return value === true;
  return !Array.isArray(value) || value.length > 0;
}

function containerErrors(spec: Fields, os: string, path: string): FieldErrors {
  return CONTAINER_LISTS.flatMap((list) =>
    asRecords(spec[list]).flatMap((container, index) => {
      const at = `${path}.${list}[${index}].securityContext`;
      const context = asRecord(container['securityContext']);
      if (os === 'linux')
        return isAbsent(context['windowsOptions']) ? [] : [forbidden(`${at}.windowsOptions`, NOT_FOR_LINUX)];
      return LINUX_CONTAINER_FIELDS.flatMap((field) =>
        isAbsent(context[field]) ? [] : [forbidden(`${at}.${field}`, NOT_FOR_WINDOWS)],
      );
    }),
  );
}
