/**
 * A control plane for tests: memory store, caches, real controllers and simulated time, with a fake
 * kubelet and a fake scheduler in place of agents and placement. Nothing here is mocked below the
 * store's contract.
 */
import { createAbort } from '../../src/base/abort.ts';
import { type ResourceCore, createResourceCore } from '../../src/resources/resource-core.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { seededRng } from '../../src/base/rng.ts';
import { createEventRecorder, writerEventSink } from '../../src/client/event-recorder.ts';
import type { Controller, ControllerContext } from '../../src/controllers/controller.ts';
import {
  controllersFor,
  type ControllersOptions,
  startControllers,
} from '../../src/controllers/start-controllers.ts';
import { builtinFormat, createDynamicRegistry } from '../../src/schemas/registry.ts';
import {
  isFullyReleased,
  planDelete,
  prepareCreate,
  prepareUpdate,
} from '../../src/schemas/strategy/index.ts';
import { createCacheSet } from '../../src/store/cache/cache-set.ts';
import { followDefinitions } from '../../src/store/cache/follow-definitions.ts';
import { createMemoryStore, type MemoryStore } from '../doubles/memory-store/memory-store.ts';
import { withProofs } from '../../src/resources/reading/proven-format.ts';
import { createPlacementProofs } from '../../src/resources/writing/placement-proof.ts';
import { createObjects, type Objects } from './objects.ts';
import type { Store } from '../../src/store/types.ts';
import { createFakeClock, type FakeClock, settle } from './fake-clock.ts';

export interface TestCluster extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly store: MemoryStore;
  readonly objects: Objects;
  /** The API, as people use it. */
  readonly core: ResourceCore;
  readonly context: ControllerContext;
  /** Sets what `mayAct` answers, and tells the controllers. */
  setMayAct(mayAct: boolean): void;
}

export interface TestClusterOptions extends ControllersOptions {
  readonly seed?: number;
  /**
   * Holds what controllers write to the API's admission, as in the product. Absent: it does not.
   */
  readonly admission?: boolean;
  /** Beside those of the product. */
  readonly more?: readonly Controller[];
  /** The faults between the control plane and its data. */
  readonly wrapStore?: (store: MemoryStore) => Store;
}

export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const clock = createFakeClock();
  const rng = seededRng(options.seed ?? 1);
  const proofs = createPlacementProofs(Buffer.alloc(32, 7));
  const store = createMemoryStore({ clock, rng, format: withProofs(builtinFormat, proofs) });
  const wrapped = options.wrapStore?.(store) ?? store;
  const caches = createCacheSet({ store: wrapped, clock, logger: silentLogger });
  const strategy = { prepareCreate, prepareUpdate, planDelete, isFullyReleased };
  const registry = createDynamicRegistry();
  const objects = createObjects({ store: wrapped, registry, clock, rng, strategy, proofs });
  const core = createResourceCore({
    store: wrapped,
    caches,
    registry,
    clock,
    rng,
    logger: silentLogger,
    policy: { defaultPodSecurity: 'privileged' },
    proofs,
  });
  const events = createEventRecorder({
    sink: writerEventSink(objects, registry),
    clock,
    logger: silentLogger,
    source: { component: 'test' },
  });
  const abort = createAbort();
  const listeners = new Set<() => void>();
  let mayAct = true;
  const context: ControllerContext = {
    caches,
    writer:
      options.admission === true
        ? core.as({ user: { name: 'system:kube-controller-manager', groups: [] } })
        : objects,
    store: wrapped,
    registry,
    clock,
    rng,
    logger: silentLogger,
    events,
    signal: abort.signal,
    mayAct: () => mayAct,
    onConditionChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
  };
  const following = await followDefinitions(caches, registry);
  const controllers = await startControllers(context, [...controllersFor(options), ...(options.more ?? [])]);
  await settle();
  return {
    clock,
    store,
    objects,
    core,
    context,
    setMayAct(next) {
      mayAct = next;
      for (const listener of listeners) listener();
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      await controllers[Symbol.asyncDispose]();
      following[Symbol.dispose]();
      await events[Symbol.asyncDispose]();
      await core[Symbol.asyncDispose]();
      await caches[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
