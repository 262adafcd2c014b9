/** Creates and starts a pod's sandbox and containers. It decides nothing: a failure is thrown. */
import { TransientError } from '../../base/errors.ts';
import { goWords } from '../../base/go-words.ts';
import { type PodResources, StepProblem } from '../ports.ts';
import {
  type ContainerRecord,
  type ContainerRuntime,
  type ContainerSpec,
  type ImageRecord,
  labelKeys,
  RuntimeError,
  type SandboxSpec,
} from '../runtime/types.ts';
import type { ContainerImages } from './container-images.ts';
import { failureWords } from './failure-words.ts';
import type { OwnContainers } from './own-containers.ts';
import { isOfNetwork } from './plan-problem.ts';
import type { PodState } from './pod-state.ts';
import type { StepOf } from './pod-step.ts';
import { agentLabels, type PlannedContainer, type TellPodEvent } from './pod-view.ts';
import type { PostStart } from './post-start.ts';

export interface ContainerStartsOptions {
  readonly runtime: ContainerRuntime;
  readonly resources: Pick<PodResources, 'planContainer' | 'planSandbox'>;
  readonly images: ContainerImages;
  readonly postStart: PostStart;
  readonly event: TellPodEvent;
  readonly state: Pick<PodState, 'pod' | 'ip'>;
  readonly own: Pick<OwnContainers, 'ask' | 'add'>;
  /** The pod's known container of this name. */
  find(name: string): ContainerRecord | undefined;
  refresh(containerId: string): Promise<ContainerRecord | undefined>;
}

export interface ContainerStarts {
  /** The agent starts this container now, and inspects it afterwards. */
  isStarting(containerId: string): boolean;
  startSandbox(attempt: number): Promise<void>;
  startContainer(step: StepOf<'start-container'>): Promise<void>;
}

export function createContainerStarts(options: ContainerStartsOptions): ContainerStarts {
  const { runtime, resources, images, event, state, refresh } = options;
  /** The container that is starting; the pod starts one thing at a time. */
  let starting: 'sandbox' | { readonly id: string } | undefined;

  async function during<T>(what: typeof starting, work: () => Promise<T>): Promise<T> {
    starting = what;
    try {
      return await work();
    } finally {
      starting = undefined;
    }
  }

  /**
   * Records the request before the engine gets it, and the engine's answer before anything else.
   */
  async function make<Spec extends ContainerSpec | SandboxSpec>(
    spec: Spec,
    create: (marked: Spec) => Promise<string>,
  ): Promise<string> {
    // Without a record of it, the next agent would take the container for a stranger.
    const asked = options.own.ask(spec.name, options.find(spec.name)).catch((error: unknown) => {
      throw new TransientError(goWords(error), { cause: error });
    });
    const mark = await asked;
    const labels = mark === undefined ? spec.labels : { ...spec.labels, [labelKeys.mark]: mark };
    const id = await create({ ...spec, labels });
    options.own.add(spec.name, id);
    return id;
  }

  /** A failed start that the engine recorded is an attempt that ended. It has a restart. */
  async function onFailedStart(
    item: PlannedContainer,
    record: ContainerRecord | undefined,
    error: unknown,
  ): Promise<void> {
    if (record?.phase !== 'exited') {
      throw new StepProblem('RunContainerError', failureWords(error), { cause: error });
    }
    if (isOfNetwork(error)) {
      const { id } = record;
      // The next attempt has its name. An engine that does not answer is listed later.
      await runtime
        .remove(id)
        .then(() => refresh(id))
        .catch(() => undefined);
      throw error;
    }
    event(item, 'Warning', 'Failed', `Error: ${failureWords(error)}`);
  }

  async function begin(item: PlannedContainer, id: string): Promise<void> {
    const { name, imagePullPolicy } = item.container;
    options.postStart.expect(item, id);
    try {
      await runtime.start(id);
    } catch (error) {
      const record = await refresh(id).catch(() => undefined);
      // It runs when only the answer was lost. Its hook is pending then.
      if (record?.phase !== 'running') return onFailedStart(item, record, error);
    }
    event(item, 'Normal', 'Started', `Started container ${name}`);
    // `Always` resolves the name at the registry for each attempt.
    if (imagePullPolicy === 'Always') images.forget(name);
    await refresh(id);
  }

  return {
    isStarting: (id) => starting === 'sandbox' || starting?.id === id,
    startSandbox: (attempt) =>
      during('sandbox', async () => {
        const spec = resources.planSandbox(state.pod, state.ip, attempt);
        await refresh(await make(spec, (marked) => runtime.ensureSandbox(marked)));
      }),
    async startContainer(step) {
      const { container: item, sandbox } = step;
      const { name } = item.container;
      const image = images.get(name);
      if (!image) return;
      try {
        const spec = resources.planSandbox(state.pod, state.ip, sandbox.attempt);
        const planned = await specOf(options, step, image);
        const id = await make(planned, (marked) => runtime.create(marked, { id: sandbox.id, spec }));
        event(item, 'Normal', 'Created', `Created container: ${name}`);
        await during({ id }, () => begin(item, id));
      } catch (error) {
        if (error instanceof RuntimeError && error.code === 'image-missing') images.forget(name);
        throw error;
      }
    },
  };
}

/** The specification of the container, with the agent's own labels. */
async function specOf(
  { resources, event, state: { pod, ip } }: ContainerStartsOptions,
  { container: item, attempt, backoffLevel, sandbox }: StepOf<'start-container'>,
  image: ImageRecord,
): Promise<ContainerSpec> {
  const { container, role } = item;
  const plan = await resources.planContainer({ pod, ip, container, role, attempt, image });
  if (!plan.ok) throw new StepProblem(plan.reason, plan.message);
  if (plan.skippedEnv.length > 0)
    event(item, 'Warning', 'InvalidEnvironmentVariableNames', skipped(plan.skippedEnv));
  const own = {
    [agentLabels.backoffLevel]: String(backoffLevel),
    [agentLabels.sandboxAttempt]: String(sandbox.attempt),
  };
  return { ...plan.spec, labels: { ...plan.spec.labels, ...own } };
}

const skipped = (names: readonly string[]): string =>
  `Keys [${names.join(', ')}] from the EnvFrom sources were skipped since they are considered invalid environment variable names.`;
