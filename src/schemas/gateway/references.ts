/** References from one namespace into another, which the other one must grant. Pure. */
import type { ReferenceGrant } from './types.ts';

interface From {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

interface To extends From {
  readonly name: string;
}

export const mayRefer = (grants: readonly ReferenceGrant[], from: From, to: To): boolean =>
  from.namespace === to.namespace ||
  grants.some(
    ({ metadata, spec }) =>
      metadata.namespace === to.namespace &&
      spec.from.some(
        ({ group, kind, namespace }) =>
          group === from.group && kind === from.kind && namespace === from.namespace,
      ) &&
      spec.to.some(
        ({ group, kind, name }) =>
          group === to.group && kind === to.kind && (name === undefined || name === '' || name === to.name),
      ),
  );
