/**
 * The API server without HTTP: every verb of the Kubernetes API over the registry's kinds. Stateless but for caches, so
 * that any number of processes can run one. Used by the HTTP layer and, in process, by the simulation.
 */
import type { Clock } from '../base/clock.ts';
import type { Eventually } from '../base/eventually.ts';
import { isRecord } from '../base/json.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import { createEventRecorder, objectsEventSink } from '../client/event-recorder.ts';
import type { Author } from '../schemas/applications/application-author.ts';
import { definitions } from '../schemas/generated/definitions.js';
import { formatApiVersion, type KubeObject } from '../schemas/object.ts';
import type { Registry } from '../schemas/resource-kind.ts';
import { badRequest, isStatusError } from '../schemas/errors/status.ts';
import type { CacheSet } from '../store/cache/cache.ts';
import type { DelegatedWrites } from './writing/delegated-writes.ts';
import { createObjects, type Objects } from './writing/objects.ts';
import type { PlacementProofs } from './writing/placement-proof.ts';
import type { ClusterState, Store } from '../store/types.ts';
import { createAuthorizer } from './authz/authorizer.ts';
import { metricsComponents } from './decoding/metrics-components.ts';
import { createTypeSchemas, type SchemaDocument, type TypeSchemas } from './decoding/type-schemas.ts';
import { applyPatch } from './patch/index.ts';
import { createAdmission } from './admission/create-admission.ts';
import { createQuotaClaims } from './admission/quota-claims.ts';
import type { AdmissionPolicy } from './admission/types.ts';
import { createDelegatedWrites } from './writing/create-delegated-writes.ts';
import { takeTyped } from './decoding/intake.ts';
import { keepKubernetesService } from './services/kubernetes-service.ts';
import { createPageAges } from './reading/page-ages.ts';
import { readList, readObject } from './reading/reads.ts';
import { resourceNotFound } from './refusals.ts';
import { type RestoreDependencies, restorePods, type WaitingPod } from './restore.ts';
import { type AddressSpace, defaultAddressSpace } from './services/service-addresses.ts';
import { createServiceAllocation } from './services/service-allocation.ts';
import { withServiceAddresses } from './services/service-objects.ts';
import { createSnapshots, type Snapshots } from './reading/snapshots.ts';
import { boundPod } from './subresources/binding.ts';
import { createEviction } from './subresources/eviction.ts';
import type { ObjectAction } from './subresources/types.ts';
import { SCALE_TYPE, scaleOf, withScale } from './subresources/scale.ts';
import type {
  CollectionRef,
  ObjectPage,
  ObjectRef,
  PatchInput,
  ReadListOptions,
  RemoveOptions,
  RequestContext,
  UserInfo,
  WatchOptions,
  WatchSink,
  WriteOptions,
} from './types.ts';
import { createObjectWrites } from './writing/object-writes.ts';
import { startWatch } from './reading/watches.ts';
import { createWrites, type Writes } from './writing/writes.ts';

