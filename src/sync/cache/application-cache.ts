/**
 * The sync worker's memory of one application between two reconciles. All of it may be lost: it can
 * be worked out again. Decisions about deletions are in the Application's status instead (ADR 15).
 */
import { hookComplaints, isHook } from '../../diff/annotations.ts';
import {
  type DesiredObject,
  type EditableDesiredSet,
  createDesiredSet,
  desiredId,
} from '../../diff/desired-set.ts';
import { objectOptionComplaints } from '../../diff/sync-options.ts';
import type { Health } from '../../health/index.ts';
import type { Application } from '../../schemas/types.ts';
import type { ApplyError } from '../execute/apply-changes.ts';
import { authorKeyOf } from '../observe/confinement.ts';
import type { Foreseen } from '../observe/foreseen.ts';
import { type FetchCause, NOTHING_WRITTEN, type Tally } from '../plan/plan-application-events.ts';
import type { HealMemory } from '../plan/plan-fights.ts';
import { type OnlyStored, onlyStoredOf } from '../plan/plan-only-stored.ts';
import type { Render } from '../render/types.ts';
import type { SyncOutcome } from '../plan/sync-outcome.ts';
import type { RenderTarget } from '../render/index.ts';

/** Refused writes are tried again by the retry policy, or as soon as the object changes. */
export interface Refusals {
  readonly revision: string | undefined;
  readonly failures: number;
  /** Undefined: not again by time alone. */
  readonly retryAtMs: number | undefined;
  /** By id of the object. */
  readonly errors: Map<string, ApplyError>;
}

export interface ApplicationCache {
  readonly sourceKey: string;
  /** A fetch is wanted: the first one, or for a poll, a webhook or a refresh. */
  fetchDue: boolean;
  /** Events in the cluster are no reason to ask a forge that failed again before this time. */
  fetchFailure: { readonly error: unknown; readonly untilMs: number } | undefined;
  /** The reason of the next fetch, or of the last one. */
  fetchCause: FetchCause;
  /** The reason of the fetch that found `revision`. */
  foundBy: FetchCause;
  /** Something was tried since the present reconcile began. */
  attempted: boolean;
  /** The start was told. It stays so where the reconcile is repeated after a lost race. */
  isStartTold: boolean;
  /** Writes of the present operation. */
  tally: Tally;
  /** A webhook told of a push since the last fetch. */
  newsExpected: boolean;
  nextPollMs: number;
  /** The last render without errors. */
  render: Render | undefined;
  /** The newest inputs that were found; the next ones are found faster from these. */
  target: Pick<RenderTarget, 'renderer' | 'inputs'> | undefined;
  /** A render with errors is kept, so that its inputs are not rendered again. */
  failedRender: Render | undefined;
  revision: string | undefined;
  /** The commit that statuses are posted to: the last one that touched the application's folder. */
  attributed: string | undefined;
  /** Every manifest but hooks, also two for one object. */
  readonly desired: EditableDesiredSet;
  /** Hooks are never pruned. */
  readonly hooks: EditableDesiredSet;
  /** By file: requests in annotations that are not honoured. */
  readonly complaints: Map<string, readonly string[]>;
  /** By file: objects that nothing acts on. */
  readonly onlyStored: Map<string, readonly OnlyStored[]>;
  /** Ids of objects in the store that the application manages and Git does not hold. */
  readonly orphans: Set<string>;
  /** Objects to compare again; all of them after a start. */
  dirty: Set<string>;
  allDirty: boolean;
  /** Everything was as Git says, under this brake. It still is as long as nothing is dirty. */
  settled: { readonly outcome: SyncOutcome; readonly brake: string | undefined } | undefined;
  /** How the last reconcile ended. */
  outcome: SyncOutcome | undefined;
  /** Writes that were refused at this revision. */
  refused: Refusals | undefined;
  /** Lists unhealthy objects only. Anything absent is healthy, once nothing is dirty. */
  readonly unhealthy: Map<string, Health>;
  healthDirty: Set<string>;
  allHealthDirty: boolean;
  /** Jobs that are done and gone, with the manifest that they had. */
  readonly spent: Map<string, DesiredObject>;
  /** When `attributed` was first seen. */
  startedMs: number;
  healthySinceMs: number | undefined;
  lastHealthyMs: number | undefined;
  failingSinceMs: number | undefined;
  /** The force-push, as text, until the next commit. */
  nonAncestor: string | undefined;
  /** The heals of late; see plan-fights.ts. */
  readonly heals: HealMemory;
  /** Problems that the render is likely to have at run time. */
  foreseen: Foreseen | undefined;
  /** Quotas that were written and not counted yet, by id, with the time of the write. */
  readonly quotas: Map<string, number>;
}

