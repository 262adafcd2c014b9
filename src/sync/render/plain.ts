/**
 * Plain YAML and JSON out of a folder of a commit, without a work tree.
 *
 * Incremental: from the render of an earlier tree only what `diff-tree` names is read and parsed again. A file that
 * cannot be read or parsed leaves the render with errors; the caller then applies and prunes nothing.
 */
import type { ApplicationSource } from '../../schemas/types.ts';
import type { ManifestError } from '../../schemas/manifest/types.ts';
import { UserError } from '../../base/errors.ts';
import { stableStringify } from '../../base/json.ts';
import { isDefinition } from '../../schemas/custom/definition.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { normaliseTreePath } from '../git/revision.ts';
import type { GitMirror, TreeChange, TreeEntry } from '../git/types.ts';
import { type Selection, compileSelection } from './select-files.ts';
import type { ParseManifestFile, Render, RenderedFile } from './types.ts';

export interface PlainRenderInput {
  readonly mirror: GitMirror;
  readonly commit: string;
  readonly source: ApplicationSource;
  readonly parse: ParseManifestFile;
  /** An earlier render of the same source (path and options). */
  readonly previous?: Render | undefined;
  /** Of the cluster's kinds; another one may know more of them. */
  readonly kindsVersion?: number;
}

/** A repository of 10,000 objects is large; the bounds keep a mistaken path (`/` of a data set) from filling memory. */
export const MAX_MANIFEST_FILES = 50_000;
export const MAX_MANIFEST_BYTES = 256 * 1024 * 1024;
export const MAX_MANIFEST_FILE_BYTES = 8 * 1024 * 1024;
/** Files read at a time: parsed before the next are read, so that only these are in memory. */
const READ_BATCH = 200;
const MAX_WARNINGS = 20;

const LFS_POINTER = Buffer.from('version https://git-lfs.github.com/spec/');

export async function renderPlain(input: PlainRenderInput): Promise<Render> {
  const { mirror, commit, source, previous } = input;
  const path = normaliseTreePath(source.path ?? '');
  const treeId = await mirror.treeId(commit, path);
  if (treeId === undefined)
    throw new UserError(`Cannot find folder "${path}" in commit ${commit.slice(0, 12)}`);
  const kindsVersion = input.kindsVersion ?? 0;
  if (previous?.treeId === treeId && isCurrent(previous, kindsVersion))
    return { ...previous, changedPaths: new Set() };
  // The earlier tree may be gone (the mirror was made anew): then everything is looked at.
  const changes = previous && (await mirror.changedEntries(previous.treeId, treeId).catch(() => undefined));
  return renderEntries(
    { ...input, previous: changes && previous },
    path,
    treeId,
    changes ?? (await wholeTree(mirror, commit, path)),
  );
}

async function renderEntries(
  input: PlainRenderInput,
  path: string,
  treeId: string,
  changes: readonly TreeChange[],
): Promise<Render> {
  const { source, previous } = input;
  const select = compileSelection(source.directory);
  const files = new Map(previous?.files);
  const changedPaths = new Set<string>();
  const warnings: string[] = [];
  const toRead: TreeEntry[] = [];
  const errors: ManifestError[] = [];
  for (const { path: file, entry } of changes) {
    if (files.delete(file)) changedPaths.add(file);
    const selection = entry ? select(entry) : 'other';
    if (entry && selection === 'manifest') toRead.push(entry);
    else warn(warnings, file, selection);
  }
  const size = toRead.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (files.size + toRead.length > MAX_MANIFEST_FILES || size > MAX_MANIFEST_BYTES) {
    throw new UserError(
      `Cannot render "${path}": more than ${MAX_MANIFEST_FILES} manifests or ${MAX_MANIFEST_BYTES} bytes`,
    );
  }
  const known = new Map([...(previous?.files.values() ?? [])].map((file) => [file.blobId, file]));
  for (let start = 0; start < toRead.length; start += READ_BATCH) {
    const batch = toRead.slice(start, start + READ_BATCH);
    for (const [file, rendered] of await readFiles(input, path, batch, known)) {
      files.set(file, rendered);
      changedPaths.add(file);
    }
  }
  const definitions = definitionsIn(files);
  const text = definitions.map((definition) => stableStringify(definition['spec'])).join('\n');
  const kindsVersion = input.kindsVersion ?? 0;
  const isStale = (file: string): boolean =>
    changedPaths.has(file) ||
    text !== (previous?.definitions ?? '') ||
    !previous ||
    !isCurrent(previous, kindsVersion);
  const custom = [...files].filter(
    ([file, { kindsFrom = 'system' }]) => kindsFrom !== 'system' && isStale(file),
  );
  for (let start = 0; start < custom.length; start += READ_BATCH) {
    const batch = custom.slice(start, start + READ_BATCH);
    for (const [file, rendered] of await readAgain(input, path, batch, definitions)) {
      files.set(file, rendered);
      changedPaths.add(file);
    }
  }
  for (const file of files.values()) errors.push(...file.errors);
  const open = [...files.values()].some(({ kindsFrom }) => kindsFrom === 'cluster');
  return {
    treeId,
    files,
    changedPaths,
    errors,
    warnings,
    definitions: text,
    kindsVersion: open ? kindsVersion : undefined,
  };
}

