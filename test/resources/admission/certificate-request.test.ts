import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../../src/resources/types.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { aCertificateRequest } from '../../support/certificate-requests.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../../api/test-api.ts';

let test: TestCore;
beforeEach(async () => {
  test = await startTestCore(createFakeClock());
});
afterEach(() => test[Symbol.asyncDispose]());

const kind = kindNamed('CertificateSigningRequest');
const asUser = (name: string, ...groups: string[]): RequestContext => ({
  user: { name, groups, extra: { scope: ['a'] } },
  warn: () => undefined,
  annotate: () => undefined,
});

async function ask(
  context: RequestContext,
  subject: { commonName: string; organizations?: string[] } = { commonName: 'ann' },
  signerName = 'kubernetes.io/kube-apiserver-client',
): Promise<KubeObject> {
  const request = Buffer.from(await aCertificateRequest(subject)).toString('base64');
  const body = {
    metadata: { name: 'a' },
    spec: { request, signerName, usages: ['client auth'], username: 'root', groups: ['system:masters'] },
  };
  return test.core.create({ kind, namespace: undefined }, body, plainWrite, context);
}
const ref = { kind, namespace: undefined, name: 'a' };
const decide = (context: RequestContext, type: string, subresource: 'approval' | 'status') =>
  test.core.patch(
    ref,
    { format: 'merge', body: { status: { conditions: [{ type, status: 'True', reason: 'Test' }] } } },
    plainWrite,
    context,
    subresource,
  );

describe('a certificate request', () => {
  it('is of whoever sends it, whatever it says', async () => {
    const { spec, status } = await ask(asUser('ann', 'dev'));
    expect(spec).toMatchObject({ username: 'ann', groups: ['dev'], extra: { scope: ['a'] } });
    expect(status).toEqual({});
  });

  it('for an administrator is refused', async () => {
    const subject = { commonName: 'ann', organizations: ['system:masters'] };
    await expect(ask(asUser('ann', 'dev'), subject)).rejects.toThrow(
      'certificatesigningrequests.certificates.k8s.io "a" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
    );
  });

  it('of a node is for that node only', async () => {
    const signer = 'kubernetes.io/kube-apiserver-client-kubelet';
    const node = asUser('system:node:n1', 'system:nodes');
    const other = { commonName: 'system:node:n2', organizations: ['system:nodes'] };
    await expect(ask(node, other, signer)).rejects.toThrow(
      'can only create a node CSR with CN=system:node:n1',
    );
    await expect(ask(node, { ...other, commonName: 'system:node:n1' }, signer)).resolves.toBeDefined();
  });

  it('is decided only by those who may approve for its signer, and for good', async () => {
    await ask(asUser('ann', 'dev'));
    await expect(decide(asUser('bob', 'dev'), 'Approved', 'approval')).rejects.toThrow(
      'user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"',
    );
    const { object } = await decide(test.context, 'Approved', 'approval');
    expect(object['status']).toMatchObject({ conditions: [{ type: 'Approved', status: 'True' }] });
    await expect(decide(test.context, 'Denied', 'approval')).rejects.toThrow(
      'updates may not remove a condition of type "Approved"',
    );
  });

  it('is not decided by its status, and what it asks for never changes', async () => {
    const before = await ask(asUser('ann', 'dev'));
    await expect(decide(asUser('bob', 'dev'), 'Failed', 'status')).rejects.toThrow(
      'user not permitted to sign',
    );
    await expect(decide(test.context, 'Approved', 'status')).rejects.toThrow(
      'updates may not add a condition of type "Approved"',
    );
    const body = { spec: { usages: ['server auth'] }, status: { certificate: 'AAAA' } };
    const patched = await test.core.patch(ref, { format: 'merge', body }, plainWrite, test.context);
    expect(patched.object['spec']).toEqual(before['spec']);
    expect(patched.object['status']).toEqual({});
  });

  it('cannot be approved and denied at once', async () => {
    await ask(asUser('ann', 'dev'));
    const conditions = ['Approved', 'Denied'].map((type) => ({ type, status: 'True' }));
    const both = test.core.patch(
      ref,
      { format: 'merge', body: { status: { conditions } } },
      plainWrite,
      test.context,
      'approval',
    );
    await expect(both).rejects.toThrow('Approved and Denied conditions are mutually exclusive');
  });
});
