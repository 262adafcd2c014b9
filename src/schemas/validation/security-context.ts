/** Security contexts of pods and containers: ids, seccomp, AppArmor, sysctls, Windows. */
import { words } from '../../base/words.ts';
import { asList, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import {
  dottedSysctl,
  isSysctlName,
  MAX_SYSCTL_NAME_LENGTH,
  SYSCTL_NAME_PATTERN,
  sysctlNamespace,
} from '../values/sysctls.ts';
import { validateRelativePath } from './paths.ts';
import { identifier } from './numbers.ts';
import {
  byteLength,
  duplicate,
  append,
  type FieldErrors,
  goStruct,
  invalid,
  notSupported,
  required,
  tooLong,
} from './report.ts';
import { optionalWord } from './texts.ts';
import { validateWindowsOptions } from './windows-options.ts';

const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const MAX_APPARMOR_BYTES = 4095;
/** Fields of the pod's context that take one of a few words. */
const WORDS = [
  ['fsGroupChangePolicy', ['Always', 'OnRootMismatch']],
  ['supplementalGroupsPolicy', ['Merge', 'Strict']],
  // MountOption is behind a feature that is off.
  ['seLinuxChangePolicy', ['Recursive']],
] as const;

export function validatePodSecurityContext(spec: Fields, path: string): FieldErrors {
  const context = asRecord(spec['securityContext']);
  const errors: FieldErrors = [];
  for (const field of ['fsGroup', 'runAsUser', 'runAsGroup'])
    append(errors, identifier(context[field], `${path}.${field}`));
  for (const [index, group] of asList(context['supplementalGroups']).entries())
    append(errors, identifier(group, `${path}.supplementalGroups[${index}]`));
  if (spec['shareProcessNamespace'] === true && spec['hostPID'] === true) {
    const detail = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalid(`${path}.shareProcessNamespace`, true, detail));
  }
  append(errors, validateSysctls(context['sysctls'], spec, `${path}.sysctls`));
  append(errors, validateSeccomp(context['seccompProfile'], `${path}.seccompProfile`));
  append(errors, validateWindowsOptions(context['windowsOptions'], `${path}.windowsOptions`));
  append(errors, validateAppArmor(context['appArmorProfile'], `${path}.appArmorProfile`));
  for (const [field, supported] of WORDS)
    append(errors, optionalWord(context[field], `${path}.${field}`, supported));
  return errors;
}

function validateSysctls(sysctls: unknown, spec: Fields, path: string): FieldErrors {
  const names = new Set<string>();
  return asRecords(sysctls).flatMap((sysctl, index) => {
    const at = `${path}[${index}].name`;
    const name = asString(sysctl['name']);
    const errors: FieldErrors = [];
    if (name === '') errors.push(required(at));
    else if (!isSysctlName(name)) {
      const detail = `must have at most ${MAX_SYSCTL_NAME_LENGTH} characters and match regex ${SYSCTL_NAME_PATTERN}`;
      errors.push(invalid(at, name, detail));
    } else if (names.has(name)) errors.push(duplicate(at, name));
    names.add(name);
    // A setting of a namespace that the host shares would change it for everybody.
    const field = { IPC: 'hostIPC', Net: 'hostNetwork' }[sysctlNamespace(dottedSysctl(name)) ?? 'Net'];
    if (sysctlNamespace(dottedSysctl(name)) !== undefined && spec[field] === true)
      errors.push(invalid(at, name, `may not be specified when '${field}' is true`));
    return errors;
  });
}

function validateProfileType(type: string, name: string, path: string): FieldErrors {
  if (PROFILE_TYPES.includes(type)) return [];
  if (type === '') return [required(path, `type is required when ${name} is set`)];
  return [notSupported(path, type, PROFILE_TYPES)];
}

export function validateSeccomp(value: unknown, path: string): FieldErrors {
  if (isAbsent(value)) return [];
  const profile = asRecord(value);
  const { localhostProfile } = profile;
  const type = asString(profile['type']);
  const at = `${path}.localhostProfile`;
  const errors = validateProfileType(type, 'seccompProfile', `${path}.type`);
  if (type === 'Localhost') {
    if (isAbsent(localhostProfile)) errors.push(required(at, 'must be set when seccomp type is Localhost'));
    else append(errors, validateRelativePath(asString(localhostProfile), at));
  } else if (!isAbsent(localhostProfile)) {
    const shown = goStruct(profile, ['type', 'localhostProfile'], { type: '' });
    errors.push(invalid(at, shown, 'can only be set when seccomp type is Localhost'));
  }
  return errors;
}

export function validateAppArmor(value: unknown, path: string): FieldErrors {
  if (isAbsent(value)) return [];
  const { type: givenType, localhostProfile } = asRecord(value);
  const type = asString(givenType);
  const at = `${path}.localhostProfile`;
  const errors = validateProfileType(type, 'appArmorProfile', `${path}.type`);
  const name = asString(localhostProfile);
  if (type !== 'Localhost') {
    if (errors.length === 0 && !isAbsent(localhostProfile))
      errors.push(invalid(at, name, 'can only be set when AppArmor type is Localhost'));
    return errors;
  }
  const missing = required(at, 'must be set when AppArmor type is Localhost');
  if (isAbsent(localhostProfile)) return [missing];
  if (name.trim() !== name) errors.push(invalid(at, name, 'must not be padded with whitespace'));
  else if (name === '') errors.push(missing);
  if (byteLength(name) > MAX_APPARMOR_BYTES) errors.push(tooLong(at, MAX_APPARMOR_BYTES));
  return errors;
}

/** Upstream's order decides which value the error shows. */
const CONTEXT_FIELDS = words(`
  capabilities privileged seLinuxOptions windowsOptions runAsUser runAsGroup runAsNonRoot
  readOnlyRootFilesystem allowPrivilegeEscalation procMount seccompProfile appArmorProfile
`);

export function validateSecurityContext(value: unknown, hostUsers: boolean, path: string): FieldErrors {
  if (isAbsent(value)) return [];
  const context = asRecord(value);
  const errors = [
    ...identifier(context['runAsUser'], `${path}.runAsUser`),
    ...identifier(context['runAsGroup'], `${path}.runAsGroup`),
    ...validateProcMount(context['procMount'], hostUsers, `${path}.procMount`),
    ...validateSeccomp(context['seccompProfile'], `${path}.seccompProfile`),
  ];
  if (context['allowPrivilegeEscalation'] === false) {
    const shown = {
      ...goStruct(context, CONTEXT_FIELDS),
      Capabilities: goStruct(asRecord(context['capabilities']), ['add', 'drop']),
    };
    if (context['privileged'] === true) {
      const detail = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true';
      errors.push(invalid(path, shown, detail));
    }
    if (asList(asRecord(context['capabilities'])['add']).includes('CAP_SYS_ADMIN')) {
      const detail = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
      errors.push(invalid(path, shown, detail));
    }
  }
  append(errors, validateWindowsOptions(context['windowsOptions'], `${path}.windowsOptions`));
  append(errors, validateAppArmor(context['appArmorProfile'], `${path}.appArmorProfile`));
  return errors;
}

function validateProcMount(value: unknown, hostUsers: boolean, path: string): FieldErrors {
  if (isAbsent(value) || value === 'Default') return [];
  if (value !== 'Unmasked') return [notSupported(path, value, ['Default', 'Unmasked'])];
  return hostUsers ? [invalid(path, value, '`hostUsers` must be false to use `Unmasked`')] : [];
}
