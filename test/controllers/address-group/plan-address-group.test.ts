import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ADDRESSES_PER_OBJECT,
  planAddressGroup,
} from '../../../src/controllers/address-group/plan-address-group.ts';
import {
  addressGroupName,
  type AddressGroup,
  type GroupAddress,
} from '../../../src/schemas/address-groups.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { aPod, type PodOptions } from '../../support/builders.ts';

const selection = { namespace: 'default', podSelector: { matchLabels: { app: 'web' } } };
const name = addressGroupName(selection);

const podAt = (ip: string, options: PodOptions = {}): Pod => {
  const pod = aPod({ name: `pod-${ip}`, ready: true, ...options });
  return { ...pod, status: { podIP: ip, podIPs: [{ ip }], ...pod.status } };
};
const podsAt = (from: number, to: number): Pod[] =>
  Array.from({ length: to - from }, (_, index) => {
    const at = from + index;
    return podAt(`10.1.${String(at >> 8)}.${String(at & 255)}`);
  });
const withPort = (ip: string, containerPort: number): Pod =>
  podAt(ip, { spec: { containers: [{ name: 'c', image: 'i', ports: [{ name: 'http', containerPort }] }] } });

/** Plans once, and the objects that there are then. */
function apply(
  groups: readonly AddressGroup[],
  pods: readonly Pod[],
  options: { readonly portNames?: readonly string[]; readonly isNeeded?: boolean } = {},
): { readonly groups: readonly AddressGroup[]; readonly verbs: readonly string[] } {
  const { portNames = [], isNeeded = true } = options;
  const plan = planAddressGroup({
    name,
    selection: isNeeded ? selection : undefined,
    portNames: new Set(portNames),
    pods,
    groups,
  });
  const byName = new Map(groups.map((group) => [group.metadata.name, group]));
  for (const { verb, object } of plan?.writes ?? []) {
    const key = object.metadata.name;
    expect(byName.has(key)).toBe(verb !== 'create');
    if (verb === 'delete') byName.delete(key);
    else byName.set(key, structuredClone(object) as AddressGroup);
  }
  return { groups: [...byName.values()], verbs: plan?.writes.map(({ verb }) => verb) ?? [] };
}

const addressesIn = (groups: readonly AddressGroup[]): readonly GroupAddress[] =>
  groups.flatMap(({ addresses }) => addresses ?? []);
const ipsIn = (groups: readonly AddressGroup[]): readonly string[] => addressesIn(groups).map(({ ip }) => ip);
const sorted = (items: readonly string[]): readonly string[] => [...items].sort();

