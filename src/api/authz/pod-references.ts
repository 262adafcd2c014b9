/** The Secrets and ConfigMaps that a pod names: what its node may read. */
import type { KubeObject } from '../../schemas/object.ts';
import type { Container, Pod } from '../../schemas/types.ts';

export type ReferenceType = 'secret' | 'configMap';

export function namedByPod(object: KubeObject, type: ReferenceType): ReadonlySet<string> {
  const { spec } = object as Pod;
  const names = new Set<string>();
  const add = (name: string | undefined): void => {
    if (name !== undefined && name !== '') names.add(name);
  };
  for (const volume of spec.volumes ?? []) {
    if (type === 'secret') add(volume.secret?.secretName);
    else add(volume.configMap?.name);
    for (const source of volume.projected?.sources ?? [])
      add(type === 'secret' ? source.secret?.name : source.configMap?.name);
  }
  if (type === 'secret') for (const reference of spec.imagePullSecrets ?? []) add(reference.name);
  for (const container of [...(spec.initContainers ?? []), ...spec.containers])
    addContainer(container, type, add);
  return names;
}

function addContainer(
  container: Container,
  type: ReferenceType,
  add: (name: string | undefined) => void,
): void {
  for (const source of container.envFrom ?? [])
    add(type === 'secret' ? source.secretRef?.name : source.configMapRef?.name);
  for (const { valueFrom } of container.env ?? [])
    add(type === 'secret' ? valueFrom?.secretKeyRef?.name : valueFrom?.configMapKeyRef?.name);
}
