import { describe, expect, it } from 'vitest';
import {
  createFrameJoiner,
  createTailFinder,
  createTextJoiner,
} from '../../../src/node-agent/runtime/docker/log-lines.ts';

const PIECE_BYTES = 16 * 1024;
const stampOf = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}.123456789Z`;

/** The entries that the Engine's copier makes of a line: all pieces have the stamp of the first. */
function piecesOf(line: string, second: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < line.length; ) {
    const feed = line.indexOf('\n', at);
    const end = Math.min(at + PIECE_BYTES, feed < 0 ? line.length : feed + 1);
    pieces.push(Buffer.from(`${stampOf(second)} ${line.slice(at, end)}`));
    at = end;
  }
  return pieces;
}

const LINES = [
  'short\n',
  `${'a'.repeat(40_000)}\n`,
  '\n',
  `${'b'.repeat(PIECE_BYTES)}\n`,
  `${'c'.repeat(PIECE_BYTES - 1)}\n`,
  `${'2026-01-01T00:00:00.000000000Z '.repeat(2_000)}\n`,
  'without an end',
];
const pieces = LINES.flatMap(piecesOf);
const joined = LINES.map((line, second) => `${stampOf(second)} ${line}`).join('');

describe('the time stamps of a log', () => {
  it('stand once before each line', () => {
    const join = createFrameJoiner();
    expect(Buffer.concat(pieces.map((piece) => join(piece, 'stdout'))).toString()).toBe(joined);
  });

  it('are those of each output, however the two are mixed', () => {
    const join = createFrameJoiner();
    const long = piecesOf(`${'a'.repeat(20_000)}\n`, 1);
    const other = Buffer.from(`${stampOf(2)} error\n`);
    expect(join(long[0] as Buffer, 'stdout')).toEqual(long[0]);
    expect(join(other, 'stderr')).toEqual(other);
    expect(join(long[1] as Buffer, 'stdout').toString()).toBe(`${'a'.repeat(20_000 - PIECE_BYTES)}\n`);
  });

  it.each([1, 7, 31, 4_096, 16_385, 1_000_000])(
    'stand once before each line of a terminal that comes in chunks of %i bytes',
    (size) => {
      const text = Buffer.concat(pieces);
      const join = createTextJoiner();
      const parts: Buffer[] = [];
      for (let at = 0; at < text.length; at += size)
        parts.push(join(text.subarray(at, at + size), 'terminal'));
      expect(Buffer.concat(parts).toString()).toBe(joined);
    },
  );
});

describe('the last lines of a log', () => {
  function find(wanted: number, asked: number): unknown {
    const finder = createTailFinder(wanted);
    const join = createFrameJoiner(finder.onPiece);
    for (const piece of pieces.slice(-asked)) join(piece, 'stdout');
    return finder.result(asked);
  }
  const since = (second: number): unknown => ({
    since: `${Date.parse(stampOf(second).slice(0, 19) + 'Z') / 1_000}.123456789`,
  });

  it('are the last pieces where no line has several', () => {
    expect(find(1, 2)).toEqual({ tail: 1 });
  });

  it('begin where the first of them begins', () => {
    expect(find(2, 12)).toEqual(since(5));
    expect(find(4, 100)).toEqual(since(3));
  });

  it('are looked for again while they may be cut', () => {
    expect(find(2, 3)).toBeUndefined();
    expect(find(6, 11)).toBeUndefined();
  });

  it('are all where there are no more', () => {
    expect(find(7, 100)).toEqual({ tail: 'all' });
    expect(find(100, 101)).toEqual({ tail: 'all' });
  });

  describe('of two outputs', () => {
    const long = piecesOf(`${'a'.repeat(40_000)}\n`, 1);
    type Entry = readonly [output: string, piece: Buffer];
    const entry = (output: string, second: number): Entry => [
      output,
      Buffer.from(`${stampOf(second)} short\n`),
    ];
    /** An error is told of while a long line is being written. */
    const log: readonly Entry[] = [
      entry('stdout', 0),
      ['stdout', long[0] as Buffer],
      ['stdout', long[1] as Buffer],
      entry('stderr', 2),
      ['stdout', long[2] as Buffer],
      entry('stderr', 3),
      entry('stdout', 4),
    ];

    function findIn(entries: readonly Entry[], wanted: number, asked: number): unknown {
      const finder = createTailFinder(wanted);
      const join = createFrameJoiner(finder.onPiece);
      for (const [output, piece] of entries.slice(-asked)) join(piece, output);
      return finder.result(asked);
    }

    it('do not begin with the rest of a line', () => {
      const untilRest = log.slice(0, 5);
      expect(findIn(untilRest, 1, 3)).toBeUndefined();
      expect(findIn(untilRest, 1, 12)).toEqual(since(2));
      expect(findIn(untilRest, 2, 12)).toEqual(since(1));
      expect(findIn(log, 3, 5)).toBeUndefined();
      expect(findIn(log, 3, 20)).toEqual(since(2));
    });

    it('are the last pieces where these are whole', () => {
      expect(findIn(log, 1, 3)).toEqual({ tail: 1 });
      expect(findIn([entry('stdout', 0), entry('stderr', 1)], 1, 3)).toEqual({ tail: 1 });
      const quiet = Array.from({ length: 9 }, (_, second) => entry('stdout', second));
      expect(findIn([...quiet, entry('stderr', 9)], 1, 3)).toEqual({ tail: 1 });
    });
  });
});
