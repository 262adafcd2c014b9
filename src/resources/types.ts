/** The parts of a request to the resource core, independent of HTTP. */
import type { KubeObject } from '../schemas/object.ts';
import type { ResourceKind } from '../schemas/resource-kind.ts';
import type { DeleteOptions } from '../schemas/strategy/index.ts';

export interface UserInfo {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The caller, its warnings (HTTP: `Warning` headers), and notes for the audit log. */
export interface RequestContext {
  readonly user: UserInfo;
  warn(text: string): void;
  annotate(key: string, value: string): void;
  /** Absent for what was read without a text, as by a controller. */
  readonly strict?: StrictReading | undefined;
}

/**
 * Everything that strict reading complains about: what the text of the body shows besides the
 * fields that its kind does not have, in the order in which upstream says it.
 */
export type StrictReading = (unknownFields: readonly string[]) => readonly string[];

export interface CollectionRef {
  readonly kind: ResourceKind;
  /** Undefined for cluster-scoped kinds and for all namespaces. */
  readonly namespace: string | undefined;
}

export interface ObjectRef extends CollectionRef {
  readonly name: string;
}

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldValidation: FieldValidation;
  readonly fieldManager?: string;
}

export interface RemoveOptions extends DeleteOptions {
  readonly dryRun: boolean;
}

export type ResourceVersionMatch = 'Exact' | 'NotOlderThan';

export interface ReadListOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: ResourceVersionMatch;
}

export interface WatchOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly timeoutSeconds?: number;
}

export interface ObjectPage {
  readonly objects: readonly KubeObject[];
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export type WatchFrameType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';

/** One event of a watch. Watchers share frames, so that encodings can be kept per frame. */
export interface WatchFrame {
  readonly type: WatchFrameType;
  readonly object: KubeObject;
}

/** Where a watch delivers. Both are called synchronously and must not throw. */
export interface WatchSink {
  frame(frame: WatchFrame): void;
  /** Once, last. With an error the watch broke (410: list again); without, its time was up. */
  end(error: Error | undefined): void;
}

export type PatchFormat = 'json' | 'merge' | 'strategic' | 'apply';

export interface PatchInput {
  readonly format: PatchFormat;
  readonly body: unknown;
  /** Server-side apply: take fields over from other managers. */
  readonly force?: boolean;
}

/** The result of a write that may have created the object. */
export interface Written {
  readonly object: KubeObject;
  readonly created: boolean;
}
