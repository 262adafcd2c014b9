/** Decides for each new container whether it waits for the agent, and keeps what it needs for that. */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createBoundedMap } from '../../../base/bounded-map.ts';
import { makeDirectory } from '../../../base/make-directory.ts';
import { WAITING_NAME, waitingProgram } from '../../images/waiting-program.ts';
import { type ContainerRuntime, labelKeys } from '../types.ts';
import type { Engine } from './engine.ts';
import type { PodLinks } from './pod-links.ts';
import type { LinkedStart, PlacedContainer } from './placed-container.ts';
import { type ImageProgram, linkedAddress, waitingArguments } from './plan-linked-container.ts';

export interface WaitingStartsOptions {
  readonly engine: Engine;
  /** Where the waiting program lies on this machine. */
  readonly directory: string;
  readonly links: Pick<PodLinks, 'isAble'>;
  readonly info: ContainerRuntime['info'];
  readonly sees: ContainerRuntime['sees'];
}

export interface WaitingStarts {
  /** How the container begins; undefined if the engine connects it. */
  plan(spec: PlacedContainer): Promise<LinkedStart | undefined>;
  /** From now on, the engine connects all new containers. */
  giveUp(): void;
}

const MOST_IMAGES = 500;

export function createWaitingStarts(options: WaitingStartsOptions): WaitingStarts {
  const { docker, call } = options.engine;
  const programs = createBoundedMap<string, Promise<ImageProgram>>(MOST_IMAGES);
  let placed: Promise<string | undefined> | undefined;

  /** The waiting program, as the engine's machine has it; undefined where this one is not it. */
  async function place(): Promise<string | undefined> {
    const program = waitingProgram((await options.info()).architecture);
    if (!program || !(await options.links.isAble())) return undefined;
    await makeDirectory(options.directory, 0o700);
    const path = join(options.directory, WAITING_NAME);
    const before = await readFile(path).catch(() => undefined);
    // A file that runs cannot be written to.
    if (!before?.equals(program)) await writeFile(path, program);
    await chmod(path, 0o755);
    return (await options.sees(path)) ? path : undefined;
  }

  function ensurePlaced(): Promise<string | undefined> {
    placed ??= place().catch((error: unknown) => {
      placed = undefined;
      throw error;
    });
    return placed;
  }

  async function readProgram(image: string): Promise<ImageProgram> {
    const { Config: config } = await call(`look at image "${image}"`, () => docker.getImage(image).inspect());
    const words = (value: string | readonly string[] | null | undefined): readonly string[] =>
      typeof value === 'string' ? [value] : (value ?? []);
    const path = (config.Env ?? []).find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length);
    return { entrypoint: words(config.Entrypoint), args: words(config.Cmd), path };
  }

  function programOf(image: string): Promise<ImageProgram> {
    return programs.remember(image, async () => {
      try {
        return await readProgram(image);
      } catch (error) {
        programs.delete(image);
        throw error;
      }
    });
  }

  return {
    async plan(spec) {
      const address = linkedAddress(spec);
      const program = address === undefined ? undefined : await ensurePlaced();
      if (address === undefined || program === undefined) return undefined;
      if (spec.labels[labelKeys.role] === 'pod') return { address };
      const args = waitingArguments(spec, await programOf(spec.image));
      return args && { address, waits: { program, args } };
    },
    giveUp() {
      placed = Promise.resolve(undefined);
    },
  };
}
