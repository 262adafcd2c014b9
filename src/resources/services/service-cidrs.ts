/**
 * The object `kubernetes` shows the range of cluster addresses, `--service-cidr`, as upstream's
 * does. The range is fixed while the cluster runs: ServiceCIDRs of others say that they are not
 * used.
 */
import { type Clock, toRfc3339 } from '../../base/clock.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import { asRecord, asRecords } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Store } from '../../store/types.ts';
import type { BoundWriter, Write } from '../writing/write-plan.ts';

const SERVICE_CIDRS = 'servicecidrs.networking.k8s.io';
const DEFAULT_NAME = 'kubernetes';
const READY = 'Ready';

function defaultServiceCidr(serviceCidr: string): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: DEFAULT_NAME },
    spec: { cidrs: [serviceCidr] },
  };
}

/** The status of a ServiceCIDR that has none yet. */
function statusOfServiceCidr({ metadata }: KubeObject, now: string): unknown {
  const verdict =
    metadata.name === DEFAULT_NAME
      ? { status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' }
      : {
          status: 'False',
          reason: 'NotUsed',
          message: 'Cluster addresses come from --service-cidr alone',
        };
  return { conditions: [{ type: READY, ...verdict, lastTransitionTime: now }] };
}

/** Makes the default one where it is missing, and completes those without a status. */
export async function ensureServiceCidrs(
  { store, writer, clock }: { readonly store: Store; readonly writer: BoundWriter; readonly clock: Clock },
  serviceCidr: string,
): Promise<void> {
  const { objects } = await store.list(SERVICE_CIDRS);
  const isMissing = objects.every(({ metadata }) => metadata.name !== DEFAULT_NAME);
  const made = isMissing ? await create(writer, defaultServiceCidr(serviceCidr)) : [];
  const writes = [...objects, ...made].filter((object) => !hasVerdict(object)).map(verdictWrite(clock));
  if (writes.length > 0) await writer.write({ writes });
}

const hasVerdict = ({ status }: KubeObject & { readonly status?: unknown }): boolean =>
  asRecords(asRecord(status)['conditions']).some(({ type }) => type === READY);

const verdictWrite =
  (clock: Clock) =>
  (object: KubeObject): Write => ({
    verb: 'update',
    subresource: 'status',
    object,
    // Another server may have been faster.
    change: (current) =>
      hasVerdict(current)
        ? current
        : { ...current, status: statusOfServiceCidr(current, toRfc3339(clock.now())) },
  });

async function create(writer: BoundWriter, object: KubeObject): Promise<readonly KubeObject[]> {
  try {
    const made = await writer.write({ writes: [{ verb: 'create', object }] });
    return made.filter((one) => one !== undefined);
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) return [];
    throw error;
  }
}
