import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAuthority } from '../../../src/api/tls/authority.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { aCertificateRequest } from '../../support/certificate-requests.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { eventually } from '../../support/kubectl.ts';

const HOUR_MS = 3_600_000;
const RESOURCE = 'certificatesigningrequests.certificates.k8s.io';
const bootstrapper = { username: 'system:bootstrap:abcdef', groups: ['system:bootstrappers'] };
const node = { username: 'system:node:n1', groups: ['system:nodes'] };
const CLIENT = ['digital signature', 'client auth'];

let cluster: TestCluster;
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-csr-'));
  const authority = await openAuthority({ directory, clock: createFakeClock() });
  cluster = await startTestCluster({ certificates: authority });
});
afterEach(async () => {
  await cluster[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

interface Wanted {
  readonly commonName?: string;
  readonly organizations?: readonly string[];
  readonly names?: Parameters<typeof aCertificateRequest>[0]['names'];
  readonly signerName?: string;
  readonly usages?: readonly string[];
  readonly expirationSeconds?: number;
  readonly by?: { readonly username: string; readonly groups: readonly string[] };
}

async function ask(wanted: Wanted = {}): Promise<string> {
  const { commonName = 'system:node:n1', organizations = ['system:nodes'], names = [] } = wanted;
  const pem = await aCertificateRequest({ commonName, organizations, names });
  const created = await cluster.objects.create({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: '', generateName: 'csr-' },
    spec: {
      request: Buffer.from(pem).toString('base64'),
      signerName: wanted.signerName ?? 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: wanted.usages ?? CLIENT,
      ...(wanted.expirationSeconds === undefined ? {} : { expirationSeconds: wanted.expirationSeconds }),
      ...(wanted.by ?? bootstrapper),
    },
  });
  return created.metadata.name;
}

interface Status {
  readonly certificate?: string;
  readonly conditions?: readonly {
    readonly type: string;
    readonly reason?: string;
    readonly message?: string;
  }[];
}

const read = (name: string): Promise<KubeObject | undefined> => cluster.store.get(RESOURCE, name);
async function statusOf(name: string): Promise<Status> {
  return (await read(name))?.['status'] ?? {};
}
async function issued(name: string): Promise<X509Certificate> {
  await eventually('the controller has acted', async () => (await statusOf(name)).certificate !== undefined);
  return new X509Certificate(Buffer.from((await statusOf(name)).certificate ?? '', 'base64'));
}
const lifetimeMs = (certificate: X509Certificate): number =>
  Date.parse(certificate.validTo) - cluster.clock.now();

async function approve(name: string): Promise<void> {
  const object = await read(name);
  if (!object) throw new Error(`no request ${name}`);
  const conditions = [{ type: 'Approved', status: 'True', reason: 'Test' }];
  await cluster.objects.update({ ...object, status: { conditions } }, { subresource: 'approval' });
}

describe('the certificates controller', () => {
  it("approves and signs a new node's certificate, for a day", async () => {
    const name = await ask();
    const certificate = await issued(name);
    expect(certificate.toLegacyObject().subject).toMatchObject({ CN: 'system:node:n1', O: 'system:nodes' });
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
    expect(Math.abs(lifetimeMs(certificate) - 24 * HOUR_MS)).toBeLessThan(60_000);
    expect((await statusOf(name)).conditions).toMatchObject([{ type: 'Approved', reason: 'AutoApproved' }]);
  });

  it('approves what a node asks for itself, and not what it asks for another', async () => {
    expect((await issued(await ask({ by: node }))).subject).toContain('system:node:n1');
    const other = await ask({ by: node, commonName: 'system:node:n2' });
    const third = await issued(await ask({ by: node }));
    expect(third.subject).toContain('n1');
    expect(await statusOf(other)).toEqual({});
  });

  it.each<[string, Wanted]>([
    ['of somebody else', { by: { username: 'ann', groups: ['dev'] } }],
    ['for a person', { signerName: 'kubernetes.io/kube-apiserver-client', commonName: 'ann' }],
    ['with names in it', { names: [{ type: 'dns', value: 'a.example' }] }],
    ['for another group', { organizations: ['system:masters'] }],
    ['for another use', { usages: ['server auth', 'digital signature'] }],
    [
      'for a server',
      { signerName: 'kubernetes.io/kubelet-serving', usages: ['server auth', 'digital signature'] },
    ],
  ])('leaves a request %s to a person', async (_what, wanted) => {
    const name = await ask(wanted);
    await issued(await ask());
    expect(await statusOf(name)).toEqual({});
  });

  it('signs what a person approved, for as long as was asked and never for longer than a year', async () => {
    const client = {
      signerName: 'kubernetes.io/kube-apiserver-client',
      commonName: 'ann',
      organizations: ['dev'],
    };
    const short = await ask({ ...client, expirationSeconds: 7_200 });
    const long = await ask({ ...client, expirationSeconds: 2_000_000_000 });
    await approve(short);
    await approve(long);
    expect(Math.abs(lifetimeMs(await issued(short)) - 2 * HOUR_MS)).toBeLessThan(60_000);
    expect(Math.abs(lifetimeMs(await issued(long)) - 365 * 24 * HOUR_MS)).toBeLessThan(60_000);
  });

  it('signs a serving certificate with the names that it was approved with', async () => {
    const name = await ask({
      signerName: 'kubernetes.io/kubelet-serving',
      usages: ['server auth', 'digital signature'],
      names: [
        { type: 'dns', value: 'n1.example' },
        { type: 'ip', value: '10.0.0.7' },
      ],
    });
    await approve(name);
    const certificate = await issued(name);
    expect(certificate.checkHost('n1.example')).toBe('n1.example');
    expect(certificate.checkIP('10.0.0.7')).toBe('10.0.0.7');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  it('says why it does not sign what was approved', async () => {
    const name = await ask({ organizations: ['system:masters'] });
    await approve(name);
    await eventually(
      'the controller has acted',
      async () => ((await statusOf(name)).conditions ?? []).length === 2,
    );
    expect(await statusOf(name)).toMatchObject({
      conditions: [
        { type: 'Approved' },
        {
          type: 'Failed',
          reason: 'SignerValidationFailure',
          message: 'subject organization is not system:nodes',
        },
      ],
    });
  });

  it('removes what is settled after an hour, and what nobody decided after a day', async () => {
    const settled = await ask();
    const undecided = await ask({ by: { username: 'ann', groups: [] } });
    await issued(settled);
    await cluster.clock.advance(HOUR_MS - 60_000);
    expect(await read(settled)).toBeDefined();
    await cluster.clock.advance(120_000);
    expect(await read(settled)).toBeUndefined();
    expect(await read(undecided)).toBeDefined();
    await cluster.clock.advance(24 * HOUR_MS);
    expect(await read(undecided)).toBeUndefined();
  });
});
