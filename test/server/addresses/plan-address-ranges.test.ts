import { describe, expect, it, test } from 'vitest';
import {
  planAddressRanges,
  planNodeRange,
  type RangeFacts,
  type TakenRange,
} from '../../../src/server/addresses/plan-address-ranges.ts';

const dockerHost = 'unix:///var/run/docker.sock';
const network = (cidr: string, name = 'other', cluster?: string): TakenRange => ({
  type: 'network',
  cidr,
  name,
  cluster,
  dockerHost,
});
const route = (cidr: string, device?: string): TakenRange => ({ type: 'route', cidr, device });
const USUAL = { clusterCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/16' };

const plan = (facts: Partial<RangeFacts>) =>
  planAddressRanges({
    given: {},
    remembered: undefined,
    isNew: true,
    own: undefined,
    enginesAway: false,
    taken: [],
    ...facts,
  });
const rangesOf = (facts: Partial<RangeFacts>) => {
  const result = plan(facts);
  return result.type === 'use' ? result.ranges : result.problem;
};
const problemOf = (facts: Partial<RangeFacts>): string => {
  const result = plan(facts);
  return result.type === 'refuse' ? result.problem : `used ${result.ranges.clusterCidr}`;
};

describe('a new cluster without flags', () => {
  it('gets the usual ranges', () => {
    expect(plan({ taken: [network('172.17.0.0/16', 'bridge')] })).toEqual({
      type: 'use',
      ranges: USUAL,
      overlaps: [],
      avoided: [],
    });
  });

  it.each([
    ['the same range', '10.244.0.0/16', '10.245.0.0/16'],
    ['a part of it', '10.244.7.0/24', '10.245.0.0/16'],
    ['a single address', '10.244.7.1/32', '10.245.0.0/16'],
    ['more than it', '10.240.0.0/13', '10.248.0.0/16'],
    ['all of 10.0.0.0/8', '10.0.0.0/8', '172.30.0.0/16'],
  ])('passes over what is taken: %s', (_, cidr, chosen) => {
    const result = plan({ taken: [route(cidr, 'tun0')] });
    expect(result).toMatchObject({ type: 'use', ranges: { clusterCidr: chosen }, avoided: [{ cidr }] });
  });

  it('gets a Service range of its own beside another cluster', () => {
    expect(rangesOf({ taken: [network('10.244.0.0/16', 'symphony-a', 'a')] })).toEqual({
      clusterCidr: '10.245.0.0/16',
      serviceCidr: '10.97.0.0/16',
    });
    expect(rangesOf({ taken: [route('10.96.0.0/12')] })).toMatchObject({ serviceCidr: '172.31.0.0/16' });
  });

  it('is told when nothing is free', () => {
    expect(problemOf({ taken: [route('10.0.0.0/8'), route('172.16.0.0/12')] })).toContain('--cluster-cidr');
  });
});

describe('a range that a flag names', () => {
  it('is used where it is free, and completed with free addresses for Services', () => {
    expect(rangesOf({ given: { clusterCidr: '10.96.0.0/16' } })).toEqual({
      clusterCidr: '10.96.0.0/16',
      serviceCidr: '10.97.0.0/16',
    });
    expect(rangesOf({ given: { serviceCidr: '10.244.0.0/20' } })).toMatchObject({
      clusterCidr: '10.245.0.0/16',
    });
  });

  it('is refused with the network that has it, the flag, and the way to remove a cluster', () => {
    const taken = [network('10.244.0.0/16', 'symphony-0a1b', '0a1b')];
    const problem = problemOf({ given: { clusterCidr: '10.244.0.0/17' }, taken });
    expect(problem.split('\n')).toEqual([
      `Cannot use 10.244.0.0/17 (--cluster-cidr): it overlaps network "symphony-0a1b" (10.244.0.0/16) of the Symphony cluster 0a1b on the Docker Engine ${dockerHost}`,
      'Choose free addresses: --cluster-cidr 10.245.0.0/16',
      'Or remove the cluster 0a1b: symphony down --data-dir DIR',
      expect.stringContaining('docker network rm symphony-0a1b'),
    ]);
  });

  it('is not to be freed by removing what the Engine needs', () => {
    const problem = problemOf({
      given: { serviceCidr: '172.17.0.0/20' },
      taken: [network('172.17.0.0/16', 'bridge')],
    });
    expect(problem).toContain('Choose free addresses: --service-cidr 10.96.0.0/16');
    expect(problem).not.toContain('docker network rm');
  });

  it('names a bounded number of networks', () => {
    const taken = Array.from({ length: 200 }, (_, index) => network(`10.244.${index}.0/24`, `n${index}`));
    const problem = problemOf({ given: { clusterCidr: '10.244.0.0/16' }, taken });
    expect(problem).toContain('196 more');
    expect(problem.split('\n').length).toBeLessThan(10);
  });

  it('cannot move the nodes of a cluster', () => {
    const facts = { isNew: false, remembered: USUAL, given: { clusterCidr: '10.245.0.0/16' } };
    expect(problemOf(facts)).toContain('have addresses of 10.244.0.0/16; leave the flag out');
    expect(problemOf({ ...facts, remembered: undefined, own: '10.9.0.0/16' })).toContain('10.9.0.0/16');
  });
});

describe('a cluster that exists', () => {
  const remembered = { clusterCidr: '10.247.0.0/16', serviceCidr: '10.99.0.0/16' };

  it('keeps its ranges, also when the usual ones are free again', () => {
    expect(plan({ isNew: false, remembered })).toMatchObject({ ranges: remembered, avoided: [] });
  });

  it('starts whatever overlaps, once its network is there or may be there', () => {
    const taken = [route('10.0.0.0/8', 'tun0')];
    const facts = { isNew: false, remembered, taken };
    expect(plan({ ...facts, own: remembered.clusterCidr })).toMatchObject({ type: 'use', overlaps: taken });
    expect(plan({ ...facts, enginesAway: true })).toMatchObject({ type: 'use', overlaps: taken });
  });

  it('is refused where its network is gone and another one has the addresses', () => {
    const problem = problemOf({ isNew: false, remembered, taken: [network('10.247.0.0/16', 'demo')] });
    expect(problem).toContain('network "demo" (10.247.0.0/16)');
    expect(problem).toContain('Start a new cluster with another --data-dir');
    expect(problem).not.toContain('Choose free addresses');
  });

  it('of a release that remembered nothing has the range of its network, or the usual one', () => {
    expect(rangesOf({ isNew: false, own: '10.9.0.0/16' })).toMatchObject({ clusterCidr: '10.9.0.0/16' });
    expect(rangesOf({ isNew: false })).toEqual(USUAL);
    expect(rangesOf({ isNew: false, taken: [route('10.96.0.0/16')] })).toEqual(USUAL);
  });

  it('may not have Services among its pods', () => {
    expect(problemOf({ isNew: false, remembered, given: { serviceCidr: '10.247.128.0/20' } })).toContain(
      'they overlap; change --service-cidr',
    );
  });
});

describe('a node that joins', () => {
  const node = {
    ...{ own: undefined, enginesAway: false, taken: [] },
    ...{ clusterCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/16' },
  };

  test.each([
    ['a network of the Engine', network('10.244.0.0/16', 'flannel'), 'network "flannel"'],
    ['the LAN of the host', route('10.244.0.0/22', 'eth0'), 'device eth0'],
  ])('is refused beside %s', (_, taken, named) => {
    const { problem } = planNodeRange({ ...node, taken: [taken] });
    expect(problem).toContain(named);
    expect(problem).toContain('The control plane and all its agents need the same --cluster-cidr');
  });

  it('is refused where its host has addresses of Services', () => {
    const { problem } = planNodeRange({ ...node, taken: [route('10.96.3.0/24', 'tun0')] });
    expect(problem).toContain('Cannot use 10.96.0.0/16 (--service-cidr)');
    expect(problem).toContain('device tun0');
    expect(problem).toContain('The control plane and all its agents need the same --service-cidr');
  });

  it('is refused where the host asks a name server with an address of pods', () => {
    const taken = [{ type: 'name server', cidr: '10.244.9.53/32' }] as const;
    expect(planNodeRange({ ...node, taken }).problem).toContain(
      'it overlaps a name server of this machine (10.244.9.53/32)',
    );
  });

  it('goes on where its network is there, and where it may be', () => {
    const taken = [route('10.0.0.0/8')];
    expect(planNodeRange({ ...node, taken, own: '10.244.0.0/16' })).toEqual({ overlaps: taken });
    expect(planNodeRange({ ...node, taken, enginesAway: true })).toEqual({ overlaps: taken });
    expect(planNodeRange({ ...node, own: '10.9.0.0/16' }).problem).toContain('--cluster-cidr 10.9.0.0/16');
  });
});
