/** The forges by name, and how a repository URL becomes `owner/name`. */
import type { Clock } from '../../base/clock.ts';
import { UserError } from '../../base/errors.ts';
import { withoutTrailing } from '../../base/text.ts';
import { canonicalRepoUrl, redactUrl } from '../git/git-url.ts';
import type { CreateMirror } from '../repositories.ts';
import { createBitbucket } from './bitbucket.ts';
import { createGitHub } from './github.ts';
import { createGitLab } from './gitlab.ts';
import { createGitea } from './gitea.ts';
import type { HttpClient } from './http.ts';
import { noForge } from './none.ts';
import { createNotes } from './notes.ts';
import type { Forge, ForgeName } from './types.ts';

export interface ForgeOptions {
  readonly name: ForgeName;
  readonly url?: string;
  readonly token?: string;
  /** `owner/name` for the repository `repoURL` (or for every one, when that is not given). */
  readonly repository?: string;
  readonly repoURL?: string;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly mirrorOf: CreateMirror;
}

export function createForge(options: ForgeOptions): Forge {
  const { name, http } = options;
  if (name === 'none') return noForge;
  if (name === 'notes') return createNotes({ mirrorOf: options.mirrorOf, nowMs: () => options.clock.now() });
  if (options.token === undefined || options.token === '') {
    throw new UserError(`Cannot post commit statuses to ${name}: no token; set --forge-token-file`);
  }
  const access = {
    ...(options.url === undefined ? {} : { url: options.url }),
    token: options.token,
    repositoryOf: (repoURL: string): string => repositoryOf(repoURL, options),
  };
  switch (name) {
    case 'github':
      return createGitHub(http, access);
    case 'gitlab':
      return createGitLab(http, access);
    case 'gitea':
      return createGitea(http, access);
    case 'bitbucket':
      return createBitbucket(http, access);
  }
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
