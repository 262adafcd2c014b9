/**
 * `default/kubernetes`: the address at which pods and tools find the API, the first of the service
 * range. Every API server keeps it there, as upstream does; the first one makes it.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { objectKey } from '../../schemas/object.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Service } from '../../schemas/types.ts';
import type { BoundWriter } from '../writing/write-plan.ts';
import type { Store } from '../../store/types.ts';
import { type AddressSpace, apiServiceIp } from './service-addresses.ts';

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

  async function ensure(): Promise<void> {
    try {
      if (await store.get('services', objectKey(NAMESPACE, NAME))) return;
      await writer.write({ writes: [{ verb: 'create', object: kubernetesService(space, port) }] });
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists')) return;
      logger.error({ error: errorMessage(error) }, 'Cannot make the Service of the API; trying again');
    }
  }
  async function run(): Promise<void> {
    await ensure();
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
