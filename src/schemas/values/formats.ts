/** The formats of texts that upstream checks in custom resources. Others mean nothing. */

import { dns1123Label, dns1123Subdomain } from '../validation/names.ts';

type Check = (text: string) => boolean;

const matches =
  (pattern: RegExp): Check =>
  (text) =>
    pattern.test(text);

const isDate: Check = (text) => {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const parsed = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(text);
};

const TIME = /^(\d{4}-\d{2}-\d{2})[Tt]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-]\d{2}:?\d{2})$/;
const isDateTime: Check = (text) => isDate(TIME.exec(text)?.[1] ?? '');

const isIpv4: Check = (text) => {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
};

/** Groups of hexadecimal digits, one `::` at most, an IPv4 address at the end if any. */
const isIpv6: Check = (text) => {
  if (!text.includes(':') || text.split('::').length > 2 || text.includes(':::')) return false;
  const groups = text.split(':');
  const last = groups.at(-1) ?? '';
  const embedded = last.includes('.');
  if (embedded && !isIpv4(last)) return false;
  const plain = (embedded ? groups.slice(0, -1) : groups).filter((group) => group !== '');
  const count = plain.length + (embedded ? 2 : 0);
  const fine = plain.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group));
  return (
    fine && (text.includes('::') ? count < 8 : count === 8 && !text.startsWith(':') && !text.endsWith(':'))
  );
};

const isCidr: Check = (text) => {
  const [address = '', bits = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
  return (isIpv4(address) && Number(bits) <= 32) || (isIpv6(address) && Number(bits) <= 128);
};

const isUri: Check = (text) => /^[a-z][a-z0-9+.-]*:/i.test(text) || text.startsWith('/');
const isHostname: Check = (text) =>
  text.length <= 253 &&
  text.split('.').every((label) => /^[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?$/.test(label));

const UUID = '[0-9a-f]{8}-?[0-9a-f]{4}-?';
/** Go's `time.ParseDuration`, and the words that go-openapi adds. */
const DURATION =
  /^[-+]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)\s*(?:ns|us|µs|ms|s|m|h|d|w|nanos?|micros?|millis?|secs?|seconds?|mins?|minutes?|hours?|hrs?|days?|weeks?)\s*)+)$/;

const FORMATS: Readonly<Record<string, Check>> = {
  date: isDate,
  'date-time': isDateTime,
  datetime: isDateTime,
  ipv4: isIpv4,
  ipv6: isIpv6,
  cidr: isCidr,
  mac: matches(/^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5,7}$|^[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2,3}$/),
  uri: isUri,
  hostname: isHostname,
  email: matches(/^[^\s@<>]+@[^\s@<>]+$/),
  uuid: matches(new RegExp(`^${UUID}[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, 'i')),
  uuid3: matches(new RegExp(`^${UUID}3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, 'i')),
  uuid4: matches(new RegExp(`^${UUID}4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$`, 'i')),
  uuid5: matches(new RegExp(`^${UUID}5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$`, 'i')),
  byte: (text) => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text),
  hexcolor: matches(/^#?([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$/),
  bsonobjectid: matches(/^[0-9A-Fa-f]{24}$/),
  ssn: matches(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/),
  isbn10: matches(/^(?:\d[- ]?){9}[\dXx]$/),
  isbn13: matches(/^(?:\d[- ]?){13}$/),
  duration: matches(DURATION),
  'k8s-short-name': (text) => dns1123Label(text).length === 0,
  'k8s-long-name': (text) => dns1123Subdomain(text).length === 0,
};

/** Whether the text has the format; formats that nobody knows hold for everything. */
export function hasFormat(format: string, text: string): boolean {
  return !Object.hasOwn(FORMATS, format) || (FORMATS[format]?.(text) ?? true);
}