/** A change of the source, or of the author, starts from nothing. */
export function sourceKeyOf(application: Application): string {
  const { spec } = application;
  const { source } = spec;
  return JSON.stringify([
    source?.repoURL,
    source?.path,
    source?.targetRevision,
    source?.directory,
    source?.kustomize,
    spec.destination.namespace,
    authorKeyOf(application),
  ]);
}

export function createApplicationCache(sourceKey: string, nowMs: number): ApplicationCache {
  return {
    sourceKey,
    fetchDue: true,
    fetchFailure: undefined,
    fetchCause: 'start',
    foundBy: 'start',
    attempted: false,
    isStartTold: false,
    tally: NOTHING_WRITTEN,
    newsExpected: false,
    nextPollMs: nowMs,
    render: undefined,
    target: undefined,
    failedRender: undefined,
    revision: undefined,
    attributed: undefined,
    desired: createDesiredSet(),
    hooks: createDesiredSet(),
    complaints: new Map(),
    onlyStored: new Map(),
    orphans: new Set(),
    dirty: new Set(),
    allDirty: true,
    settled: undefined,
    outcome: undefined,
    refused: undefined,
    unhealthy: new Map(),
    healthDirty: new Set(),
    allHealthDirty: true,
    spent: new Map(),
    startedMs: nowMs,
    healthySinceMs: undefined,
    lastHealthyMs: undefined,
    failingSinceMs: undefined,
    nonAncestor: undefined,
    heals: new Map(),
    foreseen: undefined,
    quotas: new Map(),
  };
}

/** Takes over a render without errors. The objects that it changed are compared again. */
export function takeRender(state: ApplicationCache, render: Render): void {
  for (const path of render.changedPaths) {
    for (const item of state.render?.files.get(path)?.manifests ?? []) {
      setOf(state, item).remove(item);
      markDirty(state, item);
    }
  }
  for (const path of render.changedPaths) {
    const manifests = render.files.get(path)?.manifests ?? [];
    for (const item of manifests) {
      setOf(state, item).add(item);
      markDirty(state, item);
    }
    const complaints = manifests.flatMap(complaintsOf);
    if (complaints.length > 0) state.complaints.set(path, complaints);
    else state.complaints.delete(path);
    const onlyStored = manifests.flatMap((item) => onlyStoredOf(item) ?? []);
    if (onlyStored.length > 0) state.onlyStored.set(path, onlyStored);
    else state.onlyStored.delete(path);
  }
  for (const id of state.spent.keys()) if (!state.desired.byId.has(id)) state.spent.delete(id);
  state.render = render;
}

const setOf = (state: ApplicationCache, { object }: DesiredObject): EditableDesiredSet =>
  isHook(object) ? state.hooks : state.desired;

function complaintsOf({ object, origin }: DesiredObject): readonly string[] {
  return [...hookComplaints(object), ...objectOptionComplaints(object)].map((text) => `${origin}: ${text}`);
}

function markDirty(state: ApplicationCache, item: DesiredObject): void {
  const id = desiredId(item);
  state.dirty.add(id);
  state.healthDirty.add(id);
}
