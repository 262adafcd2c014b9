/** What one look at an application works with; made by the controller. */
import type { Logger } from '../base/logger.ts';
import type { ResourceKind } from '../schemas/resource-kind.ts';
import type { ApplicationSource } from '../schemas/types.ts';
import type { CommitOptions } from '../store/types.ts';
import type { Neighbourhood } from './observe/hand-over.ts';
import type { ManagedResources } from './observe/managed-resources.ts';
import type { OperationState } from './plan/operation.ts';
import type { ApplicationEvent } from './plan/plan-application-events.ts';
import type { PruneBaseline } from './plan/plan-brake.ts';
import type { ParseManifestFile } from './render/types.ts';
import type { Repository } from './git/repositories.ts';
import type { Slots } from '../base/slots.ts';
import type { ForeseeOptions } from './observe/foreseen.ts';
import type { SyncAccess } from './observe/sync-access.ts';

export interface SyncContext {
  readonly foresee: ForeseeOptions;
  /** With whose rights it writes; throws UserError where nobody's can be used. */
  readonly access: () => SyncAccess;
  readonly managed: ManagedResources;
  readonly namespaceKind: ResourceKind | undefined;
  readonly logger: Logger;
  readonly repository: (source: ApplicationSource) => Repository;
  readonly parse: ParseManifestFile;
  /** Grows when kinds come or go. */
  readonly kindsVersion: () => number;
  /** Whether objects of the kind can be written now: its definition is established. */
  readonly isServed: (kind: ResourceKind) => boolean;
  readonly commitOptions: () => CommitOptions;
  /** False while the store's history is lost. */
  readonly historyComplete: () => Promise<boolean>;
  /** Called when a new commit is to be applied, before it is rendered. */
  readonly announce: (sha: string) => Promise<void>;
  /** Says something about the application as an event. */
  readonly tell: (event: ApplicationEvent) => void;
  /** The operation as the store has it, and its next state, written before anything follows from it. */
  readonly operation: () => OperationState | undefined;
  readonly saveOperation: (next: OperationState) => Promise<void>;
  /** The same for what decides about deletions. */
  readonly pruneBaseline: () => PruneBaseline | undefined;
  readonly savePruneBaseline: (next: PruneBaseline) => Promise<void>;
  /** The other applications: objects move between them. */
  readonly neighbourhood: Neighbourhood;
  /** Bounds how many applications render and apply at a time; waiting for Git takes no slot. */
  readonly slots: Slots;
  readonly nowMs: () => number;
}
