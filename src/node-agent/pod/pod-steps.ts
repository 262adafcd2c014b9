/** Does the steps that are planned for one pod. Decides nothing; a step that fails throws, or is noted as a problem. */
import type { PodStep } from './plan-pod-step.ts';
import type { PodContainers } from './pod-containers.ts';
import type { PodProblems } from './pod-problems.ts';
import type { PodState } from './pod-state.ts';
import type { PlannedContainer, TellPodEvent } from './pod-view.ts';
import type { PodWorkerContext } from './types.ts';

export type PodAction = Exclude<PodStep, { type: 'wait' }>;

export interface PodStepsOptions {
  readonly context: PodWorkerContext;
  readonly state: PodState;
  readonly containers: PodContainers;
  readonly problems: Pick<PodProblems, 'fail' | 'notePull' | 'over'>;
  readonly event: TellPodEvent;
  save(): Promise<void>;
  /** Reports the pod as it is now. */
  publish(): void;
  /** Lets it run beside the loop, which it wakes at its end. */
  launch(work: () => Promise<void>): void;
}

export interface PodSteps {
  /** Long steps under way: `volumes`, `pull`. */
  readonly busy: ReadonlySet<string>;
  execute(step: PodAction): Promise<void>;
}

/** kubelet's words. */
const SANDBOX_CHANGED = 'Pod sandbox changed, it will be killed and re-created.';

export function createPodSteps(options: PodStepsOptions): PodSteps {
  const { context, state, problems, event, save, publish, launch } = options;
  const { resources, addresses, statuses } = context;
  const { records, starts, probes, stops, lastWords } = options.containers;
  const busy = new Set<string>();

  async function execute(step: PodAction): Promise<void> {
    switch (step.type) {
      case 'set-verdict':
        state.verdict = step.verdict;
        event(undefined, 'Normal', step.verdict.reason, step.verdict.message);
        return save();
      case 'allocate-ip':
        return allocateIp();
      case 'release-ip':
        state.holdsIp = false;
        // A record that still named the address would claim it again after a restart.
        await save();
        return addresses.release(state.uid);
      case 'ensure-volumes':
        return beside('volumes', ensureVolumes);
      case 'pull-image':
        return beside('pull', () => pull(step.container));
      case 'start-sandbox':
        if (step.attempt > 0) event(undefined, 'Normal', 'SandboxChanged', SANDBOX_CHANGED);
        await verifyAddress();
        return starts.startSandbox(step.attempt);
      case 'start-container':
        if (!step.sandbox) await verifyAddress();
        return starts.startContainer(step);
      case 'run-post-start':
        return launch(() => starts.runPostStart(step.container, step.containerId));
      case 'stop-container':
        return stops.begin(step);
      case 'remove-container':
        await context.runtime.remove(step.record.id);
        return records.observeGone(step.record.id);
      case 'write-final-status':
        return writeFinalStatus();
      case 'tear-down':
        return tearDown();
    }
  }

  function beside(name: string, work: () => Promise<void>): void {
    busy.add(name);
    launch(() => work().finally(() => busy.delete(name)));
  }

  async function allocateIp(): Promise<void> {
    const address = addresses.allocate(state.uid);
    await addresses.verify(address);
    state.ip = address;
    state.holdsIp = true;
    return save();
  }

  /** Before the pod gets its network, also when it gets it anew. */
  async function verifyAddress(): Promise<void> {
    if (state.pod.spec.hostNetwork !== true && state.ip !== undefined) await addresses.verify(state.ip);
  }

  async function ensureVolumes(): Promise<void> {
    try {
      await resources.ensureVolumes(state.pod, state.ip);
      state.volumes = 'ready';
      problems.over('');
    } catch (error) {
      problems.fail('ensure-volumes', '', error);
    }
  }

  async function pull(item: PlannedContainer): Promise<void> {
    const { name } = item.container;
    try {
      problems.notePull(name, await starts.pull(item));
    } catch (error) {
      problems.fail('pull-image', name, error);
    }
  }

  async function writeFinalStatus(): Promise<void> {
    await lastWords.settled();
    publish();
    await statuses.flush(state.uid);
    state.finalStatusWritten = true;
  }

  async function tearDown(): Promise<void> {
    await resources.tearDown(state.pod);
    addresses.release(state.uid);
    if (!state.removed) await context.deleteObject(state.pod);
    state.gone = true;
    probes.stop();
    statuses.forget(state.uid);
    context.onGone(state.uid);
  }

  return { busy, execute };
}
