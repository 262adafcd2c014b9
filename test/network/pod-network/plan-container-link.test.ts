/** The commands that connect a container to the pods' network. */
import { describe, expect, it } from 'vitest';
import {
  hostEndOf,
  planBridge,
  planHostEnd,
  planPodEnd,
} from '../../../src/network/pod-network/plan-container-link.ts';

const place = {
  ...{ bridge: 'sy-0123456789ab', subnet: '10.244.0.0/16', gateway: '10.244.0.1' },
  ...{ mtu: 1450, hostPid: 77, hasIpv6: true },
};
const link = { containerId: 'f00', pid: 5, address: '10.244.3.9' };

describe("a container's link", () => {
  it("has a host's end that fits and is the address's own", () => {
    const names = ['10.244.3.9', '10.244.39.0', '255.255.255.255'].map((address) =>
      hostEndOf(address, place.bridge),
    );
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(15);
    expect(hostEndOf(link.address, 'sy-000000000000')).not.toBe(names[0]);
  });

  it("works only when its host's end is up, which comes last", () => {
    const podEnd = planPodEnd(link.address, place).trim().split('\n');
    expect(podEnd[0]).toBe(
      'link add eth0 mtu 1450 address 02:42:0a:f4:03:09 type veth peer name sy789ab0af40309 mtu 1450 netns 77',
    );
    expect(podEnd).toContain('address add 10.244.3.9/16 broadcast + dev eth0');
    expect(podEnd.at(-1)).toBe('route add default via 10.244.0.1 dev eth0');
    expect(planHostEnd(link, place).trim().split('\n')).toEqual([
      'link set sy789ab0af40309 alias f00',
      'link set sy789ab0af40309 master sy-0123456789ab',
      'link set sy789ab0af40309 type bridge_slave hairpin on',
      'link set sy789ab0af40309 addrgenmode none',
      'link set sy789ab0af40309 up',
    ]);
  });

  it('has no address of IPv6, which policies do not know', () => {
    expect(planPodEnd(link.address, place)).toContain('link set eth0 addrgenmode none');
    expect(planPodEnd(link.address, { ...place, hasIpv6: false })).not.toContain('addrgenmode');
  });

  it("is on a bridge with the gateway's address", () => {
    expect(planBridge(place)).toContain('address replace 10.244.0.1/16 broadcast + dev sy-0123456789ab\n');
  });
});
