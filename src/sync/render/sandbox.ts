/**
 * A private folder for one run of a program: exactly the files that it may read, a home of its own,
 * no network and no other environment. Links are made anew and lead to places inside. The folder is
 * removed when the run ends; those of a process that was killed are removed by the next one.
 */
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { readChild } from '../../base/child-processes/child-process.ts';
import { makeDirectory } from '../../base/make-directory.ts';

export interface SandboxFiles {
  /** Paths below the root of the repository; none of them leads through a link. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** By path: the path where the link leads. */
  readonly links: ReadonlyMap<string, string>;
  /** Folders that are there even if they are empty. */
  readonly folders: readonly string[];
}

export interface Run {
  readonly program: string;
  /** PATH, for what starts the program with its limits. */
  readonly searchPath: string;
  /** Receives the folder that the files are in. */
  readonly args: (root: string) => readonly string[];
}

export interface Sandbox {
  /** The output. Rejects with a ChildFailure. */
  run(run: Run): Promise<string>;
  /** Takes the folder's own path out of a text of the program. */
  redact(text: string): string;
}

const PREFIX = 'symphony-render-';
/** A build of thousands of objects takes seconds. */
const TIMEOUT_MS = 60_000;
/** For the data of one program. */
const MEMORY_BYTES = 1024 * 1024 * 1024;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Nothing answers there, should the program have a network after all. */
const NOWHERE = 'http://127.0.0.1:9';

export async function withSandbox<T>(
  contents: SandboxFiles,
  work: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  await (swept ??= sweep());
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  try {
    const [root, home] = [join(folder, 'repository'), join(folder, 'home')];
    await mkdir(root);
    await mkdir(home);
    await fill(root, contents);
    return await work({
      run: async ({ program, searchPath, args }) =>
        readChild('render', program, args(root), {
          cwd: root,
          env: environmentIn(home, searchPath),
          timeoutMs: TIMEOUT_MS,
          maxAnswerBytes: MAX_OUTPUT_BYTES,
          limits: { memoryBytes: MEMORY_BYTES, fileBytes: MAX_FILE_BYTES, network: 'none' },
        }),
      redact: (text) => text.replaceAll(`${root}/`, '').replaceAll(root, '.'),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fill(root: string, { files, links, folders }: SandboxFiles): Promise<void> {
  const made = new Set<string>();
  const makeFolder = async (path: string): Promise<void> => {
    if (made.has(path)) return;
    made.add(path);
    await makeDirectory(join(root, path), 0o700);
  };
  for (const path of folders) await makeFolder(path);
  for (const [path, bytes] of files) {
    await makeFolder(dirname(path));
    await writeFile(join(root, path), bytes, { flag: 'wx' });
  }
  for (const [path, target] of links) {
    await makeFolder(dirname(path));
    await symlink(relative(dirname(join(root, path)), join(root, target)) || '.', join(root, path));
  }
}

function environmentIn(home: string, searchPath: string): Readonly<Record<string, string>> {
  return {
    PATH: searchPath,
    HOME: home,
    TMPDIR: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_CACHE_HOME: join(home, 'cache'),
    XDG_DATA_HOME: join(home, 'data'),
    KUBECONFIG: join(home, 'kubeconfig'),
    GIT_ALLOW_PROTOCOL: 'none',
    GOMAXPROCS: '2',
    ...Object.fromEntries(['HTTP', 'HTTPS', 'ALL'].map((name) => [`${name}_PROXY`, NOWHERE])),
  };
}

let swept: Promise<void> | undefined;

async function sweep(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  for (const name of names) {
    const [, pid] = /^symphony-render-(\d+)-\w+$/.exec(name) ?? [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    // That of another user stays.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
