import { describe, expect, it } from 'vitest';
import { createTableState, type TableFrame, type TablePart } from '../../../src/network/nft/table-state.ts';

const frame: TableFrame = {
  family: 'ip',
  name: 't',
  sets: {
    services: { kind: 'map', declaration: 'type ipv4_addr . inet_service : verdict;' },
    pods: { kind: 'set', declaration: 'type ipv4_addr;' },
  },
  chains: { pre: { hook: 'type nat hook prerouting priority -110', rules: ['ip daddr @pods accept'] } },
};

const pods = (...keys: readonly string[]): TablePart => ({
  elements: { pods: new Map(keys.map((key) => [key, ''])) },
});
const service = (key: string, chain: string, ...rules: readonly string[]): TablePart => ({
  elements: { services: new Map([[key, `goto ${chain}`]]) },
  chains: { [chain]: rules },
});

function started(...parts: readonly (readonly [string, TablePart])[]) {
  const state = createTableState(frame);
  for (const [name, part] of parts) state.set(name, part);
  state.takeWhole();
  return state;
}

describe('a table as a whole', () => {
  it('is replaced in one transaction, chains before what leads to them', () => {
    const state = createTableState(frame);
    state.set('a', service('10.96.0.1 . 80', 'svc-a', 'counter'));
    expect(state.takeWhole()).toBe(
      [
        'add table ip t',
        'delete table ip t',
        'add table ip t',
        'add map ip t services { type ipv4_addr . inet_service : verdict; }',
        'add set ip t pods { type ipv4_addr; }',
        'add chain ip t pre { type nat hook prerouting priority -110; }',
        'add chain ip t svc-a',
        'add rule ip t pre ip daddr @pods accept',
        'add rule ip t svc-a counter',
        'add element ip t services { 10.96.0.1 . 80 : goto svc-a }',
        '',
      ].join('\n'),
    );
    expect(state.takeChanges()).toBeUndefined();
  });
});

describe('a change', () => {
  it('names only what is different', () => {
    const state = started(['a', pods('10.0.0.1', '10.0.0.2')], ['b', pods('10.0.0.3')]);
    state.set('a', pods('10.0.0.2', '10.0.0.4'));
    expect(state.takeChanges()).toBe(
      'delete element ip t pods { 10.0.0.1 }\nadd element ip t pods { 10.0.0.4 }\n',
    );
    expect(state.takeChanges()).toBeUndefined();
  });

  it('is nothing when it is undone before it was taken', () => {
    const state = started(['a', pods('10.0.0.1')]);
    state.set('a', undefined);
    state.set('a', pods('10.0.0.1'));
    expect(state.takeChanges()).toBeUndefined();
  });

  it('adds a chain before the element that leads to it, and removes it after that', () => {
    const state = started();
    state.set('a', service('10.96.0.1 . 80', 'svc-a', 'counter'));
    expect(state.takeChanges()).toBe(
      'add chain ip t svc-a\nadd rule ip t svc-a counter\nadd element ip t services { 10.96.0.1 . 80 : goto svc-a }\n',
    );
    state.set('a', service('10.96.0.1 . 80', 'svc-a', 'drop'));
    expect(state.takeChanges()).toBe('flush chain ip t svc-a\nadd rule ip t svc-a drop\n');
    state.set('a', undefined);
    expect(state.takeChanges()).toBe(
      'delete element ip t services { 10.96.0.1 . 80 }\nflush chain ip t svc-a\ndelete chain ip t svc-a\n',
    );
  });

  it('replaces a value in one transaction', () => {
    const state = started(['a', service('10.96.0.1 . 80', 'svc-a')]);
    state.set('a', { elements: { services: new Map([['10.96.0.1 . 80', 'drop']]) } });
    expect(state.takeChanges()).toBe(
      [
        'delete element ip t services { 10.96.0.1 . 80 }',
        'add element ip t services { 10.96.0.1 . 80 : drop }',
        'flush chain ip t svc-a',
        'delete chain ip t svc-a',
        '',
      ].join('\n'),
    );
  });

  it('puts at most 1,000 elements into a command', () => {
    const state = started();
    state.set('a', pods(...Array.from({ length: 2_500 }, (_, index) => `10.1.${index >> 8}.${index & 255}`)));
    expect(state.takeChanges()?.match(/^add element/gm)).toHaveLength(3);
  });
});

describe('a key that several parts want', () => {
  const key = '10.96.0.1 . 80';
  const wanting = (value: string): TablePart => ({ elements: { services: new Map([[key, value]]) } });

  it('belongs to the first, and to the next when that is gone', () => {
    const state = started(['a', wanting('accept')], ['b', wanting('drop')]);
    expect(state.conflicts()).toEqual([{ part: 'b', owner: 'a', key }]);
    state.set('a', wanting('continue'));
    expect(state.takeChanges()).toContain(`${key} : continue`);
    state.set('a', undefined);
    expect(state.takeChanges()).toContain(`${key} : drop`);
    expect(state.conflicts()).toEqual([]);
  });

  it('stays as long as one wants it, and is no conflict when all want the same', () => {
    const state = started(['a', pods('10.0.0.1')], ['b', pods('10.0.0.1')]);
    expect(state.conflicts()).toEqual([]);
    state.set('a', undefined);
    expect(state.takeChanges()).toBeUndefined();
    state.set('b', undefined);
    expect(state.takeChanges()).toBe('delete element ip t pods { 10.0.0.1 }\n');
  });
});

describe("a part's own set", () => {
  const group = (...keys: readonly string[]): TablePart => ({
    sets: { 'group-a': { kind: 'set', declaration: 'type ipv4_addr;' } },
    elements: { 'group-a': new Map(keys.map((key) => [key, ''])) },
  });

  it('comes before rules that name it, changes by elements, and goes after them', () => {
    const state = started();
    state.set('a', group('10.0.0.1'));
    state.set('b', { chains: { own: ['ip saddr @group-a accept'] } });
    expect(state.takeChanges()).toBe(
      [
        'add set ip t group-a { type ipv4_addr; }',
        'add chain ip t own',
        'add rule ip t own ip saddr @group-a accept',
        'add element ip t group-a { 10.0.0.1 }',
        '',
      ].join('\n'),
    );
    state.set('a', group('10.0.0.1', '10.0.0.2'));
    expect(state.takeChanges()).toBe('add element ip t group-a { 10.0.0.2 }\n');
    state.set('a', undefined);
    state.set('b', undefined);
    expect(state.takeChanges()).toBe(
      'flush chain ip t own\ndelete chain ip t own\ndelete set ip t group-a\n',
    );
    state.set('a', group('10.0.0.3'));
    expect(state.takeChanges()).toContain('add element ip t group-a { 10.0.0.3 }\n');
  });

  it('is a part of the whole table', () => {
    const whole = (): string => {
      const state = started(['a', group('10.0.0.1')]);
      return state.takeWhole();
    };
    expect(whole().indexOf('add set ip t group-a')).toBeLessThan(whole().indexOf('element ip t group-a'));
  });

  it('that comes and goes between two writes leaves nothing', () => {
    const state = started();
    state.set('a', group('10.0.0.1'));
    state.set('a', undefined);
    expect(state.takeChanges()).toBeUndefined();
  });
});

it('refuses a part with a set that the table does not have', () => {
  expect(() => started(['a', { elements: { other: new Map([['x', '']]) } }])).toThrow(
    'Table "t" has no set "other"',
  );
});
