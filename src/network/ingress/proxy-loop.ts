/** Ends requests whose backend leads back to a proxy of a cluster. Pure. */
import { answer, type Json } from './caddy-json.ts';

/** Counts how often a request has come through a proxy of a cluster, one digit each time. */
const HOPS = 'X-Symphony-Hops';
/** A backend that leads back to the proxy would go round until no port of the host is free. */
const MAX_HOPS = 8;

/** The first route of each server. */
export const LOOP: Json = {
  match: [{ header_regexp: { [HOPS]: { pattern: `^1{${MAX_HOPS}}` } } }],
  handle: [answer(508, '508 Loop Detected\n')],
};

/** A header of each request to a backend. */
export const ONE_MORE_HOP: Json = { [HOPS]: [`{http.request.header.${HOPS}}1`] };
