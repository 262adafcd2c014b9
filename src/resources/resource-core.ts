/**
 * The API server without HTTP: every verb of the Kubernetes API over the registry's kinds.
 * Stateless but for caches, so that any number of processes can run one. Used by the HTTP layer
 * and, in process, by the simulation.
 */
import type { Clock } from '../base/clock.ts';
import type { Eventually } from '../base/eventually.ts';
import type { Logger } from '../base/logger.ts';
import { mapBounded } from '../base/map-bounded.ts';
import type { Rng } from '../base/rng.ts';
import { createEventRecorder, type EventRecorder, writerEventSink } from '../client/event-recorder.ts';
import { isStatusError, type StatusError } from '../schemas/errors/status.ts';
import { definitions } from '../schemas/generated/definitions.js';
import { formatApiVersion, type KubeObject } from '../schemas/object.ts';
import type { Registry } from '../schemas/resource-kind.ts';
import type { CacheSet } from '../store/cache/cache.ts';
import type { ClusterState, Store } from '../store/types.ts';
import { createAdmission } from './admission/create-admission.ts';
import { createQuotaClaims } from './admission/quota-claims.ts';
import type { AdmissionPolicy } from './admission/types.ts';
import { createAuthorizer } from './authz/authorizer.ts';
import { metricsComponents } from './decoding/metrics-components.ts';
import { createTypeSchemas, type SchemaDocument, type TypeSchemas } from './decoding/type-schemas.ts';
import { createPageAges } from './reading/page-ages.ts';
import { readList, readObject } from './reading/reads.ts';
import { createSnapshots, type Snapshots } from './reading/snapshots.ts';
import { startWatch } from './reading/watches.ts';
import { takeReport } from './node-report.ts';
import { type RestoreDependencies, restorePods, type WaitingPod } from './restore.ts';
import { keepKubernetesService } from './services/kubernetes-service.ts';
import { type AddressSpace, defaultAddressSpace } from './services/service-addresses.ts';
import { createServiceClaims } from './services/service-claims.ts';
import { type Bind, createBind } from './subresources/binding.ts';
import { createEviction } from './subresources/eviction.ts';
import { createScaleRequests, type ScaleRequests } from './subresources/scale-requests.ts';
import type { ObjectAction } from './subresources/types.ts';
import type {
  CollectionRef,
  ObjectPage,
  ObjectRef,
  ReadListOptions,
  RemoveOptions,
  RequestContext,
  WatchOptions,
  WatchSink,
} from './types.ts';
import { createOwnership } from './writing/ownership.ts';
import { type PlacementProofs } from './writing/placement-proof.ts';
import { kubernetesStrategy, planWrite } from './writing/plan-write.ts';
import { createRequests, type Requests } from './writing/requests.ts';
import { createRights } from './writing/rights.ts';
import type { Actor, BoundWriter } from './writing/write-plan.ts';
import { createWriter, type Writer } from './writing/writer.ts';

export interface ResourceCoreOptions {
  readonly store: Store;
  readonly caches: CacheSet;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  /** Proves pods as they are bound, and what agents report after lost history. */
  readonly proofs: PlacementProofs;
  /** Counts reported pods that were not restored. */
  readonly onWaiting?: RestoreDependencies['onWaiting'];
  readonly addresses?: AddressSpace;
  /** Absent: {@link DEFAULT_POLICY}. */
  readonly policy?: AdmissionPolicy;
  /** Upstream's component schemas; tests may pass fewer. */
  readonly schemas?: SchemaDocument;
}

export const DEFAULT_POLICY: AdmissionPolicy = { defaultPodSecurity: 'baseline' };

/** The API server itself, where it writes without a request. */
export const API_SERVER: Actor = { user: { name: 'system:apiserver', groups: ['system:masters'] } };

export interface ResourceCore extends Requests, ScaleRequests, AsyncDisposable {
  readonly registry: Registry;
  readonly schemas: TypeSchemas;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  /** Throws what it finds out at once, and rejects with the rest. */
  get(ref: ObjectRef, resourceVersion?: string): Eventually<KubeObject>;
  list(collection: CollectionRef, options: ReadListOptions): Promise<ObjectPage>;
  /** Resolves once the watch stands. Rejects before (410: version too old). Dispose it to stop. */
  watch(collection: CollectionRef, options: WatchOptions, sink: WatchSink): Promise<Disposable>;
  /** The objects that were deleted, as they were or are now. */
  deleteCollection(
    collection: CollectionRef,
    list: ReadListOptions,
    options: RemoveOptions,
    context: RequestContext,
  ): Promise<ObjectPage>;
  readonly bind: Bind;
  /** Subresources that are acted on by a POST and need nothing but the store. */
  readonly actions: readonly ObjectAction[];
  /** The writer for parts without a request, such as controllers. The same rules hold for them. */
  as(actor: Actor): BoundWriter;
  clusterState(): Promise<ClusterState | undefined>;
  /** See restore.ts. */
  restorePods(node: string, pods: readonly unknown[]): Promise<readonly WaitingPod[]>;
  /** See node-report.ts. */
  takeReport(
    node: string,
    items: readonly unknown[],
    context: RequestContext,
  ): Promise<readonly (StatusError | undefined)[]>;
  /** Keeps the Service `default/kubernetes` there, for a server that listens on `port`. */
  announce(port: number): AsyncDisposable;
  /** Opens every cache, so that the first request does not wait for it. */
  warm(): Promise<void>;
}

