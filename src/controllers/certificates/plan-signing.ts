/** Signing of an approved request: a certificate to issue, or the reason why not. Pure. */
import { toRfc3339 } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import {
  type CertificateRequest,
  parseCertificateRequest,
} from '../../schemas/certificates/certificate-request.ts';
import { isOurSigner, SIGNERS, signerComplaint } from '../../schemas/certificates/signers.ts';
import { asList, asNumber, asRecord, asString, getPath } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { conditionsOf, decodedText } from '../../schemas/kinds/certificate-signing-request/validation.ts';

/** An order for the authority. */
export interface CertificateOrder {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly publicKey: Uint8Array;
  readonly purposes: readonly ('client auth' | 'server auth')[];
  readonly keyEncipherment: boolean;
  readonly lifetimeMs: number;
}

export type SigningPlan =
  | { readonly action: 'none' }
  | { readonly action: 'fail'; readonly object: KubeObject }
  | { readonly action: 'sign'; readonly order: CertificateOrder };

const HOUR_MS = 3_600_000;
/** Nodes rotate by themselves, so theirs are short. */
const NODE_LIFETIME_MS = 24 * HOUR_MS;
/** The default for people and programs, and the longest for all. */
const MAX_LIFETIME_MS = 365 * 24 * HOUR_MS;
const MIN_LIFETIME_MS = 600_000;

const none: SigningPlan = { action: 'none' };

export function planSigning(object: KubeObject, nowMs: number): SigningPlan {
  const spec = asRecord(object['spec']);
  const signer = asString(spec['signerName']);
  if (!isOurSigner(signer) || asString(getPath(object, 'status', 'certificate')) !== '') return none;
  if (conditionsOf(object, 'Approved').length === 0 || conditionsOf(object, 'Failed').length > 0) return none;
  const usages = asList(spec['usages']).map(asString);
  let request: CertificateRequest;
  try {
    request = parseCertificateRequest(decodedText(spec['request']));
  } catch (error) {
    return { action: 'fail', object: failed(object, `unable to parse csr: ${errorMessage(error)}`, nowMs) };
  }
  const complaint = signerComplaint(signer, request, usages);
  if (complaint !== undefined) return { action: 'fail', object: failed(object, complaint, nowMs) };
  const isServing = signer === SIGNERS.kubeletServing;
  return {
    action: 'sign',
    order: {
      commonName: request.commonName,
      organizations: request.organizations,
      dnsNames: isServing ? request.dnsNames : [],
      ipAddresses: isServing ? request.ipAddresses : [],
      publicKey: request.publicKeyDer,
      purposes: [isServing ? 'server auth' : 'client auth'],
      keyEncipherment: request.keyType === 'rsa' && usages.includes('key encipherment'),
      lifetimeMs: lifetimeOf(asNumber(spec['expirationSeconds']), signer),
    },
  };
}

function lifetimeOf(seconds: number | undefined, signer: string): number {
  if (seconds === undefined) return signer === SIGNERS.client ? MAX_LIFETIME_MS : NODE_LIFETIME_MS;
  return Math.min(Math.max(seconds * 1_000, MIN_LIFETIME_MS), MAX_LIFETIME_MS);
}

export function issued(object: KubeObject, certPem: string): KubeObject {
  const certificate = Buffer.from(certPem).toString('base64');
  return { ...object, status: { ...asRecord(object['status']), certificate } };
}

function failed(object: KubeObject, message: string, nowMs: number): KubeObject {
  const condition = {
    type: 'Failed',
    status: 'True',
    reason: 'SignerValidationFailure',
    message,
    lastUpdateTime: toRfc3339(nowMs),
  };
  return {
    ...object,
    status: { ...asRecord(object['status']), conditions: [...conditionsOf(object), condition] },
  };
}
