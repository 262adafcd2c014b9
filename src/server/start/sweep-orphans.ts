/**
 * At the start of a process, once for all its nodes: nothing of a killed predecessor works beside it.
 */
import { endOrphans } from '../../base/child-processes/end-orphans.ts';
import type { Logger } from '../../base/logger.ts';

export async function sweepOrphans(logger: Logger): Promise<void> {
  const ended = await endOrphans();
  if (ended > 0) logger.warn({ ended }, 'Ended child processes that an earlier run left behind');
}
