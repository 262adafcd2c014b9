import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { anObject, complaints, type Fields, updateComplaints } from './complaints.ts';
import { stored } from './verdict.ts';

const clusterWide = (apiVersion: string, kind: string, rest: Fields): KubeObject => ({
  ...anObject(apiVersion, kind, rest),
  metadata: { name: 'x' },
});
const node = (rest: Fields): KubeObject => clusterWide('v1', 'Node', rest);

describe('Node', () => {
  const taints = (...list: readonly Fields[]): Fields => ({ spec: { taints: list } });
  const taint = { key: 'a', effect: 'NoSchedule' };
  it.each<readonly [Fields, readonly string[]]>([
    [taints(taint, { ...taint, effect: 'NoExecute' }), []],
    [taints(taint, taint), ['Duplicate metadata.taints[1]']],
    [
      taints({ key: 'a b', value: 'b c' }),
      [
        'Invalid metadata.taints[0].key',
        'Invalid metadata.taints[0].value',
        'Required metadata.taints[0].effect',
      ],
    ],
    [{ spec: { podCIDRs: ['10.0.0.0/24', 'fd00::/64'] } }, []],
    [{ spec: { podCIDRs: ['10.0.0.0/24', '10.0.1.0/24'] } }, ['Invalid spec.podCIDRs']],
    [
      { spec: { podCIDRs: ['10.0.0.0/24', 'x'] } },
      ['Invalid spec.podCIDRs[1]', 'InternalError spec.podCIDRs', 'Invalid spec.podCIDRs'],
    ],
    [{ spec: { podCIDR: '10.0.0.1/24' } }, ['Invalid spec.podCIDRs[0]']],
    [
      { status: { capacity: { 'a.b/c': '500m' } } },
      ['Invalid status.capacity.a.b/c', 'Invalid status.allocatable.a.b/c'],
    ],
  ])('%j', (rest, expected) => {
    expect(complaints(node(rest))).toEqual(expected);
  });

  it.each([
    [{ podCIDR: '10.0.0.0/24' }, '10.0.0.0/24'],
    [{ podCIDRs: ['10.0.0.0/24', 'fd00::/64'] }, '10.0.0.0/24'],
    [{ podCIDR: '10.0.1.0/24', podCIDRs: ['10.0.0.0/24'] }, '10.0.1.0/24'],
  ])('says in both fields which block it has: %j', (spec, first) => {
    const { podCIDR, podCIDRs } = stored(node({ spec }))['spec'] as { podCIDR: string; podCIDRs: string[] };
    expect([podCIDR, podCIDRs[0]]).toEqual([first, first]);
  });

  it('has no configuration from here, and keeps the name that others gave it', () => {
    const named = (externalID: string) =>
      node({ spec: { externalID, configSource: {} }, status: { config: {} } });
    expect(stored(named('a'))).toMatchObject({ spec: { externalID: 'a' }, status: {} });
    expect(stored(named('a'))['spec']).not.toHaveProperty('configSource');
    expect(updateComplaints(named('a'), named('b'))).toEqual(['Forbidden spec.externalID']);
  });

  it('keeps its blocks and its provider, and says an address once', () => {
    const old = node({ spec: { podCIDR: '10.0.0.0/24', providerID: 'a' } });
    expect(updateComplaints(old, node({ spec: { podCIDR: '10.0.1.0/24' } }))).toEqual([
      'Forbidden spec.podCIDRs',
      'Forbidden spec.providerID',
    ]);
    const address = { type: 'InternalIP', address: '10.1.1.1' };
    const status = { addresses: [address, address], capacity: { cpu: '-1' } };
    expect(updateComplaints(old, { ...old, status }, 'status')).toEqual([
      'Invalid status.capacity.cpu',
      'Invalid status.allocatable.cpu',
      'Duplicate status.addresses[1]',
    ]);
  });
});

