/**
 * Objects that move from one application to another: the old one does not delete what another one holds at its newest
 * commit, and the new one takes over what the old one no longer holds, in whatever order they are synced. An application
 * that cannot be read holds what its readable files say, and whatever its broken files name.
 */
import { UserError } from '../base/errors.ts';
import type { Change, ChangeProblem, ChangeSet, ChangeSetOptions } from '../diff/change-set.ts';
import { desiredId, idOf } from '../diff/desired-set.ts';
import { isHook } from '../diff/annotations.ts';
import { keyOf, splitKey } from '../schemas/object.ts';
import type { Application } from '../schemas/types.ts';
import { type ApplicationState, sourceKeyOf } from './application-state.ts';
import type { GitMirror } from './git/types.ts';
import type { Render } from './render/types.ts';
import type { SyncAccess } from './sync-access.ts';

/** Another application and what is remembered of it. */
export interface Neighbour {
  readonly key: string;
  readonly application: Application;
  readonly state: ApplicationState | undefined;
  /** Throws UserError where it may not read its repository. */
  readonly mirror: () => GitMirror;
  /** With whose rights it writes; throws UserError where nobody's can be used. */
  readonly access: () => SyncAccess;
}

export interface Neighbourhood {
  find(application: string): Neighbour | undefined;
  /** Those that read the same repository. */
  ofRepository(repoURL: string): readonly Neighbour[];
  nowMs(): number;
  /** Asks for a look at an application. */
  wake(application: string): void;
}

/** What the change set is to be planned again with. */
export interface HandOver extends Pick<ChangeSetOptions, 'takeOver' | 'claimed'> {
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
  own: string,
  repoURL: string,
  changeSet: ChangeSet,
  neighbourhood: Neighbourhood,
  historyComplete: () => Promise<boolean>,
): Promise<HandOver> {
  const leaving = leavingIn(changeSet);
  const waitingFor = new Set<string>();
  const ask = async (neighbour: Neighbour): Promise<Holds | undefined> => {
    const holds = await readNeighbour(neighbour, neighbourhood);
    if (!holds) {
      waitingFor.add(neighbour.key);
      neighbourhood.wake(neighbour.key);
    }
    return holds;
  };
  const claimed = new Map<string, string>();
  if (leaving.length > 0) {
    for (const neighbour of neighbourhood.ofRepository(repoURL)) {
      if (neighbour.key === own || neighbour.application.metadata.deletionTimestamp !== undefined) continue;
      const claims = await writableBy(neighbour, leaving);
      if (claims.length === 0) continue;
      const holds = await ask(neighbour);
      for (const { kind, key } of claims) {
        const id = idOf(kind, key);
        if (!holds || holds(id)) claimed.set(id, neighbour.key);
      }
    }
  }
  const takeOver = new Set<string>();
  for (const { kind, key, manager = '' } of wantedIn(changeSet)) {
    const neighbour = neighbourhood.find(manager);
    const id = idOf(kind, key);
    if (!neighbour) {
      // Nobody is left to say that the object is theirs; after lost history, somebody may come back.
      if (await historyComplete()) takeOver.add(id);
    } else if (neighbour.application.metadata.deletionTimestamp === undefined) {
      const holds = await ask(neighbour);
      if (holds && !holds(id)) takeOver.add(id);
    }
  }
  return { takeOver, claimed, waitingFor: [...waitingFor] };
}

/**
 * What the application could take over. Nothing else is kept for it: an Application outside the system namespace can name
 * any repository, and an old revision of it.
 */
async function writableBy({ access }: Neighbour, leaving: readonly Change[]): Promise<readonly Change[]> {
  try {
    const { refusals } = access();
    if (!refusals) return leaving;
    const whys = await refusals(leaving.map(({ object }) => ({ verb: 'update', object })));
    return leaving.filter((_change, index) => whys[index] === undefined);
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
}

/** What a neighbour holds; undefined until it has read its newest commit. */
async function readNeighbour(
  { application, state, mirror: open }: Neighbour,
  neighbourhood: Neighbourhood,
): Promise<Holds | undefined> {
  const { source } = application.spec;
  const newest = source && (await newestTree(open, source.targetRevision, source.path));
  // A source that does not exist holds nothing.
  if (newest === undefined) return () => false;
  const { mirror, treeId } = newest;
  if (state?.sourceKey !== sourceKeyOf(application)) return undefined;
  const failed = state.failedRender?.treeId === treeId ? state.failedRender : undefined;
  if (failed) return holdsOfBroken(failed, mirror);
  if (state.render?.treeId !== treeId || awaitsChildren(state, neighbourhood)) return undefined;
  return (id) => state.desired.byId.has(id) || state.hooks.byId.has(id);
}

/** A child that is about to be made waits for nothing but its parent's sync; one that cannot be made holds nothing. */
const CHILD_PATIENCE_MS = 60_000;

function awaitsChildren({ desired, startedMs }: ApplicationState, neighbourhood: Neighbourhood): boolean {
  if (neighbourhood.nowMs() - startedMs > CHILD_PATIENCE_MS) return false;
  return [...desired.byId].some(
    ([id, { object }]) => id.startsWith(CHILDREN) && neighbourhood.find(keyOf(object)) === undefined,
  );
}

async function newestTree(
  open: Neighbour['mirror'],
  revision: string | undefined,
  path: string | undefined,
): Promise<{ readonly mirror: GitMirror; readonly treeId: string } | undefined> {
  try {
    const mirror = open();
    const treeId = await mirror.treeId(await mirror.resolve(revision ?? 'HEAD'), path ?? '');
    return treeId === undefined ? undefined : { mirror, treeId };
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

async function holdsOfBroken({ files }: Render, mirror: GitMirror): Promise<Holds> {
  const all = [...files.values()];
  const ids = new Set(all.flatMap(({ manifests }) => manifests.map(desiredId)));
  const broken = all.filter(({ errors }) => errors.length > 0).map(({ blobId }) => blobId);
  const texts = (await mirror.readBlobs(broken)).map((bytes) => bytes.toString('utf8'));
  return (id) => {
    const { name } = splitKey(id.slice(id.indexOf('|') + 1));
    return ids.has(id) || texts.some((text) => text.includes(name));
  };
}