/** Whether a render still holds as far as the cluster's kinds go. */
export function isCurrent(render: Render, kindsVersion: number): boolean {
  return render.kindsVersion === undefined || render.kindsVersion === kindsVersion;
}

/** The definitions that the source itself brings. */
function definitionsIn(files: ReadonlyMap<string, RenderedFile>): readonly KubeObject[] {
  return [...files.values()].flatMap(({ manifests }) =>
    manifests.map(({ object }) => object).filter(isDefinition),
  );
}

/** Files whose kinds are in other files: read with all definitions at hand. */
async function readAgain(
  { mirror, parse }: PlainRenderInput,
  folder: string,
  files: readonly (readonly [string, RenderedFile])[],
  definitions: readonly KubeObject[],
): Promise<readonly (readonly [string, RenderedFile])[]> {
  const blobs = await mirror.readBlobs(files.map(([, { blobId }]) => blobId));
  return files.map(([path, file], index) => {
    const bytes = blobs[index];
    const shown = folder === '' ? path : `${folder}/${path}`;
    return [path, bytes ? { blobId: file.blobId, ...parse({ path: shown, bytes }, definitions) } : file];
  });
}

async function wholeTree(mirror: GitMirror, commit: string, path: string): Promise<readonly TreeChange[]> {
  const cut = path === '' ? 0 : path.length + 1;
  return (await mirror.tree(commit, path)).map((entry) => {
    const relative = entry.path.slice(cut);
    return { path: relative, entry: { ...entry, path: relative } };
  });
}

async function readFiles(
  input: PlainRenderInput,
  folder: string,
  entries: readonly TreeEntry[],
  known: ReadonlyMap<string, RenderedFile>,
): Promise<readonly (readonly [string, RenderedFile])[]> {
  const fits = entries.filter(({ sizeBytes }) => sizeBytes <= MAX_MANIFEST_FILE_BYTES);
  const blobs = await input.mirror.readBlobs(fits.map(({ blobId }) => blobId));
  const contents = new Map(fits.map((entry, index) => [entry.path, blobs[index]]));
  return entries.map(({ path, blobId, sizeBytes }) => {
    const shown = folder === '' ? path : `${folder}/${path}`;
    const bytes = contents.get(path);
    if (!bytes)
      return [
        path,
        failed(blobId, shown, `the file has ${sizeBytes} bytes; the limit is ${MAX_MANIFEST_FILE_BYTES}`),
      ];
    if (bytes.subarray(0, LFS_POINTER.length).equals(LFS_POINTER)) {
      return [
        path,
        failed(blobId, shown, 'this is a Git LFS pointer, not a manifest; keep manifests out of LFS'),
      ];
    }
    // A copy of a file in another place has other origins, so only an unmoved one is taken over.
    const same = known.get(blobId);
    if (same?.manifests[0]?.origin.startsWith(`${shown}:`) && same.errors.length === 0) return [path, same];
    return [path, { blobId, ...input.parse({ path: shown, bytes }) }];
  });
}

function failed(blobId: string, file: string, message: string): RenderedFile {
  return { blobId, manifests: [], errors: [{ file, message }] };
}

function warn(warnings: string[], path: string, selection: Selection): void {
  if (selection !== 'symlink' && selection !== 'submodule') return;
  if (warnings.length < MAX_WARNINGS) warnings.push(`${path}: a ${selection} is not followed`);
}
