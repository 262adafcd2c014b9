/** Whom an agent or a command speaks to, and how much is logged. */
import { logLevels } from '../config.ts';
import { EVERY, oneOf, text, type OptionSpec } from '../option-spec.ts';
import { parseUrl } from '../values.ts';

export const clientOptions: readonly OptionSpec[] = [
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
    parse: text,
  },
  {
    field: 'kubeconfig',
    flag: 'kubeconfig',
    placeholder: 'FILE',
    description: 'kubeconfig to use; DATA-DIR/kubeconfig otherwise',
    commands: ['client'],
    isPath: true,
    parse: text,
  },
  {
    field: 'logLevel',
    flag: 'log-level',
    placeholder: 'LEVEL',
    description: 'least severe message to log',
    commands: EVERY,
    fallback: 'info',
    choices: logLevels,
    parse: oneOf(logLevels),
  },
];