describe('Event', () => {
  const old = { involvedObject: { namespace: 'default' } };
  const recent = {
    eventTime: '2024-01-01T00:00:00.000000Z',
    reportingController: 'a.b/c',
    reportingInstance: 'i',
    action: 'a',
    reason: 'r',
    type: 'Normal',
    regarding: { namespace: 'x' },
  };
  const made = (rest: Fields): KubeObject => anObject('events.k8s.io/v1', 'Event', rest);
  it.each<readonly [Fields, readonly string[]]>([
    [old, []],
    [{ metadata: { name: 'Ab..-' }, ...old }, []],
    [{ involvedObject: { namespace: 'other' } }, ['Invalid involvedObject.namespace']],
    [
      { ...old, eventTime: recent.eventTime, reportingComponent: 'A b', reportingInstance: 'i', action: 'a' },
      ['Invalid reportingComponent', 'Required reason'],
    ],
  ])('of the core group: %j', (rest, expected) => {
    expect(complaints(anObject('v1', 'Event', rest))).toEqual(expected);
  });

  it.each<readonly [Fields, readonly string[]]>([
    [{}, []],
    [{ eventTime: undefined, regarding: undefined }, ['Required eventTime']],
    [{ type: 'x' }, ['Invalid type']],
    [{ note: 'a'.repeat(1025) }, ['Invalid message']],
    [{ action: 'a'.repeat(129) }, ['Invalid action']],
    [{ deprecatedCount: 1 }, ['Invalid count']],
    [{ deprecatedSource: { host: 'h' } }, ['Invalid source']],
    [{ series: {} }, ['Invalid series.count', 'Required series.lastObservedTime']],
  ])('of its own group: %j', (change, expected) => {
    expect(complaints(made({ ...recent, ...change }))).toEqual(expected);
  });

  it('of its own group is written once; only its series goes on', () => {
    const event = made(recent);
    const series = { count: 2, lastObservedTime: recent.eventTime };
    expect(updateComplaints(event, { ...event, series })).toEqual([]);
    expect(updateComplaints(event, { ...event, note: 'n', reportingController: 'z' })).toEqual([
      'Invalid message',
      'Invalid reportingController',
    ]);
  });
});

it('an Event of the core group has any finalizer, one of the newer group has a domain in it', () => {
  const rest = { metadata: { name: 'x', namespace: 'default', finalizers: ['a'] } };
  const about = { namespace: 'default' };
  expect(complaints(anObject('v1', 'Event', { ...rest, involvedObject: about }))).toEqual([]);
  expect(complaints(anObject('events.k8s.io/v1', 'Event', { ...rest, regarding: about }))).toContain(
    'Invalid metadata.finalizers[0]',
  );
});

describe('CertificateSigningRequest', () => {
  const request = clusterWide('certificates.k8s.io/v1', 'CertificateSigningRequest', {
    spec: { request: '', signerName: 'a.b/c', usages: ['client auth', 'client auth'] },
  });
  const conditions = (...types: readonly string[]): KubeObject => ({
    ...request,
    status: { conditions: types.map((type) => ({ type, status: 'True' })) },
  });
  const REQUEST = ['Invalid spec.request', 'Duplicate spec.usages[1]'];

  it.each(['a/b', '..', 'a%b'])('is not called %s', (name) => {
    const metadata = { ...request.metadata, name };
    expect(complaints({ ...request, metadata })).toEqual(['Invalid metadata.name', ...REQUEST]);
  });

  it('names each usage once, and no signer of the first version', () => {
    expect(complaints(request)).toEqual(REQUEST);
    const spec = { ...(request['spec'] as Fields), signerName: 'kubernetes.io/legacy-unknown' };
    expect(complaints({ ...request, spec })).toEqual([...REQUEST, 'Invalid spec.signerName']);
  });

  it.each<readonly ['status' | 'approval', readonly string[], readonly string[]]>([
    ['approval', ['Approved'], []],
    ['approval', ['Approved', 'Denied'], ['Invalid status.conditions']],
    ['approval', ['x', 'x'], ['Duplicate status.conditions[1].type']],
    ['status', ['Failed'], []],
    ['status', ['Approved'], ['Forbidden status.conditions']],
    ['status', ['Denied'], ['Forbidden status.conditions']],
  ])('%s with %j', (subresource, types, expected) => {
    expect(updateComplaints(request, conditions(...types), subresource)).toEqual([...REQUEST, ...expected]);
  });
});

describe('Lease', () => {
  it.each([
    ['coordination.k8s.io/v1', 'Lease', {}],
    ['v1', 'Event', { involvedObject: { namespace: 'default' } }],
  ])('of %s a %s takes finalizers without a domain', (apiVersion, kind, rest) => {
    const metadata = { finalizers: ['a'] };
    expect(complaints(anObject(apiVersion, kind, { ...rest, metadata }))).toEqual([]);
  });

  it('has no strategy, which is a feature that is off', () => {
    const lease = anObject('coordination.k8s.io/v1', 'Lease', {
      spec: { holderIdentity: 'a', strategy: 'x', preferredHolder: 'b' },
    });
    expect(stored(lease)['spec']).toEqual({ holderIdentity: 'a' });
  });
});
