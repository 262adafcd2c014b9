/** Runs `kustomize build` or `kubectl kustomize` over the files of a closure. */
import { basename } from 'node:path';
import { ChildFailure } from '../../../base/child-processes/child-process.ts';
import { TransientError, UserError } from '../../../base/errors.ts';
import { printable } from '../../../base/printable.ts';
import { findProgram, isProgram } from '../find-program.ts';
import { withSandbox } from '../sandbox.ts';
import type { Closure } from './closure.ts';
import type { FileTree } from './file-tree.ts';

export interface KustomizeProgram {
  /** The operator's choice, a path; otherwise the first on PATH counts. */
  readonly binary: string | undefined;
  readonly searchPath: string;
}

export interface KustomizeBuild {
  readonly output: string;
  /** The folder that was built. */
  readonly folder: string;
  /** Its kustomization. */
  readonly top: string;
  readonly keepsOrigins: boolean;
}

/** What a build reads in all; manifests are far smaller. */
const MAX_INPUT_BYTES = 256 * 1024 * 1024;
const MAX_MESSAGE_CHARACTERS = 2_000;
const READ_BATCH = 200;

export type BuildResult = { readonly output: string } | { readonly refusal: string };

/**
 * Answers the words of the program where it refuses the files. Throws UserError where there is no
 * program, and TransientError where it did not come to an end.
 */
export async function buildKustomization(
  program: KustomizeProgram,
  tree: FileTree,
  folder: string,
  closure: Closure,
): Promise<BuildResult> {
  const binary = await binaryOf(program, folder);
  const files = await contentsOf(tree, folder, closure);
  const contents = { files, links: closure.links, folders: [folder] };
  return withSandbox(contents, async ({ run, redact }) => {
    try {
      const command = basename(binary).startsWith('kubectl') ? 'kustomize' : 'build';
      const { searchPath } = program;
      const output = await run({
        ...{ program: binary, searchPath },
        args: (root) => [command, folder === '' ? root : `${root}/${folder}`],
      });
      return { output };
    } catch (error) {
      if (!(error instanceof ChildFailure)) throw error;
      const why = explain(redact(error.reason));
      if (error.isVerdict) return { refusal: why };
      throw new TransientError(`Cannot build "${printable(folder || '.')}": ${why}`, { cause: error });
    }
  });
}

async function contentsOf(
  tree: FileTree,
  folder: string,
  { files, top, topText }: Closure,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  const wanted = [...files.values()];
  let size = 0;
  for (let start = 0; start < wanted.length; start += READ_BATCH) {
    const batch = wanted.slice(start, start + READ_BATCH);
    const blobs = await tree.read(batch.map(({ id }) => id));
    for (const [index, { path }] of batch.entries()) {
      const bytes = path === top ? Buffer.from(topText) : blobs[index];
      if (bytes) contents.set(path, bytes);
      size += bytes?.length ?? 0;
    }
    if (size > MAX_INPUT_BYTES)
      throw new UserError(`Cannot build "${printable(folder)}": it reads more than ${MAX_INPUT_BYTES} bytes`);
  }
  return contents;
}

const NAMES = ['kustomize', 'kubectl'] as const;

async function binaryOf({ binary, searchPath }: KustomizeProgram, folder: string): Promise<string> {
  if (binary !== undefined) {
    if (await isProgram(binary)) return binary;
    throw new UserError(
      `Cannot build "${printable(folder || '.')}": --kustomize-binary "${binary}" is no program`,
    );
  }
  const found = await findProgram(NAMES, searchPath);
  if (found !== undefined) return found;
  throw new UserError(
    `Cannot build "${printable(folder || '.')}": neither kustomize nor kubectl is on PATH; install one of them ` +
      '("go install sigs.k8s.io/kustomize/kustomize/v5@latest"), or name it with --kustomize-binary',
  );
}

/** The last words of the program, in a line. */
function explain(said: string): string {
  const text = printable(said.replace(/^error:\s*/i, '').replace(/\s*\n\s*/g, ': ')).slice(
    0,
    MAX_MESSAGE_CHARACTERS,
  );
  return text.includes('unknown field "buildMetadata"')
    ? 'this kustomize is older than 4.5 (kubectl 1.24); install a newer one, or name it with --kustomize-binary'
    : text;
}
