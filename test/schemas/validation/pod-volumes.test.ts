import { expect, it } from 'vitest';
import { anObject, complaints, type Fields } from './complaints.ts';

const pod = (volumes: readonly Fields[], container: Fields = {}) =>
  anObject('v1', 'Pod', { spec: { volumes, containers: [{ name: 'c', image: 'i', ...container }] } });
const volume = (source: Fields) => pod([{ name: 'v', ...source }]);
const V = 'spec.volumes[0]';
const C = 'spec.containers[0]';
const mounted = (...mounts: readonly Fields[]) =>
  pod([{ name: 'v', emptyDir: {} }], {
    volumeMounts: mounts.map((mount) => ({ name: 'v', mountPath: '/m', ...mount })),
  });
const ONE_BYTE = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1' } } };
const claim = { name: 'p', persistentVolumeClaim: { claimName: 'c' } };

it.each<[string, ReturnType<typeof pod>, readonly string[]]>([
  ['a claim by any name', volume({ persistentVolumeClaim: { claimName: 'My_Claim' } }), []],
  [
    'an NFS path that is none',
    volume({ nfs: { server: 's', path: '' } }),
    [`Required ${V}.nfs.path`, `Invalid ${V}.nfs.path`],
  ],
  [
    'iSCSI of an unknown format',
    volume({ iscsi: { targetPortal: 'p', iqn: 'x', lun: 1 } }),
    [`Invalid ${V}.iscsi.iqn`],
  ],
  [
    'iSCSI with a password that is not said',
    volume({ iscsi: { targetPortal: 'p', iqn: 'iqn.2001-04.com.example:a', lun: 1, chapAuthSession: true } }),
    [`Required ${V}.iscsi.secretRef`],
  ],
  [
    'Fibre Channel by both names',
    volume({ fc: { targetWWNs: ['a'], wwids: ['b'], lun: 256 } }),
    [`Invalid ${V}.fc.targetWWNs`, `Invalid ${V}.fc.lun`],
  ],
  [
    'Quobyte without ports',
    volume({ quobyte: { registry: 'a:1,b', volume: 'v' } }),
    [`Invalid ${V}.quobyte.registry`],
  ],
  [
    'a managed disk by its address',
    volume({ azureDisk: { diskName: 'd', diskURI: 'https://x', kind: 'Managed' } }),
    [`NotSupported ${V}.azureDisk.diskURI`],
  ],
  [
    'a partition beyond 255',
    volume({ gcePersistentDisk: { pdName: 'd', partition: 256 } }),
    [`Invalid ${V}.persistentDisk.partition`],
  ],
  [
    'options of Kubernetes',
    volume({ flexVolume: { driver: 'd', options: { 'x.k8s.io/a': 'b' } } }),
    [`Invalid ${V}.flexVolume.options[x.k8s.io/a]`],
  ],
  [
    'a driver that is too long',
    volume({ csi: { driver: 'a'.repeat(64), nodePublishSecretRef: {} } }),
    [`TooLong ${V}.csi.driver`, `Required ${V}.csi.nodePublishSecretRef.name`],
  ],
  [
    'two dots alone as a file',
    volume({ configMap: { name: 'c', items: [{ key: 'any key', path: '..' }] } }),
    [`Invalid ${V}.configMap.items[0].path`],
  ],
  [
    'a token outside its volume',
    volume({ projected: { sources: [{ serviceAccountToken: { path: '../x' } }] } }),
    [`Invalid ${V}.projected.path`],
  ],
  [
    'two files of one name',
    volume({
      projected: {
        sources: ['a', 'b'].map((name) => ({ secret: { name, items: [{ key: 'k', path: 'p' }] } })),
      },
    }),
    [`Invalid ${V}.projected`],
  ],
  [
    'two kinds in one source',
    volume({ projected: { sources: [{ secret: { name: 'a' }, configMap: {} }] } }),
    [`Required ${V}.projected.sources[0].configMap.name`, `Forbidden ${V}.projected.sources[0]`],
  ],
  [
    'a field of the pod at no path',
    volume({ downwardAPI: { items: [{ path: 'a' }, { fieldRef: { fieldPath: 'metadata.name' } }] } }),
    [`Required ${V}.downwardAPI`, `Required ${V}.downwardAPI.path`],
  ],
  [
    'a template of a claim with a name',
    volume({
      ephemeral: {
        volumeClaimTemplate: {
          metadata: { name: 'x' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1' } } },
        },
      },
    }),
    [`Forbidden ${V}.ephemeral.volumeClaimTemplate.metadata.name`],
  ],
  [
    'a template of a claim without a size',
    volume({ ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['x'] } } } }),
    [
      `NotSupported ${V}.ephemeral.volumeClaimTemplate.spec.accessModes`,
      `Required ${V}.ephemeral.volumeClaimTemplate.spec.resources[storage]`,
    ],
  ],
  ['a sub-path that leads out', mounted({ subPath: 'a/../../b' }), [`Invalid ${C}.volumeMounts.subPath`]],
  ['one place twice', mounted({}, {}), [`Invalid ${C}.volumeMounts[1].mountPath`]],
  [
    'a propagation without a name',
    mounted({ mountPropagation: '' }),
    [`NotSupported ${C}.volumeMounts.mountPropagation`],
  ],
  [
    'read-only all the way, and writable',
    mounted({ recursiveReadOnly: 'Enabled', mountPropagation: 'HostToContainer' }),
    [`Forbidden ${C}.volumeMounts.recursiveReadOnly`],
  ],
  [
    'a device of an emptyDir',
    pod([{ name: 'v', emptyDir: {} }], { volumeDevices: [{ name: 'v', devicePath: '/d' }] }),
    [`Invalid ${C}.volumeDevices[0].name`],
  ],
  [
    'two sources: the one that upstream looks at later is too many',
    volume({ configMap: { name: 'a' }, persistentVolumeClaim: { claimName: 'a' }, cephfs: {} }),
    [`Forbidden ${V}.cephFS`, `Forbidden ${V}.configMap`],
  ],
  [
    'a claim that the pod gets for another of its volumes',
    pod([
      { name: 'v', ephemeral: { volumeClaimTemplate: { spec: ONE_BYTE } } },
      { name: 'w', persistentVolumeClaim: { claimName: 'x-v' } },
    ]),
    ['Invalid spec.volumes[1].persistentVolumeClaim.claimName'],
  ],
  [
    'a template of a claim with a uid, and with an empty name',
    volume({ ephemeral: { volumeClaimTemplate: { metadata: { uid: 'u', name: '' }, spec: ONE_BYTE } } }),
    [`Forbidden ${V}.ephemeral.volumeClaimTemplate.metadata.uID`],
  ],
  [
    'a secret of a driver that is no name',
    volume({ csi: { driver: 'd', nodePublishSecretRef: { name: 'A' } } }),
    [`Invalid ${V}.csi.name`],
  ],
  [
    'a tenant that is too long',
    volume({ quobyte: { registry: 'a:1', volume: 'v', tenant: 'a'.repeat(65) } }),
    [`Required ${V}.quobyte.tenant`],
  ],
  [
    'a divisor, whatever else is wrong',
    volume({
      downwardAPI: { items: [{ path: 'a', resourceFieldRef: { resource: 'limits.cpu', divisor: 3 } }] },
    }),
    [
      `Required ${V}.downwardAPI.resourceFieldRef.containerName`,
      `Invalid ${V}.downwardAPI.resourceFieldRef.divisor`,
    ],
  ],
  [
    'a volume as device and mount',
    pod([claim], {
      volumeDevices: [{ name: 'p', devicePath: '/d' }],
      volumeMounts: [{ name: 'p', mountPath: '/m' }],
    }),
    [`Invalid ${C}.volumeMounts[0].name`, `Invalid ${C}.volumeDevices[0].name`],
  ],
  [
    'a device that leads out',
    pod([claim], { volumeDevices: [{ name: 'p', devicePath: '/a/../b' }] }),
    [`Invalid ${C}.volumeDevices[0].devicePath`],
  ],
])('%s', (_, object, expected) => {
  expect(complaints(object)).toEqual(expected);
});
