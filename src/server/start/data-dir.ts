/** The data directory: everything that outlives the process. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { goWords } from '../../base/go-words.ts';
import { makeDirectory } from '../../base/make-directory.ts';
import { readIfThere } from '../../base/private-file.ts';

export interface DataDir {
  readonly root: string;
  /** Shared by all API servers of the cluster; the root, unless given. */
  readonly identity: string;
  /** Where this server's own certificate lies. */
  readonly serving: string;
  readonly redis: string;
  readonly tls: string;
  readonly mirrors: string;
  readonly kubeconfig: string;
  /** The agent's own state, by node name. */
  agent(nodeName: string): string;
  read(name: string): Promise<string | undefined>;
  /** Atomic; mode 0600. */
  write(name: string, text: string): Promise<void>;
}

/** Throws UserError where the directory of that flag cannot be made. */
export async function makeDataDir(directory: string, flag = '--data-dir'): Promise<void> {
  try {
    await makeDirectory(directory, 0o700);
  } catch (error) {
    const message = `Cannot use "${directory}": ${goWords(error)}; choose another ${flag}`;
    throw new UserError(message, { cause: error });
  }
}

/** Throws UserError where one of the directories cannot be made. */
export async function openDataDir(root: string, identity = root): Promise<DataDir> {
  await makeDataDir(root);
  if (identity !== root) await makeDataDir(identity, '--identity-dir');
  return {
    root,
    identity,
    serving: join(root, 'tls'),
    redis: join(root, 'redis'),
    tls: join(identity, 'tls'),
    mirrors: join(root, 'git'),
    kubeconfig: join(root, 'kubeconfig'),
    agent: (nodeName) => join(root, 'agents', nodeName),
    read: (name) => readIfThere(join(root, name)),
    async write(name, text) {
      const temporary = join(root, `.${name}.tmp`);
      await writeFile(temporary, text, { mode: 0o600 });
      await rename(temporary, join(root, name));
    },
  };
}
