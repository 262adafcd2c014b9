/** The forges by name, and how a repository URL becomes `owner/name`. */
import type { Clock } from '../../base/clock.ts';
import { UserError } from '../../base/errors.ts';
import { withoutTrailing } from '../../base/text.ts';
import { canonicalRepoUrl, redactUrl } from '../git/git-url.ts';
import { isForbiddenHost } from '../git/link-local.ts';
import type { CreateMirror } from '../git/repositories.ts';
import { bitbucket } from './bitbucket.ts';
import { gitea } from './gitea.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import type { HttpClient } from './http.ts';
import { noForge } from './none.ts';
import { createNotes } from './notes.ts';
import type { Forge, ForgeKind } from './types.ts';

/** The forges with commit statuses and webhooks. A forge is a file and an entry here. */
export const forges = { github, gitlab, gitea, bitbucket } satisfies Readonly<Record<string, ForgeKind>>;

export type ForgeName = keyof typeof forges | 'notes' | 'none';

export interface ForgeOptions {
  readonly name: ForgeName;
  readonly url?: string;
  readonly token?: string | (() => Promise<string>);
  /** `owner/name` for the repository `repoURL` (or for every one, when that is not given). */
  readonly repository?: string;
  readonly repoURL?: string;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly mirrorOf: CreateMirror;
}

export function createForge(options: ForgeOptions): Forge {
  const { name, http } = options;
  if (options.url !== undefined) checkForgeUrl(options.url);
  if (name === 'none') return noForge;
  if (name === 'notes') return createNotes({ mirrorOf: options.mirrorOf, nowMs: () => options.clock.now() });
  const { token } = options;
  if (token === undefined || token === '') {
    throw new UserError(`Cannot post commit statuses to ${name}: no token; set --forge-token-file`);
  }
  const access = {
    ...(options.url === undefined ? {} : { url: options.url }),
    token: typeof token === 'string' ? async () => token : token,
    repositoryOf: (repoURL: string): string => repositoryOf(repoURL, options),
  };
  const host = `${name} ${options.url ?? ''}`;
  return { ...forges[name].create(http, access), hostOf: () => host };
}

/** The token goes there. */
function checkForgeUrl(url: string): void {
  const refuse = (why: string): never => {
    throw new UserError(`Cannot use --forge-url "${redactUrl(url)}": ${why}`);
  };
  if (!URL.canParse(url)) refuse('it is no URL');
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'https:' && protocol !== 'http:') refuse('it must begin with https:// or http://');
  if (isForbiddenHost(hostname)) refuse('link-local hosts are refused');
}

function repositoryOf(repoURL: string, options: ForgeOptions): string {
  const isNamed =
    options.repoURL === undefined || canonicalRepoUrl(options.repoURL) === canonicalRepoUrl(repoURL);
  if (options.repository !== undefined && isNamed) return options.repository;
  const [, ...path] = repoURL.startsWith('/') ? [] : pathSegments(repoURL);
  if (path.length < 2)
    throw new UserError(`Cannot tell owner and name of "${redactUrl(repoURL)}"; set --forge-repo`);
  return path.join('/');
}

/** Host and path, in the case they are written in. */
function pathSegments(repoURL: string): readonly string[] {
  const text = repoURL
    .replace(/^[a-z]+:\/\//i, '')
    .replace(/^[^@/]*@/, '')
    .replace(/^([^/:]+):(?!\d+\/)/, '$1/');
  return withoutTrailing(text, '/')
    .replace(/\.git$/, '')
    .split('/')
    .filter((segment) => segment !== '');
}
