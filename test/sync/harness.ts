/**
 * The sync worker on the memory store, an in-memory repository, an inline queue and simulated time.
 */
import { createResourceCore } from '../../src/resources/resource-core.ts';
import { seededRng } from '../../src/base/rng.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import type { JsonValue } from '../../src/base/json.ts';
import type { JobWorkerOptions, QueueName, Queues } from '../../src/queue/types.ts';
import { type EventRecorder, createEventRecorder, writerEventSink } from '../../src/client/event-recorder.ts';
import { SYNC_USER } from '../../src/diff/tracking.ts';
import { builtinFormat, createDynamicRegistry } from '../../src/schemas/registry.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import * as strategy from '../../src/schemas/strategy/index.ts';
import type { Application, Event } from '../../src/schemas/types.ts';
import { createCacheSet } from '../../src/store/cache/cache-set.ts';
import { followDefinitions } from '../../src/store/cache/follow-definitions.ts';
import { createMemoryStore } from '../doubles/memory-store/memory-store.ts';
import { createPlacementProofs } from '../../src/resources/writing/placement-proof.ts';
import { createObjects } from '../support/objects.ts';
import {
  type ApplicationController,
  type ApplicationControllerOptions,
  createApplicationController,
} from '../../src/sync/application-controller.ts';
import { createMemoryRepository } from '../doubles/memory-mirror.ts';
import { rootApplication } from '../../src/sync/root-application.ts';
import { defectLogger } from '../doubles/defect-logger.ts';
import { createFakeClock, settle } from '../support/fake-clock.ts';

export const POLL_MS = 30_000;
export const REPO_URL = 'https://git.example/acme/shop.git';

/** Runs jobs as they are added, waiting ones with one key folded into one. */
export function createInlineQueues(): Queues & {
  readonly added: { name: QueueName; payload: JsonValue }[];
  dead: boolean;
} {
  const workers = new Map<QueueName, JobWorkerOptions<JsonValue>>();
  const queues = {
    added: [] as { name: QueueName; payload: JsonValue }[],
    dead: false,
    queue: (name: QueueName) => ({
      async add(payload: JsonValue) {
        queues.added.push({ name, payload });
        if (!queues.dead)
          void workers
            .get(name)
            ?.process(payload, new AbortController().signal)
            .catch(() => undefined);
      },
    }),
    work(name: QueueName, options: JobWorkerOptions<JsonValue>) {
      workers.set(name, options);
      return { [Symbol.asyncDispose]: async () => void workers.delete(name) };
    },
    healthy: () => true,
    [Symbol.asyncDispose]: async () => undefined,
  };
  return queues as never;
}

export async function createHarness(
  options: {
    readonly root?: Partial<Application['spec']>;
    readonly logger?: Logger;
    /** Holds what the sync writes to admission, as in a control plane. */
    readonly admission?: boolean;
  } = {},
) {
  const clock = createFakeClock();
  const store = createMemoryStore({ clock, format: builtinFormat });
  const rng = seededRng(1);
  const registry = createDynamicRegistry();
  const proofs = createPlacementProofs(Buffer.alloc(32, 7));
  const objects = createObjects({ store, registry, clock, rng, strategy, proofs });
  const caches = createCacheSet({ store, clock, logger: silentLogger });
  const following = await followDefinitions(caches, registry);
  const core = createResourceCore({
    store,
    caches,
    registry,
    clock,
    rng,
    logger: silentLogger,
    proofs,
  });
  const sync = { name: SYNC_USER, groups: [] };
  const mirrors: { readonly url: string; readonly asOperator: boolean }[] = [];
  const repository = createMemoryRepository(clock);
  const queues = createInlineQueues();
  const controllers: ApplicationController[] = [];
  const recorders: EventRecorder[] = [];
  const start = async (
    extra: Partial<Pick<ApplicationControllerOptions, 'held' | 'createMirror' | 'renderers'>> = {},
  ): Promise<ApplicationController> => {
    const events = createEventRecorder({
      sink: writerEventSink(objects, registry),
      clock,
      logger: silentLogger,
      source: { component: 'application-controller' },
    });
    recorders.push(events);
    const controller = await createApplicationController({
      events,
      store,
      writer: options.admission === true ? core.as({ user: sync }) : objects,
      caches,
      queues,
      registry,
      clock,
      rng,
      logger: options.logger ?? defectLogger,
      createMirror: (url, asOperator) => {
        mirrors.push({ url, asOperator });
        return repository.createMirror();
      },
      delegate: (author, confinedTo) => core.as({ user: sync, author, confinedTo }),
      pollIntervalMs: POLL_MS,
      ...extra,
    });
    controllers.push(controller);
    return controller;
  };
  for (const name of ['default', 'symphony-system']) {
    await objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  const root = rootApplication({ repoURL: REPO_URL });
  await objects.create({ ...root, spec: { ...root.spec, ...options.root } });
  const get = async (resource: string, key: string): Promise<KubeObject | undefined> =>
    store.get(resource, key);
  return {
    clock,
    store,
    objects,
    /** The API, for what users do. */
    core,
    mirrors,
    rng,
    caches,
    repository,
    queues,
    registry,
    start,
    get,
    /** Asks for a fetch and a reconcile, as a webhook does. */
    refresh: (application = 'symphony-system/root') =>
      queues.queue('sync').add({ application, reason: 'refresh' }),
    /** Lets `ms` pass, and all that follows from it. */
    async pass(ms = 200) {
      await settle(20);
      await clock.advance(ms);
      await settle(20);
    },
    async application(name = 'root', namespace = 'symphony-system') {
      return (await get('applications.argoproj.io', `${namespace}/${name}`)) as Application | undefined;
    },
    /** The events of the root Application. */
    async events() {
      await Promise.all(recorders.map((recorder) => recorder.flush()));
      return (await store.list('events')).objects
        .map((object) => object as Event)
        .filter(({ involvedObject: { kind, name } }) => kind === 'Application' && name === 'root');
    },
    async version() {
      return (await store.list('configmaps')).version;
    },
    async [Symbol.asyncDispose]() {
      for (const controller of controllers) await controller[Symbol.asyncDispose]();
      for (const recorder of recorders) await recorder[Symbol.asyncDispose]();
      following[Symbol.dispose]();
      await core[Symbol.asyncDispose]();
      await caches[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}

export type Harness = Awaited<ReturnType<typeof createHarness>>;

export const configMap = (name: string, data: Record<string, string>, extra = ''): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${extra}data:\n${Object.entries(data)
    .map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`)
    .join('\n')}\n`;

export const deployment = (name: string, image: string, replicas = 1): string => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: ${replicas}
  selector:
    matchLabels: {app: ${name}}
  template:
    metadata:
      labels: {app: ${name}}
    spec:
      containers:
        - name: ${name}
          image: ${image}
`;
