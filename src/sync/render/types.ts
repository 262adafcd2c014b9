/** What rendering gives: manifests with their origin, or complaints. All or nothing: one error fails the render. */
import type { ManifestError, ManifestFile } from '../../schemas/manifest/types.ts';
import type { DesiredObject } from '../../diff/change-set.ts';

export interface ParsedFile {
  readonly manifests: readonly DesiredObject[];
  readonly errors: readonly ManifestError[];
}

/** Reads and validates one file; pure, so that its result can be kept by the id of the blob. */
export type ParseManifestFile = (file: ManifestFile) => ParsedFile;

export interface RenderedFile extends ParsedFile {
  readonly blobId: string;
}

export interface Render {
  /** Of the source's folder: an equal id means an equal render. */
  readonly treeId: string;
  /** By path relative to the source's folder. */
  readonly files: ReadonlyMap<string, RenderedFile>;
  /** Paths whose contents differ from the render this one was made from. */
  readonly changedPaths: ReadonlySet<string>;
  readonly errors: readonly ManifestError[];
  readonly warnings: readonly string[];
}