export function createResourceCore(options: ResourceCoreOptions): ResourceCore {
  const { store, registry, clock, rng, proofs, policy = DEFAULT_POLICY } = options;
  const logger = options.logger.child({ component: 'api' });
  const schemas = createSchemas(registry, options.schemas);
  const snapshots = createSnapshots(options.caches);
  const ages = createPageAges(clock);
  const space = options.addresses ?? defaultAddressSpace;
  const record: EventRecorder['record'] = (event) => events.record(event);
  const writer = createCoreWriter({ ...options, policy, space, schemas, snapshots, tell: record });
  const own = writer.as(API_SERVER);
  const events = createEventRecorder({
    sink: writerEventSink(own, registry),
    clock,
    logger,
    source: { component: 'symphony-api' },
  });
  const restoring: RestoreDependencies = {
    store,
    writer: own,
    registry,
    proofs,
    policy,
    logger,
    tell: record,
    ...(options.onWaiting ? { onWaiting: options.onWaiting } : {}),
  };
  const requests = createRequests({ writer, schemas, clock });
  const list = (collection: CollectionRef, listOptions: ReadListOptions): Promise<ObjectPage> =>
    readList(snapshots, collection, listOptions, ages);

  return {
    registry,
    schemas,
    snapshots,
    clock,
    get: (ref, resourceVersion) => readObject(snapshots, ref, resourceVersion),
    list,
    watch: (collection, watchOptions, sink) =>
      startWatch({ snapshots, registry, clock, rng }, collection, watchOptions, sink),
    ...requests,
    async deleteCollection(collection, listOptions, removal, context) {
      const page = await list(collection, listOptions);
      await deleteAll(requests, collection, page.objects, removal, context);
      return page;
    },
    ...createScaleRequests(writer, schemas, snapshots),
    bind: createBind(writer, schemas, clock),
    actions: [createEviction({ writer, schemas, snapshots, clock })],
    as: (actor) => writer.as(actor),
    clusterState: () => store.clusterState(),
    announce: (port) => keepKubernetesService({ store, writer: own, clock, logger, space }, port),
    restorePods: (node, pods) => restorePods(restoring, node, pods),
    takeReport: (node, items, context) => takeReport({ writer, registry, schemas }, node, items, context),
    async warm() {
      await Promise.all(registry.stored.map(async (kind) => snapshots.open(kind)));
    },
    async [Symbol.asyncDispose]() {
      await events[Symbol.asyncDispose]();
    },
  };
}

/** Upstream's schemas, and those of the kinds that definitions made. */
function createSchemas(registry: Registry, document: SchemaDocument | undefined): TypeSchemas {
  return createTypeSchemas(
    document ?? { ...(definitions as SchemaDocument), ...metricsComponents },
    (group, version, kind) => {
      const custom = registry.byKind(formatApiVersion(group, version), kind)?.custom;
      return custom && { name: custom.component, schema: custom.objectSchema };
    },
  );
}

interface CoreWriterOptions extends Omit<ResourceCoreOptions, 'policy' | 'schemas'> {
  readonly policy: AdmissionPolicy;
  readonly space: AddressSpace;
  readonly schemas: TypeSchemas;
  readonly snapshots: Snapshots;
  readonly tell: EventRecorder['record'];
}

/** The writer with admission, rights, owners, addresses and quotas. */
function createCoreWriter(options: CoreWriterOptions): Writer {
  const { store, registry, clock, rng, proofs, policy, space, schemas, snapshots, tell } = options;
  const rules = { strategy: kubernetesStrategy, proofs };
  const admission = createAdmission({ nowMs: () => clock.now(), tell, snapshots, policy });
  return createWriter({
    store,
    registry,
    clock,
    rng,
    ...rules,
    policy: {
      admission,
      rights: createRights({ authorizer: createAuthorizer(snapshots), admission }),
      ownership: createOwnership(schemas),
      claims: [
        createServiceClaims({
          store,
          snapshots,
          rng,
          space,
          complete: (planned, object) => planWrite({ ...planned, object }, rules),
        }),
        createQuotaClaims({ store, snapshots, clock }),
      ],
    },
  });
}

/** Objects deleted at the same time by one deletecollection. */
const DELETE_CONCURRENCY = 16;

/** Deletes all of these; those that are gone already count as deleted. */
async function deleteAll(
  requests: Pick<Requests, 'delete'>,
  { kind }: CollectionRef,
  objects: readonly KubeObject[],
  removal: RemoveOptions,
  context: RequestContext,
): Promise<void> {
  await mapBounded(objects, DELETE_CONCURRENCY, async ({ metadata: { namespace, name } }) => {
    try {
      await requests.delete({ kind, namespace, name }, removal, context);
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  });
}
