/** ConfigMaps and Secrets. */
import { isRecord, jsonEqual } from '../../base/json.ts';
import { asRecord, asString, type Fields, getPath } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { immutable } from './metadata.ts';
import { configKey } from './names.ts';
import {
  byteLength,
  append,
  type FieldErrors,
  forbidden,
  invalid,
  invalidAll,
  keyed,
  required,
  tooLong,
} from './report.ts';

/** One MiB, as upstream: what is kept in memory by everyone who watches must stay small. */
const MAX_DATA_BYTES = 1024 * 1024;
const IMMUTABLE = 'field is immutable when `immutable` is set';
const REDACTED = '<secret contents redacted>';

export function validateConfigMap(object: KubeObject): FieldErrors {
  const data = asRecord(object['data']);
  const binary = asRecord(object['binaryData']);
  const errors: FieldErrors = [];
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    append(errors, invalidAll(keyed('data', key), key, configKey(key)));
    if (Object.hasOwn(binary, key))
      errors.push(invalid(keyed('data', key), key, 'duplicate of key present in binaryData'));
    size += byteLength(asString(value));
  }
  for (const [key, value] of Object.entries(binary)) {
    append(errors, invalidAll(keyed('binaryData', key), key, configKey(key)));
    size += decodedLength(asString(value));
  }
  if (size > MAX_DATA_BYTES) errors.push(tooLong('', MAX_DATA_BYTES));
  return errors;
}

export function validateConfigMapUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  return validateImmutable(next, current, ['data', 'binaryData']);
}

export function validateSecretUpdate(next: KubeObject, current: KubeObject): FieldErrors {
  return [...immutable(next['type'], current['type'], 'type'), ...validateImmutable(next, current, ['data'])];
}

function validateImmutable(next: KubeObject, current: KubeObject, fields: readonly string[]): FieldErrors {
  if (current['immutable'] !== true) return [];
  const errors: FieldErrors = [];
  if (next['immutable'] !== true) errors.push(forbidden('immutable', IMMUTABLE));
  for (const field of fields) {
    if (!jsonEqual(next[field], current[field])) errors.push(forbidden(field, IMMUTABLE));
  }
  return errors;
}

function decodedLength(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return Math.floor((base64.length * 3) / 4) - padding;
}

export function validateSecret(object: KubeObject): FieldErrors {
  const data = asRecord(object['data']);
  const errors: FieldErrors = [];
  let size = 0;
  for (const [key, value] of Object.entries(data)) {
    append(errors, invalidAll(keyed('data', key), key, configKey(key)));
    size += decodedLength(asString(value));
  }
  if (size > MAX_DATA_BYTES) errors.push(tooLong('data', MAX_DATA_BYTES));
  return [...errors, ...validateSecretType(object, data)];
}

const SERVICE_ACCOUNT = 'kubernetes.io/service-account.name';

/** The keys that the well-known types must contain. */
function validateSecretType(object: KubeObject, data: Fields): FieldErrors {
  const needs = (...keys: readonly string[]): FieldErrors =>
    keys.filter((key) => !Object.hasOwn(data, key)).map((key) => required(keyed('data', key)));
  switch (object['type']) {
    case 'kubernetes.io/service-account-token': {
      const account = getPath(object, 'metadata', 'annotations', SERVICE_ACCOUNT);
      return asString(account) === '' ? [required(keyed('metadata.annotations', SERVICE_ACCOUNT))] : [];
    }
    case 'kubernetes.io/dockercfg':
      return validateJson(data, '.dockercfg');
    case 'kubernetes.io/dockerconfigjson':
      return validateJson(data, '.dockerconfigjson');
    case 'kubernetes.io/basic-auth':
      return Object.hasOwn(data, 'username') || Object.hasOwn(data, 'password')
        ? []
        : needs('username', 'password');
    case 'kubernetes.io/ssh-auth':
      // An empty key is as good as none.
      return asString(data['ssh-privatekey']) === '' ? [required(keyed('data', 'ssh-privatekey'))] : [];
    case 'kubernetes.io/tls':
      return needs('tls.crt', 'tls.key');
    default:
      return [];
  }
}

function validateJson(data: Fields, key: string): FieldErrors {
  const path = keyed('data', key);
  if (!Object.hasOwn(data, key)) return [required(path)];
  const complaint = jsonComplaint(Buffer.from(asString(data[key]), 'base64').toString('utf8'));
  return complaint === undefined ? [] : [invalid(path, REDACTED, complaint)];
}

/** Go's error about the beginning of a text that is no JSON object; the rest is not shown. */
function jsonComplaint(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || isRecord(value)) return undefined;
    const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    return `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
  } catch {
    const start = text.trimStart();
    const first = start.charAt(0);
    const literal = ['null', 'true', 'false'].find((word) => word.startsWith(first));
    if (first === '') return 'unexpected end of JSON input';
    if (literal !== undefined) {
      const at = Array.from(literal).findIndex((char, index) => start.charAt(index) !== char);
      if (at > 0 && start.charAt(at) !== '')
        return `invalid character '${start.charAt(at)}' in literal ${literal} (expecting '${literal.charAt(at)}')`;
    } else if (!/[[{"\-\d]/.test(first)) return `invalid character '${first}' looking for beginning of value`;
    const second = start.slice(1).trimStart().charAt(0);
    if (first === '{' && second !== '' && !/["}]/.test(second))
      return `invalid character '${second}' looking for beginning of object key string`;
    return 'unexpected end of JSON input';
  }
}
