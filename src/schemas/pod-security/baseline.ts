/**
 * The controls of the level *baseline*: what is known to give a container power over its node. In
 * the order of their ids, which is the order in a message. Source: the published standards; the
 * texts are those that upstream answers with.
 */
import { words } from '../../base/words.ts';
import { safeSysctls } from '../values/sysctls.ts';
import type { Container } from '../types.ts';
import type { PodSecurityCheck } from './types.ts';
import { containersOf, distinct, namesOf, plural, quoted, setters } from './visit.ts';

const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';
const allowedAppArmor = (text: string): boolean =>
  text === '' || text === 'runtime/default' || text.startsWith('localhost/');

const appArmorProfile: PodSecurityCheck = {
  id: 'appArmorProfile',
  check(spec, { annotations = {} }) {
    const typeOf = (owner: { appArmorProfile?: { type?: string } } | undefined): string | undefined => {
      const type = owner?.appArmorProfile?.type;
      return type === undefined || type === 'RuntimeDefault' || type === 'Localhost' ? undefined : type;
    };
    const ofPod = typeOf(spec.securityContext);
    const bad = containersOf(spec).filter(({ securityContext }) => typeOf(securityContext) !== undefined);
    const types = [ofPod, ...bad.map(({ securityContext }) => typeOf(securityContext))];
    const texts = Object.entries(annotations)
      .filter(([key, value]) => key.startsWith(APPARMOR_ANNOTATION) && !allowedAppArmor(value))
      .map(([key, value]) => `${key}="${value}"`)
      .sort();
    const values = [...distinct(types.filter((type) => type !== undefined)), ...texts];
    if (values.length === 0) return undefined;
    const who = [
      setters(ofPod !== undefined, bad),
      texts.length > 0 ? plural('annotation', 'annotations', texts.length) : '',
    ].filter((text) => text !== '');
    return {
      reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', values.length),
      detail: `${who.join(' and ')} must not set AppArmor profile type to ${values.map((value) => `"${value}"`).join(', ')}`,
    };
  },
};

/** The Docker Engine grants these by default, too. */
const DEFAULT_CAPABILITIES = new Set(
  words(`
    AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP
    SETUID SYS_CHROOT
  `),
);

const capabilities: PodSecurityCheck = {
  id: 'capabilities_baseline',
  overriddenBy: 'capabilities_restricted',
  check(spec) {
    const addedBy = ({ securityContext }: Container): readonly string[] =>
      (securityContext?.capabilities?.add ?? []).filter((name) => !DEFAULT_CAPABILITIES.has(name));
    const bad = containersOf(spec).filter((container) => addedBy(container).length > 0);
    if (bad.length === 0) return undefined;
    return {
      reason: 'non-default capabilities',
      detail: `${namesOf(bad)} must not include ${quoted(distinct(bad.flatMap(addedBy)))} in securityContext.capabilities.add`,
    };
  },
};

const hostNamespaces: PodSecurityCheck = {
  id: 'hostNamespaces',
  check(spec) {
    const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name] === true);
    if (shared.length === 0) return undefined;
    return { reason: 'host namespaces', detail: shared.map((name) => `${name}=true`).join(', ') };
  },
};

const hostPathVolumes: PodSecurityCheck = {
  id: 'hostPathVolumes',
  overriddenBy: 'restrictedVolumes',
  check(spec) {
    const names = (spec.volumes ?? [])
      .filter(({ hostPath }) => hostPath !== undefined)
      .map(({ name }) => name);
    if (names.length === 0) return undefined;
    return {
      reason: 'hostPath volumes',
      detail: `${plural('volume', 'volumes', names.length)} ${quoted(names)}`,
    };
  },
};

const hostPorts: PodSecurityCheck = {
  id: 'hostPorts',
  check(spec) {
    const portsOf = ({ ports = [] }: Container): readonly string[] =>
      ports.flatMap(({ hostPort }) => (hostPort === undefined || hostPort === 0 ? [] : [String(hostPort)]));
    const bad = containersOf(spec).filter((container) => portsOf(container).length > 0);
    if (bad.length === 0) return undefined;
    const ports = distinct(bad.flatMap(portsOf));
    const uses = `${plural('uses', 'use', bad.length)} ${plural('hostPort', 'hostPorts', ports.length)}`;
    return { reason: 'hostPort', detail: `${namesOf(bad)} ${uses} ${ports.join(', ')}` };
  },
};

const hostProbes: PodSecurityCheck = {
  id: 'hostProbesAndHostLifecycle',
  since: 34,
  check(spec) {
    const hostsOf = (container: Container): readonly string[] =>
      [
        container.livenessProbe,
        container.readinessProbe,
        container.startupProbe,
        container.lifecycle?.postStart,
        container.lifecycle?.preStop,
      ].flatMap((handler) =>
        [handler?.httpGet?.host, handler?.tcpSocket?.host].filter(
          (host) => host !== undefined && host !== '',
        ),
      ) as readonly string[];
    const bad = containersOf(spec).filter((container) => hostsOf(container).length > 0);
    if (bad.length === 0) return undefined;
    const hosts = distinct(bad.flatMap(hostsOf));
    const what = plural('probe or lifecycle host', 'probe or lifecycle hosts', hosts.length);
    const names = distinct(bad.map(({ name }) => name));
    return {
      reason: 'probe or lifecycle host',
      detail: `${plural('container', 'containers', names.length)} ${quoted(names)} ${plural('uses', 'use', names.length)} ${what} ${quoted(hosts)}`,
    };
  },
};

