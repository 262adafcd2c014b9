/** Options of agents and client commands, and of the log. */
import { logFormats, logLevels } from '../config.ts';
import { DAEMONS, EVERY, type GivenSpec } from '../option-spec.ts';
import { parseUrl } from '../values.ts';

export const clientOptions: readonly GivenSpec[] = [
  {
    field: 'server',
    flag: 'server',
    placeholder: 'URL',
    description: "the control plane's API",
    commands: ['agent', 'client'],
    parse: (value) => parseUrl(value, ['https']),
  },
  {
    field: 'tokenFile',
    flag: 'token-file',
    placeholder: 'FILE',
    description: 'file with the token to join or log in with',
    commands: ['agent', 'client'],
    isPath: true,
  },
  {
    field: 'kubeconfig',
    flag: 'kubeconfig',
    placeholder: 'FILE',
    description: 'kubeconfig to use; otherwise $KUBECONFIG, or DATA-DIR/kubeconfig',
    commands: ['client'],
    isPath: true,
    standardVariable: { name: 'KUBECONFIG', unless: 'dataDir' },
  },
  {
    field: 'logLevel',
    group: 'Logs',
    flag: 'log-level',
    placeholder: 'LEVEL',
    description: 'least severe message to log',
    commands: EVERY,
    fallback: 'info',
    choices: logLevels,
  },
  {
    field: 'logFormat',
    group: 'Logs',
    flag: 'log-format',
    placeholder: 'FORMAT',
    description: 'form of log lines; auto: text on a terminal, JSON otherwise',
    commands: DAEMONS,
    fallback: 'auto',
    choices: logFormats,
  },
];
