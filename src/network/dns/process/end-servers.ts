/** Ends all DNS servers of a directory, and removes it, for `symphony down`. */
import { rm } from 'node:fs/promises';
import { uninterrupted } from '../../../base/abort.ts';
import { type Clock, sleep } from '../../../base/clock.ts';
import { connectServer } from './server-connection.ts';
import { isAlive, killServer, readServerRecords, removeServerRecord } from './server-records.ts';

/** A server ends at once, unless it hangs. */
const PATIENCE_MS = 5_000;
const LOOK_MS = 50;

/** The number of servers that were ended. */
export async function endNameServers(directory: string, clock: Clock): Promise<number> {
  const records = await readServerRecords(directory);
  const ended = await Promise.all(
    records.map(async (record) => {
      const wasAlive = await isAlive(record);
      if (wasAlive) {
        using connection = connectServer(record.socket, {
          onMessage: () => undefined,
          onClose: () => undefined,
        });
        connection.send({ type: 'end' });
        const latest = clock.now() + PATIENCE_MS;
        while ((await isAlive(record)) && clock.now() < latest) await sleep(clock, LOOK_MS, uninterrupted);
        await killServer(record);
      }
      await removeServerRecord(directory, record);
      return wasAlive;
    }),
  );
  await rm(directory, { recursive: true, force: true });
  return ended.filter(Boolean).length;
}
