/** The controls of the level *restricted* beyond *baseline*, ordered by id. */
import { words } from '../../base/words.ts';
import type { Container, PodSpec } from '../types.ts';
import type { PodSecurityCheck } from './types.ts';
import { containersOf, distinct, namesOf, plural, quoted, setters } from './visit.ts';

/** A pod that says to be for Windows is not held to what only Linux has. */
const isWindows = (spec: PodSpec, minor: number): boolean => minor >= 25 && spec.os?.name === 'windows';

const allowPrivilegeEscalation: PodSecurityCheck = {
  id: 'allowPrivilegeEscalation',
  since: 8,
  check(spec, _metadata, minor) {
    if (isWindows(spec, minor)) return undefined;
    const bad = containersOf(spec).filter(
      ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false,
    );
    if (bad.length === 0) return undefined;
    return {
      reason: 'allowPrivilegeEscalation != false',
      detail: `${namesOf(bad)} must set securityContext.allowPrivilegeEscalation=false`,
    };
  },
};

const capabilities: PodSecurityCheck = {
  id: 'capabilities_restricted',
  since: 22,
  check(spec, _metadata, minor) {
    if (isWindows(spec, minor)) return undefined;
    const containers = containersOf(spec);
    const addedBy = ({ securityContext }: Container): readonly string[] =>
      (securityContext?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
    const keep = containers.filter(
      ({ securityContext }) => !(securityContext?.capabilities?.drop ?? []).includes('ALL'),
    );
    const adding = containers.filter((container) => addedBy(container).length > 0);
    const details = [
      ...(keep.length > 0 ? [`${namesOf(keep)} must set securityContext.capabilities.drop=["ALL"]`] : []),
      ...(adding.length > 0
        ? [
            `${namesOf(adding)} must not include ${quoted(distinct(adding.flatMap(addedBy)))} in securityContext.capabilities.add`,
          ]
        : []),
    ];
    return details.length === 0
      ? undefined
      : { reason: 'unrestricted capabilities', detail: details.join('; ') };
  },
};

const VOLUME_TYPES = new Set(
  words('configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret image'),
);

const restrictedVolumes: PodSecurityCheck = {
  id: 'restrictedVolumes',
  check(spec) {
    const typeOf = (volume: object): string =>
      Object.entries(volume).find(([key, value]) => key !== 'name' && value !== undefined)?.[0] ?? 'emptyDir';
    const bad = (spec.volumes ?? []).filter((volume) => !VOLUME_TYPES.has(typeOf(volume)));
    if (bad.length === 0) return undefined;
    const types = distinct(bad.map(typeOf));
    const volumes = `${plural('volume', 'volumes', bad.length)} ${quoted(bad.map(({ name }) => name))}`;
    const what = plural('restricted volume type', 'restricted volume types', types.length);
    return {
      reason: 'restricted volume types',
      detail: `${volumes} ${plural('uses', 'use', bad.length)} ${what} ${quoted(types)}`,
    };
  },
};

const runAsNonRoot: PodSecurityCheck = {
  id: 'runAsNonRoot',
  check(spec) {
    const ofPod = spec.securityContext?.runAsNonRoot;
    const own = ({ securityContext }: Container): boolean | undefined => securityContext?.runAsNonRoot;
    const containers = containersOf(spec);
    const denying = containers.filter((container) => own(container) === false);
    const silent = containers.filter((container) => own(container) === undefined);
    const details = [
      ...(ofPod === false || denying.length > 0
        ? [`${setters(ofPod === false, denying)} must not set securityContext.runAsNonRoot=false`]
        : []),
    ];
    if (details.length === 0 && ofPod !== true && silent.length > 0)
      details.push(`pod or ${namesOf(silent)} must set securityContext.runAsNonRoot=true`);
    return details.length === 0 ? undefined : { reason: 'runAsNonRoot != true', detail: details.join('; ') };
  },
};

const runAsUser: PodSecurityCheck = {
  id: 'runAsUser',
  since: 23,
  check(spec) {
    const ofPod = spec.securityContext?.runAsUser === 0;
    const bad = containersOf(spec).filter(({ securityContext }) => securityContext?.runAsUser === 0);
    if (!ofPod && bad.length === 0) return undefined;
    return { reason: 'runAsUser=0', detail: `${setters(ofPod, bad)} must not set runAsUser=0` };
  },
};

const ALLOWED_PROFILES = ['RuntimeDefault', 'Localhost'];

const seccompProfile: PodSecurityCheck = {
  id: 'seccompProfile_restricted',
  since: 19,
  check(spec, _metadata, minor) {
    if (isWindows(spec, minor)) return undefined;
    const ofPod = spec.securityContext?.seccompProfile?.type;
    const own = ({ securityContext }: Container): string | undefined => securityContext?.seccompProfile?.type;
    const isBad = (type: string | undefined): boolean =>
      type !== undefined && !ALLOWED_PROFILES.includes(type);
    const containers = containersOf(spec);
    const bad = containers.filter((container) => isBad(own(container)));
    const silent = containers.filter((container) => own(container) === undefined);
    if (isBad(ofPod) || bad.length > 0) {
      const types = distinct(
        [ofPod, ...bad.map(own)].filter((type) => type !== undefined && isBad(type)) as string[],
      );
      const detail = `${setters(isBad(ofPod), bad)} must not set securityContext.seccompProfile.type to ${quoted(types)}`;
      return { reason: 'seccompProfile', detail };
    }
    if (ofPod !== undefined || silent.length === 0) return undefined;
    return {
      reason: 'seccompProfile',
      detail: `pod or ${namesOf(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
    };
  },
};

export const restrictedChecks: readonly PodSecurityCheck[] = [
  allowPrivilegeEscalation,
  capabilities,
  restrictedVolumes,
  runAsNonRoot,
  runAsUser,
  seccompProfile,
];
