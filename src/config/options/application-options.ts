/** Options of the root application. */
import type { GivenSpec } from '../option-spec.ts';
import { parseDuration, parseInteger, parseName } from '../values.ts';

export const applicationOptions: readonly GivenSpec[] = [
  {
    field: 'repo',
    flag: 'repo',
    placeholder: 'URL|PATH',
    description: 'Git repository to keep the cluster equal to',
  },
  {
    field: 'revision',
    flag: 'revision',
    placeholder: 'REF',
    description: 'branch, tag or commit',
    fallback: 'HEAD',
  },
  {
    field: 'path',
    flag: 'path',
    placeholder: 'DIR',
    description: 'directory of manifests within the repository',
    fallback: '.',
  },
  {
    field: 'applicationName',
    flag: 'application-name',
    placeholder: 'NAME',
    description: 'name of the Application made for --repo',
    fallback: 'root',
    parse: parseName,
  },
  {
    field: 'nodes',
    group: 'Nodes',
    flag: 'nodes',
    placeholder: 'N',
    description: 'nodes on this machine',
    commands: ['up', 'down'],
    fallback: '1',
    parse: (value) => parseInteger(value, 1, 5000),
  },
  {
    field: 'pollIntervalMs',
    flag: 'poll-interval',
    placeholder: 'DURATION',
    description: 'how often the repository is asked for changes',
    fallback: '30s',
    parse: (value) => {
      const ms = parseDuration(value);
      if (ms < 100) throw new Error('must be at least 100ms');
      return ms;
    },
  },
  {
    field: 'kustomizeBinary',
    flag: 'kustomize-binary',
    placeholder: 'FILE',
    description: 'kustomize, or a kubectl, that builds kustomizations; otherwise the first on PATH',
    isPath: true,
  },
  {
    field: 'stabilityWindowMs',
    flag: 'stability-window',
    placeholder: 'DURATION',
    description: 'how long everything must be healthy before a commit counts as successful',
    fallback: '10s',
    parse: parseDuration,
  },
];
