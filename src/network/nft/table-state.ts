/**
 * The content of one nftables table, as parts that are replaced one by one: each Service and each
 * policy is a part. Commands are made from what has changed, so that the cost of a change does not
 * depend on the size of the table. Pure: another file runs `nft`. Syntax: nft(8).
 */
import { append } from '../../base/append.ts';
import type { LearnedElements } from './learned-elements.ts';

/** A table without the elements and chains of its parts. */
export interface TableFrame {
  readonly family: 'ip' | 'ip6' | 'inet' | 'bridge';
  readonly name: string;
  readonly sets: Readonly<Record<string, SetDeclaration>>;
  readonly chains: Readonly<Record<string, FrameChain>>;
}

export interface SetDeclaration {
  readonly kind: 'set' | 'map';
  /** The text between its braces. */
  readonly declaration: string;
}

export interface FrameChain {
  /** `type nat hook prerouting priority -110`; absent in a chain that others jump to. */
  readonly hook?: string;
  readonly rules: readonly string[];
}

export interface TablePart {
  /** Elements by the name of their set or map: key → value. The value is empty in a set. */
  readonly elements?: Readonly<Record<string, ReadonlyMap<string, string>>>;
  /** The part's own chains, by name: their rules. */
  readonly chains?: Readonly<Record<string, readonly string[]>>;
  /** The part's own sets, by name, filled by its elements or the kernel. A set keeps its declaration. */
  readonly sets?: Readonly<Record<string, SetDeclaration>>;
}

interface Claim {
  readonly part: string;
  readonly value: string;
}

/**
 * Several parts may want one key. The first one has it, and the next when that is gone. Nearly all
 * keys have one claim, which takes no map.
 */
type Claims = Claim | Map<string, string>;

export interface TableState extends Pick<TableFrame, 'family' | 'name'> {
  readonly parts: ReadonlyMap<string, TablePart>;
  /** Replaces a part; undefined removes it. */
  set(name: string, part: TablePart | undefined): void;
  /** One transaction with all that has changed since the last call; undefined if nothing has. */
  takeChanges(): string | undefined;
  /** One transaction that makes the whole table anew, whatever was there, with what it has learned. */
  takeWhole(learned?: LearnedElements): string;
  /** Sets that packets fill. */
  learningSets(): readonly string[];
  /** Parts that want a key that another part has: `part` waits for `owner`. */
  conflicts(): readonly { readonly part: string; readonly owner: string; readonly key: string }[];
}

/** A command with more elements would be a line that no log can show. */
const ELEMENTS_A_COMMAND = 1_000;

