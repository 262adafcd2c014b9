/**
 * A container with its place among namespaces, as a Docker Engine wants it. Docker has no
 * sandboxes: a pod's only container holds the namespaces itself, and a pause container holds those
 * that several containers share. Pure.
 */
import {
  type ContainerRecord,
  type ContainerSpec,
  labelKeys,
  type PodNetwork,
  type Sandbox,
  type SandboxRecord,
  type SandboxShape,
  type SandboxSpec,
} from '../types.ts';

/** How a container begins whose network the agent connects. */
export interface LinkedStart {
  readonly address: string;
  /** It waits for its network; absent for a pause container, which needs none. */
  readonly waits?: { readonly program: string; readonly args: readonly string[] };
}

interface Joined {
  readonly type: 'container';
  readonly containerId: string;
}
export type NetworkMode = PodNetwork | Joined;
export type NamespaceMode = { readonly type: 'private' | 'shareable' | 'host' } | Joined;

export interface PlacedContainer
  extends ContainerSpec,
    Pick<SandboxSpec, 'hostname' | 'sysctls' | 'ports' | 'runtimeHandler'> {
  readonly network: NetworkMode;
  readonly ipc: NamespaceMode;
  readonly pid: NamespaceMode;
  /** The agent connects its network; absent if the engine does. */
  readonly linked?: LinkedStart;
}

/** The id of a sandbox that the pod's only container holds. */
export const OWN_SANDBOX = 'own';
const PAUSE_ROLE = 'pod';
/** The kubelet's: the kernel kills every container of the pod first. */
const PAUSE_OOM_SCORE = -998;
const PAUSE_CPU_SHARES = 2;

export const holdsItself = ({ containers, pid }: SandboxShape): boolean => containers < 2 && pid !== 'pod';

export function placeContainer(container: ContainerSpec, { id, spec }: Sandbox): PlacedContainer {
  const { hostname, sysctls, ports, runtimeHandler, network, ipc, pid } = spec;
  const alone = holdsItself(spec);
  const joined: Joined = { type: 'container', containerId: id };
  const modeOf = (host: boolean, shared: boolean): NamespaceMode =>
    host ? { type: 'host' } : shared ? joined : { type: 'private' };
  // The engine adds the labels of the image, unless it is given others.
  const manifest = alone ? (spec.labels[labelKeys.podManifest] ?? '') : '';
  return {
    ...container,
    labels: { ...container.labels, [labelKeys.podManifest]: manifest },
    ...(alone && hostname !== undefined ? { hostname } : {}),
    ...(runtimeHandler === undefined ? {} : { runtimeHandler }),
    sysctls: alone ? sysctls : {},
    ports: alone ? ports : [],
    network: alone ? network : joined,
    ipc: modeOf(ipc === 'host', !alone),
    pid: modeOf(pid === 'host', pid === 'pod'),
  };
}

export function pauseContainer(spec: SandboxSpec, image: string): PlacedContainer {
  const { ipc, pid } = spec;
  return {
    ...spec,
    image,
    env: [],
    supplementalGroups: [],
    privileged: false,
    readOnlyRootFilesystem: true,
    noNewPrivileges: true,
    capabilities: { add: [], drop: ['ALL'] },
    cpuShares: PAUSE_CPU_SHARES,
    oomScoreAdj: PAUSE_OOM_SCORE,
    ipc: { type: ipc === 'host' ? 'host' : 'shareable' },
    pid: { type: pid === 'host' ? 'host' : 'private' },
    stdin: false,
    stdinOnce: false,
    tty: false,
    // The pause program handles no signal, and has nothing to finish.
    stopSignal: 'SIGKILL',
  };
}

/** The sandboxes that the containers of one pod tell of, newest first. */
export function sandboxesOf(
  records: readonly ContainerRecord[],
  shape: SandboxShape,
): readonly SandboxRecord[] {
  const isPause = ({ labels }: ContainerRecord): boolean => labels[labelKeys.role] === PAUSE_ROLE;
  const attemptOf = ({ labels }: ContainerRecord): number => Number(labels[labelKeys.attempt]) || 0;
  const pauses = records
    .filter(isPause)
    .sort((a, b) => attemptOf(b) - attemptOf(a) || b.createdAtMs - a.createdAtMs)
    .map(
      (record): SandboxRecord => ({
        id: record.id,
        attempt: attemptOf(record),
        phase: record.phase === 'running' ? 'ready' : 'dead',
      }),
    );
  if (!holdsItself(shape)) return pauses;
  const runs = records.some((record) => record.phase === 'running' && !isPause(record));
  return [{ id: OWN_SANDBOX, attempt: 0, phase: runs ? 'ready' : 'vacant' }, ...pauses];
}
