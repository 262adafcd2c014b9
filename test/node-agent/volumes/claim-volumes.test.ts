import { describe, expect, it } from 'vitest';
import { planVolumeRemoval } from '../../../src/node-agent/volumes/plan-volume-removal.ts';
import { planVolumes, type VolumesInput } from '../../../src/node-agent/volumes/plan-volumes.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../../src/schemas/types.ts';

const CLAIM: Volume = { name: 'data', persistentVolumeClaim: { claimName: 'c' } };
const aPod = (volume: Volume, spec: Partial<Pod['spec']> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', uid: 'pod-uid' },
  spec: { containers: [{ name: 'app' }], volumes: [volume], nodeName: 'n1', ...spec },
});
const aClaim = (over: Partial<PersistentVolumeClaim> = {}): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'c', namespace: 'shop', uid: 'claim-uid' },
  spec: { volumeName: 'pvc-1' },
  status: { phase: 'Bound' },
  ...over,
});
const aVolume = (
  spec: Partial<PersistentVolume['spec']> = {},
  metadata: Partial<PersistentVolume['metadata']> = {},
): PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: {
    name: 'pvc-1',
    uid: 'volume-uid',
    labels: { 'symphony.dev/node': 'n1' },
    annotations: { 'pv.kubernetes.io/provisioned-by': 'symphony.dev/local' },
    finalizers: ['symphony.dev/volume'],
    ...metadata,
  },
  spec: {
    claimRef: { namespace: 'shop', name: 'c', uid: 'claim-uid' },
    persistentVolumeReclaimPolicy: 'Delete',
    ...('nfs' in spec || 'hostPath' in spec || 'csi' in spec
      ? {}
      : { local: { path: '/agent/volumes/pvc-1' } }),
    ...spec,
  },
});

function plan(
  volume: PersistentVolume | undefined = aVolume(),
  {
    claim = aClaim(),
    pod = aPod(CLAIM),
    ...more
  }: Partial<VolumesInput> & { claim?: PersistentVolumeClaim } = {},
) {
  return planVolumes({
    ...{
      pod,
      podsDir: '/agent/pods',
      volumesDir: '/agent/volumes',
      configMaps: new Map(),
      secrets: new Map(),
    },
    place: { nodeName: 'n1', nodeIp: '192.0.2.1', allocatable: {} },
    tokens: new Map(),
    claims: new Map([[claim.metadata.name, claim]]),
    persistentVolumes: new Map(volume ? [[volume.metadata.name, volume]] : []),
    ...more,
  });
}
const planned = (...args: Parameters<typeof plan>) => {
  const found = plan(...args);
  if (!found.ok) throw new Error(found.message);
  return found;
};

const BOUND = {
  name: 'c',
  namespace: 'shop',
  uid: 'claim-uid',
  annotations: { 'pv.kubernetes.io/bind-completed': 'yes' },
};

