/**
 * Records the requester of a certificate request and guards its decision. The caller is the
 * requester; approving and signing need the right to do so for the signer (verbs `approve` and
 * `sign` on `signers`). Upstream's admission plug-ins CertificateApproval, CertificateSigning,
 * CertificateSubjectRestriction and the part of NodeRestriction that is about requests.
 */
import { jsonEqual } from '../../base/json.ts';
import { parseCertificateRequest } from '../../schemas/certificates/certificate-request.ts';
import { NODE_PREFIX, NODES_GROUP, SIGNERS } from '../../schemas/certificates/signers.ts';
import { asRecord, asString, getPath, omit } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { decodedText } from '../../schemas/kinds/certificate-signing-request/validation.ts';
import { createAuthorizer } from '../authz/authorizer.ts';
import type { UserInfo } from '../types.ts';
import { deny } from '../refusals.ts';
import type { AdmissionDependencies, AdmissionRequest, AdmissionRule } from './types.ts';

const GROUP = 'certificates.k8s.io';
const MASTERS = 'system:masters';

export const certificateRequest: AdmissionRule = {
  name: 'CertificateRequest',
  alsoFor: ['approval', 'status'],
  applies: ({ kind }) => kind.group === GROUP && kind.kind === 'CertificateSigningRequest',
  async admit(request, dependencies) {
    const { operation, subresource, internal, object } = request;
    if (operation === 'create') return asked(request);
    if (internal) return object;
    if (subresource === 'approval') await mayDecide(request, dependencies, 'approve');
    if (subresource === 'status' && decides(request)) await mayDecide(request, dependencies, 'sign');
    return object;
  },
};

/** The request with its requester. Throws where the requester may not ask for it. */
function asked({ kind, object, context: { user }, internal }: AdmissionRequest): KubeObject {
  const spec = asRecord(object['spec']);
  const why = internal ? undefined : complaintOf(spec, user);
  if (why !== undefined) throw deny(kind, object, why);
  const { name, uid, groups, extra } = user;
  return {
    ...object,
    spec: {
      ...omit(spec, 'username', 'uid', 'groups', 'extra'),
      username: name,
      ...(uid === undefined || uid === '' ? {} : { uid }),
      ...(groups.length === 0 ? {} : { groups: [...groups] }),
      ...(extra === undefined || Object.keys(extra).length === 0 ? {} : { extra }),
    },
  };
}

function complaintOf(spec: Readonly<Record<string, unknown>>, user: UserInfo): string | undefined {
  const signer = asString(spec['signerName']);
  const wanted = parsed(spec['request']);
  if (!wanted) return undefined;
  if (signer === SIGNERS.client && wanted.organizations.includes(MASTERS))
    return `use of ${signer} signer with ${MASTERS} group is not allowed`;
  const isNode = user.groups.includes(NODES_GROUP) && user.name.startsWith(NODE_PREFIX);
  const isForKubelet = signer === SIGNERS.kubeletClient || signer === SIGNERS.kubeletServing;
  if (isNode && isForKubelet && wanted.commonName.startsWith(NODE_PREFIX) && wanted.commonName !== user.name)
    return `can only create a node CSR with CN=${user.name}`;
  return undefined;
}

/** Undefined for what is no request: validation says so. */
function parsed(value: unknown): ReturnType<typeof parseCertificateRequest> | undefined {
  try {
    return parseCertificateRequest(decodedText(value));
  } catch {
    return undefined;
  }
}

/** Whether a status changes what has become of the request. */
function decides({ object, current }: AdmissionRequest): boolean {
  return ['certificate', 'conditions'].some(
    (field) => !jsonEqual(getPath(object, 'status', field), getPath(current, 'status', field)),
  );
}

async function mayDecide(
  { kind, object, current, context: { user } }: AdmissionRequest,
  { snapshots }: AdmissionDependencies,
  verb: 'approve' | 'sign',
): Promise<void> {
  const signer = asString(getPath(current, 'spec', 'signerName'));
  const authorizer = createAuthorizer(snapshots);
  for (const name of [signer, `${signer.split('/')[0] ?? ''}/*`]) {
    const decision = await authorizer.authorize(user, {
      verb,
      group: GROUP,
      resource: 'signers',
      subresource: undefined,
      namespace: undefined,
      name,
      fieldSelector: undefined,
    });
    if (decision.allowed) return;
  }
  throw deny(
    kind,
    object,
    `user not permitted to ${verb} requests with signerName ${JSON.stringify(signer)}`,
  );
}
