/** URLs of requests and their targets. The last ones are kept and shared: do not change them. */
import { createBoundedMap } from '../../base/bounded-map.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import { parseTarget, type RequestTarget } from './request-target.ts';

/** Paths that are kept; a few hundred bytes each. */
const MAX_KEPT = 4_096;
/** Longer ones are rare, and come once. */
const MAX_KEPT_LENGTH = 256;

const kept = createBoundedMap<string, URL>(MAX_KEPT);
const targets = new WeakMap<URL, RequestTarget>();

/** A URL of our own host, whatever the client sent. Throws 400 for an invalid path. */
export const urlOf = (text = '/'): URL =>
  text.length > MAX_KEPT_LENGTH ? readUrl(text) : kept.remember(text, () => readUrl(text));

/** Scheme and authority of a target in absolute form, which servers must take (RFC 9112, 3.2.2). */
const ORIGIN = /^https?:\/\/[^/?]*/i;

/** The path and query of a request's target. */
export const originForm = (target: string): string => {
  const path = target.replace(ORIGIN, '');
  return path === target || path.startsWith('/') ? path : `/${path}`;
};

/** Dot segments and backslashes: a proxy in front may read such a path in another way. */
const AMBIGUOUS = /\/(?:\.|%2e){1,2}(?:\/|$)|\\/i;

function readUrl(target: string): URL {
  const text = originForm(target);
  if (AMBIGUOUS.test(text.split('?', 1)[0] ?? '')) throw badRequest('the path has dot segments');
  let url: URL;
  try {
    url = new URL(text.startsWith('/') ? `http://api${text.replace(/^\/+/, '/')}` : 'http://api/invalid');
  } catch {
    throw badRequest('the request has no valid path');
  }
  try {
    decodeURIComponent(url.pathname);
  } catch {
    throw badRequest(`'${url.pathname}' is not a valid url component`);
  }
  return url;
}

export function targetOf(url: URL): RequestTarget {
  let target = targets.get(url);
  if (!target) targets.set(url, (target = parseTarget(url.pathname)));
  return target;
}
