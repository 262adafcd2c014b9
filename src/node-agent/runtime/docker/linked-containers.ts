/**
 * Containers whose network the agent connects itself. Such a container begins with a program that
 * waits for its network (images/waiting-program.ts), and then becomes the container's own. An agent
 * that ended in between goes on when it sees the container again.
 */
import { readFile } from 'node:fs/promises';
import { uninterrupted } from '../../../base/abort.ts';
import { createBoundedMap } from '../../../base/bounded-map.ts';
import { type Clock, sleep } from '../../../base/clock.ts';
import { errorMessage } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';
import { WAITING_NAME } from '../../images/waiting-program.ts';
import { type ContainerRecord, labelKeys } from '../types.ts';
import { AddressTaken, isFailure, linkFailure, StartFailure } from './plan-link-failure.ts';
import type { LinkedNetwork, PodLink, PodLinks } from './pod-links.ts';
import { createWaitingStarts, type WaitingStarts, type WaitingStartsOptions } from './waiting-starts.ts';

interface StartedLink extends PodLink {
  readonly waits: boolean;
  readonly startedAtMs: number;
}

export interface LinkedContainersOptions extends WaitingStartsOptions {
  readonly links: PodLinks;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface LinkedContainers extends Pick<WaitingStarts, 'plan'> {
  /** Starts it, connects it, and resolves when its own program runs. Rejects with RuntimeError. */
  start(id: string, begin: () => Promise<void>): Promise<void>;
  /** The pods' network; undefined while it is not there, or where it is elsewhere. */
  setNetwork(network: LinkedNetwork | undefined): void;
  /** The record with what the engine does not know. Looks after a container that it does not know. */
  complete(record: ContainerRecord): ContainerRecord;
}

/** The program waits a few milliseconds after its link is there. */
const LOOK_MS = 2;
const START_PATIENCE_MS = 10_000;
const MOST_REMEMBERED = 10_000;

export function createLinkedContainers(options: LinkedContainersOptions): LinkedContainers {
  const { engine, links, clock, logger } = options;
  const { docker, call } = engine;
  const starts = createWaitingStarts(options);
  const failures = createBoundedMap<string, string>(MOST_REMEMBERED);
  /** Since when those run that are connected. */
  const connected = createBoundedMap<string, number>(MOST_REMEMBERED);
  const busy = new Set<string>();
  /** Seen before the network was there. */
  const waiting = new Set<string>();
  let network: LinkedNetwork | undefined;

  const inspect = (id: string) =>
    call(`look at container "${id}"`, (asked) => docker.getContainer(id).inspect(asked));

  /** Undefined for a container that has ended, or that the engine connects. */
  async function linkOf(id: string): Promise<StartedLink | undefined> {
    const { State, Config } = await inspect(id);
    const address = Config.Labels[labelKeys.address] ?? '';
    if (address === '' || !State.Running) return undefined;
    const pid = State.Pid;
    if (!(await isOnThisMachine(id, pid))) {
      const now = (await inspect(id)).State;
      if (!now.Running || now.Pid !== pid) return undefined;
      starts.giveUp();
      throw new Error('the engine runs on another machine');
    }
    const waits = Config.Labels[labelKeys.role] !== 'pod';
    return { containerId: id, pid, address, waits, startedAtMs: Date.parse(State.StartedAt) };
  }

  async function connect(link: PodLink, on: LinkedNetwork): Promise<void> {
    if (await links.connect(link, on)) return;
    // The kernel may still clear away after a container that has just ended.
    const owner = (await links.ownerOf(link.address, on)) ?? '';
    const isAlive = owner !== '' && (await inspect(owner).catch(() => undefined))?.State.Running === true;
    if (isAlive && owner !== link.containerId) throw new AddressTaken();
    await links.disconnect(link.address, on);
    if (!(await links.connect(link, on))) throw new AddressTaken();
  }

  async function finish(id: string): Promise<void> {
    const link = await linkOf(id);
    if (!link) return;
    if (!network) throw new Error('the network of the pods is not there');
    await connect(link, network);
    if (link.waits) await untilOwnProgram(link.pid, clock);
    connected.set(id, link.startedAtMs);
  }

  async function whileBusy(id: string, work: () => Promise<void>): Promise<void> {
    busy.add(id);
    try {
      await work();
    } finally {
      busy.delete(id);
    }
  }

  /** Ends the container, and throws why. */
  async function fail(id: string, error: unknown): Promise<never> {
    const { Args } = await inspect(id);
    const failure = linkFailure(id, error, Args[Args.indexOf('') + 1] ?? '');
    if (error instanceof StartFailure) failures.set(id, failure.detail);
    await call(`end container "${id}"`, ({ abortSignal }) =>
      docker.getContainer(id).kill({ signal: 'SIGKILL', abortSignal }),
    );
    throw failure;
  }

  /** A container that runs is left alone when it cannot be connected now. */
  async function lookAfter(id: string): Promise<void> {
    try {
      await finish(id);
    } catch (error) {
      const failure =
        error instanceof StartFailure ? await fail(id, error).catch(errorMessage) : errorMessage(error);
      logger.warn({ container: id, error: failure }, 'Cannot connect a container to its network');
    }
  }

  function see({ id, startedAtMs }: ContainerRecord): void {
    if (connected.get(id) === startedAtMs || busy.has(id)) return;
    if (network) void whileBusy(id, () => lookAfter(id));
    else waiting.add(id);
  }

  return {
    plan: async (spec) => (network ? starts.plan(spec) : undefined),
    start: (id, begin) =>
      whileBusy(id, async () => {
        await begin();
        try {
          await finish(id);
        } catch (error) {
          await fail(id, error);
        }
      }),
    setNetwork(next) {
      network = next;
      if (!next) return;
      for (const id of waiting) void whileBusy(id, () => lookAfter(id));
      waiting.clear();
    },
    complete(record) {
      const address = record.labels[labelKeys.address] ?? '';
      if (address === '') return record;
      if (record.phase === 'running') {
        see(record);
        return { ...record, ip: address };
      }
      const error = failures.get(record.id);
      const { startedAtMs, ...neverRan } = record;
      return error === undefined || startedAtMs === undefined ? record : { ...neverRan, error };
    },
  };
}

/** Whether the number is that of a process of the container, here. */
const isOnThisMachine = async (containerId: string, pid: number): Promise<boolean> =>
  (await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')).includes(containerId);

/** Resolves when the container's own program runs, or has ended. */
async function untilOwnProgram(pid: number, clock: Clock): Promise<void> {
  const deadlineMs = clock.now() + START_PATIENCE_MS;
  for (;;) {
    const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
    if (isFailure(name)) throw new StartFailure(name);
    if (name !== WAITING_NAME) return;
    if (clock.now() >= deadlineMs) throw new Error('its program did not begin in 10 s');
    await sleep(clock, LOOK_MS, uninterrupted);
  }
}
