/**
 * Containers whose network the agent connects itself. Such a container begins with a program that
 * waits for its network (images/waiting-program.ts), and then becomes the container's own. An agent
 * that ended in between finishes it at its next list.
 */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { uninterrupted } from '../../../base/abort.ts';
import { createBoundedMap } from '../../../base/bounded-map.ts';
import { type Clock, sleep } from '../../../base/clock.ts';
import { errorMessage } from '../../../base/errors.ts';
import { makeDirectory } from '../../../base/make-directory.ts';
import type { Logger } from '../../../base/logger.ts';
import { ABSENT_NAME, DENIED_NAME, WAITING_NAME, waitingProgram } from '../../images/waiting-program.ts';
import {
  type ContainerRecord,
  type ContainerRuntime,
  labelKeys,
  RuntimeError,
  type RuntimeErrorCode,
} from '../types.ts';
import type { Engine } from './engine.ts';
import type { LinkedStart, PlacedContainer } from './placed-container.ts';
import { type ImageProgram, linkedAddress, waitingArguments } from './plan-linked-container.ts';

/** The host's network: it connects a process of a container to the network of the pods. */
export interface PodLinks {
  /** Makes the interface of the pods' network, with its address, unless it is there. */
  ensureBridge(bridge: string, network: Omit<LinkedNetwork, 'bridge'>): Promise<void>;
  /** Removes it, unless containers are connected to it: answers whether it is gone. */
  removeBridge(bridge: string): Promise<boolean>;
  connect(link: PodLink, network: LinkedNetwork): Promise<void>;
  isConnected(link: PodLink, network: LinkedNetwork): Promise<boolean>;
  /** The container that has the address; empty while it is being connected, undefined for none. */
  ownerOf(address: string, network: LinkedNetwork): Promise<string | undefined>;
  disconnect(address: string, network: LinkedNetwork): Promise<void>;
}

interface LinkedNetwork {
  readonly bridge: string;
  readonly subnet: string;
  readonly gateway: string;
}

interface PodLink {
  readonly containerId: string;
  readonly pid: number;
  readonly address: string;
}

export interface LinkedContainersOptions {
  readonly engine: Engine;
  readonly links: PodLinks;
  /** Where the waiting program lies on this machine. */
  readonly directory: string;
  readonly info: ContainerRuntime['info'];
  readonly sees: ContainerRuntime['sees'];
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface LinkedContainers {
  /** How the container begins; undefined if the engine connects it. */
  plan(spec: PlacedContainer): Promise<LinkedStart | undefined>;
  /** The engine has started it: connects it, and answers when its own program runs. */
  finish(id: string): Promise<void>;
  /** The pods' network; undefined while it is not there, or where it is elsewhere. */
  setNetwork(network: LinkedNetwork | undefined): void;
  /** The record with what the engine does not know. Looks after a container that it sees first. */
  complete(record: ContainerRecord): ContainerRecord;
}

/** The program waits a few milliseconds after its link is there. */
const LOOK_MS = 2;
const START_PATIENCE_MS = 10_000;
const MOST_IMAGES = 500;
const MOST_FAILURES = 10_000;

export function createLinkedContainers(options: LinkedContainersOptions): LinkedContainers {
  const { engine, links, directory, clock, logger } = options;
  const { docker, call } = engine;
  const programs = createBoundedMap<string, Promise<ImageProgram>>(MOST_IMAGES);
  const failures = createBoundedMap<string, string>(MOST_FAILURES);
  /** Started, or looked after, by this agent. */
  const known = createBoundedMap<string, true>(MOST_FAILURES);
  let placed: Promise<string | undefined> | undefined;
  let network: LinkedNetwork | undefined;

  /** The waiting program on the engine's machine; undefined where this one is not it. */
  async function place(): Promise<string | undefined> {
    const program = waitingProgram((await options.info()).architecture);
    if (!program || process.getuid?.() !== 0) return undefined;
    await makeDirectory(directory, 0o700);
    const path = join(directory, WAITING_NAME);
    const before = await readFile(path).catch(() => undefined);
    // A file that runs cannot be written to.
    if (!before?.equals(program)) await writeFile(path, program, { mode: 0o755 });
    await chmod(path, 0o755);
    return (await options.sees(path)) ? path : undefined;
  }

  function programOf(image: string): Promise<ImageProgram> {
    return programs.remember(image, async () => {
      try {
        const { Config: config } = await call(`look at image "${image}"`, () =>
          docker.getImage(image).inspect(),
        );
        const words = (value: string | readonly string[] | null | undefined): readonly string[] =>
          typeof value === 'string' ? [value] : (value ?? []);
        const path = (config.Env ?? []).find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length);
        return { entrypoint: words(config.Entrypoint), args: words(config.Cmd), path };
      } catch (error) {
        programs.delete(image);
        throw error;
      }
    });
  }

  const inspect = (id: string) =>
    call(`look at container "${id}"`, (asked) => docker.getContainer(id).inspect(asked));

