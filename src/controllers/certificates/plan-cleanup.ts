/** A request is over an hour after it was decided, a day if nobody decided. Pure. */
import { X509Certificate } from 'node:crypto';
import { asString, getPath } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { conditionsOf, decodedText } from '../../schemas/kinds/certificate-signing-request/validation.ts';

const HOUR_MS = 3_600_000;
const DECIDED_MS = HOUR_MS;
const PENDING_MS = 24 * HOUR_MS;

/** The time from which on the request can go, as upstream's cleaner has it. */
export function endsAtMs(object: KubeObject): number {
  const created = timeOf(object.metadata.creationTimestamp);
  const conditions = conditionsOf(object);
  if (conditions.length === 0) return created + PENDING_MS;
  const decided = conditions.map(({ lastUpdateTime }) => timeOf(lastUpdateTime)).filter((at) => at > 0);
  const ends = decided.length === 0 ? created + PENDING_MS : Math.min(...decided) + DECIDED_MS;
  return Math.min(ends, expiryOf(object));
}

function expiryOf(object: KubeObject): number {
  const certificate = decodedText(getPath(object, 'status', 'certificate'));
  if (certificate === '') return Number.POSITIVE_INFINITY;
  try {
    return Date.parse(new X509Certificate(certificate).validTo);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function timeOf(value: unknown): number {
  const at = Date.parse(asString(value));
  return Number.isNaN(at) ? 0 : at;
}
