/** The result of reading manifests: objects that know where each of their fields was written. */
import type { KubeObject } from '../object.ts';

export interface ManifestFile {
  /** As messages show it; its ending (`.json`) matters too. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** Both count from 1; columns count characters (UTF-16 units). */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface ManifestSource extends Position {
  readonly file: string;
}

export interface ManifestDocument {
  /** As written: an object with string `apiVersion` and `kind`; nothing else is checked yet. */
  readonly object: KubeObject;
  readonly source: ManifestSource;
  /** The position of a field path: its key, or its nearest parent that exists. */
  locate(path: string): Position;
}

export interface ManifestError {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  readonly path?: string;
  readonly message: string;
  /** The remedy. */
  readonly hint?: string;
  /** The error is about the folder of the file, which is another tool's. */
  readonly folder?: 'kustomize' | 'chart';
}

export interface ManifestLimits {
  readonly maxFileBytes: number;
  readonly maxDocuments: number;
  readonly maxDepth: number;
  readonly maxScalarCharacters: number;
  /** Lines, commas and brackets: an upper estimate of a file's values before it is parsed. */
  readonly maxTokens: number;
  /** Values that aliases and merge keys may add, counted as if written out. */
  readonly maxAliasedNodes: number;
}

/** An object is at most 1.5 MiB in a Kubernetes store; files bundle many objects. */
export const defaultManifestLimits: ManifestLimits = {
  maxFileBytes: 8 * 1024 * 1024,
  maxDocuments: 10_000,
  maxDepth: 100,
  maxScalarCharacters: 1024 * 1024,
  maxTokens: 1_000_000,
  maxAliasedNodes: 100_000,
};

/** `file:line:column: path: message`, without the hint. */
export function formatManifestError(error: ManifestError): string {
  const place = [error.file, error.line, error.column].filter((part) => part !== undefined).join(':');
  return `${place}: ${error.path ? `${error.path}: ` : ''}${error.message}`;
}