describe('a claim in a pod', () => {
  it('is bound before its phase says so: the scheduler does not wait for the phase', () => {
    const claim = aClaim({ status: { phase: 'Pending' }, metadata: BOUND });
    expect(plan(aVolume(), { claim })).toEqual(plan(aVolume()));
  });

  const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z' };
  it.each<[string, ReturnType<typeof plan>, string]>([
    [
      'that is missing',
      plan(aVolume(), { claims: new Map() }),
      'error processing PVC shop/c: failed to fetch PVC from API server: persistentvolumeclaims "c" not found',
    ],
    [
      'that is not bound',
      plan(aVolume(), { claim: aClaim({ status: { phase: 'Pending' } }) }),
      'error processing PVC shop/c: PVC is not bound',
    ],
    [
      'that names a volume and is not bound',
      plan(aVolume(), { claim: aClaim({ status: {} }) }),
      'error processing PVC shop/c: PVC is not bound',
    ],
    [
      'that was lost after it was bound',
      plan(aVolume(), { claim: aClaim({ status: { phase: 'Lost' }, metadata: BOUND }) }),
      'error processing PVC shop/c: PVC is not bound',
    ],
    [
      'that was lost',
      plan(aVolume(), { claim: aClaim({ status: { phase: 'Lost' } }) }),
      'error processing PVC shop/c: PVC is not bound',
    ],
    [
      'that is being deleted',
      plan(aVolume(), { claim: aClaim({ metadata: { ...aClaim().metadata, ...deleted } }) }),
      'error processing PVC shop/c: PVC is being deleted',
    ],
    [
      'without a volume',
      plan(aVolume(), { claim: aClaim({ spec: {} }) }),
      'error processing PVC shop/c: PVC has empty pvc.Spec.VolumeName',
    ],
    [
      'whose volume is missing',
      plan(undefined, { persistentVolumes: new Map() }),
      'failed to fetch PV pvc-1 from API server: persistentvolumes "pvc-1" not found',
    ],
    [
      'whose volume has no claim',
      plan(aVolume({ claimRef: undefined as never })),
      'found PV object pvc-1 but it has a nil pv.Spec.ClaimRef',
    ],
    [
      'whose volume belongs to an older claim of the name',
      plan(aVolume({ claimRef: { namespace: 'shop', name: 'c', uid: 'old' } })),
      'its pv.Spec.ClaimRef.UID old does not point to claim.UID claim-uid',
    ],
    [
      'whose volume belongs to a claim of another namespace',
      plan(aVolume({ claimRef: { namespace: 'bank', name: 'c', uid: 'claim-uid' } })),
      'does not point to claim.UID',
    ],
    [
      'of a block device',
      plan(aVolume({ volumeMode: 'Block' })),
      'volume data has volumeMode Block, but is specified in volumeMounts',
    ],
    ['whose volume is removed', plan(aVolume({}, deleted)), 'PV pvc-1 is being deleted'],
  ])("%s waits, and says so in kubelet's words", (_what, found, message) => {
    const begin =
      'Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: ';
    expect(found).toMatchObject({ ok: false, reason: 'FailedMount' });
    if (found.ok) return;
    expect(found.message.startsWith(begin)).toBe(true);
    expect(found.message).toContain(message);
  });

  it.each<[string, PersistentVolume, string]>([
    [
      'of another node',
      aVolume({}, { labels: { 'symphony.dev/node': 'n2' } }),
      'MountVolume.NodeAffinity check failed for volume "data" : no matching NodeSelectorTerms',
    ],
    [
      'with a mount option that would be ignored',
      aVolume({ mountOptions: ['noexec', 'sync'] }),
      'MountVolume.MountOptionSupport check failed for volume "data" : mount option "sync" has no effect on a local volume',
    ],
    [
      'with mount options for a hostPath',
      aVolume({ hostPath: { path: '/x' }, mountOptions: ['ro'] }),
      'MountVolume.MountOptionSupport check failed for volume "data" : mount options are not supported for this volume type',
    ],
    [
      'of a driver that is not here',
      aVolume({ csi: { driver: 'x', volumeHandle: 'y' } }),
      'MountVolume.SetUp failed for volume "data" : no volume plugin matched: spec.csi of PV pvc-1: not implemented by Symphony: no node can mount it; use a claim of class local, or a local or nfs volume',
    ],
  ])('with a volume %s is refused', (_what, volume, message) => {
    expect(plan(volume)).toMatchObject({ ok: false, reason: 'FailedMount', message });
  });

  it.each<[string, PersistentVolume]>([
    ['a path that climbs', aVolume({ local: { path: '/a/../etc' } })],
    ['an option with blanks', aVolume({ mountOptions: ['ro -o suid'] })],
    ['an option that is a flag', aVolume({ mountOptions: ['-oexec'] })],
    ['a server that is a flag', aVolume({ nfs: { server: '-x', path: '/e' } })],
    ['a server with a path', aVolume({ nfs: { server: 'a/b', path: '/e' } })],
    ['a share that climbs', aVolume({ nfs: { server: 'a', path: '/e/../..' } })],
  ])('with a volume of %s is refused for good', (_what, volume) => {
    expect(plan(volume)).toMatchObject({ ok: false, reason: 'CreateContainerConfigError' });
  });

  it('leads to a directory that the agent makes only at its own place', () => {
    const made = (volume: PersistentVolume): boolean => {
      const [first] = planned(volume).volumes;
      return first?.kind === 'local' && first.made !== undefined;
    };
    expect(made(aVolume())).toBe(true);
    expect(made(aVolume({ local: { path: '/agent/volumes/pvc-2' } }))).toBe(false);
    expect(made(aVolume({ local: { path: '/etc' } }))).toBe(false);
    expect(made(aVolume({}, { annotations: {} }))).toBe(false);
    expect(
      made(aVolume({}, { annotations: { 'pv.kubernetes.io/provisioned-by': 'rancher.io/local-path' } })),
    ).toBe(true);
  });

  it('keeps what is mounted, whatever happens to the claim', () => {
    const { volumes } = planned();
    const mounted = new Map(volumes.map((volume) => [volume.name, volume as never]));
    expect(planned(undefined, { claims: new Map(), persistentVolumes: new Map(), mounted }).volumes).toEqual(
      volumes,
    );
  });

  it('is read-only where the pod or the source says so', () => {
    const readOnly = { name: 'data', persistentVolumeClaim: { claimName: 'c', readOnly: true } };
    const group = { securityContext: { fsGroup: 7 } };
    expect([...planned(aVolume(), { pod: aPod(readOnly, group) }).readOnlyVolumes]).toEqual(['data']);
    expect(planned(aVolume(), { pod: aPod(readOnly, group) }).volumes[0]).not.toHaveProperty('groupId');
    expect(planned(aVolume(), { pod: aPod(CLAIM, group) }).volumes[0]).toMatchObject({ groupId: 7 });
    const nfs = aVolume({ nfs: { server: 's', path: '/e', readOnly: true } });
    expect([...planned(nfs).readOnlyVolumes]).toEqual(['data']);
    expect([...planned().readOnlyVolumes]).toEqual([]);
  });

  it('shares a mount of an export with pods of the same options only', () => {
    const pathOf = (spec: Partial<PersistentVolume['spec']>): string =>
      planned(aVolume(spec)).volumes[0]?.path ?? '';
    const nfs = { server: 's', path: '/e' };
    const inline = planVolumes({
      ...{ pod: aPod({ name: 'x', nfs }), podsDir: '/agent/pods', configMaps: new Map(), secrets: new Map() },
      place: { nodeName: 'n1', nodeIp: '', allocatable: {} },
      tokens: new Map(),
    });
    expect(inline).toMatchObject({ ok: true, volumes: [{ path: pathOf({ nfs }) }] });
    const paths = [
      pathOf({ nfs }),
      pathOf({ nfs: { ...nfs, readOnly: true } }),
      pathOf({ nfs, mountOptions: ['hard'] }),
    ];
    expect(new Set(paths).size).toBe(3);
  });
});

