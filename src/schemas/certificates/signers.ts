/**
 * The signers that Kubernetes names, and what each asks of a request before it signs. Upstream's
 * rules and words; the source is the API reference, "Certificates and Certificate Signing
 * Requests".
 */
import type { CertificateRequest } from './certificate-request.ts';

export const SIGNERS = {
  client: 'kubernetes.io/kube-apiserver-client',
  kubeletClient: 'kubernetes.io/kube-apiserver-client-kubelet',
  kubeletServing: 'kubernetes.io/kubelet-serving',
} as const;

export const NODES_GROUP = 'system:nodes';
export const NODE_PREFIX = 'system:node:';

const CLIENT_USAGES = ['client auth', 'digital signature', 'key encipherment'];
const SERVING_USAGES = ['digital signature', 'key encipherment', 'server auth'];

/** The reason why the signer refuses; undefined if it signs. Foreign signers sign nothing here. */
export function signerComplaint(
  signerName: string,
  request: CertificateRequest,
  usages: readonly string[],
): string | undefined {
  switch (signerName) {
    case SIGNERS.client:
      return clientComplaint(usages);
    case SIGNERS.kubeletClient:
      return kubeletClientComplaint(request, usages);
    case SIGNERS.kubeletServing:
      return kubeletServingComplaint(request, usages);
    default:
      return `the signer ${signerName} is not served here`;
  }
}

export const isOurSigner = (signerName: string): boolean =>
  (Object.values(SIGNERS) as readonly string[]).includes(signerName);

function clientComplaint(usages: readonly string[]): string | undefined {
  const foreign = usages.find((usage) => !CLIENT_USAGES.includes(usage));
  if (foreign !== undefined) return `invalid usage for client certificate: ${foreign}`;
  return usages.includes('client auth')
    ? undefined
    : 'missing required usage for client certificate: client auth';
}

export function kubeletClientComplaint(
  request: CertificateRequest,
  usages: readonly string[],
): string | undefined {
  if (!isOfNodes(request)) return 'subject organization is not system:nodes';
  if (request.dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (request.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (request.ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed';
  if (!request.commonName.startsWith(NODE_PREFIX))
    return 'subject common name does not begin with system:node:';
  return usagesMatch(usages, CLIENT_USAGES) ? undefined : `usages did not match [${CLIENT_USAGES.join(' ')}]`;
}

function kubeletServingComplaint(request: CertificateRequest, usages: readonly string[]): string | undefined {
  if (!isOfNodes(request)) return 'subject organization is not system:nodes';
  if (request.dnsNames.length === 0 && request.ipAddresses.length === 0)
    return 'DNS or IP subjectAltName is required';
  if (request.emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (request.uris.length > 0) return 'URI subjectAltNames are not allowed';
  if (!usagesMatch(usages, SERVING_USAGES)) return `usages did not match [${SERVING_USAGES.join(' ')}]`;
  return request.commonName.startsWith(NODE_PREFIX)
    ? undefined
    : 'subject common name does not begin with system:node:';
}

const isOfNodes = ({ organizations }: CertificateRequest): boolean =>
  organizations.length === 1 && organizations[0] === NODES_GROUP;

/** `key encipherment` is what only RSA keys are good for: it may be missing. */
function usagesMatch(usages: readonly string[], wanted: readonly string[]): boolean {
  const given = new Set(usages);
  return (
    [...given].every((usage) => wanted.includes(usage)) &&
    wanted.every((usage) => given.has(usage) || usage === 'key encipherment')
  );
}
