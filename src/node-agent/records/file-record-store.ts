/**
 * {@link RecordStore} with one file per pod, replaced atomically. A full disk keeps the older record,
 * with a warning; a damaged file costs that one record.
 */
import { open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectory } from '../../base/make-directory.ts';
import { goWords } from '../../base/go-words.ts';
import { isRecord } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import type { PodRecord, RecordStore } from '../ports.ts';

/** A uid is the file's name: nothing that could lead out of the directory. */
const SAFE_UID = /^[A-Za-z0-9-]{1,64}$/;
const MEMORY_FILE = 'agent.json';

interface Write {
  /** Undefined to remove the file. */
  readonly content: string | undefined;
  readonly durable: boolean;
}

/** `syncs`: whether a durable record waits for the disk. */
export function createFileRecordStore(
  directory: string,
  parentLogger: Logger,
  { syncs } = { syncs: true },
): RecordStore {
  const logger = parentLogger.child({ component: 'records' });
  const podDirectory = join(directory, 'pods');
  /** Writes of one file in order; the newest content wins. */
  const waiting = new Map<string, Write>();
  const active = new Map<string, Promise<Error | undefined>>();

  const fileOf = (uid: string): string | undefined =>
    SAFE_UID.test(uid) ? join(podDirectory, `${uid}.json`) : undefined;

  /** Resolves with the failure of the newest content, if it could not be written. */
  function put(file: string, content: string | undefined, durable = false): Promise<Error | undefined> {
    waiting.set(file, { content, durable: syncs && (durable || waiting.get(file)?.durable === true) });
    const running = active.get(file) ?? drain(file);
    active.set(file, running);
    return running;
  }

  async function drain(file: string): Promise<Error | undefined> {
    let failure: Error | undefined;
    try {
      for (let next = waiting.get(file); next; next = waiting.get(file)) {
        waiting.delete(file);
        failure = await writeOne(file, next);
      }
      return failure;
    } finally {
      active.delete(file);
    }
  }

  async function writeOne(file: string, { content, durable }: Write): Promise<Error | undefined> {
    try {
      if (content === undefined) {
        await rm(file, { force: true });
        return undefined;
      }
      await makeDirectory(podDirectory, 0o700);
      const temporary = `${file}.tmp`;
      {
        await using handle = await open(temporary, 'w', 0o600);
        await handle.writeFile(content);
        if (durable) await handle.sync();
      }
      await rename(temporary, file);
      if (!durable) return undefined;
      await using directory = await open(dirname(file), 'r');
      await directory.sync();
      return undefined;
    } catch (error) {
      logger.warn({ file, error: goWords(error) }, 'Cannot keep a local record');
      return error as Error;
    }
  }

  async function read(file: string): Promise<unknown> {
    try {
      return JSON.parse(await readFile(file, 'utf8')) as unknown;
    } catch (error) {
      if (!isRecord(error) || error['code'] !== 'ENOENT')
        logger.warn({ file, error: goWords(error) }, 'Cannot read a local record, leaving it out');
      return undefined;
    }
  }

  return {
    async loadPods() {
      const names = await readdir(podDirectory).catch((): string[] => []);
      const files = names.filter((name) => name.endsWith('.json')).sort();
      const values = await Promise.all(files.map((name) => read(join(podDirectory, name))));
      return values.filter(isPodRecord);
    },
    async savePod(uid, record, durable) {
      const file = fileOf(uid);
      if (file === undefined) return;
      const failure = await put(file, JSON.stringify(record), durable);
      if (durable === true && failure !== undefined) throw failure;
    },
    async deletePod(uid) {
      const file = fileOf(uid);
      if (file !== undefined) await put(file, undefined);
    },
    async loadMemory() {
      const value = await read(join(directory, MEMORY_FILE));
      return isRecord(value) ? value : {};
    },
    async saveMemory(memory) {
      await put(join(directory, MEMORY_FILE), JSON.stringify(memory));
    },
  };
}

function isPodRecord(value: unknown): value is PodRecord {
  if (!isRecord(value) || !isRecord(value['pod'])) return false;
  const { metadata, spec } = value['pod'];
  return isRecord(metadata) && typeof metadata['uid'] === 'string' && isRecord(spec);
}
