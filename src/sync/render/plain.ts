/**
 * Plain YAML and JSON of a folder of a commit. The inputs are the entries that the source's
 * settings select. Only entries that differ from those of the earlier render are read and parsed.
 */
import type { ApplicationSource } from '../../schemas/types.ts';
import { UserError } from '../../base/errors.ts';
import { printable } from '../../base/printable.ts';
import { listNames } from '../../base/text.ts';
import { stableStringify } from '../../base/json.ts';
import { isDefinition } from '../../schemas/custom/index.ts';
import { hiddenContents, reportOrder } from '../../schemas/manifest/index.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { TreeChange, TreeEntry } from '../git/types.ts';
import { isCurrent, keyOfIds } from './inputs.ts';
import { type Selection, compileSelection } from './select-files.ts';
import type { Render, RenderInputs, RenderRequest, RenderedFile, Renderer, SourceTree } from './types.ts';

interface PlainInputs extends RenderInputs {
  readonly treeId: string;
  /** The entries that the source's settings select, by path relative to its folder. */
  readonly entries: ReadonlyMap<string, TreeEntry>;
}

interface PlainRender extends Render {
  /** Files that bring definitions of kinds. */
  readonly defining: ReadonlySet<string>;
  /** Files read with kinds beyond the system's: of definitions in the source or the cluster. */
  readonly extended: ReadonlySet<string>;
  /** The definitions in the source as text; an equal text means equal definitions. */
  readonly definitions: string;
}

/** A mistaken path (`/` of a data set) must not fill memory; 10,000 files are many. */
export const MAX_MANIFEST_FILES = 50_000;
export const MAX_MANIFEST_BYTES = 256 * 1024 * 1024;
export const MAX_MANIFEST_FILE_BYTES = 8 * 1024 * 1024;
/** Files read at a time: parsed before the next are read, so that only these are in memory. */
const READ_BATCH = 200;
const MAX_WARNINGS = 20;

export const plain: Renderer = {
  name: 'Directory',
  detect: async () => true,
  inputs: (tree, source, previous) => plainInputs(tree, source, previous as PlainInputs | undefined),
  render: (request) => renderPlain(request),
};

async function plainInputs(
  tree: SourceTree,
  source: ApplicationSource,
  previous: PlainInputs | undefined,
): Promise<PlainInputs> {
  const { treeId, mirror } = tree;
  if (previous?.treeId === treeId) return previous;
  const select = compileSelection(source.directory);
  // The earlier tree may be gone, if the mirror was made anew. Then everything is listed.
  const changes = previous && (await mirror.changedEntries(previous.treeId, treeId).catch(() => undefined));
  const entries = new Map(changes && previous?.entries);
  let isSame = changes !== undefined;
  for (const { path, entry } of changes ?? (await wholeTree(tree))) {
    if (entries.delete(path)) isSame = false;
    if (!entry || select(entry) === 'other') continue;
    entries.set(path, entry);
    isSame = false;
  }
  if (previous && isSame) return { ...previous, treeId };
  const ids = [...entries].map(([path, { mode, blobId }]) => `${mode} ${blobId} ${path}`);
  return { key: keyOfIds(ids), treeId, entries };
}

async function wholeTree({ mirror, commit, path }: SourceTree): Promise<readonly TreeChange[]> {
  const cut = path === '' ? 0 : path.length + 1;
  return (await mirror.tree(commit, path)).map((entry) => {
    const relative = entry.path.slice(cut);
    return { path: relative, entry: { ...entry, path: relative } };
  });
}

async function renderPlain(request: RenderRequest): Promise<PlainRender> {
  const { source, kindsVersion } = request;
  const { path } = request.tree;
  const inputs = request.inputs as PlainInputs;
  const previous = request.previous as PlainRender | undefined;
  const before = (previous?.inputs as PlainInputs | undefined)?.entries ?? new Map<string, TreeEntry>();
  const select = compileSelection(source.directory);
  const files = new Map(previous?.files);
  const changedPaths = new Set<string>();
  const warnings = new Map(previous?.warnings);
  const toRead: TreeEntry[] = [];
  for (const file of new Set([...before.keys(), ...inputs.entries.keys()])) {
    const entry = inputs.entries.get(file);
    if (isSameEntry(before.get(file), entry)) continue;
    if (files.delete(file)) changedPaths.add(file);
    warnings.delete(file);
    const selection = entry ? select(entry) : 'other';
    if (entry && selection === 'manifest') toRead.push(entry);
    else warn(warnings, file, selection);
  }
  const size = toRead.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (files.size + toRead.length > MAX_MANIFEST_FILES || size > MAX_MANIFEST_BYTES) {
    const limits = `${MAX_MANIFEST_FILES} manifests or ${MAX_MANIFEST_BYTES} bytes`;
    throw new UserError(`Cannot render "${path}": more than ${limits}`);
  }
  const take = (rendered: readonly (readonly [string, RenderedFile])[]): void => {
    for (const [file, result] of rendered) {
      files.set(file, result);
      changedPaths.add(file);
    }
  };
  for (let start = 0; start < toRead.length; start += READ_BATCH)
    take(await readFiles(request, previous, toRead.slice(start, start + READ_BATCH)));
  const defining = pathsWhere(previous?.defining, files, changedPaths, bringsDefinitions);
  const definitions = definitionsIn(defining, files);
  const sameDefinitions =
    previous !== undefined && ![...previous.defining, ...defining].some((file) => changedPaths.has(file));
  const text = sameDefinitions
    ? previous.definitions
    : definitions.map((definition) => stableStringify(definition['spec'])).join('\n');
  const allStale = text !== (previous?.definitions ?? '') || !previous || !isCurrent(previous, kindsVersion);
  const extended = pathsWhere(previous?.extended, files, changedPaths, isExtended);
  const stale = [...extended].filter((file) => allStale || changedPaths.has(file));
  for (let start = 0; start < stale.length; start += READ_BATCH)
    take(await readAgain(request, stale.slice(start, start + READ_BATCH), files, definitions));
  const open = [...extended].some((file) => files.get(file)?.kindsFrom === 'cluster');
  return {
    renderer: plain.name,
    inputs,
    files,
    changedPaths,
    // A render that another one is made from has no errors.
    errors: reportOrder([...changedPaths].flatMap((file) => files.get(file)?.errors ?? [])),
    warnings,
    passedOver: passedOverIn(path, files),
    defining,
    extended,
    definitions: text,
    kindsVersion: open ? kindsVersion : undefined,
  };
}

