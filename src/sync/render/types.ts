/** Rendering gives manifests with their origin, or errors. One error fails the whole render. */
import type { KindsFrom } from '../../schemas/manifest/index.ts';
import type { ManifestError, ManifestFile } from '../../schemas/manifest/types.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ApplicationSource } from '../../schemas/types.ts';
import type { DesiredObject } from '../../diff/desired-set.ts';
import type { GitMirror } from '../git/types.ts';

export interface ParsedFile {
  readonly manifests: readonly DesiredObject[];
  readonly errors: readonly ManifestError[];
  /** Where the kinds come from that the result depends on; absent: nowhere beyond the file. */
  readonly kindsFrom?: KindsFrom;
  /** Why the file is no manifest at all. */
  readonly notManifest?: string;
}

/**
 * Reads and validates one file. Pure: the result can be kept by the id of the blob. `definitions`
 * are the CustomResourceDefinitions in other files of the source.
 */
export type ParseManifestFile = (file: ManifestFile, definitions?: readonly KubeObject[]) => ParsedFile;

export interface RenderedFile extends ParsedFile {
  readonly blobId: string;
}

/** The folder of a source in a commit. A renderer may read any other path of the commit, too. */
export interface SourceTree {
  readonly mirror: Pick<GitMirror, 'treeId' | 'tree' | 'folder' | 'changedEntries' | 'readBlobs'>;
  readonly commit: string;
  /** From the root of the repository; `''` is the root. */
  readonly path: string;
  readonly treeId: string;
}

/** Everything that a render is made from. */
export interface RenderInputs {
  /** Made from the ids of the inputs: an equal key means an equal render. */
  readonly key: string;
}

export interface Render {
  readonly renderer: string;
  readonly inputs: RenderInputs;
  /** By path relative to the source's folder. */
  readonly files: ReadonlyMap<string, RenderedFile>;
  /** Paths whose contents differ from the render this one was made from. */
  readonly changedPaths: ReadonlySet<string>;
  readonly errors: readonly ManifestError[];
  /** By path: why an entry that looks like a manifest is none. */
  readonly warnings: ReadonlyMap<string, string>;
  /** The files that are no manifests, as a sentence; undefined where all are. */
  readonly passedOver: string | undefined;
  /** The version of the cluster's kinds that a file was read with; undefined for none. */
  readonly kindsVersion: number | undefined;
}

export interface RenderRequest {
  readonly tree: SourceTree;
  readonly source: ApplicationSource;
  readonly inputs: RenderInputs;
  readonly parse: ParseManifestFile;
  /** An earlier render of the same source, by the same renderer. */
  readonly previous: Render | undefined;
  /** The version of the cluster's kinds; another version may know more of them. */
  readonly kindsVersion: number;
}

/** One way to turn a folder into manifests. */
export interface Renderer {
  /** The `sourceType` of Argo CD. */
  readonly name: string;
  detect(tree: SourceTree, source: ApplicationSource): Promise<boolean>;
  /** `previous`: the inputs of an earlier commit, to find the new ones faster. */
  inputs(
    tree: SourceTree,
    source: ApplicationSource,
    previous: RenderInputs | undefined,
  ): Promise<RenderInputs>;
  render(request: RenderRequest): Promise<Render>;
}
