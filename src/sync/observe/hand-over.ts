/**
 * Objects that move from one application to another, in whatever order the two are synced. The old
 * one does not delete an object that another one holds at its newest commit. The new one takes over
 * objects that the old one no longer holds. An application that cannot be read holds the objects of
 * its readable files, and those that its broken files name.
 */
import { UserError } from '../../base/errors.ts';
import type { Change, ChangeSet, ChangeSetOptions, InventoryItem } from '../../diff/change-set.ts';
import { isHook } from '../../diff/annotations.ts';
import { desiredId, idOf, splitId } from '../../diff/desired-set.ts';
import { isConfined } from '../../schemas/applications/application-author.ts';
import { keyOf, splitKey } from '../../schemas/object.ts';
import type { Application } from '../../schemas/types.ts';
import { type ApplicationCache, sourceKeyOf } from '../cache/application-cache.ts';
import { canonicalRepoUrl } from '../git/git-url.ts';
import type { GitMirror } from '../git/types.ts';
import { isManifestFile } from '../render/select-files.ts';
import { isMadeFrom } from '../render/inputs.ts';
import { findTarget, openTree } from '../render/index.ts';
import type { Render, Renderer, SourceTree } from '../render/types.ts';
import type { BoundWriter } from '../../resources/writing/write-plan.ts';

/** Another application, with what is known of it. */
export interface Neighbour {
  readonly key: string;
  readonly application: Application;
  readonly cache: ApplicationCache | undefined;
  /** Undefined where it may not use its repository. */
  readonly mirror: GitMirror | undefined;
  /** Its last reconcile ended in an error that only a person can mend. */
  readonly hasFailed: boolean;
  /** The rights that it writes with; throws UserError where it has none. */
  access(): BoundWriter;
}

export interface Neighbourhood {
  find(application: string): Neighbour | undefined;
  /** Those that read the same repository, however they spell its address. */
  ofRepository(repoURL: string): readonly Neighbour[];
  readonly renderers: readonly Renderer[];
  nowMs(): number;
  /** Asks for a reconcile, with a fetch where the newest commit is not in its mirror. */
  wake(application: string, fetch: boolean): void;
}

/** The application whose objects come or go. */
export interface Asking {
  readonly key: string;
  readonly repoURL: string;
  /** Has the newest commit that it knows of. Undefined where it needs Git no more. */
  readonly mirror: GitMirror | undefined;
  /** When it began to wait for others at the earliest. */
  readonly sinceMs: number;
}

export interface HandOver extends Pick<ChangeSetOptions, 'takeOver'>, Claims {}

export interface Claims {
  /** By id of an object: the application that holds it, or may hold it. */
  readonly claimed: ReadonlyMap<string, string>;
  /** Applications that have to be read first. */
  readonly waitingFor: readonly string[];
}

/** Whether an application holds an object at its newest commit. */
type Holds = (id: string) => boolean;

const CHILDREN = 'applications.argoproj.io|';

/** The deletions that other applications are asked about. */
export const leavingIn = ({ changes }: ChangeSet): readonly Change[] =>
  changes.filter(({ action, object }) => action === 'delete' && !isHook(object));
const wantedIn = ({ problems }: ChangeSet): ChangeSet['problems'] =>
  problems.filter(({ manager }) => manager !== undefined);

export const concernsOthers = (changeSet: ChangeSet): boolean =>
  leavingIn(changeSet).length + wantedIn(changeSet).length > 0;

export async function planHandOver(
  own: Asking,
  changeSet: ChangeSet,
  neighbourhood: Neighbourhood,
  historyComplete: () => Promise<boolean>,
): Promise<HandOver> {
  const { claimed, waitingFor } = await planClaims(own, leavingIn(changeSet), neighbourhood);
  const unread = new Set(waitingFor);
  const takeOver = new Set<string>();
  for (const { kind, key, manager = '' } of wantedIn(changeSet)) {
    const neighbour = neighbourhood.find(manager);
    const id = idOf(kind, key);
    if (!neighbour || neighbour.application.metadata.deletionTimestamp !== undefined) {
      // No owner is left. After lost history, one may come back.
      if (await historyComplete()) takeOver.add(id);
      continue;
    }
    const holds = mayHold(neighbour, id) ? await ask(neighbour, own, neighbourhood) : holdsNothing;
    if (!holds) unread.add(neighbour.key);
    else if (!holds(id)) takeOver.add(id);
  }
  return { takeOver, claimed, waitingFor: [...unread] };
}

/** The objects that an application gives up and another one holds now. */
export async function planClaims(
  own: Asking,
  leaving: readonly InventoryItem[],
  neighbourhood: Neighbourhood,
): Promise<Claims> {
  const claimed = new Map<string, string>();
  const waitingFor: string[] = [];
  if (leaving.length === 0) return { claimed, waitingFor };
  for (const neighbour of neighbourhood.ofRepository(own.repoURL)) {
    if (neighbour.key === own.key || neighbour.application.metadata.deletionTimestamp !== undefined) continue;
    const concerned = await writableBy(neighbour, leaving);
    if (concerned.length === 0) continue;
    const holds = await ask(neighbour, own, neighbourhood);
    if (!holds) waitingFor.push(neighbour.key);
    for (const id of concerned) if (!holds || holds(id)) claimed.set(id, neighbour.key);
  }
  return { claimed, waitingFor };
}

/**
 * The ids of the objects that the application could take over. No other object is kept for it: an
 * Application outside the system namespace can name any repository, and an old revision of it. An
 * Application without an author may get one later.
 */
