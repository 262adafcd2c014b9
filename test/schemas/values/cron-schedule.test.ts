import { describe, expect, it } from 'vitest';
import { parseSchedule, type Schedule } from '../../../src/schemas/values/cron-schedule.ts';

function schedule(text: string, zone?: string): Schedule {
  const parsed = parseSchedule(text, zone);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

function times(text: string, after: string, count = 1, zone = 'UTC'): readonly string[] {
  const found: string[] = [];
  let at = Date.parse(after);
  for (let index = 0; index < count; index += 1) {
    at = schedule(text, zone).next(at) ?? Number.NaN;
    if (Number.isNaN(at)) break;
    found.push(new Date(at).toISOString().slice(0, 19));
  }
  return found;
}

describe('a schedule', () => {
  it.each([
    ['* * * * *', '2026-11-30T10:00:00Z', '2026-11-30T10:01:00'],
    ['* * * * *', '2026-11-30T10:00:00.500Z', '2026-11-30T10:01:00'],
    ['*/15 * * * *', '2026-11-30T10:45:00Z', '2026-11-30T11:00:00'],
    ['5/15 * * * *', '2026-11-30T10:21:00Z', '2026-11-30T10:35:00'],
    ['5-10/2,58 * * * *', '2026-11-30T10:07:00Z', '2026-11-30T10:09:00'],
    ['0 0 ? * MON-fri', '2026-11-27T00:00:00Z', '2026-11-30T00:00:00'],
    ['0 0 1 jan ?', '2026-11-27T00:00:00Z', '2027-01-01T00:00:00'],
    ['0 0 29 2 *', '2026-11-30T00:00:00Z', '2028-02-29T00:00:00'],
    [' 0\t0  * * 0 ', '2026-11-30T00:00:00Z', '2026-12-06T00:00:00'],
    ['*-5 * * * *', '2026-11-30T10:00:00Z', '2026-11-30T10:01:00'],
    ['1,,2 * * * *', '2026-11-30T10:01:00Z', '2026-11-30T10:02:00'],
    ['@hourly', '2026-11-30T10:20:00Z', '2026-11-30T11:00:00'],
    ['@weekly', '2026-11-30T10:20:00Z', '2026-12-06T00:00:00'],
    ['@annually', '2026-11-30T10:20:00Z', '2027-01-01T00:00:00'],
    ['@every 90m', '2026-11-30T10:20:00Z', '2026-11-30T11:50:00'],
    ['@every 1h30m10s', '2026-11-30T10:20:00.700Z', '2026-11-30T11:50:10'],
    ['@every 5ms', '2026-11-30T10:20:00Z', '2026-11-30T10:20:01'],
    ['TZ=Europe/Berlin 0 12 * * *', '2026-11-30T00:00:00Z', '2026-11-30T11:00:00'],
    ['CRON_TZ=UTC @daily', '2026-11-30T10:20:00Z', '2026-12-01T00:00:00'],
  ])('%j after %s is at %s', (text, after, expected) => {
    expect(times(text, after)).toEqual([expected]);
  });

  it('fires on either day where both are given, and on both where one of them is any', () => {
    const december = (text: string): readonly string[] =>
      times(text, '2026-11-30T12:00:00Z', 4).map((time) => time.slice(5, 10));
    expect(december('0 0 4 * 1')).toEqual(['12-04', '12-07', '12-14', '12-21']);
    expect(december('0 0 ? * 1')).toEqual(['12-07', '12-14', '12-21', '12-28']);
    expect(december('0 0 */1 * 1')).toEqual(['12-07', '12-14', '12-21', '12-28']);
    // A step takes the star's meaning away.
    expect(december('0 0 */10 * 1')).toEqual(['12-01', '12-07', '12-11', '12-14']);
  });

  it.each(['0 0 30 2 *', '59 23 31 4,6,9,11 *', ', * * * *'])('%j never fires, and says so', (text) => {
    expect(schedule(text).next(Date.parse('2026-11-30T00:00:00Z'))).toBeUndefined();
    expect(schedule(text, 'Europe/Berlin').next(Date.parse('2026-11-30T00:00:00Z'))).toBeUndefined();
  });
});

describe('daylight saving time', () => {
  const NEW_YORK = 'America/New_York';

  it('skips a time that the clock does not show', () => {
    expect(times('30 2 11 Mar ?', '2012-03-11T05:00:00Z', 1, NEW_YORK)).toEqual(['2013-03-11T06:30:00']);
    expect(times('0 2 * * *', '2012-03-11T05:00:00Z', 1, NEW_YORK)).toEqual(['2012-03-12T06:00:00']);
  });

  it('fires each hour that passes', () => {
    expect(times('0 * * * *', '2012-03-11T05:00:00Z', 3, NEW_YORK)).toEqual([
      '2012-03-11T06:00:00',
      '2012-03-11T07:00:00',
      '2012-03-11T08:00:00',
    ]);
    expect(times('0 * * * *', '2012-11-04T04:30:00Z', 3, NEW_YORK)).toEqual([
      '2012-11-04T05:00:00',
      '2012-11-04T06:00:00',
      '2012-11-04T07:00:00',
    ]);
  });

  it('fires twice at a time that the clock shows twice', () => {
    expect(times('0 1 * * *', '2012-11-04T04:00:00Z', 3, NEW_YORK)).toEqual([
      '2012-11-04T05:00:00',
      '2012-11-04T06:00:00',
      '2012-11-05T06:00:00',
    ]);
    expect(times('30 2 4 Nov ?', '2012-11-04T04:00:00Z', 1, NEW_YORK)).toEqual(['2012-11-04T07:30:00']);
  });

  it('knows days without a midnight, and changes of half an hour', () => {
    expect(times('0 0 * * *', '2018-11-03T12:00:00Z', 1, 'America/Sao_Paulo')).toEqual([
      '2018-11-05T02:00:00',
    ]);
    expect(times('15 2 * * *', '2026-10-03T00:00:00Z', 2, 'Australia/Lord_Howe')).toEqual([
      '2026-10-04T15:15:00',
      '2026-10-05T15:15:00',
    ]);
  });

  it('finds every minute at which the clock shows the time, and no other', () => {
    const wanted: string[] = [];
    const clock = new Intl.DateTimeFormat('en-GB', {
      timeZone: 'Europe/Berlin',
      hour: '2-digit',
      minute: '2-digit',
    });
    const from = Date.parse('2026-10-24T00:00:00Z');
    for (let at = from + 60_000; wanted.length < 9; at += 60_000)
      if (/^0[123]:(?:00|30)$/.test(clock.format(at))) wanted.push(new Date(at).toISOString().slice(0, 19));
    const found = times('0,30 1-3 * * *', '2026-10-24T00:00:00Z', 9, 'Europe/Berlin');
    expect(found).toEqual(wanted);
  });
});

describe('the errors of a schedule', () => {
  it.each([
    ['', 'empty spec string'],
    ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
    ['0 * * * * *', 'expected exactly 5 fields, found 6: [0 * * * * *]'],
    ['*/0 * * * *', 'step of range should be a positive number: */0'],
    ['1/2/3 * * * *', 'too many slashes: 1/2/3'],
    ['1-2-3 * * * *', 'too many hyphens: 1-2-3'],
    ['0 0 0 * *', 'beginning of range (0) below minimum (1): 0'],
    ['0 0 * 13 *', 'end of range (13) above maximum (12): 13'],
    ['0 0 * * 7', 'end of range (7) above maximum (6): 7'],
    ['0 0 * * fri-mon', 'beginning of range (5) beyond end of range (1): fri-mon'],
    ['0 0 * * monday', 'failed to parse int from monday: strconv.Atoi: parsing "monday": invalid syntax'],
    ['*/-5 * * * *', 'negative number (-5) not allowed: -5'],
    ['L * * * *', 'failed to parse int from L: strconv.Atoi: parsing "L": invalid syntax'],
    [
      '99999999999999999999 * * * *',
      'failed to parse int from 99999999999999999999: strconv.Atoi: parsing "99999999999999999999": value out of range',
    ],
    ['@reboot', 'unrecognized descriptor: @reboot'],
    ['@Daily', 'unrecognized descriptor: @Daily'],
    ['@every 5', 'failed to parse duration @every 5: time: missing unit in duration "5"'],
    ['@every 5d', 'failed to parse duration @every 5d: time: unknown unit "d" in duration "5d"'],
    ['@every x', 'failed to parse duration @every x: time: invalid duration "x"'],
    ['@every ', 'failed to parse duration @every : time: invalid duration ""'],
    ['TZ=Mars/Base 0 * * * *', 'provided bad location Mars/Base: unknown time zone Mars/Base'],
    ['CRON_TZ=../x 0 * * * *', 'provided bad location ../x: time: invalid location name'],
  ])('%j: %s', (text, error) => {
    expect(parseSchedule(text)).toBe(error);
  });
});
