/**
 * Finds manifests on the local disk: files as named, directories recursively (`.yaml`, `.yml`,
 * `.json`), `-` for standard input. As in a sync, symbolic links are not followed, and hidden files
 * and folders are not read. Sorted, bounded.
 */
import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { errorMessage, UserError } from '../base/errors.ts';
import { defaultManifestLimits, hasToolName, isManifestPath } from '../schemas/manifest/index.ts';

export interface FoundFile {
  readonly path: string;
  /** The path on the command line that led here. */
  readonly root: string;
  /** Named on the command line, and so expected to be a manifest. */
  readonly named: boolean;
}

export interface FoundFiles {
  readonly files: readonly FoundFile[];
  /** Symbolic links that have the name of a manifest. */
  readonly links: readonly string[];
}

/** More files than any repository of manifests has; a hint that the wrong directory was named. */
const MAX_FILES = 100_000;

export async function findManifestFiles(paths: readonly string[]): Promise<FoundFiles> {
  const found = { files: [] as FoundFile[], links: [] as string[] };
  for (const path of paths) {
    if (path === '-') {
      found.files.push({ path, root: path, named: true });
      continue;
    }
    let isDirectory: boolean;
    try {
      isDirectory = (await stat(path)).isDirectory();
    } catch (error) {
      throw new UserError(`cannot read "${path}": ${errorMessage(error)}`, { cause: error });
    }
    if (isDirectory) await walk(path, path, found);
    else found.files.push({ path, root: path, named: true });
  }
  return found;
}

async function walk(
  directory: string,
  root: string,
  found: { readonly files: FoundFile[]; readonly links: string[] },
): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) await walk(path, root, found);
    if (!isManifestPath(entry.name)) continue;
    if (found.files.length + found.links.length >= MAX_FILES)
      throw new UserError(`more than ${MAX_FILES} files below "${root}"`);
    const isLink = entry.isSymbolicLink();
    if (entry.isFile() || (isLink && hasToolName(entry.name))) found.files.push({ path, root, named: false });
    else if (isLink) found.links.push(path);
  }
}

/** The complaint about a path below which nothing is a manifest. */
export const noManifests = (root: string, files: number): string =>
  `no manifests found below "${root}"${files === 0 ? '' : `: ${files} YAML or JSON ${files === 1 ? 'file holds' : 'files hold'} none`}`;

/** Reads at most one byte more than a manifest may have: the reader refuses it by its size. */
export async function readManifestFile(path: string, stdin: Readable): Promise<Uint8Array> {
  const limit = defaultManifestLimits.maxFileBytes;
  try {
    if (path === '-') return await readAtMost(stdin, limit + 1);
    const status = await lstat(path);
    // A size that is refused anyway is not read into memory.
    return status.size > limit ? new Uint8Array(limit + 1) : await readFile(path);
  } catch (error) {
    throw new UserError(`cannot read "${path}": ${errorMessage(error)}`, { cause: error });
  }
}

async function readAtMost(stream: Readable, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array);
    chunks.push(bytes);
    size += bytes.length;
    if (size >= limit) break;
  }
  return Buffer.concat(chunks).subarray(0, limit);
}
