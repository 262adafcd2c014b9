/** Builders of Ingresses, their Services and their certificates. */
import type { Ingress, Secret, Service } from '../../src/schemas/types.ts';
import { planProxy, type ProxyPlan, type ProxyView } from '../../src/network/ingress/plan-proxy.ts';
import { createDefaultCertificate } from '../../src/network/ingress/default-certificate.ts';

export interface IngressShape {
  readonly name?: string;
  readonly namespace?: string;
  readonly age?: number;
  readonly annotations?: Record<string, string>;
  /** `Prefix foo.com/path service:port`; without a host: `Prefix /path service`. */
  readonly rules?: readonly string[];
  readonly defaultBackend?: string;
  readonly tls?: Ingress['spec']['tls'];
}

export function anIngress(shape: IngressShape): Ingress {
  const {
    name = 'web',
    namespace = 'default',
    age = 0,
    annotations,
    rules = [],
    defaultBackend,
    tls,
  } = shape;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name,
      namespace,
      uid: `${namespace}-${name}`,
      creationTimestamp: new Date(1e12 - age * 1000).toISOString(),
      ...(annotations ? { annotations } : {}),
    },
    spec: {
      ...(defaultBackend ? { defaultBackend: backend(defaultBackend) } : {}),
      ...(tls ? { tls } : {}),
      rules: rules.map((rule) => {
        const [pathType = '', url = '', target = ''] = rule.split(' ');
        const slash = url.indexOf('/');
        const host = slash < 0 ? url : url.slice(0, slash);
        const path = {
          path: slash < 0 ? '' : url.slice(slash),
          pathType: pathType as 'Prefix',
          backend: backend(target),
        };
        return { ...(host ? { host } : {}), http: { paths: [path] } };
      }),
    },
  };
}

function backend(text: string): NonNullable<Ingress['spec']['defaultBackend']> {
  const [name = '', port = '80'] = text.split(':');
  return { service: { name, port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port } } };
}

export function aService(name: string, spec: Partial<Service['spec']> = {}, namespace = 'default'): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { clusterIP: '10.96.0.1', ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  };
}

export function proxyPlan(
  ingresses: readonly Ingress[],
  services: readonly Service[],
  view: Partial<Pick<ProxyView, 'slicesOf' | 'secret' | 'isAutomatic' | 'gateways' | 'ports'>> = {},
): ProxyPlan {
  return planProxy({
    ingresses,
    services: new Map(
      services.map((service) => [`${service.metadata.namespace ?? ''}/${service.metadata.name}`, service]),
    ),
    slicesOf: () => [],
    secret: () => undefined,
    isAutomatic: false,
    clusterDomain: 'cluster.local',
    ports: { httpPort: 80, httpsPort: 443 },
    ...view,
  });
}

/** A Secret with a certificate for these names. */
export async function aTlsSecret(name: string, ...names: readonly string[]): Promise<Secret> {
  const { certificate, key } = await createDefaultCertificate(Date.now(), names);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': btoa(certificate), 'tls.key': btoa(key) },
  };
}
