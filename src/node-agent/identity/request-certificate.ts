/**
 * Requests a certificate from the cluster, as kubelet does: makes a key that never leaves this
 * machine, posts a CertificateSigningRequest, and waits until it is signed.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { backoffDelayMs } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { TerminalError, TransientError } from '../../base/errors.ts';
import type { ApiClient } from '../../client/types.ts';
import type { KubeObject } from '../../schemas/object.ts';

export interface NodeCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface CertificateRequestOptions {
  readonly client: Pick<ApiClient, 'create' | 'get'>;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const REQUESTS = {
  group: 'certificates.k8s.io',
  version: 'v1',
  plural: 'certificatesigningrequests',
} as const;
const SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** Automatic approval takes a moment; a person may take minutes. */
const POLL = { initialMs: 100, maxMs: 5_000, factor: 1.5 };
/** As kubelet's; afterwards a new request is made. */
const PATIENCE_MS = 15 * 60_000;

interface SigningRequest extends KubeObject {
  readonly status?: {
    readonly certificate?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** Rejects with TerminalError if the request was denied or could not be signed. */
export async function requestCertificate(options: CertificateRequestOptions): Promise<NodeCertificate> {
  const { client, nodeName, clock, signal } = options;
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const created = await client.create<SigningRequest>(REQUESTS, {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: '', generateName: 'node-csr-' },
    spec: {
      request: Buffer.from(await requestPem(nodeName, keys)).toString('base64'),
      signerName: SIGNER,
      usages: ['digital signature', 'client auth'],
    },
  });
  const { name } = created.metadata;
  const deadlineMs = clock.now() + PATIENCE_MS;
  for (let polls = 1; !signal.aborted && clock.now() < deadlineMs; polls += 1) {
    const certificate = certificateOf(await client.get<SigningRequest>(REQUESTS, undefined, name));
    if (certificate !== undefined) {
      const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
      return { certPem: certificate, keyPem: `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n` };
    }
    await sleep(clock, backoffDelayMs(POLL, polls), signal);
  }
  if (signal.aborted) throw new TerminalError('Cannot get a certificate: the agent is stopping');
  throw new TransientError(`Cannot get a certificate: the request "${name}" was not approved in time`);
}

async function requestPem(nodeName: string, keys: webcrypto.CryptoKeyPair): Promise<string> {
  x509.cryptoProvider.set(webcrypto);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: new x509.Name([
      { O: [{ utf8String: 'system:nodes' }] },
      { CN: [{ utf8String: `system:node:${nodeName}` }] },
    ]),
    keys,
    signingAlgorithm: ALGORITHM,
  });
  return `${request.toString('pem')}\n`;
}

function certificateOf({ metadata, status }: SigningRequest): string | undefined {
  const bad = status?.conditions?.find(({ type }) => type === 'Denied' || type === 'Failed');
  if (bad) {
    const why = bad.message ?? bad.reason ?? '';
    throw new TerminalError(
      `Cannot get a certificate: "${metadata.name}" is ${bad.type.toLowerCase()}: ${why}`,
    );
  }
  const certificate = status?.certificate ?? '';
  return certificate === '' ? undefined : Buffer.from(certificate, 'base64').toString('utf8');
}
