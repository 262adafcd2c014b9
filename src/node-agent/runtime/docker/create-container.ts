/**
 * Creates a container, or adopts the one that an earlier call created and whose answer was lost.
 */
import type { Logger } from '../../../base/logger.ts';
import { type ContainerRuntime, labelKeys, RuntimeError } from '../types.ts';
import { toCreateBody } from './create-body.ts';
import { asRequest, type Engine, LIFECYCLE_TIMEOUT_MS } from './engine.ts';
import type { LinkedContainers } from './linked-containers.ts';
import type { OomScoreSupport } from './oom-score.ts';
import type { Ownership } from './ownership.ts';
import type { PlacedContainer } from './placed-container.ts';

export interface CreateOptions {
  readonly engine: Engine;
  readonly ownership: Ownership;
  readonly oomScores: OomScoreSupport;
  readonly logger: Logger;
  readonly inspect: ContainerRuntime['inspect'];
  /** Absent where the engine makes the networks of all containers. */
  readonly linked?: Pick<LinkedContainers, 'plan'> | undefined;
}

/** Labels that a container and its second request have in common. */
const SAME = [labelKeys.podUid, labelKeys.containerName, labelKeys.attempt, labelKeys.specHash];

const cannotCreate = (
  code: 'conflict' | 'invalid',
  { name }: PlacedContainer,
  why: string,
  cause?: unknown,
): RuntimeError => new RuntimeError(code, `Cannot create container "${name}": ${why}`, { cause });

export async function createContainer(options: CreateOptions, spec: PlacedContainer): Promise<string> {
  const { engine, ownership, oomScores } = options;
  if (!ownership.isOurs(spec.labels)) {
    throw cannotCreate('invalid', spec, "its labels are not this node's");
  }
  const negativeOomScores =
    spec.oomScoreAdj === undefined || spec.oomScoreAdj >= 0 || (await oomScores.negativeAllowed(spec));
  const linked = await options.linked?.plan(spec);
  const body = toCreateBody(linked ? { ...spec, linked } : spec, negativeOomScores);
  try {
    const container = await engine.call(
      `create container "${spec.name}"`,
      ({ abortSignal }) => engine.docker.createContainer(asRequest(spec.name, body, abortSignal)),
      LIFECYCLE_TIMEOUT_MS,
    );
    ownership.remember(container.id);
    return container.id;
  } catch (error) {
    if (error instanceof RuntimeError && error.code === 'conflict') return adopt(options, spec, error);
    throw error;
  }
}

async function adopt(
  { inspect, logger }: CreateOptions,
  spec: PlacedContainer,
  conflict: RuntimeError,
): Promise<string> {
  const existing = await inspect(spec.name);
  if (!existing) throw conflict;
  if (existing.labels[labelKeys.mark] !== spec.labels[labelKeys.mark]) {
    const why = `the name is taken by container ${existing.id}, which was not made for it`;
    throw cannotCreate('conflict', spec, why, conflict);
  }
  const different = SAME.find((key) => existing.labels[key] !== spec.labels[key]);
  if (different !== undefined) {
    const why = `the name is taken by another container of ours whose label "${different}" differs`;
    throw cannotCreate('conflict', spec, why, conflict);
  }
  logger.info({ container: existing.id, name: spec.name }, 'adopted a container that exists already');
  return existing.id;
}
