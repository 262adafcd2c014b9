/**
 * Names of ControllerRevisions; pure. They are upstream's: FNV-1 over the text that Go writes for
 * the data, so that a StatefulSet that moves here keeps the revisions that its pods are labelled with.
 */
import { stableStringify } from '../../base/json.ts';
import { safeEncode } from '../deployment/template-hash.ts';

/** The longest part of the owner's name in the name of a revision. */
const MAX_OWNER_LENGTH = 223;

export const revisionName = (owner: string, hash: string): string =>
  `${owner.slice(0, MAX_OWNER_LENGTH)}-${hash}`;

/** The hash of a revision's data and of the number of names that were taken before. */
export function revisionHash(data: unknown, collisionCount: number | undefined): string {
  const count = collisionCount === undefined ? '' : String(collisionCount);
  return safeEncode(String(fnv1(`${goJson(data)}${count}`)));
}

/** JSON as Go writes it: sorted keys, and no character that HTML gives a meaning to. */
function goJson(value: unknown): string {
  const escape = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return stableStringify(value).replaceAll(/[<>&\u2028\u2029]/g, escape);
}

/** 32-bit FNV-1 over UTF-8: it multiplies first, where FNV-1a does so last. */
function fnv1(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) hash = (Math.imul(hash, 0x01000193) ^ byte) >>> 0;
  return hash;
}
