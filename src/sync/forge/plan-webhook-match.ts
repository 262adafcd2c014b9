/** Which Applications a push is about, and why none is. Pure. */
import { closestName } from '../../schemas/values/closest-name.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Application } from '../../schemas/types.ts';
import { canonicalRepoUrl } from '../git/git-url.ts';
import { revisionCandidates } from '../git/revision.ts';
import type { WebhookPush } from './webhook.ts';

/** `owner/name` at the forge of a repository whose URL does not say it. */
export interface RepositoryAlias {
  readonly fullName: string;
  readonly repoURL: string;
}

export interface WebhookMatch {
  /** Keys of the Applications that will sync, by name. */
  readonly applications: readonly string[];
  /** Why there is none, with the nearest candidate. */
  readonly why: string | undefined;
}

/** `canonical`: {@link canonicalRepoUrl}, perhaps with a memory. */
export function matchPush(
  push: WebhookPush,
  applications: readonly Application[],
  alias: RepositoryAlias | undefined,
  canonical: (url: string) => string = canonicalRepoUrl,
): WebhookMatch {
  const urls = new Set(push.repositoryUrls.map(canonical));
  const isAlias = push.fullName?.toLowerCase() === alias?.fullName.toLowerCase();
  const ofRepository = applications.filter(({ spec: { source } }) => {
    if (!source) return false;
    if (isAlias && source.repoURL === alias?.repoURL) return true;
    // A local path has no URL at a forge: any authentic push may be about it.
    return isLocal(source.repoURL) || urls.has(canonical(source.repoURL));
  });
  const matching = ofRepository.filter(({ spec }) => followsRef(spec.source?.targetRevision, push.refs));
  if (matching.length > 0) return { applications: matching.map(keyOf).sort(), why: undefined };
  const [other] = ofRepository.sort(byKey);
  const why = other
    ? `application ${keyOf(other)} follows revision "${other.spec.source?.targetRevision ?? 'HEAD'}", not ${push.refs.join(', ')}`
    : `no application follows ${[...urls][0] ?? 'this repository'}${nearest(applications, urls, canonical)}`;
  return { applications: [], why };
}

/** Whether a push to these refs can move the revision. Any push may bring a given commit id. */
export function followsRef(targetRevision: string | undefined, refs: readonly string[]): boolean {
  if (refs.length === 0 || targetRevision === undefined) return true;
  try {
    const candidates = revisionCandidates(targetRevision);
    return candidates.some((name) => !name.startsWith('refs/') || refs.includes(name));
  } catch {
    return false;
  }
}

const isLocal = (url: string): boolean => url.startsWith('/') || url.startsWith('file:');

const byKey = (a: Application, b: Application): number => (keyOf(a) < keyOf(b) ? -1 : 1);

/** The repository that was probably meant: the same name elsewhere, or a similar name. */
function nearest(
  applications: readonly Application[],
  urls: ReadonlySet<string>,
  canonical: (url: string) => string,
): string {
  const followed = new Map<string, string>();
  for (const application of [...applications].sort(byKey)) {
    const url = canonical(application.spec.source?.repoURL ?? '');
    if (url !== '' && !followed.has(url)) followed.set(url, keyOf(application));
  }
  if (followed.size === 0) return '; there are no applications';
  const known = [...followed.keys()];
  const lastOf = (url: string): string => url.slice(url.lastIndexOf('/') + 1);
  const names = new Set([...urls].map(lastOf));
  const alike = [...urls].map((url) => closestName(url, known)).find((url) => url !== undefined);
  const found = alike ?? known.find((url) => names.has(lastOf(url))) ?? known[0] ?? '';
  return `; the nearest is ${found} of application ${followed.get(found) ?? ''}`;
}
