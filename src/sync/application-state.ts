/** What the sync worker remembers of one application between two looks; all of it can be worked out again. */
import { hookComplaints, isHook } from '../diff/annotations.ts';
import { type DesiredObject, idOf } from '../diff/change-set.ts';
import { objectOptionComplaints } from '../diff/sync-options.ts';
import type { Health } from '../health/index.ts';
import { keyOf } from '../schemas/object.ts';
import type { Application } from '../schemas/types.ts';
import type { ApplyError } from './apply-changes.ts';
import type { Render } from './render/types.ts';
import type { SyncOutcome } from './sync-outcome.ts';

/** Writes that the store refused: tried again by the retry policy, or as soon as something about the object changes. */
export interface Refusals {
  readonly revision: string | undefined;
  readonly failures: number;
  /** Undefined: not again by time alone. */
  readonly retryAtMs: number | undefined;
  /** By id of the object. */
  readonly errors: Map<string, ApplyError>;
}

export interface ApplicationState {
  readonly sourceKey: string;
  /** A fetch is wanted before the next look (poll, webhook, refresh, first look). */
  fetchDue: boolean;
  nextPollMs: number;
  /** The last render without errors. */
  render: Render | undefined;
  /** A render with errors, so that its tree is not rendered again and again. */
  failedRender: Render | undefined;
  revision: string | undefined;
  /** The commit that statuses are posted to: the last one that touched the application's folder. */
  attributed: string | undefined;
  /** Every manifest but hooks, also two for one object. */
  desired: readonly DesiredObject[];
  hooks: readonly DesiredObject[];
  /** Ids of hooks, which are never pruned. */
  hookIds: ReadonlySet<string>;
  /** What annotations of manifests ask for that is not honoured. */
  complaints: readonly string[];
  desiredById: ReadonlyMap<string, DesiredObject>;
  /** Objects to compare again; `all` after a start. */
  dirty: Set<string>;
  allDirty: boolean;
  /** Everything was as Git says at the last look, with this outcome; as long as nothing is dirty it still is. */
  settled: SyncOutcome | undefined;
  /** Writes that were refused at this revision. */
  refused: Refusals | undefined;
  health: Map<string, Health>;
  healthDirty: Set<string>;
  allHealthDirty: boolean;
  /** When `attributed` was first seen. */
  startedMs: number;
  healthySinceMs: number | undefined;
  lastHealthyMs: number | undefined;
  failingSinceMs: number | undefined;
  /** The force-push, as text, until the next commit. */
  nonAncestor: string | undefined;
}

/** What makes another render of the same commit: a change of it starts from nothing. */
export function sourceKeyOf({ spec }: Application): string {
  const { source } = spec;
  return JSON.stringify([
    source?.repoURL,
    source?.path,
    source?.targetRevision,
    source?.directory,
    spec.destination.namespace,
  ]);
}

export function createApplicationState(sourceKey: string, nowMs: number): ApplicationState {
  return {
    sourceKey,
    fetchDue: true,
    nextPollMs: nowMs,
    render: undefined,
    failedRender: undefined,
    revision: undefined,
    attributed: undefined,
    desired: [],
    hooks: [],
    hookIds: new Set(),
    complaints: [],
    desiredById: new Map(),
    dirty: new Set(),
    allDirty: true,
    settled: undefined,
    refused: undefined,
    health: new Map(),
    healthDirty: new Set(),
    allHealthDirty: true,
    startedMs: nowMs,
    healthySinceMs: undefined,
    lastHealthyMs: undefined,
    failingSinceMs: undefined,
    nonAncestor: undefined,
  };
}

/** Takes over a render: what it changed is to be compared again. Only for a render without errors. */
export function takeRender(state: ApplicationState, render: Render): void {
  const before = state.render;
  for (const path of render.changedPaths) {
    for (const { kind, object } of before?.files.get(path)?.manifests ?? [])
      markDirty(state, idOf(kind, keyOf(object)));
    for (const { kind, object } of render.files.get(path)?.manifests ?? [])
      markDirty(state, idOf(kind, keyOf(object)));
  }
  const manifests = [...render.files.values()].flatMap((file) => file.manifests);
  state.desired = manifests.filter(({ object }) => !isHook(object));
  state.hooks = manifests.filter(({ object }) => isHook(object));
  state.hookIds = new Set(state.hooks.map(({ kind, object }) => idOf(kind, keyOf(object))));
  state.complaints = manifests.flatMap(({ object, origin }) =>
    [...hookComplaints(object), ...objectOptionComplaints(object)].map((text) => `${origin}: ${text}`),
  );
  state.desiredById = new Map(state.desired.map((item) => [idOf(item.kind, keyOf(item.object)), item]));
  for (const id of state.health.keys()) if (!state.desiredById.has(id)) state.health.delete(id);
  state.render = render;
}

function markDirty(state: ApplicationState, id: string): void {
  state.dirty.add(id);
  state.healthDirty.add(id);
}
