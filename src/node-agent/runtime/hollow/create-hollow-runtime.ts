/** The runtime of `--runtime hollow`: the fake engine, with programs by their pod's annotations. */
import type { Pod } from '../../../schemas/types.ts';
import { createFakeRuntime, type FakeRuntime, type FakeRuntimeOptions } from '../fake/create-fake-runtime.ts';
import { openFakeSession } from '../fake/fake-streams.ts';
import { labelKeys, RuntimeError } from '../types.ts';
import { hollowText, planHollowProgram } from './plan-hollow-pod.ts';

export interface HollowRuntimeOptions extends Pick<FakeRuntimeOptions, 'clock' | 'rng' | 'cluster' | 'node'> {
  /** The time that a container runs which is meant to end. */
  readonly runForMs: number;
  podOf(namespace: string, name: string): Pod | undefined;
}

/** The shell's code for a command that cannot be executed. */
const CANNOT_EXECUTE = 126;

export function createHollowRuntime(options: HollowRuntimeOptions): FakeRuntime {
  const { node, podOf } = options;
  const text = hollowText(node);
  const session = (output: string, tty: boolean, exitCode: number): ReturnType<typeof openFakeSession> =>
    openFakeSession({ echo: false, output: `${output}\n`, onStderr: !tty, exitCode });
  return {
    ...createFakeRuntime({
      ...options,
      programOf: (spec) => {
        const { [labelKeys.podNamespace]: namespace = '', [labelKeys.podName]: name = '' } = spec.labels;
        return planHollowProgram(podOf(namespace, name), spec, options);
      },
    }),
    execStream: async (_id, _command, { tty }) =>
      session(`${text}: it cannot run a command`, tty, CANNOT_EXECUTE),
    attach: async () => session(`${text}: there is no program to attach to`, false, 0),
    async dial(_id, port) {
      throw new RuntimeError('invalid', `${text}: nothing listens on port ${port}`);
    },
    async dialFrom() {
      throw new RuntimeError('invalid', `${text}: it has no network`);
    },
  };
}
