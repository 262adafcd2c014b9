/**
 * Maps many items without holding up the rest of the process: timers and sockets get their turn
 * after each `PER_TURN` of them. A small number is mapped at once.
 */
import { setImmediate } from 'node:timers/promises';

/** An item takes some 0.2 ms. A lease is renewed, and an agent heard, between two turns. */
const PER_TURN = 128;

export async function mapInTurns<T, R>(items: readonly T[], map: (item: T) => R): Promise<readonly R[]> {
  const results: R[] = [];
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % PER_TURN === 0) await setImmediate();
    results.push(map(item));
  }
  return results;
}
