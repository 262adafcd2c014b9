/**
 * How much a body may hold besides bytes. Reading, checking and storing cost per value, and while
 * one body is read nothing else is served. Kubernetes has no such limits; these are far beyond what
 * people and controllers write.
 */
import { failure, type StatusError } from '../../schemas/errors/status.ts';

/** Values of one body: a definition of the largest operators has some 30,000. */
export const MAX_VALUES = 45_000;
/** Members of one list or map. */
export const MAX_MEMBERS = 10_000;

export const tooManyValues = (): StatusError =>
  failure(
    413,
    'RequestEntityTooLarge',
    `Request entity too large: more than ${MAX_VALUES} values in one object; split it into several objects`,
  );

const tooManyMembers = (count: number): StatusError =>
  failure(
    413,
    'RequestEntityTooLarge',
    `Request entity too large: a list or map has ${count} members, at most ${MAX_MEMBERS} are accepted; split it into several objects`,
  );

/**
 * Objects in lists, all together: each has defaults, rules and owners of its own. Slices hold 1,000
 * endpoints at most.
 */
export const MAX_LISTED_OBJECTS = 2_500;

const tooManyObjects = (): StatusError =>
  failure(
    413,
    'RequestEntityTooLarge',
    `Request entity too large: more than ${MAX_LISTED_OBJECTS} objects in the lists of one object; split it into several objects`,
  );

/** Throws 413 for what is too large. A value that stands in several places counts in each. */
export function checkCounts(root: unknown): void {
  let left = MAX_VALUES;
  let listed = 0;
  const open: unknown[] = [root];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    const members: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
    if (members.length > MAX_MEMBERS) throw tooManyMembers(members.length);
    left -= members.length;
    if (left < 0) throw tooManyValues();
    const isList = Array.isArray(value);
    for (const member of members) {
      if (typeof member !== 'object' || member === null) continue;
      open.push(member);
      if (isList) listed += 1;
    }
    if (listed > MAX_LISTED_OBJECTS) throw tooManyObjects();
  }
}

/** Findings of strict reading (unknown and repeated fields) that are kept: upstream's limit. */
export const MAX_STRICT_FINDINGS = 100;

/**
 * Items that cost far more than others: each container and volume has dozens of defaults and rules.
 * No host runs as many.
 */
const MAX_ITEMS: Readonly<Record<string, number>> = {
  Container: 250,
  EphemeralContainer: 250,
  Volume: 250,
  // A program that writes an object is one entry, or two.
  ManagedFieldsEntry: 1_000,
  // Each has a schema of its own.
  CustomResourceDefinitionVersion: 100,
};

/** `type` is that of the items, such as `io.k8s.api.core.v1.Container`. */
export function checkItems(count: number, type: string | undefined, path: string): void {
  const max = MAX_ITEMS[type?.slice(type.lastIndexOf('.') + 1) ?? ''];
  if (max === undefined || count <= max) return;
  const message = `Request entity too large: ${path} has ${count} items, at most ${max} are accepted`;
  throw failure(413, 'RequestEntityTooLarge', message);
}
