/** Names of the IANA time zone database, and the clocks of its zones. */
import { createBoundedMap } from '../../base/bounded-map.ts';

/** Words of zones that are not spelled with one capital letter in front. */
const SPELLINGS: ReadonlyMap<string, string> = new Map(
  [
    ...['ACT', 'CDT', 'CET', 'CHAT', 'CST', 'EDT', 'EET', 'EST', 'GB', 'GMT', 'HST', 'IN', 'LHI'],
    ...['MDT', 'MET', 'MST', 'NSW', 'NZ', 'PDT', 'PRC', 'PST', 'ROC', 'ROK', 'SU', 'UCT', 'US', 'UTC', 'WET'],
    ...['BajaNorte', 'BajaSur', 'ComodRivadavia', 'DeNoronha', 'DumontDUrville', 'EasterIsland', 'McMurdo'],
    ...['au', 'es', 'of'],
  ].map((word) => [word.toLowerCase(), word]),
);

const spelled = (name: string): string =>
  name.replaceAll(
    /[a-z]+/gi,
    (word) => SPELLINGS.get(word.toLowerCase()) ?? word.charAt(0).toUpperCase() + word.slice(1).toLowerCase(),
  );

/** ICU knows further zones, of which IANA has none. */
const SHORT_ZONES = /^(?:[CEMW]ET|EST|GB|GMT|HST|MST|NZ|PRC|ROC|ROK|UCT|UTC)$/;
const FOREIGN = /^SystemV\/|^US\/Pacific-New$/i;

/** As Go's `time.LoadLocation` finds them: by their exact spelling. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Z][A-Za-z0-9/_+-]*$/.test(name) || name !== spelled(name) || FOREIGN.test(name)) return false;
  if (name.length <= 3 && !SHORT_ZONES.test(name)) return false;
  try {
    clockOf(name);
    return true;
  } catch {
    return false;
  }
}

/** A formatter holds some kilobytes; a cluster uses few zones. */
const MAX_CLOCKS = 64;
const clocks = createBoundedMap<string, Intl.DateTimeFormat>(MAX_CLOCKS);

const clockOf = (zone: string): Intl.DateTimeFormat =>
  clocks.remember(
    zone,
    () =>
      new Intl.DateTimeFormat('en-US', {
        timeZone: zone,
        hourCycle: 'h23',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      }),
  );

/**
 * The clock of the zone at this moment, as if it were UTC: the local time of `wallTimeMs` is its
 * UTC time. Throws RangeError for an unknown zone.
 */
export function wallTimeMs(ms: number, zone: string): number {
  if (zone === 'UTC') return ms;
  const parts = clockOf(zone).formatToParts(ms);
  const part = (type: string): number => Number(parts.find((item) => item.type === type)?.value ?? 0);
  const at = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  );
  return at + (((ms % 1000) + 1000) % 1000);
}

/** Milliseconds by which the zone's clock is ahead of UTC. */
export const offsetMs = (ms: number, zone: string): number => wallTimeMs(ms, zone) - ms;
