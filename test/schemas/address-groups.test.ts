import { describe, expect, it } from 'vitest';
import {
  addressGroupName,
  addressSliceName,
  ALL_PODS,
  groupOfSlice,
  neededGroups,
  selectionOfPeer,
} from '../../src/schemas/address-groups.ts';
import { fieldErrorText } from '../../src/schemas/errors/status.ts';
import { networkPolicyKind } from '../../src/schemas/kinds/network-policy/kind.ts';
import { addressGroupKind } from '../../src/schemas/kinds/address-group/kind.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import type { NetworkPolicy } from '../../src/schemas/types.ts';
import { readManifests, validateManifests } from '../../src/schemas/manifest/index.ts';

const web = { matchLabels: { app: 'web' } };
const blue = { matchLabels: { team: 'blue' } };

const aPolicy = (spec: object): NetworkPolicy =>
  networkPolicyKind.withDefaults({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p', namespace: 'shop' },
    spec: { podSelector: {}, ...spec },
  }) as NetworkPolicy;

describe('the pods that a peer selects', () => {
  it.each([
    ['a pod selector, those of the policy', { podSelector: web }, { namespace: 'shop', podSelector: web }],
    ['an empty pod selector, all of its namespace', { podSelector: {} }, { namespace: 'shop' }],
    ['a namespace selector, all there', { namespaceSelector: blue }, { namespaceSelector: blue }],
    ['both', { namespaceSelector: {}, podSelector: web }, { namespaceSelector: {}, podSelector: web }],
    ['an ipBlock, none', { ipBlock: { cidr: '10.0.0.0/8' } }, undefined],
    ['nothing, none', {}, undefined],
    [
      'a selector that cannot be read, none',
      { podSelector: { matchExpressions: [{ key: 'a', operator: 'Near' }] } },
      undefined,
    ],
  ])('with %s', (_name, peer, selection) => {
    expect(selectionOfPeer('shop', peer)).toEqual(selection);
  });

  it('have one name, however the selector is written', () => {
    const expressions = [
      { key: 'tier', operator: 'In', values: ['b', 'a', 'b'] },
      { key: 'old', operator: 'DoesNotExist', values: [] },
    ];
    const one = selectionOfPeer('shop', {
      podSelector: { matchLabels: { a: '1', b: '2' }, matchExpressions: expressions },
    });
    const other = selectionOfPeer('shop', {
      podSelector: {
        matchExpressions: [
          { key: 'old', operator: 'DoesNotExist' },
          { key: 'tier', operator: 'In', values: ['a', 'b'] },
        ],
        matchLabels: { b: '2', a: '1' },
      },
    });
    expect(addressGroupName(one!)).toBe(addressGroupName(other!));
    expect(addressGroupName(one!)).not.toBe(addressGroupName({ ...one, namespace: 'other' }));
    expect(groupOfSlice(addressSliceName(addressGroupName(one!), 12))).toBe(addressGroupName(one!));
  });
});

describe('the groups that a policy needs', () => {
  const needs = (spec: object): readonly unknown[] =>
    neededGroups(aPolicy(spec)).map(({ name, selection, portNames }) => {
      expect(name).toBe(addressGroupName(selection));
      return [selection, ...portNames];
    });

  it('are its peers, each once', () => {
    const peers = [{ podSelector: web }, { namespaceSelector: blue }, { ipBlock: { cidr: '10.0.0.0/8' } }];
    expect(needs({ ingress: [{ from: peers }, { from: peers }], egress: [{ to: [peers[0]] }] })).toEqual([
      [{ namespace: 'shop', podSelector: web }],
      [{ namespaceSelector: blue }],
    ]);
    expect(needs({})).toEqual([]);
    expect(needs({ ingress: [{}], egress: [{}] })).toEqual([]);
  });

  it('are none of a direction that the policy does not decide', () => {
    expect(
      needs({ policyTypes: ['Ingress'], ingress: [], egress: [{ to: [{ podSelector: web }] }] }),
    ).toEqual([]);
  });

  it('have ports where an egress rule names them', () => {
    const ports = [{ port: 'http' }, { port: 443 }, { port: 'dns', protocol: 'UDP' }];
    expect(needs({ ingress: [{ from: [{ podSelector: web }], ports }] })).toEqual([
      [{ namespace: 'shop', podSelector: web }],
    ]);
    expect(needs({ egress: [{ to: [{ podSelector: web }], ports }] })).toEqual([
      [{ namespace: 'shop', podSelector: web }, 'http', 'dns'],
    ]);
    expect(needs({ egress: [{ ports }] })).toEqual([[ALL_PODS, 'http', 'dns']]);
    expect(needs({ egress: [{ ports: [{ port: 443 }] }] })).toEqual([]);
  });
});

describe('the kind AddressGroup', () => {
  const group = (rest: object): KubeObject => ({
    apiVersion: 'symphony.dev/v1alpha1',
    kind: 'AddressGroup',
    metadata: { name: 'a' },
    spec: { namespace: 'shop' },
    ...rest,
  });
  it.each([
    [{ spec: {} }, 'spec.namespace: Required value: must specify a namespace or a selector'],
    [
      { spec: { namespace: 'a', namespaceSelector: {} } },
      'spec.namespace: Forbidden: may not be specified when `namespaceSelector` is set',
    ],
    [
      { addresses: [{ ip: '10.0.0.256' }] },
      'addresses[0].ip: Invalid value: "10.0.0.256": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
    [
      { addresses: Array.from({ length: 1001 }, () => ({ ip: '10.0.0.1' })) },
      'addresses: Too many: 1001: must have at most 1000 items',
    ],
  ])('%j is refused', (rest, text) => {
    expect(addressGroupKind.validate(group(rest)).map(fieldErrorText)).toEqual([text]);
  });

  it('keeps its selection', () => {
    const [before, after] = [group({}), group({ spec: { namespace: 'other' } })];
    expect(addressGroupKind.validateUpdate(after, before).map(({ path }) => path)).toEqual(['spec']);
  });

  it('is no kind for a repository', () => {
    const text = 'apiVersion: symphony.dev/v1alpha1\nkind: AddressGroup\nmetadata: {name: a}\nspec: {}\n';
    const { documents } = readManifests({ path: 'a.yaml', bytes: new TextEncoder().encode(text) });
    const { errors } = validateManifests(documents, builtinRegistry, {});
    expect(errors).toMatchObject([
      {
        file: 'a.yaml',
        line: 2,
        message: 'only the control plane makes objects of kind "AddressGroup"',
        hint: 'remove it from the repository',
      },
    ]);
  });
});