export interface ResourceCoreOptions {
  readonly store: Store;
  readonly caches: CacheSet;
  readonly objects: Objects;
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

/** What holds where nobody says otherwise. */
export const DEFAULT_POLICY: AdmissionPolicy = { defaultPodSecurity: 'baseline' };

export interface ResourceCore extends Pick<Writes, 'create' | 'update' | 'patch'>, AsyncDisposable {
  readonly registry: Registry;
  readonly schemas: TypeSchemas;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  /** Throws what it finds out at once, and rejects with the rest. */
  get(ref: ObjectRef, resourceVersion?: string): Eventually<KubeObject>;
  list(collection: CollectionRef, options: ReadListOptions): Promise<ObjectPage>;
  /** Resolves once the watch stands; dispose it to stop. Errors before that reject (410 for a version too old). */
  watch(collection: CollectionRef, options: WatchOptions, sink: WatchSink): Promise<Disposable>;
  delete(ref: ObjectRef, options: RemoveOptions, context: RequestContext): Promise<KubeObject>;
  /** The objects that were deleted, as they were or are now. */
  deleteCollection(
    collection: CollectionRef,
    list: ReadListOptions,
    options: RemoveOptions,
    context: RequestContext,
  ): Promise<ObjectPage>;
  getScale(ref: ObjectRef): Promise<KubeObject>;
  updateScale(
    ref: ObjectRef,
    body: unknown,
    options: WriteOptions,
    context: RequestContext,
  ): Promise<KubeObject>;
  patchScale(
    ref: ObjectRef,
    patch: PatchInput,
    options: WriteOptions,
    context: RequestContext,
  ): Promise<KubeObject>;
  bind(ref: ObjectRef, body: unknown, options: WriteOptions, context: RequestContext): Promise<void>;
  /** Subresources that are acted on by a POST and need nothing but the store. */
  readonly actions: readonly ObjectAction[];
  /**
   * The way in for controllers and the sync worker: what they write is held to the same admission as requests are.
   */
  objectsOf(user: UserInfo, author?: Author): Objects;
  /** The same for the sync of an Application that has no more rights than its author. */
  delegate(user: UserInfo, author: Author, namespace: string): DelegatedWrites;
  clusterState(): Promise<ClusterState | undefined>;
  /** See restore.ts. */
  restorePods(node: string, pods: readonly unknown[]): Promise<readonly WaitingPod[]>;
  /** Keeps the Service `default/kubernetes` there, for a server that listens on `port`. */
  announce(port: number): AsyncDisposable;
  /** Opens every cache, so that the first request does not wait for it. */
  warm(): Promise<void>;
}

/** Objects deleted at the same time by one deletecollection. */
const DELETE_CONCURRENCY = 16;

export function createResourceCore(options: ResourceCoreOptions): ResourceCore {
  const { store, objects, registry, clock, rng, proofs, policy = DEFAULT_POLICY } = options;
  const logger = options.logger.child({ component: 'api' });
  const schemas = createTypeSchemas(
    options.schemas ?? { ...(definitions as SchemaDocument), ...metricsComponents },
    (group, version, kind) => {
      const custom = registry.byKind(formatApiVersion(group, version), kind)?.custom;
      return custom && { name: custom.component, schema: custom.objectSchema };
    },
  );
  const snapshots = createSnapshots({ caches: options.caches, logger });
  const ages = createPageAges(clock);
  const space = options.addresses ?? defaultAddressSpace;
  const services = createServiceAllocation({ store, snapshots, clock, rng, space });
  const events = createEventRecorder({
    sink: objectsEventSink(objects, registry),
    clock,
    logger,
    source: { component: 'symphony-api' },
  });
  const admission = createAdmission({
    nowMs: () => clock.now(),
    tell: (event) => events.record(event),
    snapshots,
    policy,
    quotas: createQuotaClaims({ store, snapshots, clock }),
  });
  const claiming = createObjects({ store, registry, clock, rng, proofs, admission: admission.claims });
  const restoring: RestoreDependencies = {
    store,
    registry,
    proofs,
    policy,
    logger,
    tell: (event) => events.record(event),
    ...(options.onWaiting ? { onWaiting: options.onWaiting } : {}),
  };
  const objectWrites = createObjectWrites({
    store,
    objects: claiming,
    admission,
    schemas,
    services,
    clock,
    rng,
  });
  const authorizer = createAuthorizer(snapshots);
  const writes = createWrites(objectWrites, schemas, clock, authorizer);

  function objectsOf(user: UserInfo, author?: Author): Objects {
    const as = admission.writesOf(user, author);
    const written = createObjects({ store, registry, clock, rng, proofs, admission: as });
    return withServiceAddresses(written, services, store);
  }

  async function deleteOne(ref: ObjectRef, removal: RemoveOptions, context: RequestContext): Promise<void> {
    try {
      await writes.remove(ref, removal, context);
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
    }
  }

  function scalePaths(ref: ObjectRef): NonNullable<ObjectRef['kind']['scale']> {
    if (!ref.kind.scale) throw resourceNotFound();
    return ref.kind.scale;
  }

  const scaleSchema = schemas.ofKind('autoscaling', 'v1', 'Scale');

  return {
    registry,
    schemas,
    snapshots,
    clock,
    get: (ref, resourceVersion) => readObject(snapshots, ref, resourceVersion),
    list: (collection, listOptions) => readList(snapshots, collection, listOptions, ages),
    watch: (collection, watchOptions, sink) =>
      startWatch({ snapshots, registry, clock, rng }, collection, watchOptions, sink),
    create: (collection, body, writeOptions, context) =>
      writes.create(collection, body, writeOptions, context),
    update: (ref, body, writeOptions, context, subresource) =>
      writes.update(ref, body, writeOptions, context, subresource),
    patch: (ref, patch, writeOptions, context, subresource) =>
      writes.patch(ref, patch, writeOptions, context, subresource),
    delete: (ref, removal, context) => writes.remove(ref, removal, context),
    async deleteCollection(collection, listOptions, removal, context) {
      const page = await readList(snapshots, collection, listOptions, ages);
      const waiting = [...page.objects];
      const worker = async (): Promise<void> => {
        for (let next = waiting.shift(); next; next = waiting.shift()) {
          const { namespace, name } = next.metadata;
          await deleteOne({ kind: collection.kind, namespace, name }, removal, context);
        }
      };
      await Promise.all(Array.from({ length: DELETE_CONCURRENCY }, worker));
      return page;
    },
    async getScale(ref) {
      const paths = scalePaths(ref);
      return scaleOf(paths, await readObject(snapshots, ref));
    },
    async updateScale(ref, body, writeOptions, context) {
      const paths = scalePaths(ref);
      const scale = takeTyped(schemas, scaleSchema, body, SCALE_TYPE, {
        fieldValidation: writeOptions.fieldValidation,
        context,
      });
      checkPlace(scale, ref);
      const expected = scale.metadata.resourceVersion;
      const scaled = await writes.change(
        ref,
        (current) => withScale(paths, current, scale),
        { dryRun: writeOptions.dryRun, expected, owner: scaler(writeOptions) },
        context,
      );
      return scaleOf(paths, scaled);
    },
    async patchScale(ref, patch, writeOptions, context) {
      const paths = scalePaths(ref);
      const format = patch.format === 'apply' ? 'merge' : patch.format;
      const scaled = await writes.change(
        ref,
        (current) => {
          const patched = applyPatch(format, scaleOf(paths, current), patch.body, schemas, scaleSchema);
          const { fieldValidation } = writeOptions;
          return withScale(
            paths,
            current,
            takeTyped(schemas, scaleSchema, patched, SCALE_TYPE, { fieldValidation, context }),
          );
        },
        { dryRun: writeOptions.dryRun, owner: scaler(writeOptions) },
        context,
      );
      return scaleOf(paths, scaled);
    },
    async bind(ref, body, writeOptions, context) {
      const type = { apiVersion: 'v1', kind: 'Binding' };
      const binding = takeTyped(schemas, schemas.ofKind('', 'v1', 'Binding'), body, type, {
        fieldValidation: writeOptions.fieldValidation,
        context,
      });
      checkPlace(binding, ref);
      const { dryRun } = writeOptions;
      await writes.change(ref, (pod) => boundPod(pod, binding, clock.now()), { dryRun }, context, 'binding');
    },
    actions: [createEviction({ objects: claiming, admission, registry, schemas, snapshots, clock })],
    objectsOf,
    delegate: (user, author, namespace) =>
      createDelegatedWrites({
        objects: objectsOf(user, author),
        registry,
        authorizer,
        admission,
        author,
        namespace,
      }),
    clusterState: () => store.clusterState(),
    announce: (port) => keepKubernetesService({ store, objects, clock, logger, space }, port),
    restorePods: (node, pods) => restorePods(restoring, node, pods),
    async warm() {
      await Promise.all(registry.stored.map(async (kind) => snapshots.open(kind)));
    },
    async [Symbol.asyncDispose]() {
      await events[Symbol.asyncDispose]();
      await snapshots[Symbol.asyncDispose]();
    },
  };
}

const scaler = ({ fieldManager }: WriteOptions): { manager: string; subresource: 'scale' } | undefined =>
  fieldManager === undefined ? undefined : { manager: fieldManager, subresource: 'scale' };

/** A Scale or Binding names the object of the URL, or nothing. */
function checkPlace(object: KubeObject, ref: ObjectRef): void {
  const { name, namespace } = isRecord(object.metadata) ? object.metadata : {};
  if (namespace && namespace !== ref.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (name && name !== ref.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${ref.name})`);
}
