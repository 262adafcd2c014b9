/**
 * Joins the pieces of lines that the Engine keeps. Its copier cuts a line after 16 KiB. Every piece
 * is an entry of its own, with the time stamp of the line's first piece. Input is the log with time
 * stamps. Pure.
 */

/** The longest piece without a line feed. */
const PIECE_BYTES = 16 * 1024;
/** `2026-01-01T00:00:00.000000000Z` and a space: the Engine writes all nine digits, in UTC. */
const STAMP_BYTES = 31;
const LINE_FEED = 0x0a;

/**
 * Told of each piece: its time stamp, whether it continues a line, and whether it is the first of
 * its output. The first may continue a line, too, which began before what is read.
 */
export type OnPiece = (stamp: string, isContinued: boolean, isFirst: boolean) => void;

/** The log without the time stamps inside of lines. */
export type LineJoiner = (chunk: Buffer, output: string) => Buffer;

/** Each call is one piece of one output, as a frame holds it. */
export function createFrameJoiner(onPiece?: OnPiece): LineJoiner {
  const isOpen = new Map<string, boolean>();
  return (piece, output) => {
    const before = isOpen.get(output);
    const isContinued = before === true;
    isOpen.set(output, piece.at(-1) !== LINE_FEED);
    onPiece?.(piece.toString('latin1', 0, STAMP_BYTES - 1), isContinued, before === undefined);
    return isContinued ? piece.subarray(STAMP_BYTES) : piece;
  };
}

/** A terminal's output has no frames. Pieces have a known length; chunks may be cut anywhere. */
export function createTextJoiner(onPiece?: OnPiece): LineJoiner {
  let stamp = '';
  let pieceLeft = PIECE_BYTES;
  let isContinued = false;
  let isFirst = true;
  return (chunk) => {
    const parts: Buffer[] = [];
    for (let at = 0; at < chunk.length; ) {
      const inStamp = stamp.length < STAMP_BYTES;
      const limit = Math.min(chunk.length, at + (inStamp ? STAMP_BYTES - stamp.length : pieceLeft));
      if (inStamp) {
        stamp += chunk.toString('latin1', at, limit);
        if (stamp.length === STAMP_BYTES) {
          onPiece?.(stamp.slice(0, -1), isContinued, isFirst);
          isFirst = false;
        }
        if (!isContinued) parts.push(chunk.subarray(at, limit));
        at = limit;
        continue;
      }
      const feed = chunk.subarray(at, limit).indexOf(LINE_FEED);
      const end = feed < 0 ? limit : at + feed + 1;
      parts.push(chunk.subarray(at, end));
      pieceLeft -= end - at;
      at = end;
      if (feed < 0 && pieceLeft > 0) continue;
      isContinued = feed < 0;
      stamp = '';
      pieceLeft = PIECE_BYTES;
    }
    return Buffer.concat(parts);
  };
}

/** Where the last lines of a log begin: a count of pieces, or a time. */
export type TailStart = { readonly tail: number | 'all' } | { readonly since: string };

export interface TailFinder {
  readonly onPiece: OnPiece;
  /** Undefined: `asked` pieces were not enough to tell. */
  result(asked: number): TailStart | undefined;
}

/** A finder reads this much more: the first piece of each output may be part of a line. */
export const MARGIN_PIECES = 2;

interface LineStart {
  readonly stamp: string;
  readonly isCertain: boolean;
}

/**
 * Reads the last pieces of a log, and finds the last `wanted` whole lines in them. Each piece has
 * the time at which its line began. So every line that began after a certain one was read as a
 * whole.
 */
export function createTailFinder(wanted: number): TailFinder {
  let starts: LineStart[] = [];
  let pieces = 0;
  let hasContinued = false;
  return {
    onPiece(stamp, isContinued, isFirst) {
      pieces += 1;
      if (isContinued) hasContinued = true;
      else starts.push({ stamp, isCertain: !isFirst });
      if (starts.length > 2 * (wanted + MARGIN_PIECES)) starts = starts.slice(-wanted - MARGIN_PIECES);
    },
    result(asked) {
      const isAll = pieces < asked;
      const certain = starts.filter(({ isCertain }) => isCertain || isAll).map(({ stamp }) => stamp);
      const from = certain.sort()[0];
      const isWhole = ({ stamp }: LineStart): boolean => from !== undefined && stamp >= from;
      const whole = starts
        .filter(isWhole)
        .map(({ stamp }) => stamp)
        .sort();
      if (isAll && whole.length <= wanted) return { tail: 'all' };
      const first = whole.at(-wanted);
      if (first === undefined) return undefined;
      const areLast = !hasContinued && starts.slice(-wanted).every(isWhole);
      return areLast ? { tail: wanted } : { since: sinceOf(first) };
    },
  };
}

/** Seconds with nine decimals, as the Engine takes them. Nanoseconds cut and lose no line. */
const sinceOf = (stamp: string): string =>
  `${Math.floor(Date.parse(`${stamp.slice(0, 19)}Z`) / 1_000)}.${stamp.slice(20, 29)}`;