const isSameEntry = (a: TreeEntry | undefined, b: TreeEntry | undefined): boolean =>
  a === b || (a?.blobId === b?.blobId && a?.mode === b?.mode);

/** The files for which a condition holds. Only changed files are asked again. */
function pathsWhere(
  before: ReadonlySet<string> | undefined,
  files: ReadonlyMap<string, RenderedFile>,
  changed: ReadonlySet<string>,
  holds: (file: RenderedFile) => boolean,
): ReadonlySet<string> {
  const paths = new Set(before);
  for (const path of changed) {
    const file = files.get(path);
    if (file && holds(file)) paths.add(path);
    else paths.delete(path);
  }
  return paths;
}

const bringsDefinitions = ({ manifests }: RenderedFile): boolean =>
  manifests.some(({ object }) => isDefinition(object));
const isExtended = ({ kindsFrom = 'system' }: RenderedFile): boolean => kindsFrom !== 'system';

/** The definitions that the source itself brings. */
function definitionsIn(
  defining: ReadonlySet<string>,
  files: ReadonlyMap<string, RenderedFile>,
): readonly KubeObject[] {
  return [...defining].flatMap((path) =>
    (files.get(path)?.manifests ?? []).map(({ object }) => object).filter(isDefinition),
  );
}

/** Files whose kinds are in other files: read with all definitions at hand. */
async function readAgain(
  { tree: { mirror, path: folder }, parse }: RenderRequest,
  paths: readonly string[],
  files: ReadonlyMap<string, RenderedFile>,
  definitions: readonly KubeObject[],
): Promise<readonly (readonly [string, RenderedFile])[]> {
  const blobIds = paths.map((path) => files.get(path)?.blobId ?? '');
  const blobs = await mirror.readBlobs(blobIds);
  return paths.flatMap((path, index) => {
    const [bytes, blobId] = [blobs[index], blobIds[index]];
    const shown = shownPath(folder, path);
    return bytes && blobId
      ? [[path, { blobId, ...parse({ path: shown, bytes }, definitions) }] as const]
      : [];
  });
}

async function readFiles(
  { tree: { mirror, path: folder }, parse }: RenderRequest,
  previous: Render | undefined,
  entries: readonly TreeEntry[],
): Promise<readonly (readonly [string, RenderedFile])[]> {
  const fits = entries.filter(({ sizeBytes }) => sizeBytes <= MAX_MANIFEST_FILE_BYTES);
  const blobs = await mirror.readBlobs(fits.map(({ blobId }) => blobId));
  const contents = new Map(fits.map((entry, index) => [entry.path, blobs[index]]));
  return entries.map(({ path, blobId, sizeBytes }) => {
    const shown = shownPath(folder, path);
    const bytes = contents.get(path);
    const tooLarge = `the file has ${sizeBytes} bytes; the limit is ${MAX_MANIFEST_FILE_BYTES}`;
    if (!bytes) return [path, failed(blobId, shown, tooLarge)];
    const hidden = hiddenContents(bytes);
    if (hidden) return [path, failed(blobId, shown, hidden.message, hidden.hint)];
    // Only its mode has changed.
    const same = previous?.files.get(path);
    if (same?.blobId === blobId) return [path, same];
    return [path, { blobId, ...parse({ path: shown, bytes }) }];
  });
}

/** Files that are no manifests: how many, and the first of them with the reason. */
function passedOverIn(folder: string, files: ReadonlyMap<string, RenderedFile>): string | undefined {
  const passed = [...files].filter(([, { notManifest }]) => notManifest !== undefined);
  if (passed.length === 0) return undefined;
  const shown = passed.map(([path, { notManifest }]) => `${shownPath(folder, path)} (${notManifest})`).sort();
  const count = passed.length === 1 ? '1 file is no manifest' : `${passed.length} files are no manifests`;
  return `${count} and passed over: ${listNames(shown, MAX_WARNINGS)}`;
}

/** Names of files come from outside, and an error about one is a line. */
const shownPath = (folder: string, path: string): string =>
  printable(folder === '' ? path : `${folder}/${path}`);

function failed(blobId: string, file: string, message: string, hint?: string): RenderedFile {
  return { blobId, manifests: [], errors: [{ file, message, ...(hint === undefined ? {} : { hint }) }] };
}

function warn(warnings: Map<string, string>, path: string, selection: Selection): void {
  if (selection !== 'symlink' && selection !== 'submodule') return;
  if (warnings.size < MAX_WARNINGS) warnings.set(path, `${printable(path)}: a ${selection} is not followed`);
}