describe('the AddressGroups of a selection', () => {
  it('hold the addresses of pods that have one of their own, as long as they are there', () => {
    const { groups } = apply(
      [],
      [
        podAt('10.1.0.1'),
        podAt('10.1.0.2', { deletionTimestamp: '2026-01-01T00:00:00Z' }),
        podAt('10.1.0.3', { ready: false }),
        podAt('10.1.0.4', { phase: 'Succeeded' }),
        podAt('10.1.0.5', { phase: 'Failed' }),
        podAt('192.0.2.7', { spec: { hostNetwork: true } }),
        podAt('127.0.0.1'),
        podAt('169.254.169.254'),
        aPod({ name: 'new' }),
        podAt('10.1.0.6', { status: { podIP: '10.1.0.6', podIPs: [{ ip: '10.1.0.6' }, { ip: 'FD00::6' }] } }),
      ],
    );
    expect(groups).toHaveLength(1);
    expect(groups[0]).toMatchObject({
      apiVersion: 'symphony.dev/v1alpha1',
      kind: 'AddressGroup',
      metadata: { name: `${name}-0` },
      spec: selection,
    });
    expect(ipsIn(groups)).toEqual(['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.6', 'fd00::6']);
  });

  it('are one object without addresses where no pod is selected', () => {
    const { groups } = apply([], []);
    expect(groups.map(({ addresses }) => addresses)).toEqual([[]]);
    expect(apply(groups, []).verbs).toEqual([]);
    const filled = apply(groups, podsAt(0, 600)).groups;
    expect(filled).toHaveLength(3);
    const emptied = apply(filled, []);
    expect(sorted(emptied.verbs)).toEqual(['delete', 'delete', 'update']);
    expect(emptied.groups.map(({ addresses }) => addresses)).toEqual([[]]);
  });

  it('change in one object when one of 2,000 pods goes, and when another comes', () => {
    const pods = podsAt(0, 2000);
    const { groups, verbs } = apply([], pods);
    expect(verbs).toHaveLength(2000 / ADDRESSES_PER_OBJECT);
    expect(apply(groups, pods).verbs).toEqual([]);
    const fewer = apply(groups, pods.toSpliced(700, 1));
    expect(fewer.verbs).toEqual(['update']);
    const replaced = apply(fewer.groups, [...pods.toSpliced(700, 1), podAt('10.9.9.9')]);
    expect(replaced.verbs).toEqual(['update']);
    expect(replaced.groups).toHaveLength(groups.length);
  });

  it('go when no policy needs them', () => {
    const { groups } = apply([], podsAt(0, 300));
    expect(apply(groups, [], { isNeeded: false }).groups).toEqual([]);
  });

  it('number the ports that rules name, and no others', () => {
    const pods = [withPort('10.1.0.1', 8080), withPort('10.1.0.2', 9090), podAt('10.1.0.3')];
    const { groups } = apply([], pods);
    expect(addressesIn(groups)).toEqual([{ ip: '10.1.0.1' }, { ip: '10.1.0.2' }, { ip: '10.1.0.3' }]);
    const named = apply(groups, pods, { portNames: ['http', 'dns'] });
    expect(addressesIn(named.groups)).toEqual([
      { ip: '10.1.0.1', ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] },
      { ip: '10.1.0.2', ports: [{ name: 'http', protocol: 'TCP', port: 9090 }] },
      { ip: '10.1.0.3' },
    ]);
    expect(apply(named.groups, pods, { portNames: ['http'] }).verbs).toEqual([]);
    expect(addressesIn(apply(named.groups, pods).groups)).toEqual(addressesIn(groups));
  });

  it('hold an address once that two pods show, with the ports of both', () => {
    const pods = [withPort('10.1.0.1', 8080), withPort('10.1.0.1', 9090)];
    const { groups } = apply([], pods, { portNames: ['http'] });
    expect(addressesIn(groups)).toEqual([
      {
        ip: '10.1.0.1',
        ports: [
          { name: 'http', protocol: 'TCP', port: 8080 },
          { name: 'http', protocol: 'TCP', port: 9090 },
        ],
      },
    ]);
    expect(apply(groups, pods.toReversed(), { portNames: ['http'] }).verbs).toEqual([]);
  });

  it('replace an object of another selection under their name', () => {
    const { groups } = apply([], podsAt(0, 3));
    const other = groups.map((group) => ({ ...group, spec: { namespace: 'other' } }));
    const { groups: made, verbs } = apply(other, podsAt(0, 3));
    expect(verbs).toEqual(['create', 'delete']);
    expect(made.map(({ metadata, spec }) => [metadata.name, spec])).toEqual([[`${name}-1`, selection]]);
  });

  it('hold each address once after any history, move none that stays, and come to rest', () => {
    const step = fc.tuple(fc.integer({ min: 0, max: 1500 }), fc.integer({ min: 0, max: 1500 }));
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) => {
        let groups: readonly AddressGroup[] = [];
        for (const [a, b] of steps) {
          const pods = podsAt(Math.min(a, b), Math.max(a, b));
          const places = new Map(
            groups.flatMap(({ metadata, addresses }) =>
              (addresses ?? []).map(({ ip }) => [ip, metadata.name] as const),
            ),
          );
          ({ groups } = apply(groups, pods));
          expect(sorted(ipsIn(groups))).toEqual(sorted(pods.map(({ status }) => status?.podIP ?? '')));
          for (const { metadata, addresses } of groups) {
            expect(addresses?.length).toBeLessThanOrEqual(ADDRESSES_PER_OBJECT);
            for (const { ip } of addresses ?? []) expect(places.get(ip) ?? metadata.name).toBe(metadata.name);
          }
          expect(apply(groups, pods).verbs).toEqual([]);
        }
      }),
      { numRuns: 15 },
    );
  });
});
