/**
 * Copies of a pod's containers: same labels, but the agent did not make them. Through the whole
 * agent on the fake engine.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { hasOwnName } from '../../src/node-agent/container-spec/identity.ts';
import { createOwnContainers } from '../../src/node-agent/pod/own-containers.ts';
import type { MadeContainers } from '../../src/node-agent/ports.ts';
import { type ContainerRecord, type ContainerSpec, labelKeys } from '../../src/node-agent/runtime/types.ts';
import { type AgentWorld, aPod, createAgentWorld } from '../support/agent-world.ts';
import { vacantSandbox } from '../support/sandbox.ts';

let world: AgentWorld;
beforeEach(async () => {
  world = await createAgentWorld();
  world.api.put('pods', aPod('web'));
  await world.clock.advance(5_000);
});
afterEach(() => world[Symbol.asyncDispose]());

const OWN = 'k8s_main_web_default_uid-of-web_0';
const NEXT = 'k8s_main_web_default_uid-of-web_1';
const idOf = (name: string): string =>
  world.runtime.snapshot().find((record) => record.name === name)?.id ?? 'none';

/** As `docker commit` and `docker run` make it: every label, under a name of somebody's choice. */
async function copy(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
  const spec = world.runtime.spec(idOf(OWN));
  if (!spec) throw new Error('the pod has no container');
  const copied: ContainerSpec = { ...spec, name, labels: { ...spec.labels, ...labels } };
  const done = world.runtime.create(copied, vacantSandbox()).then((id) => world.runtime.start(id));
  await world.clock.advance(1_000);
  await done;
  await world.clock.advance(70_000);
}
const unknown = () => world.api.list('events').filter(({ reason }) => reason === 'UnknownContainer');
const status = () => world.pod('web')?.status?.containerStatuses?.[0];

it.each([
  ['the same attempt', {}],
  ['a later attempt', { [labelKeys.attempt]: '7' }],
  ['another image of the container', { [labelKeys.specHash]: 'v2-other' }],
  ['the sandbox', { [labelKeys.role]: 'pod' }],
  ['a container that the pod does not have', { [labelKeys.containerName]: 'other' }],
])('are left alone and reported when they claim to be %s', async (_what, labels) => {
  const own = idOf(OWN);
  await copy('copy', labels);
  expect(world.running()).toEqual(['copy', OWN]);
  expect(status()).toMatchObject({ ready: true, restartCount: 0, containerID: `docker://${own}` });
  expect(unknown()).toMatchObject([
    { type: 'Warning', message: expect.stringContaining(idOf('copy')) as string },
  ]);

  await world.restartAgent();
  await world.clock.advance(70_000);
  expect(world.running()).toEqual(['copy', OWN]);
  expect(status()).toMatchObject({ restartCount: 0, containerID: `docker://${own}` });
});

it('outlive the pod and the agent', async () => {
  await copy('copy');
  world.api.remove('pods', 'default/web');
  await world.clock.advance(60_000);
  expect(world.running()).toEqual(['copy']);
  await world.restartAgent();
  await world.clock.advance(130_000);
  expect(world.running()).toEqual(['copy']);
});

it("do not stand in for the pod's own container when that ends", async () => {
  await copy('copy', { [labelKeys.attempt]: '7' });
  world.runtime.crash(idOf(OWN), 1);
  await world.clock.advance(5_000);
  expect(world.running()).toEqual(['copy', NEXT]);
  expect(status()).toMatchObject({ restartCount: 1, ready: true });
});

it('are not taken over under the name of the next attempt either', async () => {
  await copy(NEXT, { [labelKeys.attempt]: '1' });
  world.runtime.crash(idOf(OWN), 1);
  await world.clock.advance(5_000);
  expect(world.running()).toEqual([NEXT]);
  expect(status()).toMatchObject({ ready: false, state: { waiting: { reason: 'CreateContainerError' } } });
  // Somebody removes it, and the pod goes on.
  const removed = world.runtime.remove(idOf(NEXT));
  await world.clock.advance(60_000);
  await removed;
  expect(status()).toMatchObject({ ready: true, restartCount: 1 });
});

const aRecord = (id: string, name: string, mark?: string): ContainerRecord => ({
  id,
  name,
  labels: {
    [labelKeys.containerName]: 'main',
    [labelKeys.podName]: 'web',
    [labelKeys.podNamespace]: 'default',
    [labelKeys.podUid]: 'u',
    [labelKeys.attempt]: '0',
    ...(mark === undefined ? {} : { [labelKeys.mark]: mark }),
  },
  image: 'x',
  imageId: '',
  phase: 'running',
  createdAtMs: 0,
  oomKilled: false,
});
const NAME = 'k8s_main_web_default_u_0';
const ownOf = (made: MadeContainers | undefined) => {
  const saved: MadeContainers[] = [];
  const durable: boolean[] = [];
  const foreign: string[] = [];
  const own = createOwnContainers({
    made,
    newMark: () => 'mark',
    async save(isDurable) {
      saved.push(own.made);
      durable.push(isDurable);
    },
    onForeign: ({ id }) => void foreign.push(id),
  });
  return { own, saved, durable, foreign };
};

it('a container whose creation was never answered is known by its mark, which was written down before', async () => {
  const before = ownOf({ ids: [], asked: {} });
  expect(await before.own.ask(NAME, undefined)).toBe('mark');
  expect(before.saved).toEqual([{ ids: [], asked: { [NAME]: 'mark' } }]);
  expect(before.durable).toEqual([true]);
  const { own, foreign } = ownOf(before.saved[0]);
  expect(own.owns(aRecord('copy', 'elsewhere', 'mark'))).toBe(false);
  expect(own.owns(aRecord('other', NAME, 'another mark'))).toBe(false);
  expect(own.owns(aRecord('1', NAME, 'mark'))).toBe(true);
  // From then on the id counts: what carries the mark now is a copy.
  expect(own.owns(aRecord('2', NAME, 'mark'))).toBe(false);
  expect(own.made).toEqual({ ids: ['1'], asked: {} });
  expect(foreign).toEqual(['copy', 'other', '2']);
});

it('the containers of an agent that wrote nothing down are taken over once, by their names', async () => {
  const { own } = ownOf(undefined);
  expect(own.owns(aRecord('copy', 'elsewhere'))).toBe(false);
  expect(own.owns(aRecord('1', NAME))).toBe(true);
  own.settle([aRecord('1', NAME)]);
  expect(own.owns(aRecord('2', NAME))).toBe(false);
  expect(await own.ask(NAME, aRecord('1', NAME))).toBeUndefined();
});

it('ids of containers that are gone at the first look are forgotten', () => {
  const { own } = ownOf({ ids: ['1', '2'], asked: {} });
  own.settle([aRecord('2', NAME)]);
  expect(own.made.ids).toEqual(['2']);
});

it('a name follows from the labels', () => {
  expect(hasOwnName(aRecord('1', NAME))).toBe(true);
  expect(hasOwnName(aRecord('1', `${NAME}_1`))).toBe(false);
  expect(hasOwnName({ name: 'k8s_____', labels: {} })).toBe(true);
});
