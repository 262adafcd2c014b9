/**
 * The files that a build reads: the kustomization of a folder, everything that it refers to, and so
 * on through bases and components. What is missing, remote or out of the repository is a problem
 * that names the file and the field, so that the build itself never has a reason to fetch anything.
 */
import { posix } from 'node:path';
import { stableStringify } from '../../../base/json.ts';
import { printable } from '../../../base/printable.ts';
import { asList, asRecord, type Fields } from '../../../schemas/json-access.ts';
import { readYamlDocument } from '../../../schemas/manifest/index.ts';
import type { ManifestError } from '../../../schemas/manifest/types.ts';
import type { KustomizeSettings } from '../../../schemas/types.ts';
import { applySettings } from './apply-settings.ts';
import { FOLDER, type FileTree, type Found, type Trail, lookUp } from './file-tree.ts';
import {
  KUSTOMIZATION_NAMES,
  type Reference,
  isRemote,
  referencesOf,
  referencesOfPlugin,
} from './kustomization.ts';

export interface Closure extends Trail {
  /** By path without links. */
  readonly files: ReadonlyMap<string, Found>;
  /** The kustomization of the folder; undefined where there is none. */
  readonly top: string | undefined;
  /** The contents that the top has in the build. */
  readonly topText: string;
  /** The kustomization asks itself that objects tell their origin. */
  readonly keepsOrigins: boolean;
  readonly problems: readonly ManifestError[];
}

/** Kustomizations refer to dozens of files. */
const MAX_FILES = 10_000;
/** A mistaken kustomization has one mistake, or many of the same kind. */
const MAX_PROBLEMS = 50;
/** Marks each object of the output with the file that it comes from. */
const ORIGINS = 'originAnnotations';

interface Work {
  readonly tree: FileTree;
  readonly trail: Trail;
  readonly files: Map<string, Found>;
  readonly problems: ManifestError[];
  /** Folders and files that were read for their references. */
  readonly read: Set<string>;
  settings: KustomizeSettings | undefined;
  top: string | undefined;
  topText: string;
  keepsOrigins: boolean;
}

export async function findClosure(
  tree: FileTree,
  folder: string,
  settings: KustomizeSettings | undefined,
): Promise<Closure> {
  const trail: Trail = { links: new Map(), folders: new Set([folder]) };
  const work: Work = {
    ...{ tree, trail, settings },
    files: new Map(),
    problems: [],
    read: new Set(),
    top: undefined,
    topText: '',
    keepsOrigins: false,
  };
  await readFolder(work, folder, undefined);
  const { files, problems, top, topText, keepsOrigins } = work;
  return { ...trail, files, problems, top, topText, keepsOrigins };
}

/** The names of kustomizations in a folder. */
export async function kustomizationsIn(tree: FileTree, folder: string): Promise<readonly string[]> {
  const entries = await tree.folder(folder);
  return KUSTOMIZATION_NAMES.filter((name) => entries?.has(name));
}

