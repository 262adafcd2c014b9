/**
 * Lets the packets of pods pass the firewall of Docker, and others that are made of iptables. Pure:
 * from what `iptables-save` shows to what `iptables-restore --noflush` reads. All rules are in a
 * chain of our own; one rule in a chain of others leads to it. Docker leaves DOCKER-USER to rules
 * such as ours. Rules that people have put there come first.
 */
import { cidrContains } from '../../base/cidr.ts';

export interface FirewallSettings {
  readonly chain: string;
  readonly clusterCidr: string;
  readonly bridge: string;
  /** Interfaces to other hosts, and the tunnel. */
  readonly uplinks: readonly string[];
}

/** By table and chain: its rules, without `-A CHAIN`. Tables that nobody uses are missing. */
export type Firewall = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/** At most 28 characters (x_tables.h). */
export const firewallChain = (cluster: string): string => `SYMPHONY-${cluster}`;

export function parseFirewall(saved: string): Firewall {
  const tables = new Map<string, Map<string, string[]>>();
  let table = new Map<string, string[]>();
  for (const line of saved.split('\n')) {
    const [, name] = /^\*(\S+)/.exec(line) ?? [];
    const [, chain] = /^:(\S+)/.exec(line) ?? [];
    const [, owner = '', rule] = /^(?:\[\d+:\d+\] )?-A (\S+) (.*)$/.exec(line) ?? [];
    if (name !== undefined) tables.set(name, (table = new Map<string, string[]>()));
    else if (chain !== undefined) table.set(chain, []);
    else if (rule !== undefined) table.get(owner)?.push(rule);
  }
  return tables;
}

/** Undefined when everything is as it should be. */
export function planFirewall(found: Firewall, settings: FirewallSettings): string | undefined {
  return text([planTable(found, settings, 'filter'), planTable(found, settings, 'raw')]);
}

/** Removes the chain and what leads to it; undefined when there is nothing of it. */
export function planFirewallRemoval(found: Firewall, chain: string): string | undefined {
  return text([...found].map(([table, chains]) => [table, removal(chains, chain)] as const));
}

type TablePlan = readonly [table: string, commands: readonly string[]];

function planTable(found: Firewall, settings: FirewallSettings, table: 'filter' | 'raw'): TablePlan {
  const { chain } = settings;
  const chains = found.get(table) ?? new Map<string, readonly string[]>();
  const hook = table === 'filter' ? filterHook(chains, chain) : rawHook(chains, settings);
  if (!hook) return [table, removal(chains, chain)];
  const rules = table === 'filter' ? filterRules(settings) : rawRules(settings);
  const has = chains.get(chain);
  const isSame = has?.length === rules.length && rules.every((rule, index) => has[index] === rule);
  const hooks = hooksIn(chains, chain);
  const [only] = hooks;
  const isHooked = hooks.length === 1 && only?.parent === hook.parent && only.index < hook.before;
  if (isSame && isHooked) return [table, []];
  return [
    table,
    [
      // The line empties a chain that is there.
      ...(isSame ? [] : [`:${chain} - [0:0]`, ...rules.map((rule) => `-A ${chain} ${rule}`)]),
      ...(isHooked ? [] : [...unhook(hooks, chain), `-I ${hook.parent} ${hook.position} -j ${chain}`]),
    ],
  ];
}

interface Hook {
  readonly parent: string;
  /** From 1, once no rule leads to our chain. */
  readonly position: number;
  /** The index of the first rule that must not be in front of ours. */
  readonly before: number;
}

/** Undefined where no firewall forbids anything. */
function filterHook(chains: ReadonlyMap<string, readonly string[]>, chain: string): Hook | undefined {
  const forward = chains.get('FORWARD');
  if (!forward) return undefined;
  if (!forward.some((rule) => rule === '-j DOCKER-USER') || !chains.has('DOCKER-USER'))
    return { parent: 'FORWARD', position: 1, before: 1 };
  const rules = chains.get('DOCKER-USER') ?? [];
  const end = rules.indexOf('-j RETURN');
  const before = end === -1 ? rules.length : end;
  const inFront = rules.slice(0, before).filter((rule) => rule === `-j ${chain}`).length;
  return { parent: 'DOCKER-USER', position: before - inFront + 1, before };
}

/** Docker drops what comes for a container from another interface, from release 28 on. */
function rawHook(
  chains: ReadonlyMap<string, readonly string[]>,
  { bridge, clusterCidr }: FirewallSettings,
): Hook | undefined {
  const isDrop = (rule: string): boolean => {
    const [, address = ''] = /^-d (\S+) /.exec(rule) ?? [];
    return cidrContains(clusterCidr, address) && rule.includes(`! -i ${bridge} `) && rule.endsWith('-j DROP');
  };
  const before = (chains.get('PREROUTING') ?? []).findIndex(isDrop);
  return before === -1 ? undefined : { parent: 'PREROUTING', position: 1, before };
}

/** As `iptables-save` writes them, so that they can be compared. */
function filterRules({ clusterCidr, bridge, uplinks }: FirewallSettings): readonly string[] {
  return [
    `-d ${clusterCidr} -i ${bridge} -j ACCEPT`,
    `-s ${clusterCidr} -o ${bridge} -j ACCEPT`,
    ...uplinks.map((uplink) => `-i ${uplink} -o ${bridge} -j ACCEPT`),
    `-o ${bridge} -m conntrack --ctstate DNAT -j ACCEPT`,
    `-i ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
  ];
}

const rawRules = ({ clusterCidr, uplinks }: FirewallSettings): readonly string[] => [
  `-s ${clusterCidr} -d ${clusterCidr} -j ACCEPT`,
  ...uplinks.map((uplink) => `-d ${clusterCidr} -i ${uplink} -j ACCEPT`),
];

interface FoundHook {
  readonly parent: string;
  readonly index: number;
}

const hooksIn = (chains: ReadonlyMap<string, readonly string[]>, chain: string): readonly FoundHook[] =>
  [...chains].flatMap(([parent, rules]) =>
    rules.flatMap((rule, index) => (rule === `-j ${chain}` ? [{ parent, index }] : [])),
  );

const unhook = (hooks: readonly FoundHook[], chain: string): readonly string[] =>
  hooks.map(({ parent }) => `-D ${parent} -j ${chain}`);

function removal(chains: ReadonlyMap<string, readonly string[]>, chain: string): readonly string[] {
  const hooks = unhook(hooksIn(chains, chain), chain);
  return chains.has(chain) ? [...hooks, `-F ${chain}`, `-X ${chain}`] : hooks;
}

function text(plans: readonly TablePlan[]): string | undefined {
  const lines = plans.flatMap(([table, commands]) =>
    commands.length === 0 ? [] : [`*${table}`, ...commands, 'COMMIT'],
  );
  return lines.length === 0 ? undefined : `${lines.join('\n')}\n`;
}