async function writableBy(neighbour: Neighbour, leaving: readonly InventoryItem[]): Promise<string[]> {
  const idOfItem = ({ kind, object }: InventoryItem): string => idOf(kind, keyOf(object));
  const inReach = leaving.filter((item) => mayHold(neighbour, idOfItem(item)));
  if (inReach.length === 0) return [];
  const writes = inReach.map(({ object }) => ({ verb: 'update', object }) as const);
  const whys = await unlessRefused(async () => neighbour.access().refusals(writes));
  return inReach.filter((_item, index) => whys?.[index] === undefined).map(idOfItem);
}

/** An Application outside the system namespace holds nothing outside its own. */
const mayHold = ({ application }: Neighbour, id: string): boolean =>
  !isConfined(application) || objectKeyIn(id).namespace === application.metadata.namespace;

const objectKeyIn = (id: string): ReturnType<typeof splitKey> => splitKey(splitId(id).key);

const isSameRepository = (own: Asking, { spec }: Application): boolean =>
  canonicalRepoUrl(spec.source?.repoURL ?? '') === canonicalRepoUrl(own.repoURL);

/** The objects of a neighbour. Undefined until it has read its newest commit; it is woken. */
async function ask(
  neighbour: Neighbour,
  own: Asking,
  neighbourhood: Neighbourhood,
): Promise<Holds | undefined> {
  if (!neighbour.mirror) return holdsNothing;
  // Its own mirror of the same repository may be older than ours.
  const isShared = isSameRepository(own, neighbour.application);
  const mirror = (isShared ? own.mirror : undefined) ?? neighbour.mirror;
  const holds = await readNeighbour(neighbour, mirror, neighbourhood);
  if (holds) return holds;
  if (neighbourhood.nowMs() - own.sinceMs > PATIENCE_MS) {
    if (neighbour.hasFailed || !own.mirror) return holdsOfUnread(neighbour, mirror);
    // Two addresses that differ in their case alone may name two repositories.
    if (mirror !== neighbour.mirror) return readNeighbour(neighbour, neighbour.mirror, neighbourhood);
  }
  neighbourhood.wake(neighbour.key, mirror !== neighbour.mirror);
  return undefined;
}

async function readNeighbour(
  { application, cache }: Neighbour,
  mirror: GitMirror,
  neighbourhood: Neighbourhood,
): Promise<Holds | undefined> {
  const tree = await newestTree(application, mirror);
  // A source that does not exist holds nothing.
  if (!tree || !application.spec.source) return holdsNothing;
  if (cache?.sourceKey !== sourceKeyOf(application)) return undefined;
  const { source } = application.spec;
  const target = await unlessRefused(() => findTarget(tree, source, cache.target, neighbourhood.renderers));
  // Its settings are wrong, and its own reconcile says so.
  if (!target) return undefined;
  const { renderer, inputs } = target;
  if (isMadeFrom(cache.failedRender, renderer.name, inputs)) return holdsOfBroken(cache.failedRender, mirror);
  if (!isMadeFrom(cache.render, renderer.name, inputs) || awaitsChildren(cache, neighbourhood))
    return undefined;
  return holdsOf(cache);
}

const holdsNothing: Holds = () => false;

const holdsOf =
  ({ desired, hooks }: ApplicationCache): Holds =>
  (id) =>
    desired.byId.has(id) || hooks.byId.has(id);

/**
 * A neighbour that fails to read a commit for this long holds what it read last. A child that is
 * about to be made waits only for its parent's sync; one that cannot be made holds nothing.
 */
const PATIENCE_MS = 60_000;

function awaitsChildren({ desired, startedMs }: ApplicationCache, neighbourhood: Neighbourhood): boolean {
  if (neighbourhood.nowMs() - startedMs > PATIENCE_MS) return false;
  return [...desired.byId].some(
    ([id, { object }]) => id.startsWith(CHILDREN) && neighbourhood.find(keyOf(object)) === undefined,
  );
}

async function newestTree({ spec }: Application, mirror: GitMirror): Promise<SourceTree | undefined> {
  const source = spec.source ?? { repoURL: '' };
  return unlessRefused(async () =>
    openTree(mirror, await mirror.resolve(source.targetRevision ?? 'HEAD'), source),
  );
}

/** Undefined for a user error. A neighbour's must not become ours. */
async function unlessRefused<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

async function holdsOfBroken({ files }: Render, mirror: GitMirror): Promise<Holds> {
  const all = [...files.values()];
  const ids = new Set(all.flatMap(({ manifests }) => manifests.map(desiredId)));
  const broken = all.filter(({ errors }) => errors.length > 0).map(({ blobId }) => blobId);
  const isNamed = await namedIn(broken, mirror);
  return (id) => ids.has(id) || isNamed(id);
}

/** The objects of its last render, and those that the files of its folder name now. */
async function holdsOfUnread({ application, cache }: Neighbour, mirror: GitMirror): Promise<Holds> {
  const tree = await newestTree(application, mirror);
  const files = tree ? (await mirror.tree(tree.commit, tree.path)).filter(isManifestFile) : [];
  const blobIds = files.map(({ blobId }) => blobId);
  const isNamed: Holds = files.length > MAX_SEARCHED_FILES ? () => true : await namedIn(blobIds, mirror);
  const known = cache ? holdsOf(cache) : holdsNothing;
  return (id) => known(id) || isNamed(id);
}

/** Searching more of them, in each reconcile, would hold up the others. */
const MAX_SEARCHED_FILES = 2_000;

/** The objects whose names stand in these files. A file that is too large to read may name any. */
async function namedIn(blobIds: readonly string[], mirror: GitMirror): Promise<Holds> {
  const blobs = await unlessRefused(() => mirror.readBlobs(blobIds));
  const texts = blobs?.map((bytes) => bytes.toString('utf8'));
  return (id) => texts?.some((text) => text.includes(objectKeyIn(id).name)) ?? true;
}
