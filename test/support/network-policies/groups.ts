/** The AddressGroups that the control plane makes for the policies of a world. */
import { type AddressGroup, addressSliceName, neededGroups } from '../../../src/schemas/address-groups.ts';
import type { NetworkPolicy } from '../../../src/schemas/types.ts';
import { selects, type World } from './oracle.ts';

export function groupsOf({
  namespaces,
  pods,
  policies,
}: World): ReadonlyMap<string, readonly AddressGroup[]> {
  const needed = policies.flatMap((policy) => neededGroups(stored(policy)));
  return new Map(
    needed.map(({ name, selection }) => {
      const { namespace, namespaceSelector, podSelector = {} } = selection;
      const found = pods.filter(
        (pod) =>
          (namespaceSelector
            ? selects(namespaceSelector, namespaces[pod.namespace] ?? {})
            : pod.namespace === namespace) && selects(podSelector, pod.labels),
      );
      const group = {
        metadata: { name: addressSliceName(name, 0) },
        spec: selection,
        addresses: found.map(({ address, ports }) => ({ ip: address, ports })),
      } as unknown as AddressGroup;
      return [name, [group]];
    }),
  );
}

/** As the API stores it. */
export function stored({ metadata, spec }: World['policies'][number]): NetworkPolicy {
  const types = spec.policyTypes ?? ((spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress']);
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata,
    spec: { ...spec, policyTypes: types },
  } as unknown as NetworkPolicy;
}
