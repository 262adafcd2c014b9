/** `pods/NAME/binding`: assigns a pod to a node, once. */
import { type Clock, toRfc3339 } from '../../base/clock.ts';
import { isRecord } from '../../base/json.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { badRequest, conflict, invalid } from '../../schemas/errors/status.ts';
import type { Pod, PodCondition, PodStatus } from '../../schemas/types.ts';
import { checkPlace, takeTyped } from '../decoding/intake.ts';
import type { TypeSchemas } from '../decoding/type-schemas.ts';
import type { ObjectRef, RequestContext, WriteOptions } from '../types.ts';
import { named, writeOne } from '../writing/requests.ts';
import type { UpdateWrite } from '../writing/write-plan.ts';
import type { Writer } from '../writing/writer.ts';

const TYPE = { apiVersion: 'v1', kind: 'Binding' } as const;

export type Bind = (
  ref: ObjectRef,
  body: unknown,
  options: WriteOptions,
  context: RequestContext,
) => Promise<void>;

export const createBind =
  (writer: Writer, schemas: TypeSchemas, clock: Clock): Bind =>
  async (ref, body, { fieldValidation, dryRun }, context) => {
    const schema = schemas.ofKind('', 'v1', 'Binding');
    const binding = takeTyped(schemas, schema, body, TYPE, { fieldValidation, context });
    checkPlace(binding, ref);
    const write: UpdateWrite = {
      verb: 'update',
      object: named(ref),
      subresource: 'binding',
      change: (pod) => boundPod(pod, binding, clock.now()),
    };
    await writeOne(writer, write, dryRun, context);
  };

/** The pod as bound by this Binding. */
export function boundPod(pod: KubeObject, binding: KubeObject, nowMs: number): KubeObject {
  const { metadata, spec, status } = pod as Pod;
  const target = isRecord(binding['target']) ? binding['target'] : {};
  const node = target['name'];
  const { annotations } = binding.metadata;
  if (typeof node !== 'string' || node === '') {
    throw invalid({ group: '', kind: 'Binding' }, metadata.name, [
      { type: 'FieldValueRequired', path: 'target.name', detail: '' },
    ]);
  }
  if (target['kind'] !== undefined && target['kind'] !== '' && target['kind'] !== 'Node')
    throw badRequest(`Cannot bind to ${JSON.stringify(target['kind'])}: only nodes take pods`);
  const refuse = (why: string): Error => conflict({ group: '', plural: 'pods/binding' }, metadata.name, why);
  const expect = (what: string, wanted: string | undefined, found = ''): void => {
    if (wanted && wanted !== found)
      throw refuse(
        `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${found}`,
      );
  };
  expect('UID', binding.metadata.uid, metadata.uid);
  expect('ResourceVersion', binding.metadata.resourceVersion, metadata.resourceVersion);
  if (metadata.deletionTimestamp !== undefined)
    throw refuse(`pod ${metadata.name} is being deleted, cannot be assigned to a host`);
  if (spec.nodeName) throw refuse(`pod ${metadata.name} is already assigned to node "${spec.nodeName}"`);
  if ((spec.schedulingGates ?? []).length > 0)
    throw refuse(`pod ${metadata.name} has non-empty .spec.schedulingGates`);
  return {
    ...pod,
    metadata: annotations
      ? { ...metadata, annotations: { ...metadata.annotations, ...annotations } }
      : metadata,
    spec: { ...spec, nodeName: node },
    status: scheduled(status, nowMs),
  };
}

function scheduled(status: PodStatus | undefined, nowMs: number): PodStatus {
  const condition: PodCondition = {
    type: 'PodScheduled',
    status: 'True',
    lastTransitionTime: toRfc3339(nowMs),
  };
  const others = (status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  return { ...status, conditions: [...others, condition] };
}
