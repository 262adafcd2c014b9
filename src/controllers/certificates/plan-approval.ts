/**
 * Approves requests without a person: the first client certificate of a node, by a bootstrap token,
 * and its next ones, by the node itself. Everything else waits for a person. Pure.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { parseCertificateRequest } from '../../schemas/certificates/certificate-request.ts';
import { kubeletClientComplaint, SIGNERS } from '../../schemas/certificates/signers.ts';
import { asList, asRecord, asString } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { conditionsOf, decodedText } from '../../schemas/kinds/certificate-signing-request/validation.ts';

/** The subresources that upstream's approver asks the authorizer about. */
export type AutoApproval = 'selfnodeclient' | 'nodeclient';

export interface Requester {
  readonly name: string;
  readonly groups: readonly string[];
}

/** How the request could be approved, most particular first. Empty: a person decides. */
export function autoApprovalsFor(object: KubeObject): readonly AutoApproval[] {
  if (conditionsOf(object).length > 0) return [];
  const spec = asRecord(object['spec']);
  if (asString(spec['signerName']) !== SIGNERS.kubeletClient) return [];
  try {
    const request = parseCertificateRequest(decodedText(spec['request']));
    if (kubeletClientComplaint(request, asList(spec['usages']).map(asString)) !== undefined) return [];
    return request.commonName === asString(spec['username'])
      ? ['selfnodeclient', 'nodeclient']
      : ['nodeclient'];
  } catch {
    return [];
  }
}

export function requesterOf(object: KubeObject): Requester {
  const spec = asRecord(object['spec']);
  return { name: asString(spec['username']), groups: asList(spec['groups']).map(asString) };
}

const MESSAGES: Readonly<Record<AutoApproval, string>> = {
  selfnodeclient: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
  nodeclient: 'Auto approving kubelet client certificate after SubjectAccessReview.',
};

export function approved(object: KubeObject, as: AutoApproval, nowMs: number): KubeObject {
  const condition = {
    type: 'Approved',
    status: 'True',
    reason: 'AutoApproved',
    message: MESSAGES[as],
    lastUpdateTime: toRfc3339(nowMs),
  };
  const status = asRecord(object['status']);
  return { ...object, status: { ...status, conditions: [...conditionsOf(object), condition] } };
}
