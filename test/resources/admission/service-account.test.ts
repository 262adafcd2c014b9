import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { StatusError } from '../../../src/schemas/errors/status.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { anAccount, anAccountsPod } from '../../api/authn/test-authentication.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../../api/test-api.ts';
import { withVerbs } from '../../support/objects.ts';

let test: TestCore;
beforeEach(async () => {
  test = await startTestCore(createFakeClock());
});
afterEach(() => test[Symbol.asyncDispose]());

const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const pods = { kind: kindNamed('Pod'), namespace: 'default' };
const create = async (pod: KubeObject): Promise<Pod> =>
  (await test.core.create(pods, pod, plainWrite, test.context)) as Pod;
const tokenVolumes = ({ spec }: Pod) =>
  (spec.volumes ?? []).filter(({ name }) => name.startsWith('kube-api-access-'));
const mountsOf = ({ spec }: Pod) =>
  [...(spec.initContainers ?? []), ...spec.containers].map(({ volumeMounts }) =>
    (volumeMounts ?? []).map(({ name, mountPath }) => `${name.replace(/-\w{5}$/, '')}:${mountPath}`),
  );

describe('a new pod', () => {
  it('runs as an account that is there, or not at all', async () => {
    const refused = create(anAccountsPod('a', 'ghost'));
    await expect(refused).rejects.toThrow(
      'pods "a" is forbidden: error looking up service account default/ghost: serviceaccount "ghost" not found',
    );
    await refused.catch((error: unknown) => expect((error as StatusError).code).toBe(403));
    await test.objects.create(anAccount('ghost'));
    expect((await create(anAccountsPod('a', 'ghost'))).spec).toMatchObject({
      serviceAccountName: 'ghost',
      serviceAccount: 'ghost',
    });
  });

  it('gets nothing of an account where it stands for a pod on the disk of its node, whoever makes it', async () => {
    await test.objects.create({ ...anAccount('default'), imagePullSecrets: [{ name: 'registry' }] });
    const { containers } = anAccountsPod('a', '').spec;
    const mirror = (name: string, spec: object = {}): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', annotations: { 'kubernetes.io/config.mirror': 'x' } },
      spec: { nodeName: 'n1', containers, ...spec },
    });
    const made = await create(mirror('a'));
    for (const field of ['serviceAccountName', 'volumes', 'imagePullSecrets'])
      expect(made.spec).not.toHaveProperty(field);
    await expect(create(mirror('b', { serviceAccount: 'default' }))).rejects.toThrow(
      'pods "b" is forbidden: a mirror pod may not reference service accounts',
    );
    const volumes = [{ name: 'v', secret: { secretName: 's' } }];
    await expect(create(mirror('b', { volumes }))).rejects.toThrow('a mirror pod may not reference secrets');
  });

  it('may come before the default account of its namespace', async () => {
    const { containers } = anAccountsPod('a', '').spec;
    const made = await create({ ...anAccountsPod('a', ''), spec: { containers } });
    expect(made.spec.serviceAccountName).toBe('default');
    expect(tokenVolumes(made)).toHaveLength(1);
  });

  it('gets the token of its account into every container that has nothing there', async () => {
    await test.objects.create(anAccount('builder'));
    const container = (name: string, mountPath?: string) => ({
      name,
      image: 'img',
      ...(mountPath ? { volumeMounts: [{ name: 'own', mountPath }] } : {}),
    });
    const made = await create(
      anAccountsPod('a', 'builder', {
        volumes: [{ name: 'own', emptyDir: {} }],
        initContainers: [container('i')],
        containers: [container('c', '/data'), container('d', MOUNT_PATH)],
      }),
    );
    expect(mountsOf(made)).toEqual([
      [`kube-api-access:${MOUNT_PATH}`],
      ['own:/data', `kube-api-access:${MOUNT_PATH}`],
      [`own:${MOUNT_PATH}`],
    ]);
    expect(tokenVolumes(made)).toEqual([
      {
        name: expect.stringMatching(/^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/),
        projected: {
          defaultMode: 0o644,
          sources: [
            { serviceAccountToken: { expirationSeconds: 3_607, path: 'token' } },
            { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
            {
              downwardAPI: {
                items: [
                  { path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } },
                ],
              },
            },
          ],
        },
      },
    ]);
  });

  it('gets no volume when no container would see it, and none beside one that it brings along', async () => {
    await test.objects.create(anAccount('builder'));
    const brings = { name: 'kube-api-access-mine5', emptyDir: {} };
    const mounts = (name: string) => [
      { name: 'c', image: 'img', volumeMounts: [{ name, mountPath: MOUNT_PATH }] },
    ];
    const own = { volumes: [{ name: 'own', emptyDir: {} }], containers: mounts('own') };
    expect(tokenVolumes(await create(anAccountsPod('a', 'builder', own)))).toEqual([]);
    const again = await create(anAccountsPod('b', 'builder', { volumes: [brings] }));
    expect(tokenVolumes(again)).toEqual([brings]);
    expect(again.spec.containers[0]?.volumeMounts).toEqual([
      { name: brings.name, readOnly: true, mountPath: MOUNT_PATH },
    ]);
  });

  it.each([
    [undefined, undefined, 1],
    [false, undefined, 0],
    [false, true, 1],
    [true, false, 0],
    [undefined, false, 0],
  ])('mounts the token when the account says %s and the pod %s: %i', async (account, pod, volumes) => {
    await test.objects.create({
      ...anAccount('builder'),
      ...(account === undefined ? {} : { automountServiceAccountToken: account }),
    });
    const made = await create(
      anAccountsPod('a', 'builder', pod === undefined ? {} : { automountServiceAccountToken: pod }),
    );
    expect(tokenVolumes(made)).toHaveLength(volumes);
  });

  it('pulls with the secrets of its account unless it names its own', async () => {
    await test.objects.create({ ...anAccount('builder'), imagePullSecrets: [{ name: 'registry' }] });
    const made = await create(anAccountsPod('a', 'builder'));
    expect(made.spec.imagePullSecrets).toEqual([{ name: 'registry' }]);
    const own = await create(anAccountsPod('b', 'builder', { imagePullSecrets: [{ name: 'mine' }] }));
    expect(own.spec.imagePullSecrets).toEqual([{ name: 'mine' }]);
  });

  it.each([
    ['no spec', {}],
    ['no containers', { spec: {} }],
    ['a volume without a name', { spec: { containers: [{ name: 'c', image: 'i' }], volumes: [{}] } }],
    ['a container with nothing in it', { spec: { containers: [{}], initContainers: [{}] } }],
    ['a mount without a place', { spec: { containers: [{ name: 'c', volumeMounts: [{}] }] } }],
  ])('with %s is refused by validation, not by a fault', async (_what, rest) => {
    const broken = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'default' }, ...rest };
    await expect(create(broken)).rejects.toMatchObject({ code: 422 });
  });

  it('of a controller is given the same, from the commit that makes its account', async () => {
    const objects = withVerbs(test.core.as({ user: { name: 'system:controller', groups: [] } }));
    const [, made] = await objects.apply([
      { verb: 'create', object: anAccount('builder') },
      { verb: 'create', object: anAccountsPod('a', 'builder') },
    ]);
    expect(tokenVolumes(made as Pod)).toHaveLength(1);
  });
});
