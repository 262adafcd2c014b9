/**
 * Runs the admission rules for the writes of a request, and for those that do not come by request:
 * controllers create pods and the sync worker applies manifests through the store, and policy holds
 * for them all the same.
 */
import type { Eventually } from '../../base/eventually.ts';
import { isRecord, sharesMembers } from '../../base/json.ts';
import { mapBounded } from '../../base/map-bounded.ts';
import { getPath } from '../../schemas/json-access.ts';
import { podSpecPaths } from '../../schemas/profile/check-implemented.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { resourceIdOf, type Subresource } from '../../schemas/resource-kind.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import type { Actor, ObjectChange } from '../writing/write-plan.ts';
import type { Snapshots } from '../reading/snapshots.ts';
import type { RequestContext, UserInfo } from '../types.ts';
import { admissionRules } from './index.ts';
import type {
  AdmissionDependencies,
  AdmissionPolicy,
  AdmissionRequest,
  AdmissionRule,
  Done,
  Removal,
} from './types.ts';

export interface Admission {
  /**
   * The objects as they are to be written, in order; rejects with a refusal. All changes of a
   * commit come together: a pod may be created with its namespace. Quotas are claimed at the
   * commit.
   */
  admit(changes: readonly ObjectChange[], actor: Actor, dryRun: boolean): Promise<readonly KubeObject[]>;
  /** Throws where a request may not delete or evict the object. */
  mayRemove(removal: Removal): void;
  /** A request has changed or deleted an object, or would have. */
  done(done: Done): void;
  /** Asks the rules about rights on behalf of `user`: for each change its refusal, or undefined. */
  reviewRights(user: UserInfo, changes: readonly ObjectChange[]): Promise<readonly unknown[]>;
}

export interface AdmissionOptions {
  readonly snapshots: Snapshots;
  readonly policy: AdmissionPolicy;
  readonly nowMs: () => number;
  readonly tell: AdmissionDependencies['tell'];
}

/** Rules of one commit that run at the same time; they share the refreshes of the caches. */
const CONCURRENCY = 64;

export function createAdmission({ snapshots, policy, nowMs, tell }: AdmissionOptions): Admission {
  function dependenciesFor(together: readonly ObjectChange[]): AdmissionDependencies {
    const written = new Map<string, KubeObject>();
    for (const { kind, subresource, object } of together)
      if (subresource === undefined) written.set(`${resourceIdOf(kind)} ${keyOf(object)}`, object);
    /** One refresh of each cache is enough for all that is written together. */
    const refreshed = new Map<string, Eventually<void>>();
    const refresh = (resource: string, cache: ResourceCache): Eventually<void> => {
      if (!refreshed.has(resource)) refreshed.set(resource, cache.refresh());
      return refreshed.get(resource);
    };
    return {
      snapshots,
      policy,
      nowMs,
      tell,
      async find(resource, key) {
        const sibling = written.get(`${resourceIdOf(resource)} ${key}`);
        if (sibling) return sibling;
        const cache = await snapshots.open(resource);
        if (!cache.get(key)) await refresh(resourceIdOf(resource), cache);
        return cache.get(key);
      },
      async list(resource, namespace) {
        const cache = await snapshots.open(resource);
        await refresh(resourceIdOf(resource), cache);
        return cache.list(namespace);
      },
    };
  }

  async function run(request: AdmissionRequest, dependencies: AdmissionDependencies): Promise<KubeObject> {
    let step = request;
    for (const rule of rulesFor(request.subresource)) {
      if (!rule.applies(step)) continue;
      const object = await rule.admit(step, dependencies);
      if (object !== step.object) step = { ...step, object };
    }
    return step.object;
  }

  async function rightsRefusal(
    user: UserInfo,
    change: ObjectChange,
    dependencies: AdmissionDependencies,
  ): Promise<unknown> {
    const asked = { ...change, context: silent(user), internal: false };
    try {
      for (const rule of rightsRules)
        if (reviews(rule, asked.subresource) && rule.applies(asked)) await rule.admit(asked, dependencies);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async function admit(
    changes: readonly ObjectChange[],
    { user, request, author }: Actor,
    dryRun: boolean,
  ): Promise<readonly KubeObject[]> {
    const dependencies = dependenciesFor(changes);
    const context = request ?? silent(user);
    const internal = request === undefined;
    const admitted = changes.map(({ object }) => object);
    // Most writes of the control plane concern no rule: nothing is waited for.
    const concerned = changes.flatMap((change, index) => {
      const asked: AdmissionRequest = { ...change, context, internal, author, dryRun };
      return isConcerned(asked) ? [{ asked, index }] : [];
    });
    await mapBounded(concerned, CONCURRENCY, async ({ asked, index }) => {
      const object = isBare(asked) ? asked.kind.withDefaults(asked.object) : asked.object;
      admitted[index] = await run({ ...asked, object }, dependencies);
    });
    return admitted;
  }

  return {
    admit,
    mayRemove(removal) {
      for (const rule of admissionRules) rule.mayRemove?.(removal);
    },
    done(done) {
      for (const rule of admissionRules) rule.done?.(done, { tell });
    },
    async reviewRights(user, changes) {
      const dependencies = dependenciesFor(changes);
      return Promise.all(changes.map(async (change) => rightsRefusal(user, change, dependencies)));
    },
  };
}

const rightsRules = admissionRules.filter(({ guardsRights }) => guardsRights === true);

/** For writes without a request, which has no one to warn. */
const silent = (user: UserInfo): RequestContext => ({
  user,
  warn: () => undefined,
  annotate: () => undefined,
});

/** Whether rules can read the pod in it; validation refuses what is not even that. */
function isReadable(object: KubeObject): boolean {
  const path = podSpecPaths[`${object.apiVersion}/${object.kind}`];
  if (path === undefined) return true;
  const spec = getPath(object, ...path.split('.'));
  if (!isRecord(spec)) return object.kind !== 'Pod' && spec === undefined;
  const lists = ['containers', 'initContainers', 'ephemeralContainers', 'volumes', 'tolerations'] as const;
  return lists.every((name) => {
    const list = spec[name];
    if (list === undefined) return name !== 'containers';
    return Array.isArray(list) && list.every(isRecord);
  });
}

const reviewers = new Map<Subresource | undefined, readonly AdmissionRule[]>();

/** The rules that review a write to the main resource, or to this subresource. */
function rulesFor(subresource: Subresource | undefined): readonly AdmissionRule[] {
  let rules = reviewers.get(subresource);
  if (!rules)
    reviewers.set(subresource, (rules = admissionRules.filter((rule) => reviews(rule, subresource))));
  return rules;
}

const isConcerned = (asked: AdmissionRequest): boolean => {
  const rules = rulesFor(asked.subresource);
  return rules.length > 0 && isReadable(asked.object) && rules.some((rule) => rule.applies(asked));
};

/** A request's object has its defaults where it needs them. So has what is stored. */
function isBare({ internal, subresource, object, current }: AdmissionRequest): boolean {
  return internal && subresource === undefined && !(current && sharesMembers(object, current, 'metadata'));
}

function reviews({ alsoFor }: AdmissionRule, subresource: Subresource | undefined): boolean {
  return isReviewed(subresource) || (subresource !== undefined && (alsoFor?.includes(subresource) ?? false));
}

/** A status, a binding and the like are the system's own word. */
function isReviewed(subresource: Subresource | undefined): boolean {
  return (
    subresource === undefined ||
    subresource === 'scale' ||
    subresource === 'ephemeralcontainers' ||
    subresource === 'resize'
  );
}
