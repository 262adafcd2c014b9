/** Webhooks of a forge, and the commit statuses that go back. */
import { commitStatusKinds } from '../config.ts';
import type { GivenSpec } from '../option-spec.ts';
import { parseHostPort, parseUrl } from '../values.ts';

export const forgeOptions: readonly GivenSpec[] = [
  {
    field: 'webhookListen',
    flag: 'webhook-listen',
    placeholder: 'HOST:PORT',
    description: 'address that serves only the webhooks, plain HTTP, for a reverse proxy',
    parse: parseHostPort,
  },
  {
    field: 'webhookSecretFile',
    flag: 'webhook-secret-file',
    placeholder: 'FILE',
    description: 'file with the secret that webhooks are signed with',
    isPath: true,
  },
  {
    field: 'commitStatus',
    flag: 'commit-status',
    placeholder: 'KIND',
    description: 'where the result of a commit is reported',
    fallback: 'none',
    choices: commitStatusKinds,
  },
  {
    field: 'forgeUrl',
    flag: 'forge-url',
    placeholder: 'URL',
    description: "the forge's API, where it is not the public one",
    parse: (value) => parseUrl(value, ['https', 'http']),
  },
  {
    field: 'forgeRepo',
    flag: 'forge-repo',
    placeholder: 'OWNER/NAME',
    description: 'the repository as the forge names it',
    parse: (value) => {
      if (!/^[^/\s]+(?:\/[^/\s]+)+$/.test(value)) throw new Error('must be OWNER/NAME');
      return value;
    },
  },
  {
    field: 'forgeTokenFile',
    flag: 'forge-token-file',
    placeholder: 'FILE',
    description: 'file with the token for commit statuses',
    isPath: true,
  },
];