  /** Undefined for a container that has ended, or that the engine connects. */
  async function linkOf(id: string): Promise<(PodLink & { readonly waits: boolean }) | undefined> {
    const { State, Config } = await inspect(id);
    const address = Config.Labels[labelKeys.address] ?? '';
    if (address === '' || !State.Running) return undefined;
    const link = { containerId: id, pid: State.Pid, address, waits: Config.Labels[labelKeys.role] !== 'pod' };
    if (await isOurMachine(link)) return link;
    const now = (await inspect(id)).State;
    if (!now.Running || now.Pid !== State.Pid) return undefined;
    // From now on, the engine connects containers.
    placed = Promise.resolve(undefined);
    throw new Error('the engine runs on another machine');
  }

  const isOurMachine = async ({ containerId, pid }: PodLink): Promise<boolean> =>
    (await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '')).includes(containerId);

  /** Resolves when the container's own program runs, or has ended. */
  async function untilOwnProgram(pid: number): Promise<void> {
    const deadlineMs = clock.now() + START_PATIENCE_MS;
    for (;;) {
      const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
      if (name === ABSENT_NAME || name === DENIED_NAME) throw new StartFailure(name);
      if (name !== WAITING_NAME) return;
      if (clock.now() >= deadlineMs) throw new Error('its program did not begin in 10 s');
      await sleep(clock, LOOK_MS, uninterrupted);
    }
  }

  async function endFailed(id: string, error: unknown): Promise<never> {
    const { code, message, detail } = failureOf(id, error, await argumentOf(id));
    if (error instanceof StartFailure) failures.set(id, detail);
    await call(`end container "${id}"`, ({ abortSignal }) =>
      docker.getContainer(id).kill({ signal: 'SIGKILL', abortSignal }),
    ).catch((failed: unknown) =>
      logger.warn({ container: id, error: errorMessage(failed) }, 'Cannot end a container'),
    );
    throw new RuntimeError(code, message, { cause: error, detail });
  }

  async function argumentOf(id: string): Promise<string> {
    const { Args } = await call(`look at container "${id}"`, (asked) =>
      docker.getContainer(id).inspect(asked),
    );
    return Args[Args.indexOf('') + 1] ?? '';
  }

  /** The kernel may still clear away after a container that has just ended. */
  async function freeAddress({ containerId, address }: PodLink, on: LinkedNetwork): Promise<void> {
    const owner = await links.ownerOf(address, on);
    if (owner === undefined || owner === containerId) return;
    const isAlive = owner !== '' && (await inspect(owner).catch(() => undefined))?.State.Running === true;
    if (isAlive) throw new AddressTaken('address already in use');
    await links.disconnect(address, on);
  }

  async function finish(id: string): Promise<void> {
    known.set(id, true);
    try {
      const link = await linkOf(id);
      if (!link) return;
      if (!network) throw new Error('the network of the pods is not there');
      await freeAddress(link, network);
      await links.connect(link, network);
      if (link.waits) await untilOwnProgram(link.pid);
    } catch (error) {
      await endFailed(id, error);
    }
  }

  /** An earlier agent may have ended before the container was connected. */
  async function lookAfter(id: string): Promise<void> {
    try {
      const link = await linkOf(id);
      if (link && network && !(await links.isConnected(link, network))) await finish(id);
    } catch (error) {
      known.delete(id);
      logger.warn(
        { container: id, error: errorMessage(error) },
        'Cannot connect a container to the network of the pods',
      );
    }
  }

  return {
    async plan(spec) {
      const address = linkedAddress(spec);
      if (address === undefined || !network) return undefined;
      const program = await (placed ??= place().catch((error: unknown) => {
        placed = undefined;
        throw error;
      }));
      if (program === undefined) return undefined;
      if (spec.labels[labelKeys.role] === 'pod') return { address };
      const args = waitingArguments(spec, await programOf(spec.image));
      return args && { address, waits: { program, args } };
    },
    finish,
    setNetwork(next) {
      network = next;
    },
    complete(record) {
      const address = record.labels[labelKeys.address] ?? '';
      if (address === '') return record;
      if (record.phase === 'running') {
        if (!known.has(record.id)) {
          known.set(record.id, true);
          void lookAfter(record.id);
        }
        return { ...record, ip: address };
      }
      const error = failures.get(record.id);
      if (error === undefined) return record;
      const { startedAtMs, ...rest } = record;
      return startedAtMs === undefined ? record : { ...rest, error };
    },
  };
}

/** The waiting program found none that it may execute. */
class StartFailure extends Error {
  override readonly name = 'StartFailure';
}

class AddressTaken extends Error {
  override readonly name = 'AddressTaken';
}

function failureOf(
  id: string,
  error: unknown,
  program: string,
): { readonly code: RuntimeErrorCode; readonly message: string; readonly detail: string } {
  const isStart = error instanceof StartFailure;
  const why = !isStart
    ? `failed to set up container networking: ${errorMessage(error)}`
    : `OCI runtime create failed: unable to start container process: exec: ${JSON.stringify(program)}: ` +
      (error.message === DENIED_NAME
        ? 'permission denied'
        : program.includes('/')
          ? `stat ${program}: no such file or directory`
          : 'executable file not found in $PATH');
  const code = isStart ? 'invalid' : error instanceof AddressTaken ? 'address' : 'network';
  return { code, message: `Cannot start container "${id}": ${why}`, detail: why };
}
