/**
 * Whether the Engine can give containers a negative OOM score (it needs CAP_SYS_RESOURCE, which nested and unprivileged
 * Engines lack; there the *start* fails). Found out once per Engine with a container that has nothing to run: it fails
 * either way, and the text says at what.
 */
import type { Logger } from '../../../base/logger.ts';
import type { Rng } from '../../../base/rng.ts';
import { type ContainerSpec, labelKeys } from '../types.ts';
import { asRequest } from './create-request.ts';
import type { Engine } from './engine.ts';
import { engineMessage } from './engine-errors.ts';

export interface OomScoreSupport {
  negativeAllowed(spec: ContainerSpec): Promise<boolean>;
}

/** The lowest score that the agent ever asks for: that of a pod's sandbox, as the kubelet's. */
const LOWEST_SCORE = -998;

/** What a start says that failed only for want of a program. */
const NOTHING_TO_RUN = /symphony-nothing-to-run|executable file not found|no such file or directory/i;

export function createOomScoreSupport(engine: Engine, rng: Rng, logger: Logger): OomScoreSupport {
  let answer: Promise<boolean> | undefined;

  async function tryIt(spec: ContainerSpec): Promise<boolean> {
    const name = `symphony-oom-check-${rng.uuid()}`;
    const body = {
      Image: spec.image,
      Entrypoint: ['/symphony-nothing-to-run'],
      Cmd: [],
      Labels: {
        [labelKeys.cluster]: spec.labels[labelKeys.cluster] ?? '',
        // No node label: it must never show up among the pods' containers.
      },
      HostConfig: { NetworkMode: 'none', OomScoreAdj: LOWEST_SCORE },
    };
    const container = await engine.call('check OOM scores', ({ abortSignal }) =>
      engine.docker.createContainer(asRequest(name, body, abortSignal)),
    );
    try {
      await engine.call('check OOM scores', (options) => container.start(options));
      return true;
    } catch (error) {
      // Having got as far as looking for the program, it has passed the score; any other text is about the score (runc
      // dies while writing it, and says no more than that its child ended).
      return NOTHING_TO_RUN.test(engineMessage(error));
    } finally {
      await engine.call('check OOM scores', ({ abortSignal }) =>
        container.remove({ force: true, v: true, abortSignal }),
      );
    }
  }

  return {
    async negativeAllowed(spec) {
      answer ??= tryIt(spec).then((allowed) => {
        if (!allowed) {
          logger.warn(
            {},
            'the engine may not lower OOM scores: pods of class Guaranteed run without that protection',
          );
        }
        return allowed;
      });
      try {
        return await answer;
      } catch (error) {
        answer = undefined;
        throw error;
      }
    },
  };
}
