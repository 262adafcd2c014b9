/**
 * Brings the containers of one pod to life: image, specification, create, start, postStart hook. It does what a step says and
 * decides nothing; failures are thrown, the worker decides when to try again.
 */
import type { Pod } from '../../schemas/types.ts';
import { failureWords } from './failure-words.ts';
import type { ImageResult } from '../images/types.ts';
import { type ImageSource, type PodResources, type RunHook, StepProblem } from '../ports.ts';
import {
  type ContainerRecord,
  type ContainerRuntime,
  type ContainerSpec,
  type ImageRecord,
  labelKeys,
  RuntimeError,
} from '../runtime/types.ts';
import type { OwnContainers } from './own-containers.ts';
import type { PodStep } from './plan-pod-step.ts';
import { agentLabels, type HookState, type PlannedContainer, type TellPodEvent } from './pod-view.ts';

export interface ContainerStartsOptions {
  readonly runtime: ContainerRuntime;
  readonly resources: PodResources;
  readonly images: ImageSource;
  readonly runHook: RunHook;
  readonly event: TellPodEvent;
  /** The pod as it is now. */
  current(): { readonly pod: Pod; readonly ip: string | undefined };
  readonly own: Pick<OwnContainers, 'ask' | 'add'>;
  /** The pod's container of this name, as far as it is known. */
  find(name: string): ContainerRecord | undefined;
  /** Looks at the container; answers what is known of it then. */
  refresh(containerId: string): Promise<ContainerRecord | undefined>;
}

export interface ContainerStarts {
  /** By container id. */
  readonly postStart: ReadonlyMap<string, HookState>;
  /** A start is under way, and a look at the container comes after it. */
  isStarting(containerId: string): boolean;
  /** Names of the containers whose images are there. */
  readyImages(planned: readonly PlannedContainer[]): ReadonlySet<string>;
  pull(item: PlannedContainer): Promise<ImageResult>;
  startSandbox(attempt: number): Promise<void>;
  startContainer(step: Extract<PodStep, { type: 'start-container' }>): Promise<void>;
  /** The hook's state says so from the call on. */
  runPostStart(item: PlannedContainer, containerId: string): Promise<void>;
  forget(containerId: string): void;
}

/** postStart has no time-out in Kubernetes; ours ends with the day. */
const POST_START_TIMEOUT_MS = 86_400_000;

export function createContainerStarts(options: ContainerStartsOptions): ContainerStarts {
  const { runtime, resources, event, refresh } = options;
  /** By container name. */
  const images = new Map<string, { readonly reference: string; readonly image: ImageRecord }>();
  const postStart = new Map<string, HookState>();
  const starting = new Set<string>();

  async function start(id: string, work: () => Promise<void>): Promise<void> {
    starting.add(id);
    try {
      await work();
    } finally {
      starting.delete(id);
    }
  }

  /** From created to running. */
  async function begin(item: PlannedContainer, id: string): Promise<void> {
    try {
      await runtime.start(id);
      event(item, 'Normal', 'Started', `Started container ${item.container.name}`);
    } catch (error) {
      postStart.delete(id);
      return await onFailedStart(item, id, error);
    }
    // `Always` means that each attempt asks the registry what the name means now.
    if (item.container.imagePullPolicy === 'Always') images.delete(item.container.name);
    await refresh(id);
  }

  /** Removes a container that never ran: the next attempt has its name. An engine that does not answer is listed later. */
  async function discard(id: string): Promise<void> {
    await runtime
      .remove(id)
      .then(() => refresh(id))
      .catch(() => undefined);
  }

  /** A failed start that the engine has recorded is an attempt that ended: the restart rules take it from there. */
  async function onFailedStart(item: PlannedContainer, id: string, error: unknown): Promise<void> {
    const record = await refresh(id).catch(() => undefined);
    if (record?.phase !== 'exited') {
      throw new StepProblem('RunContainerError', failureWords(error), { cause: error });
    }
    if (error instanceof RuntimeError && error.code === 'network') {
      // Without a network there was no attempt at the container, only at its sandbox.
      await discard(id);
      throw error;
    }
    event(item, 'Warning', 'Failed', `Error: ${failureWords(error)}`);
  }

  /**
   * Writes down what is asked for before the engine is asked, and what it answers before anything
   * else.
   */
  async function make(spec: ContainerSpec): Promise<string> {
    const mark = await options.own.ask(spec.name, options.find(spec.name));
    const labels = mark === undefined ? spec.labels : { ...spec.labels, [labelKeys.mark]: mark };
    const id = await runtime.create({ ...spec, labels });
    options.own.add(spec.name, id);
    return id;
  }

  async function create(step: Extract<PodStep, { type: 'start-container' }>, image: ImageRecord) {
    const { container: item, sandbox } = step;
    try {
      const plan = await resources.planContainer({
        ...options.current(),
        container: item.container,
        role: item.role,
        attempt: step.attempt,
        sandboxId: sandbox?.record.id,
        image,
      });
      if (!plan.ok) throw new StepProblem(plan.reason, plan.message);
      if (plan.skippedEnv.length > 0)
        event(item, 'Warning', 'InvalidEnvironmentVariableNames', skipped(plan.skippedEnv));
      const labels = {
        ...plan.spec.labels,
        [agentLabels.backoffLevel]: String(step.backoffLevel),
        [agentLabels.sandboxAttempt]: String(sandbox?.attempt ?? 0),
      };
      return await make({ ...plan.spec, labels });
    } catch (error) {
      if (error instanceof RuntimeError && error.code === 'image-missing') images.delete(item.container.name);
      throw error;
    }
  }

  return {
    postStart,
    isStarting: (containerId) => starting.has(containerId),
    readyImages: (planned) =>
      new Set(
        planned
          .filter(({ container }) => images.get(container.name)?.reference === container.image)
          .map(({ container }) => container.name),
      ),
    async pull(item) {
      const { name, image: reference = '' } = item.container;
      const result = await options.images.ensure(options.current().pod, item.container, (told) =>
        event(item, told.type, told.reason, told.message),
      );
      if (result.ok) images.set(name, { reference, image: result.image });
      return result;
    },
    async startSandbox(attempt) {
      const { pod, ip } = options.current();
      const id = await make(await resources.planSandbox(pod, ip, attempt));
      await start(id, async () => {
        try {
          await runtime.start(id);
        } catch (error) {
          await discard(id);
          throw error;
        }
        await refresh(id);
      });
    },
    async startContainer(step) {
      const { container: item } = step;
      const image = images.get(item.container.name)?.image;
      if (!image) return;
      const id = await create(step, image);
      event(item, 'Normal', 'Created', `Created container: ${item.container.name}`);
      if (item.container.lifecycle?.postStart) postStart.set(id, 'pending');
      await start(id, () => begin(item, id));
    },
    async runPostStart(item, containerId) {
      postStart.set(containerId, 'running');
      const { container } = item;
      const hook = 'postStart';
      try {
        const timeoutMs = POST_START_TIMEOUT_MS;
        await options.runHook({ ...options.current(), container, containerId, hook, timeoutMs });
        postStart.set(containerId, 'done');
      } catch (error) {
        postStart.set(containerId, 'failed');
        event(item, 'Warning', 'FailedPostStartHook', `PostStartHook failed: ${failureWords(error)}`);
      }
    },
    forget: (containerId) => void postStart.delete(containerId),
  };
}

const skipped = (names: readonly string[]): string =>
  `Keys [${names.join(', ')}] from the EnvFrom sources were skipped since they are considered invalid environment variable names.`;
