import { describe, expect, it, vi } from 'vitest';
import { decodeTime } from '../../../src/resources/decoding/decode-time.ts';

describe('times', () => {
  it.each([
    ['2024-01-02T03:04:05Z', '2024-01-02T03:04:05Z'],
    ['2024-01-02T03:04:05.999Z', '2024-01-02T03:04:05Z'],
    ['2024-01-02T03:04:05+02:30', '2024-01-02T00:34:05Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
  ])('%s is stored as %s', (text, time) => {
    expect(decodeTime(text, false)).toEqual({ time });
  });

  it.each([
    ['', 'parsing time "" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "2006"'],
    ['2024-01-01', 'parsing time "2024-01-01" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"'],
    ['2024-13-01T00:00:00Z', 'parsing time "2024-13-01T00:00:00Z": month out of range'],
    ['2023-02-29T00:00:00Z', 'parsing time "2023-02-29T00:00:00Z": day out of range'],
    ['2024-01-01T00:00:00Zx', 'parsing time "2024-01-01T00:00:00Zx": extra text: "x"'],
    [
      '2024-01-01t00:00:00Z',
      'parsing time "2024-01-01t00:00:00Z" as "2006-01-02T15:04:05Z07:00": cannot parse "t00:00:00Z" as "T"',
    ],
  ])('%s is refused', (text, error) => {
    expect(decodeTime(text, false)).toEqual({ error });
  });

  const MICRO = '2006-01-02T15:04:05.000000Z07:00';
  it.each([
    ['2024-01-01T02:00:00.000001+02:00', { time: '2024-01-01T00:00:00.000001Z' }],
    [
      '2024-01-01T00:00:00Z',
      { error: `parsing time "2024-01-01T00:00:00Z" as "${MICRO}": cannot parse "Z" as ".000000"` },
    ],
    [
      '2024-01-01T00:00:00.123456789Z',
      {
        error: `parsing time "2024-01-01T00:00:00.123456789Z" as "${MICRO}": cannot parse "789Z" as "Z07:00"`,
      },
    ],
  ])('%s is read to the microsecond', (text, expected) => {
    expect(decodeTime(text, true)).toEqual(expected);
  });

  it('is read once for all objects of a moment', () => {
    const reads = vi.spyOn(Date.prototype, 'toISOString');
    for (let object = 0; object < 100; object += 1)
      expect(decodeTime('2025-07-01T12:00:00+02:00', false)).toEqual({ time: '2025-07-01T10:00:00Z' });
    expect(reads).toHaveBeenCalledTimes(1);
    reads.mockRestore();
  });
});
