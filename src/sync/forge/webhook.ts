/**
 * Webhooks of the forges: pure verification and parsing. The signature is checked over the raw
 * bytes before anything is parsed; digests are compared in constant time; whatever has the wrong
 * type or length is refused.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isRecord } from '../../base/json.ts';
import { asRecord, asRecords } from '../../schemas/json-access.ts';
import { isCommitId } from '../git/revision.ts';
import { forges } from './index.ts';

export type WebhookProvider = keyof typeof forges;
export const webhookProviders = Object.keys(forges) as readonly WebhookProvider[];

/** Lower-case names, as Node gives them. */
export type WebhookHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface WebhookPush {
  /** Every spelling of the repository's URL in the payload. */
  readonly repositoryUrls: readonly string[];
  /** `owner/name`. */
  readonly fullName: string | undefined;
  /** Refs that moved, in full; empty when the payload does not say (then: any). */
  readonly refs: readonly string[];
  /** The commit that was pushed, where the payload says it: for the log. */
  readonly commit: string | undefined;
}

export type WebhookEvent =
  | (Delivery & { readonly type: 'push'; readonly push: WebhookPush })
  /** A ping, or an event that says nothing about commits. */
  | (Delivery & { readonly type: 'ignored' })
  | (Delivery & { readonly type: 'malformed' });

export interface Delivery {
  readonly deliveryId: string | undefined;
  /** The forge's name of the event: `push`, `Push Hook`. */
  readonly event: string | undefined;
}

const MAX_HEADER_LENGTH = 1_000;
const MAX_URLS = 10;
const MAX_URL_LENGTH = 2_048;
const MAX_REFS = 100;
const URL_MEMBERS = [
  'clone_url',
  'ssh_url',
  'git_url',
  'html_url',
  'git_http_url',
  'git_ssh_url',
  'web_url',
  'http_url',
  'url',
  'homepage',
];

/** Whether the sender of the body knows the secret. An empty secret verifies nothing. */
export function verifyWebhook(
  provider: WebhookProvider,
  headers: WebhookHeaders,
  body: Uint8Array,
  secret: string,
): boolean {
  const { signature, signatureHeader } = forges[provider].webhook;
  const given = headerOf(headers, signatureHeader);
  if (secret === '' || given === undefined) return false;
  if (signature === 'token') return timingSafeEqual(sha256(given), sha256(secret));
  const prefix = signature === 'hex' ? '' : signature;
  const hex = given.startsWith(prefix) ? given.slice(prefix.length) : '';
  if (!/^[0-9a-fA-F]{64}$/.test(hex)) return false;
  return timingSafeEqual(Buffer.from(hex, 'hex'), createHmac('sha256', secret).update(body).digest());
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

function headerOf(headers: WebhookHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_HEADER_LENGTH
    ? value
    : undefined;
}

/** Call only with a verified body. Total: any bytes give an event. */
export function parseWebhook(
  provider: WebhookProvider,
  headers: WebhookHeaders,
  body: Uint8Array,
): WebhookEvent {
  const delivery = deliveryOf(provider, headers);
  const { event } = delivery;
  if (event === undefined) return { type: 'malformed', ...delivery };
  if (!forges[provider].webhook.pushEvents.includes(event)) return { type: 'ignored', ...delivery };
  const payload = parsePayload(headers, body);
  if (!isRecord(payload)) return { type: 'malformed', ...delivery };
  if (event === 'System Hook' && payload['object_kind'] !== 'push') return { type: 'ignored', ...delivery };
  const [repository, project] = [asRecord(payload['repository']), asRecord(payload['project'])];
  const names = [project['path_with_namespace'], repository['full_name']];
  const fullName = names.find((name): name is string => typeof name === 'string');
  const repositoryUrls = urlsOf(repository, project);
  if (repositoryUrls.length === 0) return { type: 'malformed', ...delivery };
  const push = { repositoryUrls, fullName, refs: refsOf(payload), commit: commitOf(payload) };
  return { type: 'push', push, ...delivery };
}

/** Taken from the headers, whether or not the body can be believed. */
export const deliveryOf = (provider: WebhookProvider, headers: WebhookHeaders): Delivery => ({
  deliveryId: headerOf(headers, forges[provider].webhook.deliveryHeader),
  event: headerOf(headers, forges[provider].webhook.eventHeader),
});

/** JSON, or GitHub's form encoding of it. */
function parsePayload(headers: WebhookHeaders, body: Uint8Array): unknown {
  const text = Buffer.from(body).toString('utf8');
  const form = headerOf(headers, 'content-type')?.startsWith('application/x-www-form-urlencoded') ?? false;
  try {
    return JSON.parse(form ? (new URLSearchParams(text).get('payload') ?? '') : text);
  } catch {
    return undefined;
  }
}

function urlsOf(...places: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  const urls = places.flatMap((place) => [
    ...URL_MEMBERS.map((member) => place[member]),
    asRecord(asRecord(place['links'])['html'])['href'],
  ]);
  const isUrl = (url: unknown): url is string =>
    typeof url === 'string' && url !== '' && url.length <= MAX_URL_LENGTH;
  return [...new Set(urls.filter(isUrl))].slice(0, MAX_URLS);
}

function commitOf(payload: Record<string, unknown>): string | undefined {
  const [change] = asRecords(asRecord(payload['push'])['changes']);
  const { hash } = asRecord(asRecord(change?.['new'])['target']);
  return [payload['after'], payload['checkout_sha'], hash].find(
    (id): id is string => typeof id === 'string' && isCommitId(id),
  );
}

function refsOf(payload: Record<string, unknown>): readonly string[] {
  if (typeof payload['ref'] === 'string') return [payload['ref']];
  const changes = asRecords(asRecord(payload['push'])['changes']);
  // There are too many to read each: any ref may have moved.
  if (changes.length > MAX_REFS) return [];
  const moved = changes.flatMap((change) => [asRecord(change['new']), asRecord(change['old'])]);
  const refs = moved.flatMap(({ type, name }) =>
    typeof name === 'string' ? [`refs/${type === 'tag' ? 'tags' : 'heads'}/${name}`] : [],
  );
  return [...new Set(refs)];
}
