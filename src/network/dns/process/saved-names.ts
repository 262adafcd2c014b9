/** Names on disk: what was known before the machine restarted is better than nothing. */
import { join } from 'node:path';
import { type Clock, sleep } from '../../../base/clock.ts';
import { errorMessage } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';
import { readIfThere, writePrivateFile } from '../../../base/private-file.ts';
import { createLineReader, type NameMessage } from './name-messages.ts';
import type { NameStore } from './name-store.ts';

/** How much is lost when the machine restarts while the control plane is away. */
const SAVE_EVERY_MS = 10_000;
const FILE = 'names.jsonl';

export async function loadNames(names: NameStore, directory: string, logger: Logger): Promise<void> {
  try {
    const text = await readIfThere(join(directory, FILE));
    if (text !== undefined) createLineReader<NameMessage>((message) => names.apply(message))(text);
  } catch (error) {
    logger.warn({ error: errorMessage(error) }, 'Cannot read the names of before');
  }
}

/** Until the signal aborts. */
export async function saveNames(
  names: NameStore,
  directory: string,
  { clock, logger, signal }: { readonly clock: Clock; readonly logger: Logger; readonly signal: AbortSignal },
): Promise<void> {
  let saved = names.version;
  while (!signal.aborted) {
    await sleep(clock, SAVE_EVERY_MS, signal);
    if (signal.aborted || !names.isSynced || saved === names.version) continue;
    saved = names.version;
    try {
      const lines = [...names.told()].map((message) => `${JSON.stringify(message)}\n`);
      await writePrivateFile(join(directory, FILE), lines.join(''));
    } catch (error) {
      logger.warn({ error: errorMessage(error) }, 'Cannot save the names');
    }
  }
}
