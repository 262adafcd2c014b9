/** Paths of the Kubernetes REST API. */
import type { Subresource } from '../schemas/resource-kind.ts';
import type { ListOptions, ResourcePath } from './types.ts';

export interface UrlParts {
  readonly namespace?: string | undefined;
  readonly name?: string;
  readonly subresource?: Subresource | undefined;
  readonly query?: URLSearchParams;
}

export function resourceUrl(resource: ResourcePath, parts: UrlParts = {}): string {
  const segments = [
    resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`,
    ...(parts.namespace === undefined ? [] : ['namespaces', encodeURIComponent(parts.namespace)]),
    resource.plural,
    ...(parts.name === undefined ? [] : [encodeURIComponent(parts.name)]),
    ...(parts.subresource === undefined ? [] : [parts.subresource]),
  ];
  const query = parts.query?.toString() ?? '';
  return query === '' ? segments.join('/') : `${segments.join('/')}?${query}`;
}

export function listQuery(options: ListOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.labelSelector !== undefined) query.set('labelSelector', options.labelSelector);
  if (options.fieldSelector !== undefined) query.set('fieldSelector', options.fieldSelector);
  if (options.limit !== undefined) query.set('limit', String(options.limit));
  if (options.continue !== undefined) query.set('continue', options.continue);
  return query;
}
