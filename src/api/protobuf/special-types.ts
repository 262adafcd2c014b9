/** Types whose JSON differs from their message: times, quantities, numbers or texts, raw JSON. */
import { Buffer } from 'node:buffer';

/** Seconds and nanoseconds since 1970, as `google.protobuf.Timestamp` has them. */
export interface Instant {
  readonly seconds: number;
  readonly nanos: number;
}

/** The years 1 to 9999, which RFC 3339 can write. */
const FIRST_SECOND = -62_135_596_800;
const LAST_SECOND = 253_402_300_799;

/** `2024-05-01T10:00:00Z`, or with six fractional digits; undefined if it cannot be written. */
export function timeText({ seconds, nanos }: Instant, micro: boolean): string | undefined {
  if (seconds < FIRST_SECOND || seconds > LAST_SECOND || nanos < 0 || nanos >= 1e9) return undefined;
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return micro ? `${whole}.${String(Math.trunc(nanos / 1000)).padStart(6, '0')}Z` : `${whole}Z`;
}

export function instantOf(text: string): Instant | undefined {
  const parts = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (!parts) return undefined;
  const [, day = '', time = '', fraction = '', zone = ''] = parts;
  const milliseconds = Date.parse(`${day}T${time}${zone.toUpperCase()}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return { seconds: milliseconds / 1000, nanos: Number(fraction.slice(0, 6).padEnd(6, '0')) * 1000 };
}

export const jsonBytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** Undefined if it is empty; throws if it is no JSON. */
export function jsonOf(bytes: Uint8Array): unknown {
  return bytes.length === 0 ? undefined : (JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown);
}
