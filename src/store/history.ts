/**
 * What an adapter knows of the history of the data: by it, lost data is noticed.
 *
 * The data must be of the epoch that the adapter works under, and at least as new as anything that it has seen there:
 * a replica promoted too early, a truncated AOF or a restored backup is of the right epoch, but has lost changes.
 */
export interface History {
  /** The epoch that the adapter works under. */
  readonly epoch: string | undefined;
  /** The newest version seen in this epoch. */
  readonly seen: number;
  /** The newest version ever seen; new ones are above it. */
  readonly floor: number;
  /**
   * To be called before asking; the result is given what the answer said. It tells what is wrong with the data, or
   * (undefined) takes note of the version. (An answer may be older than what another one has brought meanwhile.)
   */
  expect(): (epoch: string | undefined, last: number) => string | undefined;
  /** The adapter works under this epoch from now on. */
  adopt(epoch: string | undefined, last: number): void;
}

export function createHistory(): History {
  let epoch: string | undefined;
  let seen = 0;
  let floor = 0;
  const note = (last: number): void => {
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
      return (actualEpoch, last) => {
        if (expectedEpoch === undefined || actualEpoch !== expectedEpoch) {
          return 'Cannot use the store: its data is not the data that was opened';
        }
        if (last < expected) return 'Cannot use the store: its data has lost changes';
        if (epoch === expectedEpoch) note(last);
        return undefined;
      };
    },
    adopt(nextEpoch, last) {
      epoch = nextEpoch;
      seen = last;
      note(last);
    },
  };
}
