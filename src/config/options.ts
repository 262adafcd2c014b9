/**
 * Every option of `symphony`, once. Flags, environment variables, keys of the configuration file
 * and the help come from this table.
 */
import { type GivenSpec, oneOf, type OptionGroup, type OptionSpec, SERVERS, text } from './option-spec.ts';
import { applicationOptions } from './options/application-options.ts';
import { autoscalerOptions } from './options/autoscaler-options.ts';
import { clientOptions } from './options/client-options.ts';
import { clusterOptions } from './options/cluster-options.ts';
import { forgeOptions } from './options/forge-options.ts';
import { ingressOptions } from './options/ingress-options.ts';
import { placeOptions } from './options/place-options.ts';
import { requestOptions } from './options/request-options.ts';

const inGroup = (group: OptionGroup, list: readonly GivenSpec[]): readonly OptionSpec[] =>
  list.map((spec) => ({
    group,
    commands: SERVERS,
    parse: spec.choices ? oneOf(spec.choices) : text,
    ...spec,
  }));

/** In the order in which the help shows them within their group. */
export const options = [
  ...inGroup('Git', applicationOptions),
  ...inGroup('API', placeOptions),
  ...inGroup('Webhooks and commit statuses', forgeOptions),
  ...inGroup('Nodes', clusterOptions),
  ...inGroup('Network', ingressOptions),
  ...inGroup('Autoscaling', autoscalerOptions),
  ...inGroup('Cluster', clientOptions),
  ...inGroup('Limits of the API', requestOptions),
];

/** `--poll-interval` → `SYMPHONY_POLL_INTERVAL`. */
export function environmentName(option: Pick<OptionSpec, 'flag'>): string {
  return `SYMPHONY_${option.flag.replaceAll('-', '_').toUpperCase()}`;
}

/** `--poll-interval` → `pollInterval`: the key in a configuration file, and commander's name. */
export function fileKey(option: Pick<OptionSpec, 'flag'>): string {
  return option.flag.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}