describe('a claim of an ephemeral volume', () => {
  const ephemeral: Volume = { name: 'data', ephemeral: {} };
  const owned = (uid: string): PersistentVolumeClaim => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid, controller: true };
    return aClaim({ metadata: { ...aClaim().metadata, name: 'web-data', ownerReferences: [owner] } });
  };
  const volume = aVolume({ claimRef: { namespace: 'shop', name: 'web-data', uid: 'claim-uid' } });

  it('must belong to the pod', () => {
    expect(plan(volume, { pod: aPod(ephemeral), claim: owned('pod-uid') })).toMatchObject({ ok: true });
    expect(plan(volume, { pod: aPod(ephemeral), claim: owned('an-older-pod') })).toMatchObject({
      ok: false,
      message: expect.stringContaining(
        'PVC shop/web-data was not created for pod shop/web (pod is not owner)',
      ) as string,
    });
  });
});

describe('the data of a volume', () => {
  const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z' };
  const removal = (volume: PersistentVolume, users: readonly string[] = []) =>
    planVolumeRemoval({ volume, nodeName: 'n1', volumesDir: '/agent/volumes', users });

  it.each<[string, PersistentVolume, object]>([
    ['is noted while it lives', aVolume(), { type: 'note' }],
    ['is removed once it is deleted', aVolume({}, deleted), { type: 'remove', what: 'directory' }],
    ['stays without the finalizer', aVolume({}, { ...deleted, finalizers: [] }), { type: 'none' }],
    [
      'stays while it is protected',
      aVolume({}, { ...deleted, finalizers: ['symphony.dev/volume', 'kubernetes.io/pv-protection'] }),
      { type: 'none' },
    ],
    [
      'stays while it is bound, whatever became of its protection',
      { ...aVolume({}, deleted), status: { phase: 'Bound' } },
      { type: 'none' },
    ],
    [
      'of another node is not touched',
      aVolume({}, { ...deleted, labels: { 'symphony.dev/node': 'n2' } }),
      { type: 'none' },
    ],
    ['of no node is not touched', aVolume({}, { ...deleted, labels: {} }), { type: 'none' }],
    [
      'stays where it is to be retained',
      aVolume({ persistentVolumeReclaimPolicy: 'Retain' }, deleted),
      { type: 'remove', what: 'record' },
    ],
    ['elsewhere is never removed', aVolume({ local: { path: '/etc' } }, deleted), { type: 'wait' }],
    [
      'of another volume is never removed',
      aVolume({ local: { path: '/agent/volumes/pvc-2' } }, deleted),
      { type: 'wait' },
    ],
    [
      'that climbs is never removed',
      aVolume({ local: { path: '/agent/volumes/../pods' } }, { ...deleted, name: '../pods' }),
      { type: 'wait' },
    ],
    [
      'that was made by hand is never removed',
      aVolume({}, { ...deleted, annotations: {} }),
      { type: 'wait' },
    ],
    ['on the host is never removed', aVolume({ hostPath: { path: '/' } }, deleted), { type: 'wait' }],
    [
      'on an export is removed there',
      aVolume(
        { nfs: { server: 's', path: '/e/pvc-1' } },
        { ...deleted, annotations: { 'pv.kubernetes.io/provisioned-by': 'symphony.dev/nfs' } },
      ),
      { type: 'remove', what: 'export' },
    ],
  ])('%s', (_what, volume, expected) => {
    expect(removal(volume)).toMatchObject(expected);
  });

  it('waits for everybody who uses it, and names some', () => {
    expect(removal(aVolume({}, deleted), ['pod a', 'pod b', 'container c', 'pod d'])).toEqual({
      type: 'wait',
      why: 'volume is still used on node n1 by pod a, pod b, container c and 1 more',
    });
  });
});
