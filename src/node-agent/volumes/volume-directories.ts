/**
 * The directories of local volumes that this agent makes, all in one directory. Beside each lies
 * its record, the PersistentVolume: after the control plane lost its history, the volumes come back
 * from these records (docs/STORAGE.md).
 *
 * A directory is made once. When its record is there and it is not, its disk is missing or somebody
 * removed it: an empty directory in its place would pass for the data.
 */
import { chmod, mkdir, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { goWords } from '../../base/go-words.ts';
import { isRecord, parsedJson } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { makeDirectory } from '../../base/make-directory.ts';
import { readIfThere, writePrivateFile } from '../../base/private-file.ts';
import { createSlots, type Slots } from '../../base/slots.ts';
import type { PersistentVolume } from '../../schemas/types.ts';
import { toBytes } from '../../schemas/values/quantity.ts';
import { isCode } from '../files/held-directory.ts';
import { removeTree } from '../files/remove-tree.ts';
import { isOwnVolume, recordOf } from './plan-claim-volume.ts';
import { settleVolume } from './restore-places.ts';
import { createProjectQuotas, type ProjectQuotas } from './project-quotas.ts';

export interface VolumeDirectories {
  /** The directory that holds them. Invented where there is no disk. */
  readonly root: string;
  /** The size of its file system; undefined where it cannot be read. */
  capacityBytes(): Promise<number | undefined>;
  /** Why sizes are no limits here; undefined where they are. */
  limitProblem(): Promise<string | undefined>;
  /** Makes the volume's directory and its record. Throws for a volume that is not this agent's. */
  ensure(volume: PersistentVolume): Promise<void>;
  /** Ends a restore that another process has broken off (restore-places.ts). */
  settle(volume: PersistentVolume): Promise<void>;
  /** Brings the record of a directory up to date, if there is one. */
  note(volume: PersistentVolume): Promise<void>;
  recorded(): Promise<readonly PersistentVolume[]>;
  /** Removes directory and record, also when a part of them is gone already. */
  remove(volume: PersistentVolume): Promise<void>;
  /** Removes the record. The data stays, and is not reported any more. */
  forget(volume: PersistentVolume): Promise<void>;
}

/** Pods of any user write there. The directory above keeps the host's other users out. */
const SHARED_MODE = 0o777;
/** The engine's user must pass through, and other users must not list. */
const ROOT_MODE = 0o711;
const RECORD = '.json';

export interface VolumeDirectoriesOptions {
  readonly root: string;
  readonly logger: Logger;
  readonly quotas?: ProjectQuotas;
}

export function createVolumeDirectories(options: VolumeDirectoriesOptions): VolumeDirectories {
  const { root } = options;
  const logger = options.logger.child({ component: 'volumes' });
  const { quotas = createProjectQuotas({ root, rootMode: ROOT_MODE, logger }) } = options;
  /** The limits that this process has set, in bytes, by the volume's name. */
  const limits = new Map<string, number>();
  /** Names of volumes in which only this process can have broken off a restore. */
  const settled = new Set<string>();
  /** One thing at a time happens to a volume. */
  const locks = new Map<string, Slots>();
  function locked<T>({ metadata: { name } }: PersistentVolume, work: () => Promise<T>): Promise<T> {
    const slots = locks.get(name) ?? createSlots(1);
    locks.set(name, slots);
    return slots.run(work).finally(() => {
      if (slots.taken === 0) locks.delete(name);
    });
  }
  const recordPath = (name: string): string => join(root, `${name}${RECORD}`);
  const pathOf = (volume: PersistentVolume): string => {
    const { name } = volume.metadata;
    if (!isOwnVolume(volume, root))
      throw new Error(`the volume "${name}" is not one of the directory "${root}"`);
    return join(root, name);
  };

  async function readRecord(name: string): Promise<PersistentVolume | undefined> {
    const value = parsedJson((await readIfThere(recordPath(name))) ?? '');
    return isVolume(value) && isOwnVolume(value, root) && value.metadata.name === name ? value : undefined;
  }

  async function writeRecord(volume: PersistentVolume): Promise<void> {
    const text = `${JSON.stringify(recordOf(volume))}\n`;
    const path = recordPath(volume.metadata.name);
    if ((await readIfThere(path)) !== text) await writePrivateFile(path, text);
  }

  async function keepLimit({ metadata: { name }, spec }: PersistentVolume): Promise<void> {
    const bytes = toBytes(spec.capacity?.['storage']);
    if (bytes === 0 || limits.get(name) === bytes) return;
    await quotas.limit(join(root, name), bytes);
    limits.set(name, bytes);
  }

  async function settle(volume: PersistentVolume): Promise<void> {
    const { name } = volume.metadata;
    if (settled.has(name)) return;
    await settleVolume(pathOf(volume));
    settled.add(name);
  }

  async function make(volume: PersistentVolume): Promise<void> {
    const path = pathOf(volume);
    const isThere = await isDirectory(path);
    const record = await readIfThere(recordPath(volume.metadata.name));
    if (!isThere) {
      if (record !== undefined)
        throw new Error(`path "${path}" does not exist: it was made before, and its data is missing`);
      await makeDirectory(root, ROOT_MODE);
      await mkdir(path, { mode: SHARED_MODE });
      // The umask has cut the mode.
      await chmod(path, SHARED_MODE);
    }
    await settle(volume);
    if (record === undefined) await quotas.allot(path);
    // The plan of a pod is as old as the pod; the record follows the volume.
    await keepLimit((await readRecord(volume.metadata.name)) ?? volume);
    // Only now: with a record, a missing directory means lost data.
    if (record === undefined) await writeRecord(volume);
  }

  async function removeOwn(volume: PersistentVolume): Promise<void> {
    const path = pathOf(volume);
    const record = await readRecord(volume.metadata.name);
    if (record !== undefined && record.metadata.uid !== volume.metadata.uid)
      throw new Error(
        `the directory "${path}" belongs to the volume with uid ${record.metadata.uid ?? ''}; its data is kept`,
      );
    // The directory names its project.
    if (await isDirectory(path)) await quotas.release(path);
    limits.delete(volume.metadata.name);
    settled.delete(volume.metadata.name);
    await removeTree(path);
    await rm(recordPath(volume.metadata.name), { force: true });
  }

  return {
    root,
    async capacityBytes() {
      // Until the first volume there is only the directory above.
      const found = await statfs(root).catch(() => statfs(join(root, '..')).catch(() => undefined));
      return found && found.blocks * found.bsize;
    },
    limitProblem: quotas.problem,
    ensure: (volume) => locked(volume, () => make(volume)),
    settle: (volume) => locked(volume, () => settle(volume)),
    note: (volume) =>
      locked(volume, async () => {
        if (!isOwnVolume(volume, root) || !(await isDirectory(pathOf(volume)))) return;
        await writeRecord(volume);
        await keepLimit(volume);
      }),
    async recorded() {
      const files = await readdir(root).catch((error: unknown): string[] => {
        if (!isCode(error, 'ENOENT'))
          logger.warn({ error: goWords(error) }, 'Cannot read the records of volumes');
        return [];
      });
      const names = files
        .filter((file) => file.endsWith(RECORD))
        .map((file) => file.slice(0, -RECORD.length));
      const found = await Promise.all(
        names.sort().map(async (name) => {
          const record = await readRecord(name).catch(() => undefined);
          if (!record) logger.warn({ file: recordPath(name) }, 'Cannot use the record of a volume');
          return record ?? [];
        }),
      );
      return found.flat();
    },
    remove: (volume) => locked(volume, () => removeOwn(volume)),
    forget: (volume) =>
      locked(volume, async () => {
        if (isOwnVolume(volume, root)) await rm(recordPath(volume.metadata.name), { force: true });
      }),
  };
}

/** Directories of a node without a disk: they exist once they were used. */
export function createMemoryDirectories(root: string): VolumeDirectories {
  const records = new Map<string, PersistentVolume>();
  const put = (volume: PersistentVolume): void => void records.set(volume.metadata.name, recordOf(volume));
  return {
    root,
    // Kubernetes' quantities end near 2^63; hollow nodes have room for everything.
    capacityBytes: async () => Number.MAX_SAFE_INTEGER,
    limitProblem: async () => 'the node has no disk',
    ensure: async (volume) => put(volume),
    settle: async () => undefined,
    note: async (volume) => {
      if (records.has(volume.metadata.name)) put(volume);
    },
    recorded: async () => [...records.values()],
    remove: async ({ metadata }) => void records.delete(metadata.name),
    forget: async ({ metadata }) => void records.delete(metadata.name),
  };
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      if (isCode(error, 'ENOENT')) return false;
      throw error;
    },
  );

function isVolume(value: unknown): value is PersistentVolume {
  if (!isRecord(value) || value['kind'] !== 'PersistentVolume') return false;
  const { metadata, spec } = value;
  return isRecord(metadata) && typeof metadata['name'] === 'string' && isRecord(spec);
}
