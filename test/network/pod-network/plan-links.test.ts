import { describe, expect, it } from 'vitest';
import {
  isCutOff,
  type LinksInput,
  planLinks,
  unreachableText,
} from '../../../src/network/pod-network/plan-links.ts';

const own = { address: '192.168.77.11', names: ['h1'], podCidrs: ['10.244.1.0/24'] };
const near = {
  address: '192.168.77.12',
  names: ['h2', 'h2-b'],
  podCidrs: ['10.244.2.0/24', '10.244.5.0/24'],
};
const far = { address: '198.51.100.3', names: ['h3'], podCidrs: ['10.244.3.0/24'] };
const links = (over: Partial<LinksInput> = {}) =>
  planLinks({ mode: 'auto', own, peers: [own, near, far], onLink: ['192.168.77.0/24'], ...over });

describe('links to other hosts', () => {
  it('are routes on the same layer 2, and a tunnel elsewhere', () => {
    expect(links()).toEqual({
      routes: [
        { cidr: '10.244.2.0/24', via: '192.168.77.12', isTunnelled: false },
        { cidr: '10.244.5.0/24', via: '192.168.77.12', isTunnelled: false },
        { cidr: '10.244.3.0/24', via: '10.244.3.0', isTunnelled: true },
      ],
      tunnel: {
        address: '10.244.1.0',
        hardwareAddress: '02:53:c0:a8:4d:0b',
        localAddress: '192.168.77.11',
        peers: [
          { tunnelAddress: '10.244.3.0', hardwareAddress: '02:53:c6:33:64:03', hostAddress: '198.51.100.3' },
        ],
      },
      unreachable: [],
    });
  });

  it('need no tunnel when all hosts are near, and only tunnels when VXLAN is asked for', () => {
    expect(links({ peers: [near] }).tunnel).toBeUndefined();
    expect(links({ mode: 'vxlan' }).routes.every(({ isTunnelled }) => isTunnelled)).toBe(true);
  });

  it('are none when they are not wanted', () => {
    expect(links({ mode: 'none' })).toEqual({ routes: [], tunnel: undefined, unreachable: [] });
  });

  it('say what routes alone cannot reach', () => {
    const { routes, unreachable } = links({ mode: 'routes' });
    expect(routes).toHaveLength(2);
    expect(unreachable).toEqual([far]);
    expect(unreachableText(unreachable)).toContain('Pods of h3 (198.51.100.3) cannot be reached');
    expect(unreachableText(Array.from({ length: 9 }, () => far))).toContain('5 more');
    expect(unreachableText([])).toBeUndefined();
  });

  it('leave out hosts that have no range yet', () => {
    expect(links({ peers: [{ ...far, podCidrs: [] }] })).toEqual({
      routes: [],
      tunnel: undefined,
      unreachable: [],
    });
  });

  it('lead through no tunnel while this host has no range of its own', () => {
    const plan = links({ own: { ...own, podCidrs: [] }, peers: [near, far] });
    expect(plan.tunnel).toBeUndefined();
    expect(plan.routes.map(({ cidr }) => cidr)).toEqual(near.podCidrs);
  });
});

describe('a host is cut off', () => {
  it.each([
    ['when it reaches none of two others', [near, far], [near, far], near.address, true],
    ['not when one other cannot be reached', [near, far], [far], far.address, false],
    ['of two, when the other has the oldest node', [far], [far], far.address, true],
    ['of two, not when it has the oldest node itself', [far], [far], own.address, false],
    ['not when it is alone', [], [], own.address, false],
  ])('%s', (_name, peers, unreachable, eldest, expected) => {
    expect(isCutOff(own, peers, unreachable, eldest)).toBe(expected);
  });
});
