/**
 * The steps of a recorded story (README of the recordings). Each is a request to the API's core, a
 * deed of the fake kubelet, or a wait on simulated time. A request's result is its code and, when
 * it was refused, the status.
 */
import { isRecord, jsonEqual } from '../../../src/base/json.ts';
import { objectKey } from '../../../src/schemas/object.ts';
import type { Node, Pod } from '../../../src/schemas/types.ts';
import { kubectl } from './story-kubectl.ts';
import {
  create,
  evict,
  type Fields,
  fieldsOf,
  own,
  patch,
  read,
  remove,
  scale,
  type Step,
  type StepResult,
  type StoryWorld,
} from './story-requests.ts';

/** One tick of simulated time while waiting; small against every delay of the stories. */
const TICK_MS = 50;
const MAX_WAIT_MS = 120_000;
/** `quiet` gives up waiting after this long, as the recorder did. */
const MAX_QUIET_MS = 45_000;

async function waitUntil(
  world: StoryWorld,
  done: () => boolean | Promise<boolean>,
  what: string,
): Promise<void> {
  for (let waited = 0; waited <= MAX_WAIT_MS; waited += TICK_MS) {
    if (await done()) return;
    await world.cluster.clock.advance(TICK_MS);
  }
  throw new Error(`Waited in vain for ${what}`);
}

async function quiet(world: StoryWorld, seconds: number): Promise<void> {
  const { clock } = world.cluster;
  const start = clock.now();
  let last = world.changes();
  let since = start;
  await waitUntil(
    world,
    () => {
      if (world.changes() !== last) [last, since] = [world.changes(), clock.now()];
      return clock.now() - since >= seconds * 1000 || clock.now() - start >= MAX_QUIET_MS;
    },
    'quiet',
  );
}

async function setPod(world: StoryWorld, argument: unknown): Promise<StepResult> {
  const { name, do: to, exit, reason } = fieldsOf(argument);
  const key = objectKey(world.namespace, world.names.real(String(name)));
  await world.kubelet.setPod(key, to as 'ready', exit as number | undefined, reason as string | undefined);
  return undefined;
}

async function nodeCondition(world: StoryWorld, node: string, type: string, status: string): Promise<void> {
  const stored = (await read(world, { kind: 'Node', name: node })) as Node | undefined;
  const now = new Date(world.cluster.clock.now()).toISOString().replace(/\.\d+/, '');
  const found = stored?.status?.conditions?.find((item) => item.type === type);
  const next = {
    ...found,
    type,
    status,
    reason: 'FakeKubelet',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  const body = { status: { conditions: [next] } };
  await patch(world, { kind: 'Node', name: node, sub: 'status', body });
}

const setReady =
  (status: 'True' | 'False'): Step =>
  async (world, argument) => {
    await nodeCondition(world, world.names.real(String(argument)), 'Ready', status);
    return undefined;
  };

const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

function podsAre(world: StoryWorld, fields: Fields): boolean {
  const labels = Object.entries(isRecord(fields['labels']) ? fields['labels'] : {});
  const all = world.pods
    .list(world.namespace)
    .filter((pod) => labels.every(([key, value]) => pod.metadata.labels?.[key] === value));
  const { phase } = fields;
  const inPhase = phase === undefined ? all : all.filter((pod) => pod.status?.phase === phase);
  if (fields['pods'] !== undefined && inPhase.length !== fields['pods']) return false;
  return fields['ready'] === undefined || all.filter(isReady).length === fields['ready'];
}

/** The value at a path such as `status.hard.pods`. */
function at(object: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), object);
}

async function holds(world: StoryWorld, fields: Fields): Promise<boolean> {
  if (fields['pods'] !== undefined || fields['ready'] !== undefined) return podsAre(world, fields);
  const object = await read(world, fields);
  if (fields['gone'] !== undefined) return object === undefined;
  if (fields['exists'] !== undefined) return object !== undefined;
  if (typeof fields['path'] === 'string') {
    const value = at(object, fields['path']);
    return 'atLeast' in fields
      ? Number(value) >= Number(fields['atLeast'])
      : jsonEqual(value, fields['equals']);
  }
  const { conditions = [] } = (object?.['status'] ?? {}) as {
    conditions?: { type: string; status: string; reason?: string }[];
  };
  const found = conditions.find((item) => item.type === fields['cond']);
  return (
    found?.status === (fields['status'] ?? 'True') &&
    (fields['reason'] === undefined || found?.reason === fields['reason'])
  );
}

/** Steps that change nothing begin no new stretch of the record. */
export const WAITING: ReadonlySet<string> = new Set(['quiet', 'wait', 'sleep', 'minute', 'get', 'list']);

export const storySteps: Readonly<Record<string, Step>> = {
  create,
  owned: own,
  xowner: own,
  patch,
  scale,
  delete: remove,
  evict,
  pod: setPod,
  kubectl,
  nodeready: setReady('True'),
  nodenotready: setReady('False'),
  async nodecond(world, argument) {
    const { node, type, status } = fieldsOf(argument);
    await nodeCondition(world, world.names.real(String(node)), String(type), String(status));
    return undefined;
  },
  async kubelet(world, argument) {
    const { node, down } = fieldsOf(argument);
    world.kubelet.setDown(world.names.real(String(node)), down === true);
    return undefined;
  },
  async get(world, argument) {
    return { code: (await read(world, fieldsOf(argument))) ? 200 : 404 };
  },
  // The objects at the end are compared with the recorded end.
  list: async () => ({ code: 200 }),
  async quiet(world, argument) {
    await quiet(world, Number(argument));
    return undefined;
  },
  async sleep(world, argument) {
    await world.cluster.clock.advance(Number(argument) * 1000);
    return undefined;
  },
  async minute(world, argument) {
    const second = Number(argument) * 1000;
    const untilMs = 60_000 - (world.cluster.clock.now() % 60_000) + second;
    await world.cluster.clock.advance(untilMs);
    return undefined;
  },
  async wait(world, argument) {
    await waitUntil(world, () => holds(world, fieldsOf(argument)), JSON.stringify(argument));
    return undefined;
  },
};
