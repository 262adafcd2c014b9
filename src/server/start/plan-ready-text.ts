/** The lines that end a start: what works, and what does not yet. Pure. */
import { counted } from '../../base/text.ts';
import type { RepositoryState } from './watch-repository.ts';

export interface ReadyFacts {
  readonly url: string;
  readonly kubeconfig: string;
  /** Undefined without `--repo`; the state is undefined while the first fetch goes on. */
  readonly repository:
    | {
        readonly name: string;
        readonly revision: string;
        readonly path: string;
        readonly state: RepositoryState | undefined;
      }
    | undefined;
  /** Undefined for a control plane without nodes of its own. */
  readonly nodes: readonly { readonly name: string; readonly problem: string | undefined }[] | undefined;
}

/** Name at most this many nodes; the rest is counted. */
const MAX_NAMED = 3;
const SHORT_COMMIT = 7;

export function readyText({ url, kubeconfig, repository, nodes }: ReadyFacts): string {
  const problem = repository && problemOf(repository);
  const ready = problem === undefined ? 'Symphony is ready' : `Symphony is ready (${problem})`;
  return [
    `${ready}: ${url}${nodes ? `, ${nodesText(nodes)}` : ''}`,
    repository ? repositoryText(repository) : 'no repository: give one with --repo, or create an Application',
    `export KUBECONFIG=${kubeconfig}`,
    '',
  ].join('\n');
}

type Repository = NonNullable<ReadyFacts['repository']>;

const problemOf = ({ state }: Repository): string | undefined =>
  state ? state.problem : 'the repository has not been read here yet';

function repositoryText({ name, revision, path, state }: Repository): string {
  const commit = state?.commit === undefined ? '' : ` (${state.commit.slice(0, SHORT_COMMIT)})`;
  return `repository ${name} at ${revision}${commit}${path === '.' ? '' : `, folder ${path}`}`;
}

function nodesText(nodes: NonNullable<ReadyFacts['nodes']>): string {
  const waiting = nodes.filter(({ problem }) => problem !== undefined);
  if (waiting.length === 0) return `${counted(nodes.length, 'node')} ready`;
  const named = waiting.slice(0, MAX_NAMED).map(({ name, problem }) => `${name}: ${problem}`);
  const rest = waiting.length - named.length;
  const list = [...named, ...(rest > 0 ? [`${rest} more`] : [])].join(', ');
  return `${nodes.length - waiting.length} of ${nodes.length} nodes ready (${list})`;
}
