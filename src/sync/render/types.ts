/** What rendering gives: manifests with their origin, or complaints. All or nothing: one error fails the render. */
import type { KindsFrom } from '../../schemas/manifest/index.ts';
import type { ManifestError, ManifestFile } from '../../schemas/manifest/types.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { DesiredObject } from '../../diff/desired-set.ts';

export interface ParsedFile {
  readonly manifests: readonly DesiredObject[];
  readonly errors: readonly ManifestError[];
  /** What the result depends on beside the file; absent: nothing. */
  readonly kindsFrom?: KindsFrom;
  /** Why the file is no manifest at all. */
  readonly notManifest?: string;
}

/**
 * Reads and validates one file; pure, so that its result can be kept by the id of the blob. `definitions` are the
 * CustomResourceDefinitions in other files of the source.
 */
export type ParseManifestFile = (file: ManifestFile, definitions?: readonly KubeObject[]) => ParsedFile;

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
  /** By path: why an entry that looks like a manifest is none. */
  readonly warnings: ReadonlyMap<string, string>;
  /** The files that are no manifests, as a sentence; undefined where all are. */
  readonly passedOver: string | undefined;
  /** Files that bring definitions of kinds. */
  readonly defining: ReadonlySet<string>;
  /** Files that were read with kinds beyond the system's: with definitions of the source, or of the cluster. */
  readonly extended: ReadonlySet<string>;
  /** What the definitions in the source come to; an equal text means equal definitions. */
  readonly definitions: string;
  /** The version of the cluster's kinds that a file was read with; undefined where none depends on them. */
  readonly kindsVersion: number | undefined;
}