const inFolder = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`);

/** `because`: the reference that led here; none for the folder of the source. */
async function readFolder(work: Work, folder: string, because: Because | undefined): Promise<void> {
  if (work.read.has(folder)) return;
  work.read.add(folder);
  work.trail.folders.add(folder);
  const names = await kustomizationsIn(work.tree, folder);
  const [name] = names;
  if (name === undefined || names.length > 1) {
    const what = name === undefined ? `no ${KUSTOMIZATION_NAMES.join(', ')}` : names.join(' and ');
    const hint = name === undefined ? 'add one, or name another folder' : 'keep one of them';
    return addProblem(work, because, folder, `folder "${printable(folder || '.')}" has ${what}`, hint);
  }
  const path = inFolder(folder, name);
  const found = await lookUp(work.tree, work.trail, folder, name);
  if ('missing' in found) return addProblem(work, because, path, `"${printable(path)}" ${found.missing}`);
  work.files.set(found.path, found);
  const [bytes = Buffer.alloc(0)] = await work.tree.read([found.id]);
  const document = readYamlDocument({ path: printable(path), bytes });
  if ('error' in document) return void work.problems.push(document.error);
  const isTop = because === undefined;
  let kustomization = asRecord(document.value);
  if (isTop) {
    work.top = found.path;
    kustomization = await edited(work, folder, kustomization);
    work.topText = stableStringify(kustomization);
  }
  const { references, refusals } = referencesOf(kustomization);
  for (const refusal of refusals) problemAt(work, path, undefined, refusal);
  const isPlugin = because?.reference.as === 'plugin';
  for (const reference of references) {
    const followed: Reference =
      isPlugin && reference.as === 'manifest' ? { ...reference, as: 'plugin' } : reference;
    await follow(work, { reference: followed, path, folder, locate: document.locate });
  }
}

async function edited(work: Work, folder: string, kustomization: Fields): Promise<Fields> {
  const { settings } = work;
  const components: string[] = [];
  for (const component of settings?.components ?? []) {
    const found = await lookUp(work.tree, work.trail, folder, component);
    if (!('missing' in found) || !settings?.ignoreMissingComponents) components.push(component);
  }
  const changed = settings ? applySettings(kustomization, settings, components) : kustomization;
  const metadata = asList(changed['buildMetadata']);
  work.keepsOrigins = metadata.includes(ORIGINS);
  return { ...changed, buildMetadata: [...new Set([...metadata, ORIGINS])] };
}

interface Because {
  readonly reference: Reference;
  /** The file that refers. */
  readonly path: string;
  readonly folder: string;
  readonly locate?: (path: string) => { readonly line: number; readonly column: number };
}

async function follow(work: Work, because: Because): Promise<void> {
  const { reference, folder } = because;
  const { as, path, mayBeInline } = reference;
  const { links, folders } = work.trail;
  const trail = { links: new Map<string, string>(), folders };
  const found = await lookUp(work.tree, trail, folder, path);
  if ('missing' in found) {
    if (mayBeInline && (as === 'data' || path.includes(':'))) return;
    const what = `${reference.field}: "${printable(path)}"`;
    if (isRemote(path))
      return addProblem(
        work,
        because,
        because.path,
        `${what} is an address; nothing is fetched for a build`,
        'commit a copy, and name its path',
      );
    return addProblem(work, because, because.path, `${what} ${found.missing}`);
  }
  for (const [link, target] of trail.links) links.set(link, target);
  if (found.mode === FOLDER) {
    if (as === 'data')
      return addProblem(work, because, because.path, `${reference.field}: "${printable(path)}" is a folder`);
    return readFolder(work, found.path, because);
  }
  if (work.files.size >= MAX_FILES && !work.files.has(found.path))
    return addProblem(work, because, because.path, `the build reads more than ${MAX_FILES} files`);
  work.files.set(found.path, found);
  if (as === 'plugin') await readPlugin(work, found, because);
}

async function readPlugin(work: Work, found: Found, because: Because): Promise<void> {
  if (work.read.has(found.path)) return;
  work.read.add(found.path);
  const [bytes = Buffer.alloc(0)] = await work.tree.read([found.id]);
  const document = readYamlDocument({ path: printable(found.path), bytes });
  // The build says what is wrong with it.
  if ('error' in document) return;
  const folder = posix.dirname(found.path) === '.' ? '' : posix.dirname(found.path);
  for (const reference of referencesOfPlugin(document.value)) {
    // Paths are relative to the kustomization.
    await follow(work, { reference, path: found.path, folder: because.folder });
    if (folder !== because.folder) await follow(work, { reference, path: found.path, folder });
  }
}

function addProblem(
  work: Work,
  because: Because | undefined,
  path: string,
  message: string,
  hint?: string,
): void {
  const place = because?.locate?.(because.reference.field);
  problemAt(work, because?.path ?? path, place, message, hint);
}

function problemAt(
  work: Work,
  path: string,
  place: { readonly line: number; readonly column: number } | undefined,
  message: string,
  hint?: string,
): void {
  if (work.problems.length >= MAX_PROBLEMS) return;
  work.problems.push({
    file: printable(path),
    ...place,
    message,
    ...(hint === undefined ? {} : { hint }),
  });
}
