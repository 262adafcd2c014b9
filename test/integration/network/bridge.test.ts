/** The interface of the pods' network in a real kernel, after people have broken it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureInterface } from '../../../src/network/pod-network/bridge.ts';
import { hostEndOf } from '../../../src/network/pod-network/plan-container-link.ts';
import { type Place, startPlace } from '../../support/testbed/place.ts';
import { programsOf } from '../../support/testbed/programs.ts';

const NETWORK = { bridge: 'sy-0123456789ab', subnet: '10.244.0.0/16', gateway: '10.244.0.1' };
const { bridge } = NETWORK;
const POD = '10.244.1.5';
const END = hostEndOf(POD, bridge);

describe('the interface of the pods', () => {
  let place: Place;
  const ensure = (): Promise<boolean> => ensureInterface(NETWORK, programsOf(place));
  const reachesPod = async (): Promise<boolean> =>
    (await place.run('busybox', 'ping', '-c', '1', '-W', '1', POD)).code === 0;

  beforeAll(async () => {
    place = await startPlace({ name: 'host' });
    await place.script(`
      ip netns add pod
      ip link add ${END} type veth peer name eth0 netns pod
      ip link set ${END} up
      ip netns exec pod ip address add ${POD}/16 dev eth0
      ip netns exec pod ip link set eth0 up`);
  });
  afterAll(() => place[Symbol.asyncDispose]());

  it('is made, and links of pods that have lost it are connected again', async () => {
    expect(await ensure()).toBe(true);
    expect(await reachesPod()).toBe(true);
    expect(await ensure()).toBe(false);
  });

  it.each([
    ['deleted', `ip link delete ${bridge}`],
    ['set down', `ip link set ${bridge} down`],
    ['left without its address', `ip address flush dev ${bridge}`],
    ['left without a pod', `ip link set ${END} nomaster`],
  ])('is mended after it was %s', async (_, command) => {
    await place.script(command);
    expect(await reachesPod()).toBe(false);
    expect(await ensure()).toBe(true);
    expect(await reachesPod()).toBe(true);
    expect(await ensure()).toBe(false);
  });
});
