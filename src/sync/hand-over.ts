/**
 * Objects that move from one application to another: the old one does not delete what another one holds at its newest
 * commit, and the new one takes over what the old one no longer holds, in whatever order they are synced. An application
 * that cannot be read holds what its readable files say, and whatever its broken files name.
 */
import { UserError } from '../base/errors.ts';
import type {
  Change,
  ChangeProblem,
  ChangeSet,
  ChangeSetOptions,
  InventoryItem,
} from '../diff/change-set.ts';
import { desiredId, idOf } from '../diff/desired-set.ts';
import { isHook } from '../diff/annotations.ts';
import { isConfined } from '../schemas/applications/application-author.ts';
import { keyOf, splitKey } from '../schemas/object.ts';
import type { Application } from '../schemas/types.ts';
import { type ApplicationState, sourceKeyOf } from './application-state.ts';
import { canonicalRepoUrl } from './git/git-url.ts';
import type { GitMirror } from './git/types.ts';
import { isManifestFile } from './render/select-files.ts';
import type { Render } from './render/types.ts';
import type { SyncAccess } from './sync-access.ts';

/** Another application and what is remembered of it. */
export interface Neighbour {
  readonly key: string;
  readonly application: Application;
  readonly state: ApplicationState | undefined;
  /** Undefined where it may not use its repository. */
  readonly mirror: GitMirror | undefined;
  /** Its last look ended in an error that only a person can mend. */
  readonly hasFailed: boolean;
  /** With whose rights it writes; throws UserError where nobody's can be used. */
  access(): SyncAccess;
}

export interface Neighbourhood {
  find(application: string): Neighbour | undefined;
  /** Those that read the same repository, however they spell its address. */
  ofRepository(repoURL: string): readonly Neighbour[];
  nowMs(): number;
  /** Asks for a look at an application, with a fetch where the newest commit is not in its mirror. */
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

/** What the change set is to be planned again with. */
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

const leavingIn = ({ changes }: ChangeSet): readonly Change[] =>
  changes.filter(({ action, object }) => action === 'delete' && !isHook(object));
const wantedIn = ({ problems }: ChangeSet): readonly ChangeProblem[] =>
  problems.filter(({ manager }) => manager !== undefined);

/** Whether anything of a change set depends on what other applications hold. */
export function concernsOthers(changeSet: ChangeSet): boolean {
  return leavingIn(changeSet).length + wantedIn(changeSet).length > 0;
}

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
      // Nobody is left to say that the object is theirs; after lost history, somebody may come back.
      if (await historyComplete()) takeOver.add(id);
      continue;
    }
    const holds = mayHold(neighbour, id) ? await ask(neighbour, own, neighbourhood) : holdsNothing;
    if (!holds) unread.add(neighbour.key);
    else if (!holds(id)) takeOver.add(id);
  }
  return { takeOver, claimed, waitingFor: [...unread] };
}

/** Which objects that an application gives up are another one's now. */
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
 * The ids of what the application could take over. Nothing else is kept for it: an Application outside the system
 * namespace can name any repository, and an old revision of it. One that has no author yet may get one.
 */
async function writableBy(
  neighbour: Neighbour,
  leaving: readonly InventoryItem[],
): Promise<readonly string[]> {
  const idOfItem = ({ kind, object }: InventoryItem): string => idOf(kind, keyOf(object));
  const inReach = leaving.filter((item) => mayHold(neighbour, idOfItem(item)));
  if (inReach.length === 0) return [];
  try {
    const writes = inReach.map(({ object }) => ({ verb: 'update', object }) as const);
    const whys = await neighbour.access().refusals(writes);
    return inReach.filter((_item, index) => whys[index] === undefined).map(idOfItem);
  } catch (error) {
    if (error instanceof UserError) return inReach.map(idOfItem);
    throw error;
  }
}

/** An Application outside the system namespace holds nothing outside its own. */
const mayHold = ({ application }: Neighbour, id: string): boolean =>
  !isConfined(application) || objectKeyIn(id).namespace === application.metadata.namespace;

const objectKeyIn = (id: string): ReturnType<typeof splitKey> => splitKey(id.slice(id.indexOf('|') + 1));

const isSameRepository = (own: Asking, { spec }: Application): boolean =>
  canonicalRepoUrl(spec.source?.repoURL ?? '') === canonicalRepoUrl(own.repoURL);

/** The objects that a neighbour holds; undefined until it has read its newest commit, which it is asked to. */
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
  { application, state }: Neighbour,
  mirror: GitMirror,
  neighbourhood: Neighbourhood,
): Promise<Holds | undefined> {
  const folder = await newestFolder(application, mirror);
  // A source that does not exist holds nothing.
  if (!folder) return holdsNothing;
  const { treeId } = folder;
  if (state?.sourceKey !== sourceKeyOf(application)) return undefined;
  const failed = state.failedRender?.treeId === treeId ? state.failedRender : undefined;
  if (failed) return holdsOfBroken(failed, mirror);
  if (state.render?.treeId !== treeId || awaitsChildren(state, neighbourhood)) return undefined;
  return holdsOf(state);
}

const holdsNothing: Holds = () => false;

const holdsOf =
  ({ desired, hooks }: ApplicationState): Holds =>
  (id) =>
    desired.byId.has(id) || hooks.byId.has(id);

/**
 * A neighbour that fails to read a commit for this long holds what it read last. A child that is about to be made waits for
 * nothing but its parent's sync; one that cannot be made holds nothing.
 */
const PATIENCE_MS = 60_000;

function awaitsChildren({ desired, startedMs }: ApplicationState, neighbourhood: Neighbourhood): boolean {
  if (neighbourhood.nowMs() - startedMs > PATIENCE_MS) return false;
  return [...desired.byId].some(
    ([id, { object }]) => id.startsWith(CHILDREN) && neighbourhood.find(keyOf(object)) === undefined,
  );
}

interface Folder {
  readonly commit: string;
  readonly path: string;
  readonly treeId: string;
}

async function newestFolder({ spec }: Application, mirror: GitMirror): Promise<Folder | undefined> {
  const { path = '', targetRevision = 'HEAD' } = spec.source ?? {};
  try {
    const commit = await mirror.resolve(targetRevision);
    const treeId = await mirror.treeId(commit, path);
    return treeId === undefined ? undefined : { commit, path, treeId };
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

/** The objects that it held when it was read last, and whatever the files of its folder name now. */
async function holdsOfUnread({ application, state }: Neighbour, mirror: GitMirror): Promise<Holds> {
  const folder = await newestFolder(application, mirror);
  const files = folder ? (await mirror.tree(folder.commit, folder.path)).filter(isManifestFile) : [];
  const isNamed =
    files.length > MAX_SEARCHED_FILES
      ? holdsEverything
      : await namedIn(
          files.map(({ blobId }) => blobId),
          mirror,
        );
  const known = state ? holdsOf(state) : holdsNothing;
  return (id) => known(id) || isNamed(id);
}

/** Searching more of them, again at each look, would hold up the others. */
const MAX_SEARCHED_FILES = 2_000;

const holdsEverything: Holds = () => true;

/** Objects whose name stands anywhere in these files; a file that is too large to be read may name any. */
async function namedIn(blobIds: readonly string[], mirror: GitMirror): Promise<Holds> {
  try {
    const texts = (await mirror.readBlobs(blobIds)).map((bytes) => bytes.toString('utf8'));
    return (id) => texts.some((text) => text.includes(objectKeyIn(id).name));
  } catch (error) {
    if (error instanceof UserError) return holdsEverything;
    throw error;
  }
}
