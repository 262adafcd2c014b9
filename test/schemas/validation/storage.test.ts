import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { anObject, complaints, type Fields, updateComplaints } from './complaints.ts';
import { kindOf, stored } from './verdict.ts';

const volume = (spec: Fields): KubeObject => {
  const all = { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], ...spec };
  const object = anObject('v1', 'PersistentVolume', { spec: all });
  return { ...object, metadata: { name: 'x' } };
};
const HOST = { hostPath: { path: '/d' } };

describe('PersistentVolume', () => {
  it('of a source whose secret upstream does not ask for is stored without it', () => {
    const scaleIO = { gateway: 'g', system: 's', volumeName: 'v' };
    const object = stored(volume({ scaleIO }));
    expect(kindOf(object).checkStructure(object)).toEqual([]);
    expect(object['spec']).toMatchObject({ scaleIO: { ...scaleIO, secretRef: null } });
  });

  it.each<readonly [Fields, readonly string[]]>([
    [HOST, []],
    [{}, ['Required spec']],
    [{ ...HOST, nfs: {} }, ['Forbidden spec.nfs']],
    [{ ...HOST, capacity: {} }, ['Required spec.capacity', 'NotSupported spec.capacity']],
    [{ ...HOST, capacity: { storage: '-1' } }, ['Invalid spec.capacity[storage]']],
    [{ ...HOST, accessModes: ['ReadWriteOncePod', 'ReadWriteOnce'] }, ['Forbidden spec.accessModes']],
    [{ ...HOST, accessModes: ['ReadWriteOncePod', 'ReadWriteOncePod'] }, []],
    [{ ...HOST, storageClassName: 'A_' }, ['Invalid spec.storageClassName']],
    [{ ...HOST, volumeAttributesClassName: 'a' }, ['Required spec.csi']],
    [
      { hostPath: { path: '/x/..' }, persistentVolumeReclaimPolicy: 'Recycle' },
      ['Invalid spec.hostPath.path', 'Forbidden spec.persistentVolumeReclaimPolicy'],
    ],
    [{ ...HOST, nodeAffinity: {} }, ['Required spec.nodeAffinity.required']],
    [
      { ...HOST, nodeAffinity: { required: { nodeSelectorTerms: [] } } },
      ['Required spec.nodeAffinity.required.nodeSelectorTerms'],
    ],
    [{ local: { path: '/d' } }, ['Required spec.nodeAffinity']],
    [{ nfs: { server: '', path: 'p' } }, ['Required spec.nfs.server', 'Invalid spec.nfs.path']],
    [{ csi: { driver: 'd', volumeHandle: 'h' } }, []],
    [{ csi: { driver: 'd' } }, ['Required spec.csi.volumeHandle']],
    [
      { csi: { driver: 'd', volumeHandle: 'h', nodePublishSecretRef: { name: 'A_' } } },
      ['Invalid spec.csi.nodePublishSecretRef.name', 'Required spec.csi.nodePublishSecretRef.namespace'],
    ],
    [
      { iscsi: { targetPortal: 'p', iqn: 'bad', lun: 256 } },
      ['Invalid spec.iscsi.iqn', 'Invalid spec.iscsi.lun'],
    ],
    [{ cinder: { volumeID: 'v', secretRef: { name: 'a' } } }, ['Required spec.cinder.secretRef.namespace']],
    [
      { glusterfs: { endpoints: 'e', path: 'p', endpointsNamespace: '' } },
      ['Invalid spec.glusterfs.endpointsNamespace'],
    ],
    [
      { azureFile: { secretName: 'a', shareName: 'b', secretNamespace: '' } },
      ['Required spec.azureFile.secretNamespace'],
    ],
    [{ gcePersistentDisk: {} }, ['Required spec.persistentDisk.pdName']],
    [
      {
        iscsi: {
          targetPortal: 'p'.repeat(63),
          iqn: 'iqn.2001-04.com.example:storage',
          lun: 0,
          initiatorName: 'eui.0123456789abcdef',
        },
      },
      ['Invalid spec.iscsi.targetportal'],
    ],
    [{ quobyte: { registry: 'a:1', volume: 'v', tenant: 't'.repeat(65) } }, ['Required spec.quobyte.tenant']],
  ])('%j', (spec, expected) => {
    expect(complaints(volume(spec))).toEqual(expected);
  });

  it.each<readonly [Fields, Fields, readonly string[]]>([
    [HOST, { hostPath: { path: '/e' } }, ['Forbidden spec.persistentvolumesource']],
    [HOST, { ...HOST, volumeMode: 'Block' }, ['Invalid volumeMode']],
    [HOST, { ...HOST, capacity: { storage: '2Gi' } }, []],
    [
      { csi: { driver: 'd', volumeHandle: 'h' } },
      { csi: { driver: 'd', volumeHandle: 'h', controllerExpandSecretRef: { name: 'a', namespace: 'b' } } },
      [],
    ],
  ])('%j becomes %j', (before, after, expected) => {
    expect(updateComplaints(volume(before), volume(after))).toEqual(expected);
  });
});

const claim = (spec: Fields, rest: Fields = {}): KubeObject => {
  const all = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec };
  return anObject('v1', 'PersistentVolumeClaim', { spec: all, ...rest });
};
const size = (storage: string): Fields => ({ resources: { requests: { storage } } });

