/** The form of a create call that the client wants. */
import type { ContainerCreateOptions } from 'dockerode';

/**
 * The client puts the same members into the query and into the body unless told otherwise; labels in a URL would
 * exceed its limit. `_query` and `_body` are its way to say so, unknown to its types.
 */
export function asRequest(
  name: string,
  body: ContainerCreateOptions,
  abortSignal: AbortSignal,
): ContainerCreateOptions {
  return { _query: { name }, _body: body, abortSignal } as unknown as ContainerCreateOptions;
}
