/** What the sync worker remembers of one application between two looks; all of it can be worked out again. */
import { type DesiredObject, idOf } from '../diff/change-set.ts';
import type { Health } from '../health/index.ts';
import { keyOf } from '../schemas/object.ts';
import type { Application } from '../schemas/types.ts';
import type { Render } from './render/types.ts';

export interface ApplicationState {
  readonly sourceKey: string;
  /** A fetch is wanted before the next look (poll, webhook, refresh, first look). */
  fetchDue: boolean;
  nextPollMs: number;
  /** A person asked for a sync: apply even where it is not automated. */
  requested: boolean;
  /** The last render without errors. */
  render: Render | undefined;
  /** A render with errors, so that its tree is not rendered again and again. */
  failedRender: Render | undefined;
  revision: string | undefined;
  /** The commit that statuses are posted to: the last one that touched the application's folder. */
  attributed: string | undefined;
  /** Every manifest, also two for one object. */
  desired: readonly DesiredObject[];
  desiredById: ReadonlyMap<string, DesiredObject>;
  /** Objects to compare again; `all` after a start. */
  dirty: Set<string>;
  allDirty: boolean;
  /** Everything was as Git says at the last look; as long as nothing is dirty it still is. */
  settled: boolean;
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
    requested: false,
    render: undefined,
    failedRender: undefined,
    revision: undefined,
    attributed: undefined,
    desired: [],
    desiredById: new Map(),
    dirty: new Set(),
    allDirty: true,
    settled: false,
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
  state.desired = [...render.files.values()].flatMap(({ manifests }) => manifests);
  state.desiredById = new Map(state.desired.map((item) => [idOf(item.kind, keyOf(item.object)), item]));
  for (const id of state.health.keys()) if (!state.desiredById.has(id)) state.health.delete(id);
  state.render = render;
}

function markDirty(state: ApplicationState, id: string): void {
  state.dirty.add(id);
  state.healthDirty.add(id);
}
