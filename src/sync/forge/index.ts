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
import { type HttpClient, checkAnswer } from './http.ts';
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
  if (name === 'none') return { name, post: async () => undefined };
  if (name === 'notes') return createNotes({ mirrorOf: options.mirrorOf, nowMs: () => options.clock.now() });
  const { token } = options;
  if (token === undefined || token === '') {
    throw new UserError(`Cannot post commit statuses to ${name}: no token; set --forge-token-file`);
  }
  const kind: ForgeKind = forges[name];
  const root = rootOf(kind, options.url);
  const host = `${name} ${options.url ?? ''}`;
  return {
    name,
    hostOf: () => host,
    async post(status, signal) {
      const repository = repositoryOf(status.repoURL, options);
      const encoded = repository.split('/').map(encodeURIComponent).join('/');
      const at = { name: repository, encoded };
      // Tokens are replaced while we run.
      const headers = kind.headers(typeof token === 'string' ? token : await token());
      const url = root + kind.path(at, status.sha);
      const response = await http({ url, headers, json: kind.body(status, at) }, signal);
      if (!kind.isKnown?.(response)) checkAnswer(kind.title, response);
    },
  };
}

function rootOf({ api, suffix }: ForgeKind, url: string | undefined): string {
  const root = withoutTrailing(url ?? api, '/');
  return (suffix ? root.replace(suffix, '') : root) || api;
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
