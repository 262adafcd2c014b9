/**
 * Recognises files that are no manifests. Pure.
 *
 * A file that hides its contents (encrypted, binary, a pointer) might hold a manifest, so it is an
 * error. A file that is plainly another tool's YAML is skipped, and the reader reports it.
 */
import { isRecord } from '../../base/json.ts';

export interface HiddenContents {
  readonly message: string;
  readonly hint: string;
}

const OUT_OF_FOLDER = 'keep it out of the folder of manifests (spec.source.directory.exclude)';
const DECRYPT_BY_HAND = `${OUT_OF_FOLDER}, and apply what it decrypts to with kubectl`;
const encrypted = (tool: string): HiddenContents => ({
  message: `the file is encrypted with ${tool}, which Symphony does not decrypt`,
  hint: DECRYPT_BY_HAND,
});
const BINARY: HiddenContents = { message: 'the file is binary, not YAML or JSON text', hint: OUT_OF_FOLDER };

/** The first bytes of such files. */
const BEGINNINGS: readonly (readonly [string, HiddenContents])[] = [
  ['\0GITCRYPT\0', encrypted('git-crypt')],
  ['age-encryption.org/', encrypted('age')],
  ['-----BEGIN AGE ENCRYPTED FILE-----', encrypted('age')],
  ['-----BEGIN PGP MESSAGE-----', encrypted('PGP')],
  ['$ANSIBLE_VAULT;', encrypted('Ansible Vault')],
  // Base64 of "Salted__".
  ['U2FsdGVkX1', encrypted('OpenSSL (transcrypt)')],
  ['# STRONGBOX ENCRYPTED RESOURCE', encrypted('strongbox')],
  [
    'version https://git-lfs.github.com/spec/',
    {
      message: 'this is a Git LFS pointer, not a manifest',
      hint: 'keep manifests out of Git LFS: git lfs untrack',
    },
  ],
  ['\x1f\x8b', BINARY],
  ['PK\x03\x04', BINARY],
  ['\x7fELF', BINARY],
  ['\x89PNG', BINARY],
  ['\xff\xd8\xff', BINARY],
  ['%PDF-', BINARY],
];
const LONGEST_BEGINNING = 64;

export function hiddenContents(bytes: Uint8Array): HiddenContents | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, LONGEST_BEGINNING))
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart();
  return BEGINNINGS.find(([beginning]) => start.startsWith(beginning))?.[1];
}

/** A document encrypted by SOPS, even as a whole: only a binary file's keys are unreadable. */
export function sopsComplaint(values: readonly unknown[]): HiddenContents | undefined {
  const isHidden = (value: unknown): boolean =>
    isSops(value) && isRecord(value) && ('kind' in value || 'apiVersion' in value || isSopsBinary(value));
  return values.some(isHidden) ? encrypted('SOPS') : undefined;
}

const isSops = (value: unknown): boolean =>
  isRecord(value) &&
  isRecord(value['sops']) &&
  ['mac', 'version', 'lastmodified'].some((key) => key in (value['sops'] as object));
const isSopsBinary = (value: Record<string, unknown>): boolean =>
  typeof value['data'] === 'string' && Object.keys(value).length === 2;

/** Whether an unreadable text was meant for a cluster: then it must not be skipped. */
export const mentionsManifest = (text: string): boolean =>
  /^(?:\{\s*)?["']?(?:apiVersion|kind)["']?\s*:/m.test(text);

/** Well-known names of files. */
const BY_NAME: readonly (readonly [RegExp, string])[] = [
  [/(?:^|[-_.])values(?:[-_.][^/]*)?\.(?:ya?ml|json)$/i, 'values of a Helm chart'],
  [/^(?:docker-)?compose[^/]*\.ya?ml$/i, 'a Compose file'],
  [/^helmfile[^/]*\.ya?ml$/i, 'a helmfile'],
  [/^\.?gitlab-ci[^/]*\.ya?ml$/i, 'a GitLab pipeline'],
  [/^taskfile[^/]*\.ya?ml$/i, 'a Taskfile'],
  [/^(?:package|package-lock|tsconfig[^/]*)\.json$/i, 'a file of Node.js'],
];

/** Argo CD's mark of a file that is not for the cluster, whatever it looks like. */
const SKIP_MARK = '+argocd:skip-file-rendering';

/** Why a file is not to be read at all. */
export function unreadReason(path: string, text: string): string | undefined {
  if (/\.jsonnet$/i.test(path)) return 'Jsonnet, which Symphony does not evaluate';
  return text.includes(SKIP_MARK) ? `it says ${SKIP_MARK}` : undefined;
}

/** A file that its name identifies. */
export function foreignByName(path: string): string | undefined {
  if (path.includes('.github/workflows/')) return 'a GitHub workflow';
  const name = path.slice(path.lastIndexOf('/') + 1);
  return BY_NAME.find(([pattern]) => pattern.test(name))?.[1];
}

/** The members that give a file away, each with what they may hold. */
const BY_MEMBERS: readonly (readonly [readonly string[], string])[] = [
  [['AWSTemplateFormatVersion'], 'a CloudFormation template'],
  [['services', 'version'], 'a Compose file'],
  [['services', 'volumes'], 'a Compose file'],
  [['services', 'networks'], 'a Compose file'],
  // YAML reads the key `on` as a boolean.
  [['jobs', 'true'], 'a GitHub workflow'],
  [['jobs', 'on'], 'a GitHub workflow'],
  [['openapi', 'paths'], 'an OpenAPI document'],
  [['swagger', 'paths'], 'an OpenAPI document'],
  [['$schema', 'properties'], 'a JSON Schema'],
  [['apiVersion', 'entries'], 'the index of a Helm repository'],
];

/** Why none of the documents is a manifest. */
export function notManifestReason(path: string, values: readonly unknown[]): string {
  const what = foreignByName(path) ?? foreignByContents(values);
  const reason = 'no document has apiVersion, kind and metadata';
  return what === undefined ? reason : `${what}: ${reason}`;
}

function foreignByContents([first]: readonly unknown[]): string | undefined {
  // Git writes a symbolic link so where the system has none, and so do archives.
  if (typeof first === 'string')
    return /^[^\s:]*(?:\/|\.(?:ya?ml|json)$)[^\s:]*$/.test(first)
      ? 'a symbolic link that was checked out as text'
      : 'plain text';
  if (Array.isArray(first)) return foreignList(first as readonly unknown[]);
  if (!isRecord(first)) return undefined;
  if (isSops(first)) return 'data encrypted with SOPS';
  return BY_MEMBERS.find(([members]) => members.every((member) => Object.hasOwn(first, member)))?.[1];
}

function foreignList(list: readonly unknown[]): string | undefined {
  const has = (...members: readonly string[]): boolean =>
    list.length > 0 && list.every((item) => isRecord(item) && members.every((member) => member in item));
  if (has('op', 'path')) return 'a JSON patch';
  return has('hosts') ? 'an Ansible playbook' : undefined;
}