export function createTableState(frame: TableFrame): TableState {
  const parts = new Map<string, TablePart>();
  const claims = new Map<string, Map<string, Claims>>(
    Object.keys(frame.sets).map((name) => [name, new Map()]),
  );
  /** The kernel's values of keys and chains that have changed since. */
  const before = new Map<string, Map<string, string | undefined>>();
  const chainsBefore = new Map<string, readonly string[] | undefined>();
  const chains = new Map<string, readonly string[]>();
  const setsBefore = new Map<string, SetDeclaration | undefined>();
  const sets = new Map<string, SetDeclaration>();
  const where = `${frame.family} ${frame.name}`;

  function remember(set: string, key: string): void {
    let keys = before.get(set);
    if (!keys) before.set(set, (keys = new Map<string, string | undefined>()));
    if (!keys.has(key)) keys.set(key, valueOf(claims.get(set)?.get(key)));
  }

  /** Takes the key, keeps it with another value, or gives it up: `value` is undefined then. */
  function claim(set: string, key: string, value: string | undefined, part: string): void {
    const keys = claimsOf(set);
    const all = keys.get(key);
    remember(set, key);
    const next = value === undefined ? withoutClaim(all, part) : withClaim(all, { part, value });
    if (next) keys.set(key, next);
    else keys.delete(key);
  }

  function claimsOf(set: string): Map<string, Claims> {
    if (!frame.sets[set] && !sets.has(set)) throw new Error(`Table "${frame.name}" has no set "${set}"`);
    const keys = claims.get(set) ?? new Map<string, Claims>();
    claims.set(set, keys);
    return keys;
  }

  function setChain(name: string, rules: readonly string[] | undefined): void {
    if (!chainsBefore.has(name)) chainsBefore.set(name, chains.get(name));
    if (rules) chains.set(name, rules);
    else chains.delete(name);
  }

  function setSet(name: string, declared: SetDeclaration | undefined): void {
    if (!setsBefore.has(name)) setsBefore.set(name, sets.get(name));
    if (declared) sets.set(name, declared);
    else sets.delete(name);
  }

  function set(name: string, part: TablePart | undefined): void {
    const old = parts.get(name);
    if (part) parts.set(name, part);
    else parts.delete(name);
    for (const [own, declared] of Object.entries(part?.sets ?? {}))
      if (!old?.sets?.[own]) setSet(own, declared);
    for (const [setName, elements] of Object.entries(old?.elements ?? {}))
      for (const key of elements.keys())
        if (!part?.elements?.[setName]?.has(key)) claim(setName, key, undefined, name);
    for (const [setName, elements] of Object.entries(part?.elements ?? {}))
      for (const [key, value] of elements)
        if (old?.elements?.[setName]?.get(key) !== value) claim(setName, key, value, name);
    for (const chain of Object.keys(old?.chains ?? {}))
      if (!part?.chains?.[chain]) setChain(chain, undefined);
    for (const [chain, rules] of Object.entries(part?.chains ?? {}))
      if (!isSame(old?.chains?.[chain], rules)) setChain(chain, rules);
    for (const own of Object.keys(old?.sets ?? {})) if (!part?.sets?.[own]) setSet(own, undefined);
  }

  function forgetChanges(): void {
    before.clear();
    chainsBefore.clear();
    setsBefore.clear();
  }

  function takeChanges(): string | undefined {
    const made: string[] = [];
    const filled: string[] = [];
    const dropped: string[] = [];
    const flushed: string[] = [];
    for (const [name, old] of setsBefore) {
      const declared = sets.get(name);
      if (declared && !old) made.push(addSet(where, name, declared));
    }
    for (const [name, old] of chainsBefore) {
      const rules = chains.get(name);
      if (rules && !old) made.push(`add chain ${where} ${name}`);
      if (rules && old && !isSame(old, rules)) made.push(`flush chain ${where} ${name}`);
      if (rules && !isSame(old, rules))
        append(
          filled,
          rules.map((rule) => `add rule ${where} ${name} ${rule}`),
        );
      if (!rules && old) {
        // The rules go first: they may lead to other chains that go.
        flushed.push(`flush chain ${where} ${name}`);
        dropped.push(`delete chain ${where} ${name}`);
      }
    }
    const removed: string[] = [];
    const added: string[] = [];
    for (const [setName, keys] of before) {
      // A set goes with its elements.
      if (!frame.sets[setName] && !sets.has(setName)) continue;
      const gone: string[] = [];
      const come: string[] = [];
      for (const [key, old] of keys) {
        const value = valueOf(claims.get(setName)?.get(key));
        if (value === old) continue;
        if (old !== undefined) gone.push(key);
        if (value !== undefined) come.push(elementText(key, value));
      }
      append(removed, elementCommands('delete', where, setName, gone));
      append(added, elementCommands('add', where, setName, come));
    }
    for (const [name, old] of setsBefore)
      if (!sets.has(name)) {
        claims.delete(name);
        if (old) dropped.push(`delete ${old.kind} ${where} ${name}`);
      }
    forgetChanges();
    const commands = [...made, ...filled, ...removed, ...added, ...flushed, ...dropped];
    return commands.length === 0 ? undefined : `${commands.join('\n')}\n`;
  }

  const learningSets = (): readonly string[] =>
    [...sets].filter(([, { declaration }]) => declaration.includes('dynamic')).map(([name]) => name);

  function takeWhole(learned?: LearnedElements): string {
    forgetChanges();
    const commands = [`add table ${where}`, `delete table ${where}`, `add table ${where}`];
    for (const [name, declared] of [...Object.entries(frame.sets), ...sets])
      commands.push(addSet(where, name, declared));
    const frameChains = Object.entries(frame.chains);
    for (const [name, { hook }] of frameChains)
      commands.push(`add chain ${where} ${name}${hook === undefined ? '' : ` { ${hook}; }`}`);
    for (const name of chains.keys()) commands.push(`add chain ${where} ${name}`);
    const ruled = [...frameChains.map(([name, { rules }]) => [name, rules] as const), ...chains];
    for (const [name, rules] of ruled)
      append(
        commands,
        rules.map((rule) => `add rule ${where} ${name} ${rule}`),
      );
    for (const [setName, keys] of claims) {
      const texts = [...keys].map(([key, all]) => elementText(key, valueOf(all) ?? ''));
      append(commands, elementCommands('add', where, setName, texts));
    }
    for (const name of learningSets())
      append(commands, elementCommands('add', where, name, learned?.get(name) ?? []));
    return `${commands.join('\n')}\n`;
  }

  return {
    family: frame.family,
    name: frame.name,
    parts,
    set,
    takeChanges,
    takeWhole,
    learningSets,
    conflicts: () =>
      [...claims.values()].flatMap((keys) =>
        [...keys].flatMap(([key, all]) => {
          const [first, ...others] = all instanceof Map ? [...all] : [];
          // Equal values are no conflict: both parts want the same.
          return others.flatMap(([part, value]) =>
            first === undefined || value === first[1] ? [] : [{ part, owner: first[0], key }],
          );
        }),
      ),
  };
}

const valueOf = (all: Claims | undefined): string | undefined =>
  all instanceof Map ? all.values().next().value : all?.value;

function withClaim(all: Claims | undefined, claim: Claim): Claims {
  if (all instanceof Map) return all.set(claim.part, claim.value);
  if (all === undefined || all.part === claim.part) return claim;
  return new Map([all, claim].map(({ part, value }) => [part, value]));
}

function withoutClaim(all: Claims | undefined, part: string): Claims | undefined {
  if (!(all instanceof Map)) return all?.part === part ? undefined : all;
  all.delete(part);
  if (all.size > 1) return all;
  const [left] = all;
  return left && { part: left[0], value: left[1] };
}

const addSet = (where: string, name: string, { kind, declaration }: SetDeclaration): string =>
  `add ${kind} ${where} ${name} { ${declaration} }`;

const elementText = (key: string, value: string): string => (value === '' ? key : `${key} : ${value}`);

function elementCommands(
  verb: 'add' | 'delete',
  where: string,
  set: string,
  texts: readonly string[],
): readonly string[] {
  const commands: string[] = [];
  for (let start = 0; start < texts.length; start += ELEMENTS_A_COMMAND)
    commands.push(
      `${verb} element ${where} ${set} { ${texts.slice(start, start + ELEMENTS_A_COMMAND).join(', ')} }`,
    );
  return commands;
}

const isSame = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a?.length === b.length && a.every((rule, index) => rule === b[index]);
