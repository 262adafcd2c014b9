/**
 * Independent writes in as few commits as possible: those that are refused do not keep the others
 * out.
 */
import { isStatusError } from '../../schemas/errors/status.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { BoundWriter, Write } from './write-plan.ts';

export interface Outcome<W> {
  readonly write: W;
  /** As stored now; for a deletion, as it was. */
  readonly object?: KubeObject | undefined;
  /** Why it was not written. */
  readonly refusal?: Error;
}

/** Halves what is refused until the refused ones are alone. The outcomes are in order. */
export async function writeEach<W extends Write>(
  writer: Pick<BoundWriter, 'write'>,
  writes: readonly W[],
  options?: Parameters<BoundWriter['write']>[1],
): Promise<readonly Outcome<W>[]> {
  if (writes.length === 0) return [];
  try {
    const results = await writer.write({ writes }, options);
    return writes.map((write, index) => ({ write, object: results[index] }));
  } catch (error) {
    if (!isStatusError(error) || error.code >= 500) throw error;
    const [only] = writes;
    if (only && writes.length === 1) return [{ write: only, refusal: error }];
    const half = Math.ceil(writes.length / 2);
    const first = await writeEach(writer, writes.slice(0, half), options);
    return [...first, ...(await writeEach(writer, writes.slice(half), options))];
  }
}
