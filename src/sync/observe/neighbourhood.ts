/** The other applications: objects may move between them and the reconciled one. */
import type { Clock } from '../../base/clock.ts';
import { UserError } from '../../base/errors.ts';
import { mayUseOperatorsRepository } from '../../schemas/applications/application-author.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Application, ApplicationSource } from '../../schemas/types.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import type { ApplicationCaches } from '../cache/application-caches.ts';
import { canonicalRepoUrl } from '../git/git-url.ts';
import type { Repositories } from '../git/repositories.ts';
import type { GitMirror } from '../git/types.ts';
import type { Renderer } from '../render/types.ts';
import type { Neighbour, Neighbourhood } from './hand-over.ts';
import { type Rights, syncAccessOf } from './sync-access.ts';

export interface NeighbourhoodOptions {
  readonly apps: ResourceCache<Application>;
  readonly caches: ApplicationCaches;
  readonly repositories: Repositories;
  readonly rights: Rights;
  readonly renderers: readonly Renderer[];
  readonly clock: Clock;
  readonly add: (application: string) => void;
}

export function createNeighbourhood(options: NeighbourhoodOptions): Neighbourhood {
  const { apps, caches, renderers, clock } = options;
  const neighbourOf = (application: Application | undefined): Neighbour | undefined => {
    const { source } = application?.spec ?? {};
    if (!application || !source) return undefined;
    const key = keyOf(application);
    const cache = caches.get(key);
    const { compared = true, problems = [] } = cache?.outcome ?? {};
    return {
      key,
      application,
      cache,
      mirror: mirrorOf(options.repositories, application, source),
      hasFailed: !compared && problems.length > 0,
      access: () => syncAccessOf(application, options.rights),
    };
  };
  return {
    renderers,
    nowMs: () => clock.now(),
    find: (key) => neighbourOf(apps.get(key)),
    ofRepository: (repoURL) =>
      apps
        .list()
        .filter(({ spec }) => canonicalRepoUrl(spec.source?.repoURL ?? '') === canonicalRepoUrl(repoURL))
        .flatMap((application) => neighbourOf(application) ?? []),
    wake(key, fetch) {
      const cache = caches.get(key);
      if (cache && fetch) cache.fetchDue = true;
      options.add(key);
    },
  };
}

/** Undefined where the Application may not use the repository that it names. */
function mirrorOf(
  repositories: Repositories,
  application: Application,
  { repoURL }: ApplicationSource,
): GitMirror | undefined {
  try {
    return repositories.get(repoURL, mayUseOperatorsRepository(application)).mirror;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
