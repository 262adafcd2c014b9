/**
 * Life of a container: list, inspect, create, start, stop, kill, remove. The way from create to running is two calls to
 * the Engine and nothing else; looks happen only when something went wrong.
 */
import type { Logger } from '../../../base/logger.ts';
import {
  type ContainerRecord,
  type ContainerRuntime,
  type ContainerSpec,
  labelKeys,
  RuntimeError,
} from '../types.ts';
import { isAsRecorded, toContainerRecord } from './container-record.ts';
import { toCreateBody } from './create-body.ts';
import { asRequest } from './create-request.ts';
import { type Engine, LIFECYCLE_TIMEOUT_MS } from './engine.ts';
import { engineMessage, engineStatus, toRuntimeError } from './engine-errors.ts';
import { createGate, mapBounded } from './gate.ts';
import type { OomScoreSupport } from './oom-score.ts';
import type { Ownership } from './ownership.ts';

/** Measured: an Engine starts the most containers per second with about eight calls at once. */
const LIFECYCLE_CONCURRENCY = 8;
/** Inspections at once during a list: enough to hide the round trip, too few to starve a start. */
const INSPECT_CONCURRENCY = 8;
/** The Engine answers a stop only after the grace; this much longer counts as hanging. */
const STOP_MARGIN_MS = 30_000;

type Containers = Pick<
  ContainerRuntime,
  'list' | 'inspect' | 'create' | 'start' | 'stop' | 'kill' | 'remove'
>;

export interface ContainersOptions {
  readonly engine: Engine;
  readonly ownership: Ownership;
  readonly oomScores: OomScoreSupport;
  readonly logger: Logger;
}

const isMissing = (error: unknown): boolean => error instanceof RuntimeError && error.code === 'not-found';

export function createContainers({ engine, ownership, oomScores, logger }: ContainersOptions): Containers {
  const { docker, call } = engine;
  const gate = createGate(LIFECYCLE_CONCURRENCY);
  /** Containers as they were inspected last. Each list drops those that are gone. */
  const seen = new Map<string, ContainerRecord>();

  async function inspect(id: string): Promise<ContainerRecord | undefined> {
    try {
      const info = await call(`look at container "${id}"`, (options) =>
        docker.getContainer(id).inspect(options),
      );
      if (!ownership.isOurs(info.Config.Labels)) return undefined;
      ownership.remember(info.Id);
      const record = toContainerRecord(info);
      seen.set(record.id, record);
      return record;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** The name is taken: by the container whose creation was answered into the void, or by somebody else's. */
  async function adopt(spec: ContainerSpec, conflict: RuntimeError): Promise<string> {
    const existing = await inspect(spec.name);
    if (!existing) throw conflict;
    if (existing.labels[labelKeys.mark] !== spec.labels[labelKeys.mark]) {
      throw new RuntimeError(
        'conflict',
        `Cannot create container "${spec.name}": the name is taken by container ${existing.id}, which was not made for it`,
        { cause: conflict },
      );
    }
    const keys = [labelKeys.podUid, labelKeys.containerName, labelKeys.attempt, labelKeys.specHash];
    const different = keys.find((key) => existing.labels[key] !== spec.labels[key]);
    if (different !== undefined) {
      throw new RuntimeError(
        'conflict',
        `Cannot create container "${spec.name}": the name is taken by another container of ours whose label "${different}" differs`,
        { cause: conflict },
      );
    }
    logger.info({ container: existing.id, name: spec.name }, 'adopted a container that exists already');
    return existing.id;
  }

  async function create(spec: ContainerSpec): Promise<string> {
    if (!ownership.isOurs(spec.labels)) {
      throw new RuntimeError(
        'invalid',
        `Cannot create container "${spec.name}": its labels are not this node's`,
      );
    }
    const negativeOomScores =
      spec.oomScoreAdj === undefined || spec.oomScoreAdj >= 0 || (await oomScores.negativeAllowed(spec));
    const body = toCreateBody(spec, negativeOomScores);
    return gate.run('low', async () => {
      try {
        const container = await call(
          `create container "${spec.name}"`,
          ({ abortSignal }) => docker.createContainer(asRequest(spec.name, body, abortSignal)),
          LIFECYCLE_TIMEOUT_MS,
        );
        ownership.remember(container.id);
        return container.id;
      } catch (error) {
        if (error instanceof RuntimeError && error.code === 'conflict') return adopt(spec, error);
        throw error;
      }
    });
  }

  async function start(id: string): Promise<void> {
    await ownership.assertOurs(id);
    await gate.run('high', () =>
      call(
        `start container "${id}"`,
        async (options) => {
          try {
            await docker.getContainer(id).start(options);
          } catch (error) {
            if (engineStatus(error) !== 304) throw error;
          }
        },
        LIFECYCLE_TIMEOUT_MS,
      ),
    );
  }

  return {
    async list(how) {
      const found = await call('list containers', ({ abortSignal }) =>
        docker.listContainers({ all: true, filters: { label: [...ownership.filters.label] }, abortSignal }),
      );
      const present = new Set(found.map(({ Id }) => Id));
      for (const id of seen.keys()) if (!present.has(id)) seen.delete(id);
      const records = await mapBounded(found, INSPECT_CONCURRENCY, async (listed) => {
        const last = how === 'quick' ? seen.get(listed.Id) : undefined;
        return last && isAsRecorded(listed, last) ? last : inspect(listed.Id);
      });
      return records.filter((record) => record !== undefined);
    },
    inspect,
    create,
    start,
    async stop(id, graceSeconds) {
      const seconds = Math.max(0, Math.ceil(graceSeconds));
      try {
        await ownership.assertOurs(id);
        await call(
          `stop container "${id}"`,
          async ({ abortSignal }) => {
            try {
              await docker.getContainer(id).stop({ t: seconds, abortSignal });
            } catch (error) {
              if (engineStatus(error) !== 304) throw error;
            }
          },
          seconds * 1000 + STOP_MARGIN_MS,
        );
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
    async kill(id, signal) {
      await ownership.assertOurs(id);
      await call(`signal container "${id}"`, async ({ abortSignal }) => {
        try {
          await docker.getContainer(id).kill({ signal, abortSignal });
        } catch (error) {
          // Nothing runs any more: the signal has nobody to reach, which is what the caller will see next.
          if (engineStatus(error) !== 409 || !/not running/i.test(engineMessage(error))) throw error;
        }
      });
    },
    async remove(id) {
      try {
        await ownership.assertOurs(id);
        await call(
          `remove container "${id}"`,
          async ({ abortSignal }) => {
            try {
              await docker.getContainer(id).remove({ force: true, v: true, abortSignal });
            } catch (error) {
              const failure = toRuntimeError('remove', error);
              if (!/removal of container .* is already in progress/i.test(failure.message)) throw error;
            }
          },
          LIFECYCLE_TIMEOUT_MS,
        );
      } catch (error) {
        if (!isMissing(error)) throw error;
      } finally {
        ownership.forget(id);
      }
    },
  };
}
