/** Objects that a pod names. They limit what a node may read through the API. Pure. */
import type { KubeObject } from '../object.ts';
import type { Container, Pod } from '../types.ts';
import { claimsOfPod } from '../volumes/pod-claims.ts';

export interface SourceNames {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
}

const namesIn = (names: readonly (string | undefined)[]): ReadonlySet<string> =>
  new Set(names.filter((name): name is string => name !== undefined && name !== ''));

/** ConfigMaps and Secrets that the pod mounts, optional ones among them. */
export function volumeSources({ spec }: Pod): SourceNames {
  const volumes = spec.volumes ?? [];
  const projected = volumes.flatMap((volume) => volume.projected?.sources ?? []);
  return {
    configMaps: namesIn([...volumes, ...projected].map(({ configMap }) => configMap?.name)),
    secrets: namesIn([
      ...volumes.map(({ secret }) => secret?.secretName),
      ...projected.map(({ secret }) => secret?.name),
    ]),
  };
}

/** ConfigMaps and Secrets that the container's environment comes from, optional ones among them. */
export function environmentSources(container: Pick<Container, 'env' | 'envFrom'>): SourceNames {
  const envFrom = container.envFrom ?? [];
  const env = container.env ?? [];
  return {
    configMaps: namesIn([
      ...envFrom.map(({ configMapRef }) => configMapRef?.name),
      ...env.map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
    ]),
    secrets: namesIn([
      ...envFrom.map(({ secretRef }) => secretRef?.name),
      ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
    ]),
  };
}

export type ReferenceType = 'secret' | 'configMap' | 'claim' | 'serviceAccount';

/** Everything of one type that the pod names. */
export function namedByPod(object: KubeObject, type: ReferenceType): ReadonlySet<string> {
  const pod = object as Pod;
  const { spec } = pod;
  switch (type) {
    case 'serviceAccount':
      return namesIn([spec.serviceAccountName ?? spec.serviceAccount]);
    case 'claim':
      return namesIn(claimsOfPod(pod).map(({ name }) => name));
    case 'configMap':
      return new Set(sourcesOf(pod).flatMap(({ configMaps }) => [...configMaps]));
    case 'secret':
      return new Set([
        ...sourcesOf(pod).flatMap(({ secrets }) => [...secrets]),
        ...namesIn((spec.imagePullSecrets ?? []).map(({ name }) => name)),
      ]);
  }
}

function sourcesOf(pod: Pod): readonly SourceNames[] {
  const { initContainers, containers, ephemeralContainers } = pod.spec;
  const all = [...(initContainers ?? []), ...containers, ...(ephemeralContainers ?? [])];
  return [volumeSources(pod), ...all.map(environmentSources)];
}
