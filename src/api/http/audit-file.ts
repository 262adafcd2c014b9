/**
 * A file of lines that does not grow without bound: when it is full it is set aside (`audit.log.1`, the older ones behind
 * it) and the oldest goes. Writing costs the caller an append to an array; the file is written a moment later.
 */
import { open, type FileHandle, rename, stat } from 'node:fs/promises';
import type { Clock, Timer } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';

export interface AuditFile extends AsyncDisposable {
  write(line: string): void;
}

export interface AuditFileOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly maxFileBytes?: number;
}

const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** With the current one: 320 MiB at most. */
const OLD_FILES = 4;
const FLUSH_AFTER_MS = 500;
/** So much waits for a slow disk; beyond it lines are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Names, addresses and programs of users are nobody else's business. */
const MODE = 0o600;

export async function openAuditFile(options: AuditFileOptions): Promise<AuditFile> {
  const { path, clock, logger } = options;
  const maxFileBytes = options.maxFileBytes ?? MAX_FILE_BYTES;
  let handle: FileHandle = await open(path, 'a', MODE);
  let fileBytes = (await handle.stat()).size;
  let waiting: string[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let timer: Timer | undefined;
  let writing: Promise<void> | undefined;
  let closed = false;

  async function setAside(): Promise<void> {
    for (let age = OLD_FILES; age > 0; age -= 1) {
      const from = age === 1 ? path : `${path}.${age - 1}`;
      if (await stat(from).catch(() => undefined)) await rename(from, `${path}.${age}`);
    }
    const full = handle;
    handle = await open(path, 'a', MODE);
    fileBytes = 0;
    await full.close();
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const bytes = Buffer.from(waiting.join(''));
      waiting = [];
      waitingBytes = 0;
      try {
        if (fileBytes > 0 && fileBytes + bytes.length > maxFileBytes) await setAside();
        await handle.appendFile(bytes);
        fileBytes += bytes.length;
      } catch (error) {
        logger.error({ path, error: errorMessage(error) }, 'Cannot write the audit log; lines are lost');
        return;
      }
      if (dropped > 0) logger.error({ path, lines: dropped }, 'The audit log cannot follow; lines were lost');
      dropped = 0;
    }
  }

  function flush(): Promise<void> {
    timer?.cancel();
    timer = undefined;
    writing ??= drain().finally(() => {
      writing = undefined;
      if (waiting.length > 0 && !closed) plan();
    });
    return writing;
  }

  function plan(): void {
    timer ??= clock.setTimer(() => void flush(), FLUSH_AFTER_MS);
  }

  return {
    write(line) {
      if (closed) return;
      if (waitingBytes > MAX_WAITING_BYTES) {
        dropped += 1;
        return;
      }
      waiting.push(line);
      waitingBytes += line.length;
      if (!writing) plan();
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await flush();
      await flush();
      await handle.close();
    },
  };
}
