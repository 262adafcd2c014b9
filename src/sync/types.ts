/**
 * The subject of a reconcile, its view and its plan. A view shares the cache: plan and check of a
 * write follow in one turn of the event loop. A plan is data: its executor has no choice to make.
 */
import type { Change, ChangeSet } from '../diff/change-set.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { ResourceKind } from '../schemas/resource-kind.ts';
import type { Application, ApplicationSource } from '../schemas/types.ts';
import type { ApplicationCache } from './cache/application-cache.ts';
import type { Repository } from './git/repositories.ts';
import type { ApplyError } from './execute/apply-changes.ts';
import type { HandOver } from './observe/hand-over.ts';
import type { ManagedResources } from './observe/managed-resources.ts';
import type { BoundWriter } from '../resources/writing/write-plan.ts';
import type { OperationRequest, OperationState } from './plan/operation.ts';
import type { PruneBaseline } from './plan/plan-brake.ts';
import type { Hook } from './plan/plan-hooks.ts';
import type { SyncOutcome } from './plan/sync-outcome.ts';
import type { RenderTarget } from './render/index.ts';
import type { ParseManifestFile, Render } from './render/types.ts';

/** The application that a reconcile is about, with everything that acts for it. */
export interface Subject {
  /** As it was when the reconcile began; its status records are read anew for each view. */
  readonly application: Application;
  readonly key: string;
  readonly source: ApplicationSource;
  readonly cache: ApplicationCache;
  readonly repository: Repository;
  readonly access: BoundWriter;
  /** The live side, as far as the application may see it. */
  readonly managed: ManagedResources;
  readonly parse: ParseManifestFile;
  readonly progress: Progress;
}

/** The work of this reconcile so far. Nothing of it outlives the reconcile. */
export interface Progress {
  /** A reconcile fetches once. */
  hasFetched: boolean;
  /** Git could not be reached; what is known is kept and healed. */
  obstacle: string | undefined;
  git: GitView | undefined;
  attempt: Attempt | undefined;
  historyComplete: boolean | undefined;
  /** Writes that the author may not make; asked once, before anything is written. */
  denied: readonly string[] | undefined;
  /** Writes that were refused at this commit, by id of the object. */
  refused: Map<string, ApplyError>;
  /** Steps that were written. */
  steps: number;
}

/** The request that an attempt serves. It is settled when the first comparison begins. */
export interface Attempt {
  readonly request: OperationRequest | undefined;
  /** A person asked for the sync (`symphony sync`, the `operation` field). */
  readonly requested: boolean;
  /** The commit differs from the one that was applied last. */
  readonly newCommit: boolean;
  /** Drift is undone, at a commit that was applied before. */
  readonly healing: boolean;
  readonly isNewOperation: boolean;
  readonly policy: SyncPolicy;
  readonly syncOptions: readonly string[];
}

export interface SyncPolicy {
  readonly automated: boolean;
  readonly prune: boolean;
  readonly selfHeal: boolean;
  readonly allowEmpty: boolean;
}

export interface View extends Pick<Subject, 'application' | 'key' | 'source'> {
  readonly nowMs: number;
  /** The cache, for reading. */
  readonly known: Readonly<ApplicationCache>;
  readonly progress: Readonly<Progress>;
  /** The records of the status that decide, as the store has them. */
  readonly operation: OperationState | undefined;
  readonly baseline: PruneBaseline | undefined;
  /** Each of these is observed once the one before it asks for nothing. */
  readonly git: GitView | undefined;
  readonly rendering: RenderView | undefined;
  readonly objects: ObjectsView | undefined;
}

export interface GitView {
  readonly revision: string;
  /** Undefined where the revision is the one that is known already. */
  readonly moved: Move | undefined;
  /** The reason why deletions at this revision need approval, if they do (plan-brake.ts). */
  readonly brake: string | undefined;
  /** The brake as it is to be recorded; undefined where it is, or none is needed. */
  readonly brakeRecord: PruneBaseline | undefined;
}

export interface Move {
  /** The force-push, as text. */
  readonly nonAncestor: string | undefined;
  /** The last commit that touched the application's folder. */
  readonly attributed: string;
}

export type RenderView =
  | { readonly is: 'due'; readonly target: RenderTarget }
  | { readonly is: 'failed'; readonly render: Render }
  /** Nothing changed since everything was as it should be: nothing is compared. */
  | { readonly is: 'settled'; readonly outcome: SyncOutcome }
  | { readonly is: 'current' };

/** The desired objects against the live ones. */
export interface ObjectsView {
  readonly attempt: Attempt;
  readonly changeSet: ChangeSet;
  /** Those of the changes that nothing holds back. */
  readonly open: readonly Change[];
  /** Objects that somebody keeps changing, with the time when each is healed next. */
  readonly fights: ReadonlyMap<string, number>;
  readonly claims: HandOver;
  readonly isBraked: boolean;
  readonly historyComplete: boolean;
  /** Writes that the author may not make. */
  readonly denied: readonly string[];
  /** The hooks of the operation that is under way; undefined when none is. */
  readonly hooks: readonly Hook[] | undefined;
  readonly namespaceKind: ResourceKind | undefined;
  /** Namespaces that are there, of those that the changes and hooks name. */
  readonly namespaces: ReadonlySet<string>;
  /** Kinds whose definition is not established, of those that the changes and hooks have. */
  readonly unserved: ReadonlySet<ResourceKind>;
  /** Quotas that were written and have not been counted yet. */
  readonly uncounted: readonly KubeObject[];
  /** Problems that are likely at run time. */
  readonly foreseen: readonly string[];
}

/** A view whose objects have been compared. */
export type ComparedView = View & { readonly objects: ObjectsView; readonly git: GitView };

export type Plan =
  | { readonly do: 'fetch' }
  /** Adopts a commit, and tells the forge that work on it begins. */
  | { readonly do: 'follow'; readonly git: GitView; readonly move: Move }
  | { readonly do: 'render'; readonly target: RenderTarget }
  /** Tells that a requested operation begins. */
  | { readonly do: 'start' }
  | RecordPlan
  | WritePlan
  | RestPlan;

/** A status field that decides what happens next. It is stored before anything follows from it. */
export type RecordPlan = { readonly do: 'record' } & (
  | { readonly field: 'pruneBaseline'; readonly value: PruneBaseline }
  | { readonly field: 'operationState'; readonly value: OperationState }
);

export interface WritePlan {
  readonly do: 'write';
  /** In one commit, in order. */
  readonly step: readonly Change[];
  /** Stored first: deletions under a brake are counted before they are made. */
  readonly first: RecordPlan | undefined;
}

/** Nothing can be done now. `wait`: time alone gives a reason to go on. `hold`: only news does. */
export type RestPlan =
  | { readonly do: 'wait'; readonly outcome: SyncOutcome; readonly why: string | undefined }
  | { readonly do: 'hold'; readonly outcome: SyncOutcome; readonly why: string | undefined };
