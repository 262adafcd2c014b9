/**
 * The Services that every cluster has. `default/kubernetes` is the address at which pods and tools
 * find the API, the first of the service range. `kube-system/kube-dns` is that of the cluster's
 * DNS, which runs on each node. Every API server keeps them, as upstream keeps the first, and
 * ServiceCIDRs.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { keyOf } from '../../schemas/object.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import { DNS_PORT, DNS_SERVICE, dnsAddressOf } from '../../schemas/services/dns-service.ts';
import type { Service } from '../../schemas/types.ts';
import type { BoundWriter } from '../writing/write-plan.ts';
import type { Store } from '../../store/types.ts';
import { type AddressSpace, apiServiceIp } from './service-addresses.ts';
import { ensureServiceCidrs } from './service-cidrs.ts';

/** A deleted Service is missing for at most this long. Upstream's interval. */
const CHECK_INTERVAL_MS = 10_000;
const NAMESPACE = 'default';
const NAME = 'kubernetes';

export function kubernetesService(space: AddressSpace, port: number): Service {
  const ip = apiServiceIp(space);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: NAME,
      namespace: NAMESPACE,
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: ip,
      clusterIPs: [ip],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }],
    },
  };
}

/** It has no endpoints: each node leads its queries to its own server. */
export function dnsService(space: AddressSpace): Service {
  const ip = dnsAddressOf(space.serviceCidr);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      ...DNS_SERVICE,
      labels: {
        'k8s-app': 'kube-dns',
        'kubernetes.io/cluster-service': 'true',
        'kubernetes.io/name': 'CoreDNS',
      },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: ip,
      clusterIPs: [ip],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: [
        { name: 'dns', protocol: 'UDP', port: DNS_PORT, targetPort: DNS_PORT },
        { name: 'dns-tcp', protocol: 'TCP', port: DNS_PORT, targetPort: DNS_PORT },
      ],
    },
  };
}

export interface KubernetesServiceOptions {
  readonly store: Store;
  readonly writer: BoundWriter;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly space: AddressSpace;
}

/** Checks at once and then regularly, until it is disposed. */
export function keepKubernetesService(options: KubernetesServiceOptions, port: number): AsyncDisposable {
  const { store, writer, clock, logger, space } = options;
  const held: { timer?: Timer } = {};
  let stopped = false;

  async function ensure(object: Service): Promise<void> {
    const key = keyOf(object);
    try {
      if (await store.get('services', key)) return;
      await writer.write({ writes: [{ verb: 'create', object }] });
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists')) return;
      logger.error({ service: key, error: errorMessage(error) }, 'Cannot make a Service; trying again');
    }
  }
  async function run(): Promise<void> {
    await ensure(kubernetesService(space, port));
    await ensure(dnsService(space));
    try {
      await ensureServiceCidrs({ store, writer, clock }, space.serviceCidr);
    } catch (error) {
      logger.error({ error: errorMessage(error) }, 'Cannot keep the ServiceCIDRs; trying again');
    }
    if (!stopped)
      held.timer = clock.setTimer(() => {
        checking = run();
      }, CHECK_INTERVAL_MS);
  }
  let checking = run();

  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      held.timer?.cancel();
      await checking;
    },
  };
}
