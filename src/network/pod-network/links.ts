/** The links to other hosts in the kernel, by the programs `ip` and `bridge` of iproute2. */
import { errorMessage } from '../../base/errors.ts';
import { type RunProgram, runJson } from '../run-program.ts';
import {
  type LinkCommands,
  type LinkSettings,
  type ObservedLinks,
  type ObservedRoute,
  planLinkCommands,
} from './plan-commands.ts';
import type { Links } from './plan-links.ts';

/**
 * Makes the kernel's links equal to these. Answers the commands that it took. A command that fails
 * does not stop the others; all complaints come in one error at the end.
 */
export async function ensureLinks(
  links: Links,
  settings: LinkSettings,
  hostMtu: number,
  run: RunProgram,
): Promise<LinkCommands> {
  const commands = planLinkCommands(links, await observeLinks(settings, run), settings, hostMtu);
  let failure: Error | undefined;
  for (const program of ['ip', 'bridge'] as const)
    if (commands[program].length > 0)
      await run(program, ['-force', '-batch', '-'], lines(commands[program])).catch(
        (error: unknown) => (failure ??= error as Error),
      );
  if (failure) throw failure;
  return commands;
}

const lines = (commands: readonly string[]): string => `${commands.join('\n')}\n`;

/** As much of `ip -json -details link` as is read. */
interface LinkJson {
  readonly address: string;
  readonly mtu: number;
  readonly flags?: readonly string[];
  readonly linkinfo?: { readonly info_data?: { readonly local?: string } };
}
interface AddressJson {
  readonly addr_info?: readonly { readonly family: string; readonly local?: string }[];
}

async function observeLinks({ device, clusterCidr }: LinkSettings, run: RunProgram): Promise<ObservedLinks> {
  const routes = await runJson<ObservedRoute>(run, 'ip', '-4', 'route', 'show', 'root', clusterCidr);
  let link: LinkJson | undefined;
  try {
    [link] = await runJson<LinkJson>(run, 'ip', '-details', 'link', 'show', 'dev', device);
  } catch (error) {
    if (!errorMessage(error).includes('does not exist')) throw error;
  }
  if (!link) return { routes, tunnel: undefined };
  const [address] = await runJson<AddressJson>(run, 'ip', '-4', 'address', 'show', 'dev', device);
  return {
    routes,
    tunnel: {
      address: address?.addr_info?.[0]?.local,
      hardwareAddress: link.address,
      localAddress: link.linkinfo?.info_data?.local,
      mtu: link.mtu,
      isUp: link.flags?.includes('UP') ?? false,
      neighbours: await runJson(run, 'ip', 'neigh', 'show', 'dev', device, 'nud', 'permanent'),
      forwarding: await runJson(run, 'bridge', 'fdb', 'show', 'dev', device),
    },
  };
}
