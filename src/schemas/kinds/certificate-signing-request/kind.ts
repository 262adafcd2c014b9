/**
 * `certificates.k8s.io/v1` CertificateSigningRequest. Admission writes the requester, and the spec
 * never changes. A write to `approval` decides, and a write to `status` adds the certificate.
 */
import { AGE, column, NAME, NONE, tableOf, textOr } from '../../tables/columns.ts';
import { textFields } from '../../values/field-selectors.ts';
import { humanDuration } from '../../tables/duration.ts';
import { jsonClone } from '../../../base/json.ts';
import { toRfc3339 } from '../../../base/clock.ts';
import { asNumber, asRecord, asRecords, asString, type Fields, getPath, omit } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import type { Subresource } from '../../resource-kind.ts';
import { conditionsOf, validateSigningRequest, validateSigningRequestUpdate } from './validation.ts';
import { pathSegment } from '../../validation/names.ts';
import { defineKind } from '../define-kind.ts';

export const certificateSigningRequestKind = defineKind({
  group: 'certificates.k8s.io',
  kind: 'CertificateSigningRequest',
  shortNames: ['csr'],
  namespaced: false,
  subresources: ['approval', 'status'],
  applyOrder: 70,
  nameRule: pathSegment,
  table: tableOf(
    NAME,
    AGE,
    column('SignerName', textOr('spec.signerName', NONE), {
      description: 'The requested signer, a qualified name.',
    }),
    column('Requestor', 'spec.username', { description: 'Who asks for the certificate.' }),
    column('RequestedDuration', durationText, { description: 'How long the certificate is wanted for.' }),
    column('Condition', conditionText, { description: 'What has become of the request.' }),
  ),
  selectable: textFields('spec.signerName'),
  initialStatus: () => ({}),
  validate: validateSigningRequest,
  validateSubresource: validateSigningRequestUpdate,
  prepareForUpdate: (next, current) => ({ ...next, spec: jsonClone(current['spec']) }),
  prepareStatus,
});

function prepareStatus(
  next: KubeObject,
  current: KubeObject,
  subresource: Subresource,
  nowMs: number,
): unknown {
  const status = asRecord(next['status']);
  const given = asRecords(status['conditions']);
  const isApproval = subresource === 'approval';
  const conditions = withTimes(isApproval ? given : keepDecisions(given, current), current, nowMs);
  const certificate = isApproval ? getPath(current, 'status', 'certificate') : status['certificate'];
  return {
    ...omit(status, 'conditions', 'certificate'),
    ...(asString(certificate) === '' ? {} : { certificate }),
    ...(conditions.length === 0 ? {} : { conditions }),
  };
}

/** A status keeps the decisions; validation refuses one that makes or withdraws them. */
function keepDecisions(given: readonly Fields[], current: KubeObject): readonly Fields[] {
  return ['Approved', 'Denied'].reduce((conditions, type) => {
    const before = conditionsOf(current, type);
    const now = conditions.filter((condition) => condition['type'] === type);
    if (now.length !== before.length) return conditions;
    const kept = before.values();
    return conditions.map((condition) =>
      condition['type'] === type ? (kept.next().value ?? condition) : condition,
    );
  }, given);
}

function withTimes(given: readonly Fields[], current: KubeObject, nowMs: number): readonly Fields[] {
  const now = toRfc3339(nowMs);
  return given.map((condition) => {
    const before = conditionsOf(current).find(
      ({ type, status }) => type === condition['type'] && status === condition['status'],
    );
    return {
      ...condition,
      lastUpdateTime: asString(condition['lastUpdateTime']) || now,
      lastTransitionTime:
        asString(condition['lastTransitionTime']) || asString(before?.['lastTransitionTime']) || now,
    };
  });
}

function durationText({ spec }: KubeObject): string {
  const seconds = asNumber(asRecord(spec)['expirationSeconds']);
  return seconds === undefined ? NONE : humanDuration(seconds);
}

/** `Approved,Issued`, `Denied`, `Pending` and the like. */
function conditionText(object: KubeObject): string {
  const has = (type: string): boolean => conditionsOf(object, type).length > 0;
  const words = [
    ...(has('Denied') ? ['Denied'] : has('Approved') ? ['Approved'] : ['Pending']),
    ...(has('Failed') ? ['Failed'] : []),
    ...(asString(getPath(object, 'status', 'certificate')) === '' ? [] : ['Issued']),
  ];
  return words.join(',');
}
