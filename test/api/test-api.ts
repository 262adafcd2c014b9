/** A core on the memory store, and the same behind HTTP, for the tests of this folder. */
import { silentLogger } from '../../src/base/logger.ts';
import { type Rng, seededRng } from '../../src/base/rng.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { AdmissionPolicy } from '../../src/resources/admission/types.ts';
import { type ResourceCore, createResourceCore } from '../../src/resources/resource-core.ts';
import type { RequestContext, WriteOptions } from '../../src/resources/types.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import {
  builtinFormat,
  builtinRegistry,
  createDynamicRegistry,
  type DynamicRegistry,
} from '../../src/schemas/registry.ts';
import type { ResourceKind } from '../../src/schemas/resource-kind.ts';
import { createCacheSet } from '../../src/store/cache/cache-set.ts';
import type { CacheSet } from '../../src/store/cache/cache.ts';
import { followDefinitions } from '../../src/store/cache/follow-definitions.ts';
import { createMemoryStore, type MemoryStore } from '../doubles/memory-store/memory-store.ts';
import { withProofs } from '../../src/resources/reading/proven-format.ts';
import { createPlacementProofs, type PlacementProofs } from '../../src/resources/writing/placement-proof.ts';
import { createObjects, type Objects } from '../support/objects.ts';

export interface TestCore extends AsyncDisposable {
  readonly core: ResourceCore;
  readonly caches: CacheSet;
  readonly registry: DynamicRegistry;
  readonly store: MemoryStore;
  readonly objects: Objects;
  readonly proofs: PlacementProofs;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly context: RequestContext & { readonly warnings: string[] };
}

export const plainWrite: WriteOptions = { dryRun: false, fieldValidation: 'Warn' };

export function kindNamed(name: string): ResourceKind {
  const kind = builtinRegistry.kinds.find((candidate) => candidate.kind === name);
  if (!kind) throw new Error(`no kind ${name}`);
  return kind;
}

export async function startTestCore(
  clock: Clock,
  namespaces: readonly string[] = ['default'],
  policy?: AdmissionPolicy,
): Promise<TestCore> {
  const rng = seededRng(1);
  const proofs = createPlacementProofs(Buffer.alloc(32, 7));
  const store = createMemoryStore({ clock, rng, format: withProofs(builtinFormat, proofs) });
  const caches = createCacheSet({ store, clock, logger: silentLogger });
  const registry = createDynamicRegistry();
  const objects = createObjects({ store, registry, clock, rng, proofs });
  const core = createResourceCore({
    store,
    caches,
    registry,
    clock,
    rng,
    logger: silentLogger,
    proofs,
    ...(policy ? { policy } : {}),
  });
  for (const name of namespaces)
    await objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } } satisfies KubeObject);
  const following = await followDefinitions(caches, registry);
  const warnings: string[] = [];
  return {
    core,
    caches,
    registry,
    store,
    objects,
    proofs,
    clock,
    rng,
    context: {
      user: { name: 'admin', groups: ['system:masters'] },
      warn: (text) => warnings.push(text),
      annotate: () => undefined,
      warnings,
    },
    async [Symbol.asyncDispose]() {
      following[Symbol.dispose]();
      await core[Symbol.asyncDispose]();
      await caches[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
