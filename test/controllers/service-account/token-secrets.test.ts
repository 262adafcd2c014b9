import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBootstrapToken } from '../../../src/api/authn/bootstrap-tokens.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Secret } from '../../../src/schemas/types.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';

let cluster: TestCluster;
let signed: string[];
beforeEach(async () => {
  signed = [];
  cluster = await startTestCluster({
    caBundle: 'PEM',
    async signSecretToken(account, secret) {
      signed.push(`${account.metadata.name}/${secret}`);
      return `token-of-${account.metadata.uid ?? ''}`;
    },
  });
  await cluster.objects.create(account());
  await cluster.clock.advance(1_000);
});
afterEach(() => cluster[Symbol.asyncDispose]());

const account = (): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'builder', namespace: 'default' },
});
const tokenSecret = (name: string, of: string, uid?: string): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/service-account-token',
  metadata: {
    name,
    namespace: 'default',
    annotations: {
      'kubernetes.io/service-account.name': of,
      ...(uid ? { 'kubernetes.io/service-account.uid': uid } : {}),
    },
  },
});
const text = (value: string | undefined): string => Buffer.from(value ?? '', 'base64').toString();
const read = async (name: string): Promise<Secret | undefined> =>
  await cluster.store.get('secrets', `default/${name}`);
const removeAccount = async (): Promise<void> => {
  const kind = builtinRegistry.byId('serviceaccounts');
  if (kind) await cluster.objects.delete(kind, 'default/builder');
  await cluster.clock.advance(1_000);
};

describe('a Secret for the token of a service account', () => {
  it('is filled once, and told whose it is', async () => {
    await cluster.objects.create(tokenSecret('t', 'builder'));
    await cluster.clock.advance(1_000);
    const uid = (await cluster.store.get('serviceaccounts', 'default/builder'))?.metadata.uid;
    const secret = await read('t');
    expect(secret?.metadata.annotations?.['kubernetes.io/service-account.uid']).toBe(uid);
    expect(text(secret?.data?.['token'])).toBe(`token-of-${uid ?? ''}`);
    expect(text(secret?.data?.['namespace'])).toBe('default');
    expect(text(secret?.data?.['ca.crt'])).toBe('PEM');
    await cluster.clock.advance(1_000_000);
    expect(signed).toEqual(['builder/t']);
  });

  it('gets what somebody took out of it', async () => {
    await cluster.objects.create(tokenSecret('t', 'builder'));
    await cluster.clock.advance(1_000);
    const secret = await read('t');
    if (!secret) throw new Error('no secret');
    await cluster.objects.update({ ...secret, data: {} });
    await cluster.clock.advance(1_000);
    expect(Object.keys((await read('t'))?.data ?? {}).sort()).toEqual(['ca.crt', 'namespace', 'token']);
  });

  it('goes when its account goes, and when there never was one', async () => {
    await cluster.objects.create(tokenSecret('t', 'builder'));
    await cluster.objects.create(tokenSecret('lost', 'nobody'));
    await cluster.objects.create(tokenSecret('older', 'builder', 'another-uid'));
    await cluster.objects.create({ ...tokenSecret('plain', 'nobody'), type: 'Opaque' });
    await cluster.clock.advance(1_000);
    expect(await read('lost')).toBeUndefined();
    expect(await read('older')).toBeUndefined();
    expect(await read('t')).toBeDefined();
    await removeAccount();
    expect(await read('t')).toBeUndefined();
    expect(await read('plain')).toBeDefined();
  });

  it('stays while the store is being rebuilt: its account may come back (INVARIANTS 10)', async () => {
    await cluster.objects.create(tokenSecret('t', 'builder'));
    await cluster.clock.advance(1_000);
    cluster.setMayAct(false);
    await removeAccount();
    expect(await read('t')).toBeDefined();
    cluster.setMayAct(true);
    await cluster.clock.advance(1_000);
    expect(await read('t')).toBeUndefined();
  });
});

describe('a bootstrap token', () => {
  it('is removed when its time is over, and only then', async () => {
    const expiresAtMs = cluster.clock.now() + 60_000;
    const ending = createBootstrapToken({ expiresAtMs }).secretObject;
    const lasting = createBootstrapToken().secretObject;
    await cluster.objects.create(ending);
    await cluster.objects.create(lasting);
    const there = async (secret: Secret): Promise<boolean> =>
      (await cluster.store.get('secrets', `kube-system/${secret.metadata.name}`)) !== undefined;
    await cluster.clock.advance(59_000);
    expect(await there(ending)).toBe(true);
    await cluster.clock.advance(2_000);
    expect(await there(ending)).toBe(false);
    await cluster.clock.advance(1_000_000);
    expect(await there(lasting)).toBe(true);
  });
});
