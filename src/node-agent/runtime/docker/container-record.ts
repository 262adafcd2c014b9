/** The Engine's inspection of a container → {@link ContainerRecord}, pure. */
import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { type ContainerPhase, type ContainerRecord, labelKeys } from '../types.ts';

/** The Engine writes "never" as the year 1. */
const NEVER = '0001-01-01T00:00:00Z';

function timeOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '' || text === NEVER) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

function phaseOf(state: ContainerInspectInfo['State']): ContainerPhase {
  // A paused container has not ended: it still holds its processes.
  if (state.Running || state.Paused || state.Restarting) return 'running';
  // A failed start leaves `created` with an error text. That attempt is over.
  return state.Status === 'created' && state.Error === '' ? 'created' : 'exited';
}

type Networks = Readonly<Record<string, { readonly IPAddress: string }>>;

const addressIn = (networks: Networks): string | undefined =>
  Object.values(networks)
    .map((network) => network.IPAddress)
    .find((address) => address !== '');

const RUNNING: ReadonlySet<string> = new Set(['running', 'paused', 'restarting']);

/**
 * Whether a line of the Engine's list agrees with the record. A restart between two lists is not
 * seen here, and `created` may hide a failed start.
 */
export function isAsRecorded(
  { State, Names, NetworkSettings }: Pick<ContainerInfo, 'State' | 'Names' | 'NetworkSettings'>,
  { phase, name, ip, labels }: ContainerRecord,
): boolean {
  const isSamePhase = phase === 'running' ? RUNNING.has(State) : phase === 'exited' && State === 'exited';
  // The engine does not know an address that it has not assigned.
  const isSameAddress = Boolean(labels[labelKeys.address]) || addressIn(NetworkSettings.Networks) === ip;
  return isSamePhase && Names.includes(`/${name}`) && isSameAddress;
}

export function toContainerRecord(info: ContainerInspectInfo): ContainerRecord {
  const phase = phaseOf(info.State);
  const startedAtMs = timeOf(info.State.StartedAt);
  const finishedAtMs = phase === 'exited' ? timeOf(info.State.FinishedAt) : undefined;
  const ip = addressIn(info.NetworkSettings.Networks);
  return {
    id: info.Id,
    name: info.Name.replace(/^\//, ''),
    labels: info.Config.Labels,
    image: info.Config.Image,
    imageId: info.Image,
    phase,
    createdAtMs: timeOf(info.Created) ?? 0,
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(finishedAtMs === undefined ? {} : { finishedAtMs }),
    ...(phase === 'exited' ? { exitCode: info.State.ExitCode } : {}),
    oomKilled: info.State.OOMKilled,
    ...(info.State.Error === '' ? {} : { error: info.State.Error }),
    ...(ip === undefined ? {} : { ip }),
  };
}
