/** Certificate signing requests. */
import { X509Certificate } from 'node:crypto';
import { errorMessage } from '../../../base/errors.ts';
import { parseCertificateRequest } from '../../certificates/certificate-request.ts';
import { pemBlocks } from '../../certificates/pem-blocks.ts';
import { asList, asNumber, asRecord, asRecords, asString, type Fields, getPath } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import type { Subresource } from '../../resource-kind.ts';
import { quote } from '../../errors/status.ts';
import { findDuplicates } from '../../validation/metadata.ts';
import { dns1123Label, dns1123Subdomain, MAX_SUBDOMAIN, type NameRule } from '../../validation/names.ts';
import {
  append,
  duplicate,
  type FieldErrors,
  forbidden,
  indexed,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../../validation/report.ts';

/** Conditions that decide about a request. They can only be True, and they never go away. */
const DECISIONS: readonly string[] = ['Approved', 'Denied', 'Failed'];
const STATUSES = ['False', 'True', 'Unknown'];
const MIN_EXPIRATION_SECONDS = 600;
/** The signer of the first API version. It promises nothing about its certificates. */
const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';
const CONDITIONS = 'status.conditions';

const USAGES = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

/** The bytes of a field of format `byte`, as text. */
export const decodedText = (value: unknown): string =>
  Buffer.from(asString(value), 'base64').toString('latin1');

export function validateSigningRequest(object: KubeObject): FieldErrors {
  const spec = asRecord(object['spec']);
  const certificate = getPath(object, 'status', 'certificate');
  const complaint = certificateComplaint(decodedText(certificate));
  return [
    ...validateRequest(spec['request']),
    ...validateUsages(spec['usages']),
    ...validateSigner(asString(spec['signerName'])),
    ...validateExpiration(spec['expirationSeconds']),
    ...validateConditions(getPath(object, 'status', 'conditions')),
    ...(complaint === undefined ? [] : [invalid('status.certificate', '<certificate data>', complaint)]),
  ];
}

/** Validates a write to a subresource. Only `approval` decides. */
export function validateSigningRequestUpdate(
  next: KubeObject,
  current: KubeObject,
  subresource: Subresource,
): FieldErrors {
  const errors: FieldErrors = [];
  const issued = asString(getPath(current, 'status', 'certificate'));
  if (issued !== '' && asString(getPath(next, 'status', 'certificate')) !== issued)
    errors.push(forbidden('status.certificate', 'updates may not modify existing certificate content'));
  for (const type of DECISIONS) {
    if (conditionsOf(next, type).length < conditionsOf(current, type).length)
      errors.push(forbidden(CONDITIONS, `updates may not remove a condition of type ${quote(type)}`));
  }
  for (const type of subresource === 'approval' ? [] : ['Approved', 'Denied'])
    if (conditionsOf(next, type).length > conditionsOf(current, type).length)
      errors.push(forbidden(CONDITIONS, `updates may not add a condition of type ${quote(type)}`));
  return errors;
}

export function conditionsOf(object: KubeObject, type?: string): readonly Fields[] {
  const all = asRecords(getPath(object, 'status', 'conditions'));
  return type === undefined ? all : all.filter((condition) => condition['type'] === type);
}

function validateRequest(request: unknown): FieldErrors {
  try {
    parseCertificateRequest(decodedText(request));
    return [];
  } catch (error) {
    return [invalid('spec.request', asString(request), errorMessage(error))];
  }
}

function validateUsages(value: unknown): FieldErrors {
  const usages = asList(value).map(asString);
  if (usages.length === 0) return [required('spec.usages')];
  const at = (index: number): string => indexed('spec.usages', index);
  return [
    ...usages.flatMap((usage, index) =>
      USAGES.includes(usage) ? [] : [notSupported(at(index), usage, USAGES)],
    ),
    ...findDuplicates(usages, () => undefined, at),
  ];
}

function validateExpiration(value: unknown): FieldErrors {
  const seconds = asNumber(value);
  if (seconds === undefined || seconds >= MIN_EXPIRATION_SECONDS) return [];
  const detail = `may not specify a duration less than ${MIN_EXPIRATION_SECONDS} seconds (10 minutes)`;
  return [invalid('spec.expirationSeconds', seconds, detail)];
}

function validateSigner(name: string): FieldErrors {
  const path = 'spec.signerName';
  if (name !== LEGACY_SIGNER) return validateSignerName(path, name);
  return [invalid(path, name, 'the legacy signerName is not allowed via this API version')];
}

/** `example.com/my-signer`. */
export function validateSignerName(path: string, name: string): FieldErrors {
  if (name === '') return [required(path)];
  const [domain = '', suffix, ...rest] = name.split('/');
  if (suffix === undefined || rest.length > 0) {
    const detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [invalid(path, name, detail)];
  }
  const labels = domain.split('.');
  const complaints = (part: string, pieces: readonly string[], rule: NameRule): FieldErrors => {
    const wrong = pieces.find((piece) => rule(piece).length > 0);
    if (wrong === undefined) return [];
    return rule(wrong).map((why) => invalid(path, part, `validating label ${quote(wrong)}: ${why}`));
  };
  const errors: FieldErrors = domain.length > MAX_SUBDOMAIN ? [tooLong(path, MAX_SUBDOMAIN)] : [];
  append(errors, complaints(domain, labels, dns1123Label));
  if (labels.length < 2)
    errors.push(invalid(path, domain, 'should be a domain with at least two segments separated by dots'));
  append(errors, complaints(suffix, suffix.split('.'), dns1123Subdomain));
  const maxName = 2 * MAX_SUBDOMAIN + 1;
  return name.length > maxName ? [...errors, tooLong(path, maxName)] : errors;
}

function validateConditions(value: unknown): FieldErrors {
  const errors: FieldErrors = [];
  const seen = new Set<string>();
  for (const [index, condition] of asRecords(value).entries()) {
    const at = (field: string): string => `${indexed(CONDITIONS, index)}.${field}`;
    const type = asString(condition['type']);
    const status = asString(condition['status']);
    const allowed = DECISIONS.includes(type) ? ['True'] : STATUSES;
    if (type === '') errors.push(required(at('type')));
    if (status === '') errors.push(required(at('status')));
    else if (!allowed.includes(status)) errors.push(notSupported(at('status'), status, allowed));
    const other = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : undefined;
    if (other !== undefined && seen.has(other))
      errors.push(invalid(CONDITIONS, type, 'Approved and Denied conditions are mutually exclusive'));
    if (seen.has(type)) errors.push(duplicate(at('type'), type));
    seen.add(type);
  }
  return errors;
}

function certificateComplaint(pem: string): string | undefined {
  if (pem === '') return undefined;
  let blocks = 0;
  for (const { label, body, whole } of pemBlocks(pem)) {
    if (label !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${quote(label)}`;
    if (body.includes(':')) return 'no PEM block headers are permitted';
    blocks += 1;
    try {
      new X509Certificate(whole);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return blocks === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined;
}
