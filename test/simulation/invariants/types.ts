/** The input of an invariant's checker. It reads, changes nothing, and reports violations. */
import type { SimWorld } from '../../support/sim-world.ts';
import type { Report } from '../../support/sim-ledger.ts';
import type { TreeDraft } from '../manifests.ts';

/** A commit as it was meant. */
export interface CommitRecord {
  readonly tree: TreeDraft;
  /** Whether every file of it can be read. */
  readonly readable: boolean;
  readonly parents: readonly string[];
}

export interface CheckContext {
  readonly world: SimWorld;
  readonly report: Report;
  readonly commits: ReadonlyMap<string, CommitRecord>;
  /** Whether a person changed or deleted this object (`resource key`) within the last seconds. */
  touched(resource: string, key: string): boolean;
  /** When the branch was last moved by force. */
  readonly forcedAtMs: number;
  /** Whether anything may fail in this run. */
  readonly faulty: boolean;
  /** Uids of pods that a person gave up: forced away, or left on a deleted node. */
  readonly forced: ReadonlySet<string>;
}

export interface Checker {
  /** The number in docs/INVARIANTS.md. */
  readonly invariant: number;
  /**
   * Listens to what it needs; the function that it answers is called whenever everything has come
   * to rest.
   */
  attach(context: CheckContext): (() => void) | void;
}
