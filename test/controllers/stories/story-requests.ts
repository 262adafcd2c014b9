/** The requests that steps of a story make to the API's core. */
import { isRecord } from '../../../src/base/json.ts';
import type { PatchFormat, RequestContext } from '../../../src/resources/types.ts';
import { type KubeObject, objectKey } from '../../../src/schemas/object.ts';
import { type ResourceKind, resourceIdOf } from '../../../src/schemas/resource-kind.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { type Status, StatusError } from '../../../src/schemas/errors/status.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import type { TestCluster } from '../../support/cluster.ts';
import type { FakeKubelet } from '../../support/fake-kubelet/fake-kubelet.ts';
import type { Names } from './normalise.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Undefined: the step is no request. */
export type StepResult = { readonly code: number; readonly status?: Status } | undefined;

export interface StoryWorld {
  readonly cluster: TestCluster;
  readonly kubelet: FakeKubelet;
  readonly names: Names;
  /** The story's own namespace. */
  readonly namespace: string;
  readonly pods: { list(namespace: string): readonly Pod[] };
  /** How many changes there have been in the cluster. */
  readonly changes: () => number;
}

export type Step = (world: StoryWorld, argument: unknown) => Promise<StepResult>;

const STRICT = { dryRun: false, fieldValidation: 'Strict' } as const;
const USER: RequestContext = {
  user: { name: 'admin', groups: ['system:masters'] },
  warn: () => undefined,
  annotate: () => undefined,
};

export const fieldsOf = (argument: unknown): Fields => (isRecord(argument) ? argument : {});

async function resultOf(code: number, request: Promise<unknown>): Promise<StepResult> {
  try {
    await request;
    return { code };
  } catch (error) {
    if (error instanceof StatusError) return { code: error.code, status: error.status };
    throw error;
  }
}

export function refOf(
  world: StoryWorld,
  fields: Fields,
): { kind: ResourceKind; namespace: string | undefined; name: string } {
  const kind = builtinRegistry.kinds.find((item) => item.kind === fields['kind']);
  if (!kind) throw new Error(`Unknown kind ${String(fields['kind'])}`);
  const namespace = world.names.real((fields['ns'] as string | undefined) ?? world.namespace);
  return {
    kind,
    namespace: kind.namespaced ? namespace : undefined,
    name: world.names.real(String(fields['name'])),
  };
}

export async function read(world: StoryWorld, fields: Fields): Promise<KubeObject | undefined> {
  const { kind, namespace, name } = refOf(world, fields);
  return world.cluster.store.get(
    resourceIdOf(kind),
    namespace === undefined ? name : objectKey(namespace, name),
  );
}

async function createOne(world: StoryWorld, manifest: unknown): Promise<StepResult> {
  const object = world.names.deepReal(manifest) as KubeObject;
  const kind = builtinRegistry.byKind(object.apiVersion, object.kind);
  if (!kind) throw new Error(`Unknown kind ${object.kind}`);
  const metadata = kind.namespaced ? { namespace: world.namespace, ...object.metadata } : object.metadata;
  const namespace = kind.namespaced ? metadata.namespace : undefined;
  return resultOf(201, world.cluster.core.create({ kind, namespace }, { ...object, metadata }, STRICT, USER));
}

export async function create(world: StoryWorld, argument: unknown): Promise<StepResult> {
  let result: StepResult;
  for (const manifest of Array.isArray(argument) ? argument : [argument])
    result = await createOne(world, manifest);
  return result;
}

/**
 * A ConfigMap that ConfigMaps own, in its namespace or (`xowner`) in another one, where owners do
 * not count.
 */
export async function own(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const fields = fieldsOf(argument);
  const listed = Array.isArray(fields['owners']) ? (fields['owners'] as unknown[]) : [];
  const owners = [fields['owner'], fields['owner2'], ...listed].filter((name) => typeof name === 'string');
  const ownersNamespace = fields['ownerNs'] ?? fields['ownerNamespace'] ?? fields['ns'];
  const ownerReferences = await Promise.all(
    owners.map(async (name) => {
      const owner = await read(world, { kind: 'ConfigMap', name, ns: ownersNamespace });
      const block = fields['blockOwnerDeletion'] === true ? { blockOwnerDeletion: true } : {};
      return { apiVersion: 'v1', kind: 'ConfigMap', name, uid: owner?.metadata.uid ?? '', ...block };
    }),
  );
  const { finalizers } = fields;
  const metadata = {
    name: String(fields['name']),
    ownerReferences,
    ...(finalizers === undefined ? {} : { finalizers }),
  };
  return createOne(world, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
}

const FORMATS: Readonly<Record<string, PatchFormat>> = {
  strategic: 'strategic',
  merge: 'merge',
  json: 'json',
};

export async function patch(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const fields = fieldsOf(argument);
  const body = world.names.deepReal(fields['body']);
  const format = FORMATS[(fields['type'] as string | undefined) ?? 'strategic'] ?? 'strategic';
  const ref = refOf(world, fields);
  const { core } = world.cluster;
  const request =
    fields['sub'] === 'scale'
      ? core.patchScale(ref, { format, body }, STRICT, USER)
      : core.patch(ref, { format, body }, STRICT, USER, fields['sub'] as 'status' | undefined);
  return resultOf(200, request);
}

export async function scale(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const fields = fieldsOf(argument);
  const body = { spec: { replicas: fields['replicas'] } };
  return resultOf(
    200,
    world.cluster.core.patchScale(refOf(world, fields), { format: 'merge', body }, STRICT, USER),
  );
}

export async function remove(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const fields = fieldsOf(argument);
  const propagationPolicy = (fields['propagationPolicy'] ?? 'Background') as
    | 'Foreground'
    | 'Background'
    | 'Orphan';
  const grace = fields['gracePeriodSeconds'] as number | undefined;
  const options = {
    dryRun: false,
    propagationPolicy,
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
  };
  return resultOf(200, world.cluster.core.delete(refOf(world, fields), options, USER));
}

export async function evict(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const fields = { kind: 'Pod', ...fieldsOf(argument) };
  const { core } = world.cluster;
  const action = core.actions.find(({ subresource }) => subresource === 'eviction');
  const ref = refOf(world, fields);
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name: ref.name, namespace: ref.namespace },
  };
  return resultOf(201, Promise.resolve(action?.create(ref, body, STRICT, USER)));
}
