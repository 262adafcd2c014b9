/**
 * Keeps the ConfigMaps, Secrets and tokens of a pod as the API gave them last. While there is no
 * control plane, a container that crashes is made again from them.
 *
 * Each has one file below the pod's own directory, readable by the agent's user only. An object
 * that the API does not have any more is forgotten. A file that cannot be written or read counts as
 * not kept.
 */
import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../../base/make-directory.ts';
import { errorMessage, levelOf } from '../../base/errors.ts';
import { goWords } from '../../base/go-words.ts';
import { isRecord } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import { podDirectory } from '../volumes/plan-volumes.ts';

export interface KeptSources {
  /**
   * Answers `read`'s object, or the kept one if `read` fails. Undefined: there is none. Rejects
   * with the failure of `read` if nothing is kept.
   */
  through<T extends KubeObject>(podUid: string, name: string, read: () => Promise<T>): Promise<T | undefined>;
  /** The pod's directory is gone. */
  forget(podUid: string): void;
}

const DIRECTORY = 'sources';

export function createKeptSources(podsDir: string, parentLogger: Logger): KeptSources {
  const logger = parentLogger.child({ component: 'kept-sources' });
  /** The digest of each file on the disk. An unchanged object is not written again. */
  const written = new Map<string, string>();
  let writes = 0;

  // Names come from manifests: a digest of them can lead nowhere.
  const fileOf = (podUid: string, name: string): string =>
    join(podDirectory(podsDir, podUid), DIRECTORY, createHash('sha256').update(name).digest('hex'));

  async function keep(file: string, value: KubeObject): Promise<void> {
    const text = JSON.stringify(value);
    const digest = createHash('sha256').update(text).digest('hex');
    if (written.get(file) === digest) return;
    writes += 1;
    const temporary = `${file}.${writes}.tmp`;
    try {
      await makeDirectory(join(file, '..'), 0o700);
      await writeFile(temporary, text, { mode: 0o600 });
      await rename(temporary, file);
      written.set(file, digest);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      logger.warn({ file, error: goWords(error) }, 'Cannot keep what a pod is made of');
    }
  }

  async function recall(file: string): Promise<KubeObject | undefined> {
    try {
      const value = JSON.parse(await readFile(file, 'utf8')) as unknown;
      return isRecord(value) ? (value as unknown as KubeObject) : undefined;
    } catch {
      return undefined;
    }
  }

  return {
    async through<T extends KubeObject>(podUid: string, name: string, read: () => Promise<T>) {
      const file = fileOf(podUid, name);
      try {
        const value = await read();
        await keep(file, value);
        return value;
      } catch (error) {
        if (isStatusError(error, 'NotFound')) {
          written.delete(file);
          await rm(file, { force: true }).catch(() => undefined);
          return undefined;
        }
        const last = await recall(file);
        if (!last) throw error;
        logger[levelOf(error, 'info')](
          { podUid, name, error: errorMessage(error) },
          'Using what was kept of a source',
        );
        return last as T;
      }
    },
    forget(podUid) {
      const prefix = `${podDirectory(podsDir, podUid)}/`;
      for (const file of written.keys()) if (file.startsWith(prefix)) written.delete(file);
    },
  };
}
