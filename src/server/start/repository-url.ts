/** The repository that `--repo` names, as the root Application says it. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** A path of this machine becomes absolute; a URL stays as it is. */
export function repositoryUrl(repo: string): string {
  const isUrl = /^[a-z+]+:\/\//i.test(repo) || /^[^/]+@[^/]+:/.test(repo);
  return isUrl && !existsSync(repo) ? repo : resolve(repo);
}
