/**
 * imagePullSecrets → the credentials that fit an image, pure. Both secret types are read
 * (kubernetes.io/dockerconfigjson and the older kubernetes.io/dockercfg). Unreadable ones are left
 * out, as kubelet does: the pull then fails with the registry's own words.
 */
import { isRecord } from '../../base/json.ts';
import { withoutTrailing } from '../../base/text.ts';
import { getPath } from '../../schemas/json-access.ts';
import type { Secret } from '../../schemas/types.ts';
import type { RegistryAuth } from '../runtime/types.ts';
import type { ImageReference } from './reference.ts';

export interface RegistryCredentials {
  /** `registry.example.com[:port][/path]`, or with a leading `*.`; without scheme. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

const DOCKER_HUB = 'docker.io';
const DOCKER_HUB_NAMES = new Set(['index.docker.io', 'registry-1.docker.io', DOCKER_HUB]);

export function parseImagePullSecret(secret: Secret): readonly RegistryCredentials[] {
  const modern = secret.data?.['.dockerconfigjson'];
  const text = modern ?? secret.data?.['.dockercfg'] ?? '';
  const parsed = parseJson(Buffer.from(text, 'base64').toString('utf8'));
  const auths = modern === undefined ? parsed : getPath(parsed, 'auths');
  if (!isRecord(auths)) return [];
  return Object.entries(auths).flatMap(([registry, entry]) => {
    const login = isRecord(entry) ? loginOf(entry) : undefined;
    return login ? [{ registry: normaliseRegistry(registry), ...login }] : [];
  });
}

/** The credentials that fit, the most specific registry first; none means anonymous. */
export function planRegistryAuths(
  reference: ImageReference,
  credentials: readonly RegistryCredentials[],
): readonly RegistryAuth[] {
  return credentials
    .filter(({ registry }) => matches(registry, reference))
    .sort((a, b) => b.registry.length - a.registry.length)
    .map(({ username, password }) => ({
      username,
      password,
      serverAddress: reference.domain === DOCKER_HUB ? 'https://index.docker.io/v1/' : reference.domain,
    }));
}

function matches(registry: string, { domain, path }: ImageReference): boolean {
  const [host = '', ...prefix] = registry.split('/');
  const wanted = host.split('.');
  const actual = domain.split('.');
  const sameHost =
    wanted.length === actual.length && wanted.every((part, index) => part === '*' || part === actual[index]);
  if (!sameHost) return false;
  const parts = path.split('/');
  return prefix.every((part, index) => part === parts[index]);
}

/** `https://index.docker.io/v1/` → `docker.io`; `https://r.example/v2/` → `r.example`. */
function normaliseRegistry(text: string): string {
  const bare = withoutTrailing(text.replace(/^https?:\/\//, ''), '/');
  const [host = '', ...rest] = bare.split('/');
  const name = DOCKER_HUB_NAMES.has(host) ? DOCKER_HUB : host;
  const path = rest.filter((part, index) => !(index === 0 && /^v[12]$/.test(part)));
  return [name, ...path].join('/');
}

function loginOf(entry: Record<string, unknown>): { username: string; password: string } | undefined {
  if (typeof entry['username'] === 'string' && typeof entry['password'] === 'string')
    return { username: entry['username'], password: entry['password'] };
  if (typeof entry['auth'] !== 'string') return undefined;
  const decoded = withoutTrailing(Buffer.from(entry['auth'], 'base64').toString('utf8'), '\0');
  const colon = decoded.indexOf(':');
  return colon < 0 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
