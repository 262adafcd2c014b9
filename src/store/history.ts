/**
 * The history of the data as an adapter knows it, by which lost data is noticed. The data must be
 * of its epoch, and as new as anything that it has seen: a replica promoted too early, a truncated
 * AOF and a restored backup have the right epoch.
 */
import { EpochChanged } from './types.ts';

export interface History {
  /** The epoch that the adapter works under. */
  readonly epoch: string | undefined;
  /** The newest version seen in this epoch. */
  readonly seen: number;
  /** The newest version ever seen; new ones are above it. */
  readonly floor: number;
  /**
   * Call it before a question, and its result with the answer. The result throws EpochChanged, or
   * notes the version. Answers may come out of order.
   */
  expect(): (epoch: string | null | undefined, last: string | number | null | undefined) => void;
  /** Takes note of a version that is known to be of this epoch. */
  note(epoch: string, last: number): void;
  /** The adapter works under this epoch from now on. */
  adopt(epoch: string | undefined, last: number): void;
}

export function createHistory(): History {
  let epoch: string | undefined;
  let seen = 0;
  let floor = 0;
  const note = (of: string | undefined, last: number): void => {
    if (of !== epoch) return;
    seen = Math.max(seen, last);
    floor = Math.max(floor, last);
  };
  return {
    get epoch() {
      return epoch;
    },
    get seen() {
      return seen;
    },
    get floor() {
      return floor;
    },
    expect() {
      const expectedEpoch = epoch;
      const expected = seen;
      return (actualEpoch, text) => {
        const last = Number(text ?? 0);
        if (expectedEpoch === undefined || actualEpoch !== expectedEpoch)
          throw new EpochChanged('Cannot use the store: its data is not the data that was opened');
        if (last < expected) throw new EpochChanged('Cannot use the store: its data has lost changes');
        note(expectedEpoch, last);
      };
    },
    note,
    adopt(nextEpoch, last) {
      epoch = nextEpoch;
      seen = last;
      note(epoch, last);
    },
  };
}
