/** The kinds that drivers of CSI and their sidecars write. */
import { describe, expect, it } from 'vitest';
import { anObject, complaints, type Fields, updateComplaints } from './complaints.ts';
import { stored } from './verdict.ts';

const made = (kind: string, rest: Fields) => {
  const object = anObject('storage.k8s.io/v1', kind, rest);
  return kind === 'CSIStorageCapacity' ? object : { ...object, metadata: { name: 'x' } };
};
const SOURCE = { persistentVolumeName: 'v' };
const attachment = { attacher: 'a', nodeName: 'n', source: SOURCE };
const driver = { name: 'd', nodeID: 'i' };
const tokens = (...tokenRequests: readonly Fields[]): Fields => ({ spec: { tokenRequests } });
const drivers = (...list: readonly Fields[]): Fields => ({ spec: { drivers: list } });

describe('create', () => {
  it.each<readonly [string, Fields, readonly string[]]>([
    ['CSIDriver', { spec: {} }, []],
    ['CSIDriver', { spec: { fsGroupPolicy: '' } }, ['NotSupported spec.fsGroupPolicy']],
    ['CSIDriver', { spec: { volumeLifecycleModes: ['x'] } }, ['NotSupported spec.volumeLifecycleModes']],
    [
      'CSIDriver',
      { spec: { nodeAllocatableUpdatePeriodSeconds: 9 } },
      ['Invalid spec.nodeAllocatableUpdatePeriodSeconds'],
    ],
    ['CSIDriver', tokens({ audience: 'a' }, { audience: '' }), []],
    ['CSIDriver', tokens({ audience: 'a' }, { audience: 'a' }), ['Duplicate spec.tokenRequests[1].audience']],
    [
      'CSIDriver',
      tokens({ audience: 'a', expirationSeconds: 599 }, { audience: 'b', expirationSeconds: 2 ** 32 + 1 }),
      ['Invalid spec.tokenRequests[0].expirationSeconds', 'Invalid spec.tokenRequests[1].expirationSeconds'],
    ],
    ['CSINode', drivers({ ...driver, topologyKeys: ['a'], allocatable: { count: 1 } }), []],
    ['CSINode', drivers({}), ['Required spec.drivers[0].name', 'Required spec.drivers[0].nodeID']],
    ['CSINode', drivers({ ...driver, name: 'D_ ' }), ['Invalid spec.drivers[0].name']],
    ['CSINode', drivers({ ...driver, nodeID: 'i'.repeat(257) }), ['Invalid spec.drivers[0].nodeID']],
    ['CSINode', drivers(driver, driver), ['Duplicate spec.drivers[1].name']],
    ['CSINode', drivers({ ...driver, topologyKeys: ['a', 'a'] }), ['Duplicate spec.drivers[0]']],
    ['CSIStorageCapacity', { storageClassName: 's', capacity: '1Gi', maximumVolumeSize: '-1' }, []],
    [
      'CSIStorageCapacity',
      { storageClassName: '', capacity: '-1' },
      ['Invalid storageClassName', 'Invalid capacity'],
    ],
    ['VolumeAttachment', { spec: attachment }, []],
    [
      'VolumeAttachment',
      { spec: { source: {} } },
      ['Required spec.attacher', 'Required spec.source', 'Invalid spec.nodeName'],
    ],
    [
      'VolumeAttachment',
      { spec: { ...attachment, source: { ...SOURCE, inlineVolumeSpec: {} } } },
      ['Forbidden spec.source'],
    ],
    ['VolumeAttributesClass', { driverName: 'd', parameters: { a: 'b' } }, []],
    [
      'VolumeAttributesClass',
      { driverName: '', parameters: {} },
      ['Required driverName', 'Required parameters'],
    ],
  ])('%s %j', (kind, rest, expected) => {
    expect(complaints(made(kind, rest))).toEqual(expected);
  });

  it('shows that a node has no drivers', () => {
    expect(stored(made('CSINode', {}))['spec']).toEqual({ drivers: null });
  });

  it('fills what a driver does not say', () => {
    expect(stored(made('CSIDriver', { spec: { volumeLifecycleModes: [] } }))['spec']).toEqual({
      attachRequired: true,
      podInfoOnMount: false,
      storageCapacity: false,
      fsGroupPolicy: 'ReadWriteOnceWithFSType',
      requiresRepublish: false,
      seLinuxMount: false,
      volumeLifecycleModes: ['Persistent'],
    });
  });
});

describe('update', () => {
  const topology = { matchLabels: { a: 'b' } };
  it.each<readonly [string, Fields, Fields, readonly string[]]>([
    ['CSIDriver', { spec: {} }, { spec: { podInfoOnMount: true, fsGroupPolicy: 'None' } }, []],
    ['CSIDriver', { spec: {} }, { spec: { attachRequired: false } }, ['Invalid spec.attachedRequired']],
    [
      'CSIDriver',
      { spec: {} },
      { spec: { volumeLifecycleModes: ['Ephemeral'] } },
      ['Invalid spec.volumeLifecycleModes'],
    ],
    ['CSINode', drivers(driver), drivers({ ...driver, allocatable: { count: 2 } }), []],
    ['CSINode', drivers(driver), drivers({ ...driver, nodeID: 'j' }), ['Invalid CSINodeDriver']],
    ['CSINode', drivers(driver), drivers(), []],
    [
      'CSIStorageCapacity',
      { storageClassName: 's' },
      { storageClassName: 'z', nodeTopology: topology },
      ['Invalid nodeTopology', 'Invalid storageClassName'],
    ],
    ['VolumeAttachment', { spec: attachment }, { spec: { ...attachment, nodeName: 'm' } }, ['Invalid spec']],
    [
      'VolumeAttributesClass',
      { driverName: 'd', parameters: { a: 'b' } },
      { driverName: 'e', parameters: { a: 'c' } },
      ['Forbidden driverName', 'Forbidden parameters'],
    ],
  ])('%s %j to %j', (kind, old, next, expected) => {
    expect(updateComplaints(made(kind, old), made(kind, next))).toEqual(expected);
  });
});