describe('PersistentVolumeClaim', () => {
  it.each<readonly [Fields, readonly string[]]>([
    [{}, []],
    [{ storageClassName: 'A_' }, ['Invalid spec.storageClassName']],
    [{ storageClassName: '' }, []],
    [{ resources: {} }, ['Required spec.resources[storage]']],
    [size('0'), ['Invalid spec.resources[storage]']],
    [
      { dataSourceRef: { kind: 'Pod', name: 'a' } },
      ['Invalid spec.dataSource', 'Invalid spec.dataSourceRef'],
    ],
    [
      {
        dataSource: { kind: 'PersistentVolumeClaim', name: 'a' },
        dataSourceRef: { kind: 'PersistentVolumeClaim', name: 'b' },
      },
      ['Invalid spec'],
    ],
  ])('%j', (spec, expected) => {
    expect(complaints(claim(spec))).toEqual(expected);
  });

  it('says in both fields what its volume is filled from', () => {
    const source = { apiGroup: null, kind: 'PersistentVolumeClaim', name: 'a' };
    for (const field of ['dataSource', 'dataSourceRef'])
      expect(stored(claim({ [field]: source }))['spec']).toMatchObject({
        dataSource: source,
        dataSourceRef: source,
      });
    expect(stored(claim({ dataSource: { kind: 'VolumeSnapshot', name: 'a' } }))['spec']).not.toHaveProperty(
      'dataSource',
    );
  });

  const bound = (spec: Fields, more: Fields = {}): KubeObject =>
    claim(
      { volumeName: 'v', ...spec },
      { status: { phase: 'Bound', capacity: { storage: '1Gi' }, ...more } },
    );
  const withClass = (name: string | undefined, current?: string): KubeObject =>
    bound(
      name === undefined ? {} : { volumeAttributesClassName: name },
      current === undefined ? {} : { currentVolumeAttributesClassName: current },
    );
  it.each<readonly [string, KubeObject, KubeObject, readonly string[]]>([
    ['gets a class once', claim({}), claim({ storageClassName: 'a' }), []],
    ['gets a volume once', claim({}), claim({ volumeName: 'v' }), []],
    [
      'keeps its class',
      claim({ storageClassName: 'a' }),
      claim({ storageClassName: 'b' }),
      ['Forbidden spec'],
    ],
    ['may grow when it is bound', bound({}), bound(size('2Gi')), []],
    ['may not grow before', claim({}), claim(size('2Gi')), ['Forbidden spec']],
    ['may come back to what it has not outgrown', bound(size('4Gi')), bound(size('2Gi')), []],
    ['may not shrink', bound(size('4Gi')), bound(size('1Gi')), ['Forbidden spec.resources.requests.storage']],
    ['takes back a class of attributes that it never had', withClass('a'), withClass(''), []],
    [
      'does not take back one that it has',
      withClass('a', 'a'),
      withClass('', 'a'),
      ['Forbidden spec.volumeAttributesClassName'],
    ],
    [
      'does not lose one that it has',
      withClass('a', 'a'),
      withClass(undefined, 'a'),
      ['Forbidden spec.volumeAttributesClassName'],
    ],
    ['keeps its mode', claim({}), claim({ volumeMode: 'Block' }), ['Forbidden spec', 'Invalid volumeMode']],
  ])('%s', (_, old, next, expected) => {
    expect(updateComplaints(old, next)).toEqual(expected);
  });

  it('has a status of known words', () => {
    const status = {
      capacity: { storage: '-1' },
      allocatedResourceStatuses: { storage: 'x' },
      allocatedResources: { cpu: '1' },
    };
    expect(updateComplaints(claim({}), claim({}, { status }), 'status')).toEqual([
      'Invalid status.capacity[storage]',
      'NotSupported status.allocatedResourceStatuses',
      'NotSupported status.allocatedResources',
    ]);
  });
});

describe('StorageClass', () => {
  const topology = (...terms: readonly Fields[]): Fields => ({ allowedTopologies: terms });
  const term = (key: string, ...values: readonly string[]): Fields => ({
    matchLabelExpressions: [{ key, values }],
  });
  const AT = 'allowedTopologies[0].matchLabelExpressions';
  it.each<readonly [Fields, readonly string[]]>([
    [{ reclaimPolicy: '' }, []],
    [{ reclaimPolicy: 'Recycle' }, ['NotSupported reclaimPolicy']],
    [topology(term('a', 'b')), []],
    [topology(term('a b', 'b')), [`Invalid ${AT}[0].key`]],
    [topology(term('a')), [`Required ${AT}[0].values`]],
    [topology(term('a', 'b', 'b')), [`Duplicate ${AT}[0].values[1]`]],
    [
      topology(term('a', 'b', 'c'), term('a', 'c', 'b')),
      ['Duplicate allowedTopologies[1].matchLabelExpressions'],
    ],
    [topology({}), [`Duplicate ${AT}`]],
  ])('%j', (members, expected) => {
    const object = anObject('storage.k8s.io/v1', 'StorageClass', { provisioner: 'p', ...members });
    expect(complaints({ ...object, metadata: { name: 'x' } })).toEqual(expected);
  });
});
