/**
 * Takes many things that an agent tells of its node in one request and one commit: the statuses of
 * its pods, and Events. Each item is checked as if it came alone, and one that is refused keeps no
 * other out. Statuses need no version, as kubelet's: conditions of other writers are kept, and an
 * agent renews its Lease before it takes back what was said of its pods while it was silent.
 */
import { isRecord } from '../base/json.ts';
import { MAX_REPORTED } from '../client/types.ts';
import { asRecord, asString, getPath } from '../schemas/json-access.ts';
import { badRequest, isStatusError, notFound, type StatusError } from '../schemas/errors/status.ts';
import { type KubeObject, keyOf } from '../schemas/object.ts';
import { withForeignConditions } from '../schemas/pods/agent-conditions.ts';
import { isTerminal } from '../schemas/pods/pod-phase.ts';
import type { Registry, ResourceKind } from '../schemas/resource-kind.ts';
import type { Pod } from '../schemas/types.ts';
import { takeObject } from './decoding/intake.ts';
import type { TypeSchemas } from './decoding/type-schemas.ts';
import type { RequestContext } from './types.ts';
import { writeEach } from './writing/write-each.ts';
import type { UpdateWrite, Write } from './writing/write-plan.ts';
import type { Writer } from './writing/writer.ts';

export interface ReportDependencies {
  readonly writer: Pick<Writer, 'as'>;
  readonly registry: Pick<Registry, 'byKind'>;
  readonly schemas: TypeSchemas;
}

/** Why each of the items was refused; undefined for those that were taken. */
export async function takeReport(
  { writer, registry, schemas }: ReportDependencies,
  node: string,
  items: readonly unknown[],
  context: RequestContext,
): Promise<readonly (StatusError | undefined)[]> {
  if (items.length > MAX_REPORTED) throw badRequest(`Cannot take more than ${MAX_REPORTED} objects at once`);
  const refusals: (StatusError | undefined)[] = items.map(() => undefined);
  const writes = new Map<Write, number>();
  const named = new Set<string>();
  for (const [index, item] of items.entries()) {
    try {
      const write = writeOf(item);
      const name = `${write.object.kind} ${keyOf(write.object)}`;
      if (named.has(name)) throw badRequest(`${name} is reported twice`);
      named.add(name);
      writes.set(write, index);
    } catch (error) {
      if (!isStatusError(error)) throw error;
      refusals[index] = error;
    }
  }
  const actor = { user: context.user, request: context };
  for (const { write, refusal } of await writeEach(writer.as(actor), [...writes.keys()]))
    if (isStatusError(refusal)) refusals[writes.get(write) ?? 0] = refusal;
  return refusals;

  function writeOf(item: unknown): Write {
    const kind = isRecord(item) ? registry.byKind('v1', asString(item['kind'])) : undefined;
    if (!kind || (kind.kind !== 'Pod' && kind.kind !== 'Event'))
      throw badRequest('a report consists of Pods, with their status, and Events');
    const namespace = asString(getPath(item, 'metadata', 'namespace'));
    const intake = { kind, namespace, name: undefined, fieldValidation: 'Ignore', context } as const;
    const object = takeObject(schemas, item, intake);
    return kind.kind === 'Event'
      ? { verb: 'create', object: kind.withDefaults(object) }
      : statusWrite(kind, object, node);
  }
}

/**
 * Another pod of that name, or one of another node, is not the pod that is meant. A terminal phase
 * stays, which the agent may not have seen yet. A refusal could hold up the end of its pod.
 */
function statusWrite(kind: ResourceKind, { metadata, ...reported }: KubeObject, node: string): UpdateWrite {
  const { namespace = '', name, uid } = metadata;
  const { apiVersion } = reported;
  return {
    verb: 'update',
    subresource: 'status',
    object: { apiVersion, kind: kind.kind, metadata: { namespace, name } },
    change(current) {
      const { spec, status } = current as Pod;
      if (current.metadata.uid !== uid || spec.nodeName !== node) throw notFound(kind, name);
      const next = withForeignConditions(asRecord(reported['status']), status);
      return isTerminal(status) && !isTerminal(next) ? current : { ...current, status: next };
    },
  };
}
