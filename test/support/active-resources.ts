/** Counts what keeps a process alive: sockets, pipes, child processes, timers of the event loop. */
import { eventually } from './kubectl.ts';

type Counts = Readonly<Record<string, number>>;

export function activeResources(): Counts {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/**
 * Waits until nothing is active beyond `before`: closing a socket takes a turn of the loop or two.
 */
export function untilReleased(before: Counts): Promise<unknown> {
  return eventually('nothing is left of it', async () => {
    const left = Object.entries(activeResources()).filter(([name, count]) => count > (before[name] ?? 0));
    // The wait itself has a timer.
    const others = left.filter(([name, count]) => name !== 'Timeout' || count > (before[name] ?? 0) + 1);
    if (others.length > 0) throw new Error(JSON.stringify(others));
    return true;
  });
}
