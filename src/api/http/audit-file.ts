/**
 * A file of lines with a bounded size: a full one is set aside (`audit.log.1`), and the oldest is
 * removed. Lines are copied at once and written a moment later: thousands of texts that wait for
 * the disk would cost the garbage collector more.
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
const BLOCK_BYTES = 64 * 1024;
/** Bytes of UTF-8 for one UTF-16 code unit. */
const MAX_BYTES_PER_UNIT = 3;
/** Bytes that wait for a slow disk; beyond it lines are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Names, addresses and programs of users are private. */
const MODE = 0o600;

export async function openAuditFile(options: AuditFileOptions): Promise<AuditFile> {
  const { path, clock, logger } = options;
  const maxFileBytes = options.maxFileBytes ?? MAX_FILE_BYTES;
  let handle: FileHandle = await open(path, 'a', MODE);
  let fileBytes = (await handle.stat()).size;
  /** Full blocks that wait to be written; `block` is being filled. */
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let used = 0;
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

  function seal(): void {
    if (used === 0) return;
    waiting.push(block.subarray(0, used));
    block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
    used = 0;
  }

  async function drain(): Promise<void> {
    for (seal(); waiting.length > 0; seal()) {
      const bytes = Buffer.concat(waiting);
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
      if (waitingBytes > 0 && !closed) plan();
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
      const most = line.length * MAX_BYTES_PER_UNIT;
      if (used + most > BLOCK_BYTES) seal();
      if (most > BLOCK_BYTES) waiting.push(Buffer.from(line));
      else used += block.write(line, used);
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
