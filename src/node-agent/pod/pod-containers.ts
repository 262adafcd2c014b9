/** The containers of one pod: their records, images, starts, hooks, probes, stops, last words. */
import type { MadeContainers, RunHook } from '../ports.ts';
import type { ContainerRecord } from '../runtime/types.ts';
import { type ContainerImages, createContainerImages } from './container-images.ts';
import { type ContainerRecords, createContainerRecords } from './container-records.ts';
import { type ContainerStarts, createContainerStarts } from './container-starts.ts';
import { createLastWords, type LastWords } from './last-words.ts';
import { createOwnContainers, type OwnContainers } from './own-containers.ts';
import { backOffEvent, planRestart, restartPolicyOf, wantsRestart } from './plan-restart.ts';
import { createPodProbes, type PodProbes } from './pod-probes.ts';
import { createPodStops, type PodStops } from './pod-stops.ts';
import { attemptsOf, containersOf, nameOf, type PlannedContainer, reportedOf } from './pod-view.ts';
import { createPostStart, type PostStart } from './post-start.ts';
import type { PodPart } from './types.ts';

export interface PodContainersOptions extends PodPart {
  /** The recorded containers; undefined if nothing was ever recorded. */
  readonly made: MadeContainers | undefined;
}

export interface PodContainers {
  readonly own: OwnContainers;
  readonly records: ContainerRecords;
  readonly images: ContainerImages;
  readonly starts: ContainerStarts;
  readonly postStart: PostStart;
  readonly probes: PodProbes;
  readonly stops: PodStops;
  readonly lastWords: LastWords;
  /** Inspects the container, and answers what is known of it then. */
  refresh(id: string): Promise<ContainerRecord | undefined>;
}

export function createPodContainers(options: PodContainersOptions): PodContainers {
  const { context, state, signal, event, wake } = options;
  const { runtime, clock, resources } = context;
  const lastWords = createLastWords({ runtime, resources, clock, wake });
  const own = createOwn(options);
  const records = createContainerRecords({
    clock,
    onEnded(record) {
      stops.forget(record.id);
      tellEnd(options, lastWords, record);
    },
    onGone(id) {
      for (const part of [own, postStart, stops, lastWords]) part.forget(id);
    },
    onChange: wake,
  });
  const runHook =
    (hook: Parameters<RunHook>[0]['hook']) =>
    ({ container }: PlannedContainer, containerId: string, timeoutMs: number): Promise<void> => {
      const { pod, ip } = state;
      return context.runHook({ pod, ip, container, containerId, hook, timeoutMs, signal });
    };
  const images = createContainerImages(context.images, event);
  const postStart = createPostStart(event, runHook('postStart'));
  const stops = createPodStops({
    ...options,
    runtime,
    clock,
    runHook: runHook('preStop'),
    willRestart: (item) => restartPolicyOf(state.pod, item) !== 'Never',
    refresh,
  });
  const starts = createContainerStarts({
    runtime,
    resources,
    images,
    postStart,
    event,
    own,
    find: (name) => records.all.find((record) => record.name === name),
    state,
    refresh,
  });

  async function refresh(id: string): Promise<ContainerRecord | undefined> {
    const record = await runtime.inspect(id);
    if (record) records.observe(record);
    else records.observeGone(id);
    return records.get(id);
  }

  return {
    own,
    records,
    images,
    starts,
    postStart,
    probes: createProbes(options),
    stops,
    lastWords,
    refresh,
  };
}

function createOwn({ context, made, save, logger, event }: PodContainersOptions): OwnContainers {
  return createOwnContainers({
    made,
    newMark: () => context.rng.uuid(),
    save,
    onForeign({ id, name }) {
      const message = `Container ${id} (${name}) has the labels of this pod, but this node did not make it; it is left alone`;
      logger.warn({ container: id, name }, 'A container that this node did not make has the labels of a pod');
      event(undefined, 'Warning', 'UnknownContainer', message);
    },
  });
}

function createProbes({ context, state, event, wake }: PodContainersOptions): PodProbes {
  return createPodProbes({
    clock: context.clock,
    run: ({ container }, containerId, kind, timeoutMs) =>
      context.runProbe({ pod: state.pod, ip: state.ip, container, containerId, kind, timeoutMs }),
    onTrouble(item, kind, { success, isError, message }) {
      const bad = isError === true ? 'errored and resulted in unknown state' : 'failed';
      const what = `${kind} probe ${success ? 'warning' : bad}: ${message}`;
      event(item, 'Warning', success ? 'ProbeWarning' : 'Unhealthy', what);
    },
    onChange: wake,
    reported: (name) => reportedOf(state.status, name),
  });
}

function tellEnd(
  { context, state, event }: PodContainersOptions,
  lastWords: LastWords,
  record: ContainerRecord,
): void {
  const { pod, endingSinceMs } = state;
  const name = nameOf(record);
  const item = containersOf(pod).find(({ container }) => container.name === name);
  const ended = attemptsOf([record], name)[0];
  if (!item || !ended) return;
  const mustWait =
    planRestart(ended).atMs > context.clock.now() && wantsRestart(pod, item, record.exitCode ?? 0);
  if (mustWait && endingSinceMs === undefined)
    event(item, 'Warning', 'BackOff', backOffEvent(pod, item.container));
  lastWords.read(pod, item, ended);
}
