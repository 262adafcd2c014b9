/** What a pod names: what its node may read, or ask a token for. */
import type { KubeObject } from '../../schemas/object.ts';
import type { Container, Pod } from '../../schemas/types.ts';

export type ReferenceType = 'secret' | 'configMap' | 'claim' | 'serviceAccount';

export function namedByPod(object: KubeObject, type: ReferenceType): ReadonlySet<string> {
  const { spec } = object as Pod;
  const names = new Set<string>();
  const add = (name: string | undefined): void => {
    if (name !== undefined && name !== '') names.add(name);
  };
  if (type === 'serviceAccount') {
    add(spec.serviceAccountName ?? spec.serviceAccount);
    return names;
  }
  for (const volume of spec.volumes ?? []) {
    if (type === 'claim') {
      add(volume.persistentVolumeClaim?.claimName);
      // The claim of an ephemeral volume is named after pod and volume.
      if (volume.ephemeral) add(`${object.metadata.name}-${volume.name}`);
      continue;
    }
    if (type === 'secret') add(volume.secret?.secretName);
    else add(volume.configMap?.name);
    for (const source of volume.projected?.sources ?? [])
      add(type === 'secret' ? source.secret?.name : source.configMap?.name);
  }
  if (type === 'claim') return names;
  if (type === 'secret') for (const reference of spec.imagePullSecrets ?? []) add(reference.name);
  const containers = [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    ...(spec.ephemeralContainers ?? []),
  ];
  for (const container of containers) addContainer(container, type, add);
  return names;
}

function addContainer(
  container: Pick<Container, 'env' | 'envFrom'>,
  type: 'secret' | 'configMap',
  add: (name: string | undefined) => void,
): void {
  for (const source of container.envFrom ?? [])
    add(type === 'secret' ? source.secretRef?.name : source.configMapRef?.name);
  for (const { valueFrom } of container.env ?? [])
    add(type === 'secret' ? valueFrom?.secretKeyRef?.name : valueFrom?.configMapKeyRef?.name);
}
