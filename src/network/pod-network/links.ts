/** The links to other hosts in the kernel, by the programs `ip` and `bridge` of iproute2. */
import { errorMessage } from '../../base/errors.ts';
import type { RunProgram } from '../run-program.ts';
import {
  type LinkCommands,
  type LinkSettings,
  type ObservedLinks,
  planLinkCommands,
  ROUTE_PROTOCOL,
} from './plan-commands.ts';
import type { Links } from './plan-links.ts';

/** Makes the kernel's links equal to these. Answers the commands that it took. */
export async function ensureLinks(
  links: Links,
  settings: LinkSettings,
  run: RunProgram,
): Promise<LinkCommands> {
  const commands = planLinkCommands(links, await observeLinks(settings.device, run), settings);
  if (commands.ip.length > 0) await run('ip', ['-batch', '-'], lines(commands.ip));
  if (commands.bridge.length > 0) await run('bridge', ['-batch', '-'], lines(commands.bridge));
  return commands;
}

const lines = (commands: readonly string[]): string => `${commands.join('\n')}\n`;

/** As much of `ip -json -details link` as is read. */
interface LinkJson {
  readonly address: string;
  readonly mtu: number;
  readonly linkinfo?: { readonly info_data?: { readonly local?: string } };
}
interface AddressJson {
  readonly addr_info?: readonly { readonly family: string; readonly local?: string }[];
}

async function observeLinks(device: string, run: RunProgram): Promise<ObservedLinks> {
  const json = async <T>(program: string, ...args: readonly string[]): Promise<readonly T[]> =>
    JSON.parse((await run(program, ['-json', ...args])) || '[]') as readonly T[];
  const routes = await json<ObservedLinks['routes'][number]>(
    'ip',
    'route',
    'show',
    'proto',
    String(ROUTE_PROTOCOL),
  );
  let link: LinkJson | undefined;
  try {
    [link] = await json<LinkJson>('ip', '-details', 'link', 'show', 'dev', device);
  } catch (error) {
    if (!errorMessage(error).includes('does not exist')) throw error;
  }
  if (!link) return { routes, tunnel: undefined };
  const [address] = await json<AddressJson>('ip', '-4', 'address', 'show', 'dev', device);
  return {
    routes,
    tunnel: {
      address: address?.addr_info?.[0]?.local,
      hardwareAddress: link.address,
      localAddress: link.linkinfo?.info_data?.local,
      mtu: link.mtu,
      neighbours: await json('ip', 'neigh', 'show', 'dev', device, 'nud', 'permanent'),
      forwarding: await json('bridge', 'fdb', 'show', 'dev', device),
    },
  };
}
