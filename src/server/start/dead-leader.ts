/**
 * Frees the lease of a killed leader for the process in its place, which need not wait until it
 * expires. The data directory names the holder; only one that is certainly gone is replaced.
 */
import { isRecord, parsedJson } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Store } from '../../store/types.ts';
import type { DataDir } from './data-dir.ts';
import { isGone, ownProcess, type ProcessMark } from './process-mark.ts';

export interface DeadLeaderOptions {
  readonly store: Pick<Store, 'releaseLease'>;
  readonly dataDir: Pick<DataDir, 'read' | 'write'>;
  readonly lease: string;
  /** This process, written down for the next one. */
  readonly holder: string;
  readonly logger: Logger;
}

const FILE = 'leader.json';

/** Never throws: without it, the lease expires by itself. */
export async function freeLeaseOfDeadProcess(options: DeadLeaderOptions): Promise<void> {
  const { store, dataDir, lease, holder, logger } = options;
  try {
    const before = parseRecord(await dataDir.read(FILE));
    if (before && (await isGone(before.process))) {
      logger.debug({ lease, holder: before.holder }, 'Giving free the lease of a process that is gone');
      await store.releaseLease(lease, before.holder);
    }
    await dataDir.write(FILE, `${JSON.stringify({ holder, process: await ownProcess() })}\n`);
  } catch (error) {
    logger.warn({ error: errorMessage(error) }, 'Cannot look after the lease of an earlier process');
  }
}

function parseRecord(
  text: string | undefined,
): { readonly holder: string; readonly process: ProcessMark } | undefined {
  const value = parsedJson(text ?? '');
  if (!isRecord(value) || !isRecord(value['process'])) return undefined;
  const { holder, process } = value;
  return typeof holder === 'string' ? { holder, process: process as unknown as ProcessMark } : undefined;
}
