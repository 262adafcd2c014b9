import { describe, expect, it } from 'vitest';
import { isTimeZone, offsetMs } from '../../../src/schemas/values/time-zones.ts';

describe('a time zone', () => {
  it.each([
    ...['UTC', 'GMT', 'EST', 'EST5EDT', 'Zulu', 'Europe/Berlin', 'America/Port-au-Prince', 'America/Knox_IN'],
    ...['Africa/Dar_es_Salaam', 'Antarctica/DumontDUrville', 'Etc/GMT+12', 'Etc/GMT-14', 'US/East-Indiana'],
    ...['America/Argentina/ComodRivadavia', 'NZ-CHAT', 'GB-Eire', 'W-SU', 'Asia/Calcutta', 'Asia/Kolkata'],
  ])('may be %s', (name) => {
    expect(isTimeZone(name)).toBe(true);
  });

  it.each([
    ...['', ' UTC', 'utc', 'Utc', 'europe/berlin', 'Europe/berlin', 'EUROPE/BERLIN', 'Mars/Olympus', 'Local'],
    ...['PST', 'Pst', 'IST', 'Ast', 'SystemV/EST5', '+01:00', '+0100', 'UTC+1', '../UTC', 'Europe', 'Etc/'],
  ])('may not be %j', (name) => {
    expect(isTimeZone(name)).toBe(false);
  });

  it('has the offset of the moment', () => {
    const hours = (time: string, zone: string): number => offsetMs(Date.parse(time), zone) / 3_600_000;
    expect(hours('2026-01-01T00:00:00Z', 'Europe/Berlin')).toBe(1);
    expect(hours('2026-07-01T00:00:00Z', 'Europe/Berlin')).toBe(2);
    expect(hours('2026-07-01T12:34:56.789Z', 'Asia/Kathmandu')).toBe(5.75);
  });
});