const privileged: PodSecurityCheck = {
  id: 'privileged',
  check(spec) {
    const bad = containersOf(spec).filter(({ securityContext }) => securityContext?.privileged === true);
    if (bad.length === 0) return undefined;
    return { reason: 'privileged', detail: `${namesOf(bad)} must not set securityContext.privileged=true` };
  },
};

const procMount: PodSecurityCheck = {
  id: 'procMount',
  check(spec) {
    const kindOf = ({ securityContext }: Container): string => securityContext?.procMount ?? 'Default';
    const bad = containersOf(spec).filter((container) => kindOf(container) !== 'Default');
    if (bad.length === 0) return undefined;
    return {
      reason: 'procMount',
      detail: `${namesOf(bad)} must not set securityContext.procMount to ${quoted(distinct(bad.map(kindOf)))}`,
    };
  },
};

interface SeLinuxOptions {
  readonly type?: string;
  readonly user?: string;
  readonly role?: string;
}

const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t'];
/** Since 1.31. */
const SELINUX_ENGINE_TYPE = 'container_engine_t';

const seLinuxOptions: PodSecurityCheck = {
  id: 'seLinuxOptions',
  check(spec, _metadata, minor) {
    const types = minor >= 31 ? [...SELINUX_TYPES, SELINUX_ENGINE_TYPE] : SELINUX_TYPES;
    const isBad = (options: SeLinuxOptions | undefined): boolean =>
      options !== undefined &&
      (!types.includes(options.type ?? '') || Boolean(options.user) || Boolean(options.role));
    const ofPod = spec.securityContext?.seLinuxOptions;
    const bad = containersOf(spec).filter(({ securityContext }) => isBad(securityContext?.seLinuxOptions));
    const found = [
      ...(ofPod && isBad(ofPod) ? [ofPod] : []),
      ...bad.flatMap(({ securityContext }) => securityContext?.seLinuxOptions ?? []),
    ];
    if (found.length === 0) return undefined;
    const badTypes = distinct(found.map(({ type = '' }) => type).filter((type) => !types.includes(type)));
    const what = [
      ...(badTypes.length > 0 ? [`${plural('type', 'types', badTypes.length)} ${quoted(badTypes)}`] : []),
      ...(found.some(({ user }) => Boolean(user)) ? ['user may not be set'] : []),
      ...(found.some(({ role }) => Boolean(role)) ? ['role may not be set'] : []),
    ];
    return {
      reason: 'seLinuxOptions',
      detail: `${setters(isBad(ofPod), bad)} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}`,
    };
  },
};

const seccompProfile: PodSecurityCheck = {
  id: 'seccompProfile_baseline',
  since: 19,
  overriddenBy: 'seccompProfile_restricted',
  check(spec) {
    const isBad = (profile: { type: string } | undefined): boolean =>
      profile !== undefined && profile.type !== 'RuntimeDefault' && profile.type !== 'Localhost';
    const ofPod = spec.securityContext?.seccompProfile;
    const bad = containersOf(spec).filter(({ securityContext }) => isBad(securityContext?.seccompProfile));
    const types = [
      ...(ofPod && isBad(ofPod) ? [ofPod.type] : []),
      ...bad.map(({ securityContext }) => securityContext?.seccompProfile?.type ?? ''),
    ];
    if (types.length === 0) return undefined;
    return {
      reason: 'seccompProfile',
      detail: `${setters(isBad(ofPod), bad)} must not set securityContext.seccompProfile.type to ${quoted(distinct(types))}`,
    };
  },
};

const sysctls: PodSecurityCheck = {
  id: 'sysctls',
  check(spec, _metadata, minor) {
    const names = (spec.securityContext?.sysctls ?? [])
      .map(({ name }) => name)
      .filter((name) => {
        const since = safeSysctls.get(name);
        return since === undefined || since > minor;
      });
    if (names.length === 0) return undefined;
    return {
      reason: plural('forbidden sysctl', 'forbidden sysctls', names.length),
      detail: names.join(', '),
    };
  },
};

const windowsHostProcess: PodSecurityCheck = {
  id: 'windowsHostProcess',
  check(spec) {
    const ofPod = spec.securityContext?.windowsOptions?.hostProcess === true;
    const bad = containersOf(spec).filter(
      ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true,
    );
    if (!ofPod && bad.length === 0) return undefined;
    return {
      reason: 'hostProcess',
      detail: `${setters(ofPod, bad)} must not set securityContext.windowsOptions.hostProcess=true`,
    };
  },
};

export const baselineChecks: readonly PodSecurityCheck[] = [
  appArmorProfile,
  capabilities,
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  hostProbes,
  privileged,
  procMount,
  seLinuxOptions,
  seccompProfile,
  sysctls,
  windowsHostProcess,
];
