/**
 * Collects the facts of a host by the programs of the host. Nothing is changed. A program that is
 * missing or fails leaves its fact out: the check says then that it is not known.
 */
import type { RunProgram } from '../run-program.ts';
import {
  firewallDrops,
  type NetworkFacts,
  parseDevices,
  parseNeighbours,
  parseRoutes,
  parseTables,
  type ServiceFact,
} from './facts.ts';
import type { NetworkSettings } from '../host-network.ts';

export interface FactsOptions {
  readonly run: RunProgram;
  readonly settings: Pick<NetworkSettings, 'cluster' | 'mode' | 'bridge'>;
}

/** `service`: an `address:port` of TCP that the kernel may balance. */
export async function collectFacts(
  { run, settings }: FactsOptions,
  service: string | undefined,
): Promise<NetworkFacts> {
  const { cluster, mode, bridge } = settings;
  const prefix = `symphony-${cluster}-`;
  const attempt = async <T>(program: string, args: readonly string[], read: (text: string) => T) => {
    try {
      return read(await run(program, args));
    } catch {
      return undefined;
    }
  };
  const flag = (path: string): Promise<boolean | undefined> =>
    attempt('cat', [`/proc/sys/net/ipv4/${path}`], (value) => value.trim() === '1');
  const [devices, routes, neighbours, tables, forwards, answersArp, drops] = await Promise.all([
    attempt('ip', ['-json', 'link', 'show'], parseDevices),
    attempt('ip', ['-json', '-4', 'route', 'show'], parseRoutes),
    attempt('ip', ['-json', '-4', 'neigh', 'show'], parseNeighbours),
    attempt('nft', ['list', 'tables'], (listed) => parseTables(listed, prefix)),
    flag('ip_forward'),
    flag(`conf/${bridge}/proxy_arp`),
    attempt('iptables-save', ['--table', 'filter'], (saved) => firewallDrops(saved, `SYMPHONY-${cluster}`)),
  ]);
  return {
    ...{ mode, bridge, devices: devices ?? [], routes: routes ?? [], neighbours: neighbours ?? [] },
    tables: tables ?? [],
    ...(forwards === undefined ? {} : { forwards }),
    ...(answersArp === undefined ? {} : { answersArp }),
    ...(drops === undefined ? {} : { firewallDrops: drops }),
    ...(service === undefined ? {} : { service: await serviceFact(run, `${prefix}services`, service) }),
  };
}

async function serviceFact(run: RunProgram, table: string, service: string): Promise<ServiceFact> {
  const [, address, port] = /^([\d.]{7,15}):(\d{1,5})$/.exec(service) ?? [];
  if (address === undefined || port === undefined) return 'unknown';
  const element = `{ ${address} . tcp . ${port} }`;
  const has = (map: string): Promise<boolean> =>
    run('nft', ['get', 'element', 'ip', table, map, element]).then(
      () => true,
      () => false,
    );
  if (await has('services')) return 'balanced';
  return (await has('unserved')) ? 'refused' : 'unknown';
}
