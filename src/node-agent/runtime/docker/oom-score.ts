/**
 * Whether the Engine can give containers a negative OOM score. That needs CAP_SYS_RESOURCE, which
 * nested and unprivileged Engines lack: there the *start* fails. One container without a program
 * finds out once per Engine. It fails either way, and the text names the cause.
 */
import type { Logger } from '../../../base/logger.ts';
import type { Rng } from '../../../base/rng.ts';
import { type ContainerSpec, labelKeys } from '../types.ts';
import { asRequest, type Engine } from './engine.ts';
import { engineMessage } from './engine-errors.ts';

export interface OomScoreSupport {
  negativeAllowed(spec: ContainerSpec): Promise<boolean>;
}

/** The lowest score that the agent ever asks for: that of a pod's sandbox, as the kubelet's. */
const LOWEST_SCORE = -998;

/** The texts of a start that failed only because there is no program. */
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
      // A text about the program proves that the score was set. Any other is about the score: runc
      // dies while it writes it, and reports only that its child ended.
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
