/** The `default` ServiceAccount and the CA bundle of every active namespace; pure. */
import { jsonEqual } from '../../base/json.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ConfigMap, Namespace } from '../../schemas/types.ts';
import { unchanged, type Write } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { isDeleting } from '../ownership.ts';

export const DEFAULT_SERVICE_ACCOUNT = 'default';
export const CA_CONFIG_MAP = 'kube-root-ca.crt';

const CA_DESCRIPTION =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

export interface NamespaceDefaults {
  readonly namespace: Namespace;
  readonly serviceAccount: KubeObject | undefined;
  readonly caConfigMap: ConfigMap | undefined;
  /** PEM; undefined when the cluster publishes none. */
  readonly caBundle: string | undefined;
}

export function planNamespaceDefaults(found: NamespaceDefaults): Plan | undefined {
  const { namespace } = found;
  if (isDeleting(namespace)) return undefined;
  return { writes: missingIn(namespace.metadata.name, found), checks: [unchanged(namespace)] };
}

function missingIn(name: string, found: NamespaceDefaults): readonly Write[] {
  const { serviceAccount, caConfigMap, caBundle } = found;
  const writes: Write[] = [];
  if (!serviceAccount) {
    const metadata = { name: DEFAULT_SERVICE_ACCOUNT, namespace: name };
    writes.push({ verb: 'create', object: { apiVersion: 'v1', kind: 'ServiceAccount', metadata } });
  }
  if (caBundle === undefined) return writes;
  const data = { 'ca.crt': caBundle };
  const annotations = { ...caConfigMap?.metadata.annotations, 'kubernetes.io/description': CA_DESCRIPTION };
  if (!caConfigMap) {
    const metadata = { name: CA_CONFIG_MAP, namespace: name, annotations };
    writes.push({ verb: 'create', object: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } });
  } else if (!jsonEqual(caConfigMap.data, data)) {
    const metadata = { ...caConfigMap.metadata, annotations };
    writes.push({ verb: 'update', object: { ...caConfigMap, metadata, data } });
  }
  return writes;
}
