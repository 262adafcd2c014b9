/** Judges a new connection by the parts of the policies' table, as the kernel would. */
import type { TablePart } from '../../../src/network/nft/table-state.ts';
import type { Connection } from './oracle.ts';

export function judge(parts: Iterable<TablePart>, connection: Connection): boolean {
  const sets = new Map<string, Map<string, string>>();
  const chains = new Map<string, readonly string[]>();
  for (const { elements = {}, chains: own = {}, sets: declared = {} } of parts) {
    for (const set of Object.keys(declared)) sets.set(set, sets.get(set) ?? new Map());
    for (const [set, keys] of Object.entries(elements)) {
      const all = sets.get(set) ?? new Map<string, string>();
      sets.set(set, all);
      for (const [key, value] of keys) all.set(key, value);
    }
    for (const [name, rules] of Object.entries(own)) chains.set(name, rules);
  }
  const { from, to, port } = connection;
  const protocol = connection.protocol.toLowerCase();

  const fields: Readonly<Record<string, string>> = {
    'ip saddr': from.address,
    'ip daddr': to.address,
    [`${protocol} dport`]: String(port),
    'meta l4proto': protocol,
  };

  /** Undefined: the chain says nothing. */
  function run(chain: string): boolean | undefined {
    const rules = chains.get(chain);
    if (!rules) throw new Error(`No chain ${chain}`);
    for (const rule of rules) {
      if (rule === 'drop') return false;
      const [, next] = /^jump (\S+)$/.exec(rule) ?? [];
      const verdict = next === undefined ? (matches(rule) ? true : undefined) : run(next);
      if (verdict !== undefined) return verdict;
    }
    return undefined;
  }

  function matches(rule: string): boolean {
    let rest = rule;
    while (rest !== 'accept') {
      const match =
        /^((?:(?:ip|tcp|udp|sctp|meta) \w+)(?: \. (?:tcp|udp|sctp) dport)?) (@\S+|\{[^}]*\}|tcp|udp|sctp) (.*)$/.exec(
          rest,
        );
      if (!match) throw new Error(`Cannot read the rule "${rule}" at "${rest}"`);
      const [, field = '', wanted = '', after = ''] = match;
      const values = field.split(' . ').map((one) => fields[one]);
      if (values.includes(undefined)) return false;
      const key = values.join(' . ');
      if (wanted.startsWith('@')) {
        const set = sets.get(wanted.slice(1));
        if (!set) throw new Error(`No set ${wanted}`);
        if (!set.has(key)) return false;
      } else if (wanted.startsWith('{')) {
        if (
          !wanted
            .slice(1, -1)
            .split(',')
            .some((range) => isIn(range.trim(), key))
        )
          return false;
      } else if (wanted !== key) return false;
      rest = after;
    }
    return true;
  }

  const verdictOf = (map: string, address: string): boolean => {
    const [, chain] = /^goto (\S+)$/.exec(sets.get(map)?.get(address) ?? '') ?? [];
    // A base chain accepts what comes back to it.
    return chain === undefined || (run(chain) ?? true);
  };
  if (sets.get('selves')?.has(`${from.address} . ${to.address}`)) return true;
  return verdictOf('egress', from.address) && verdictOf('ingress', to.address);
}

function isIn(range: string, value: string): boolean {
  const [first = 0, last = first] = range.split('-').map(number);
  return number(value) >= first && number(value) <= last;
}

const number = (text: string): number => text.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
