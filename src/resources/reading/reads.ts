/**
 * Get and list from the caches. A read without a version is consistent: the cache first catches up
 * with everything committed before. Pages of one list all show the version of its first page.
 */
import { andThen, type Eventually } from '../../base/eventually.ts';
import { type KubeObject, keyOf, objectKey } from '../../schemas/object.ts';
import { fromStored, type ResourceKind, resourceIdOf } from '../../schemas/resource-kind.ts';
import { expired, isStatusError, notFound } from '../../schemas/errors/status.ts';
import { type ContinueToken, decodeContinue, encodeContinue } from './continue-token.ts';
import type { PageAges } from './page-ages.ts';
import { parseSelection, type Selection } from './selection.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import type { Snapshots } from './snapshots.ts';
import type { CollectionRef, ObjectPage, ObjectRef, ReadListOptions } from '../types.ts';
import { orExpired, parseResourceVersion, tooLarge } from './versions.ts';

export function readObject(
  snapshots: Snapshots,
  { kind, namespace, name }: ObjectRef,
  resourceVersion?: string,
): Eventually<KubeObject> {
  return andThen(snapshots.open(kind), (cache) =>
    andThen(reach(cache, resourceVersion), () => {
      const found = cache.get(objectKey(namespace, name));
      if (!found) throw notFound(kind, name);
      return fromStored(kind, found);
    }),
  );
}

/** Waits until the cache is fresh enough for a version: '' is now, '0' is whatever is there. */
export function reach(cache: ResourceCache, resourceVersion: string | undefined): Eventually<void> {
  if (resourceVersion === '0') return undefined;
  if (resourceVersion === undefined || resourceVersion === '') return cache.refresh();
  const wanted = parseResourceVersion(resourceVersion);
  if (Number(cache.version) >= wanted) return undefined;
  return andThen(cache.refresh(), () => {
    if (Number(cache.version) < wanted) throw tooLarge(resourceVersion, cache.version);
  });
}

/** Objects in the order of their keys, and the version that they are the state of. */
interface View {
  readonly objects: readonly KubeObject[];
  readonly version: string;
}

/** The objects of the scope alone, which the cache finds without the others. */
const currentView = (cache: ResourceCache, { scope }: Selection): View => ({
  objects: cache.sorted(scope),
  version: cache.version,
});

const pastView = (cache: ResourceCache, version: string): View => ({
  objects: orExpired(() => cache.sortedAt(parseResourceVersion(version))),
  version,
});

export async function readList(
  snapshots: Snapshots,
  collection: CollectionRef,
  options: ReadListOptions,
  ages: PageAges,
): Promise<ObjectPage> {
  const selection = parseSelection({ ...collection, ...options });
  const cache = await snapshots.open(collection.kind);
  const token = options.continue ? decodeContinue(options.continue) : undefined;
  const version = options.resourceVersion ?? '';
  let view: View;
  if (token) {
    view = await continued(cache, token, selection, (at) => ages.isOver(resourceIdOf(collection.kind), at));
  } else {
    await reach(cache, version);
    const isExact = options.resourceVersionMatch === 'Exact' || isLegacyExact(options);
    view = isExact ? pastView(cache, version) : currentView(cache, selection);
  }
  // A list at version 0 is answered in full: pages would cost more than they save.
  const limit = version === '0' && !token ? 0 : (options.limit ?? 0);
  const page = pageOf(collection.kind, view, selection, limit, token?.after);
  if (page.continue !== undefined && token?.version === undefined)
    ages.began(resourceIdOf(collection.kind), view.version);
  return page;
}

/** A limit with a version and no match rule has always meant exactly that version. */
function isLegacyExact(options: ReadListOptions): boolean {
  const { limit, resourceVersion, resourceVersionMatch } = options;
  const versioned = resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== '0';
  return versioned && resourceVersionMatch === undefined && (limit ?? 0) > 0;
}

const TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

async function continued(
  cache: ResourceCache,
  { version, after }: ContinueToken,
  selection: Selection,
  isOver: (version: string) => boolean,
): Promise<View> {
  await reach(cache, version);
  if (version === undefined) return currentView(cache, selection);
  try {
    if (isOver(version)) throw expired(TOO_OLD);
    return pastView(cache, version);
  } catch (error) {
    if (!isStatusError(error, 'Expired')) throw error;
    const answer = expired(TOO_OLD);
    answer.status.metadata = { continue: encodeContinue({ version: undefined, after }) };
    throw answer;
  }
}

function pageOf(
  kind: ResourceKind,
  view: View,
  selection: Selection,
  limit: number,
  after: string | undefined,
): ObjectPage {
  // Only kinds that are served in another form than they are stored in cost a conversion of each
  // object.
  const served = kind.storage ? view.objects.map((object) => fromStored(kind, object)) : view.objects;
  const selected = served.filter(
    (object) => (after === undefined || keyOf(object) > after) && selection.matches(object),
  );
  if (limit <= 0 || selected.length <= limit) return { objects: selected, resourceVersion: view.version };
  const objects = selected.slice(0, limit);
  const last = objects.at(-1);
  return {
    objects,
    resourceVersion: view.version,
    continue: encodeContinue({ version: view.version, after: last ? keyOf(last) : '' }),
    // With selectors the rest is not counted, as in Kubernetes (there it would have to be read).
    ...(selection.selective ? {} : { remainingItemCount: selected.length - limit }),
  };
}
