import { describe, expect, it } from 'vitest';
import { type LinksInput, planLinks } from '../../../src/network/pod-network/plan-links.ts';

const own = { address: '192.168.77.11', podCidrs: ['10.244.1.0/24'] };
const near = { address: '192.168.77.12', podCidrs: ['10.244.2.0/24', '10.244.5.0/24'] };
const far = { address: '198.51.100.3', podCidrs: ['10.244.3.0/24'] };
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
      problems: [],
    });
  });

  it('need no tunnel when all hosts are near, and only tunnels when VXLAN is asked for', () => {
    expect(links({ peers: [near] }).tunnel).toBeUndefined();
    expect(links({ mode: 'vxlan' }).routes.every(({ isTunnelled }) => isTunnelled)).toBe(true);
  });

  it('are none when they are not wanted', () => {
    expect(links({ mode: 'none' })).toEqual({ routes: [], tunnel: undefined, problems: [] });
  });

  it('say what routes alone cannot reach', () => {
    const { routes, problems } = links({ mode: 'routes' });
    expect(routes).toHaveLength(2);
    expect(problems).toEqual([expect.stringContaining('Pods of host 198.51.100.3 cannot be reached')]);
  });

  it('leave out hosts that have no range yet', () => {
    expect(links({ peers: [{ address: '198.51.100.3', podCidrs: [] }] })).toEqual({
      routes: [],
      tunnel: undefined,
      problems: [],
    });
  });
});
