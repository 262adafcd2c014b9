/** The form of a create call that the client wants. */
import type { ContainerCreateOptions } from 'dockerode';

/**
 * The client puts the body's members into the query as well, unless it gets `_query` and `_body`.
 * Labels in a URL would exceed its limit. Its types do not know these members.
 */
export function asRequest(
  name: string,
  body: ContainerCreateOptions,
  abortSignal: AbortSignal,
): ContainerCreateOptions {
  return { _query: { name }, _body: body, abortSignal } as unknown as ContainerCreateOptions;
}
