/** The objects that Gateways and routes name, by their keys. Pure. */
import { GROUP } from '../kinds/gateway-api/parts.ts';
import { objectKey } from '../object.ts';
import type { Gateway, Route } from './types.ts';

export const secretsOfGateway = ({ metadata, spec }: Gateway): readonly string[] =>
  spec.listeners.flatMap(({ tls }) =>
    (tls?.certificateRefs ?? []).map(({ namespace, name }) =>
      objectKey(namespace ?? metadata.namespace, name),
    ),
  );

/** The Gateways that a route may attach to. */
export const routeParents = ({ metadata, spec }: Route): readonly string[] => [
  ...new Set(
    (spec.parentRefs ?? [])
      .filter(({ group = GROUP, kind = 'Gateway' }) => group === GROUP && kind === 'Gateway')
      .map(({ namespace, name }) => objectKey(namespace ?? metadata.namespace, name)),
  ),
];
