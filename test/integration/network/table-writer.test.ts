/** The writer of a table, in a real kernel. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { createNft } from '../../../src/network/nft/nft.ts';
import { createTableState, type TablePart } from '../../../src/network/nft/table-state.ts';
import { createTableWriter, type Nft, type TableWriter } from '../../../src/network/nft/table-writer.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { eventually } from '../../support/kubectl.ts';
import { programsOf } from '../../support/testbed/programs.ts';
import { type Place, startPlace } from '../../support/testbed/place.ts';

let place: Place;
let clock: FakeClock;
let writer: TableWriter;
let written: string[];

beforeAll(async () => {
  place = await startPlace({ name: 'host' });
});
afterAll(() => place[Symbol.asyncDispose]());

beforeEach(async () => {
  await place.must('nft', 'flush', 'ruleset');
  clock = createFakeClock();
  written = [];
  const real = createNft(programsOf(place));
  const nft: Nft = {
    ...real,
    apply: (commands) => {
      written.push(commands);
      return real.apply(commands);
    },
  };
  const state = createTableState({
    family: 'ip',
    name: 't',
    sets: { pods: { kind: 'set', declaration: 'type ipv4_addr;' } },
    chains: { pre: { hook: 'type filter hook prerouting priority 0', rules: ['ip saddr @pods counter'] } },
  });
  writer = createTableWriter({ nft, state, clock, logger: silentLogger });
});
afterEach(() => writer[Symbol.asyncDispose]());

const pods = (...addresses: readonly string[]): TablePart => ({
  elements: { pods: new Map(addresses.map((address) => [address, ''])) },
});
const chain = (rule: string): TablePart => ({ chains: { own: [rule] } });

async function inKernel(): Promise<readonly string[]> {
  const text = await place.must('nft', 'list', 'set', 'ip', 't', 'pods');
  return [...text.matchAll(/\d+\.\d+\.\d+\.\d+/g)].map(([address]) => address).sort();
}

describe('a table in the kernel', () => {
  it('is made at the start, and follows its parts', async () => {
    writer.set('a', pods('10.0.0.1'));
    writer.start();
    await writer.settled();
    expect(await inKernel()).toEqual(['10.0.0.1']);
    writer.set('b', pods('10.0.0.2'));
    writer.set('a', undefined);
    await writer.settled();
    expect(await inKernel()).toEqual(['10.0.0.2']);
    // Both changes went in one transaction.
    expect(written).toHaveLength(2);
  });

  it('replaces what an earlier process left there', async () => {
    await place.must(
      'nft',
      'add table ip t; add set ip t pods { type ipv4_addr; }; add element ip t pods { 10.9.9.9 }',
    );
    writer.set('a', pods('10.0.0.1'));
    await writer.settled();
    expect(await inKernel()).toEqual(['10.9.9.9']);
    writer.start();
    await writer.settled();
    expect(await inKernel()).toEqual(['10.0.0.1']);
  });

  it('leaves out a part that the kernel refuses, and says why', async () => {
    writer.start();
    for (let index = 1; index <= 9; index += 1) writer.set(`good-${index}`, pods(`10.0.0.${index}`));
    writer.set('bad', pods('10.0.0.300'));
    await writer.settled();
    expect(await inKernel()).toHaveLength(9);
    expect([...writer.refused.keys()]).toEqual(['bad']);
    expect(writer.refused.get('bad')).toContain('10.0.0.300');
    writer.set('later', pods('10.0.1.1'));
    writer.set('worse', chain('no such rule'));
    await writer.settled();
    expect(await inKernel()).toHaveLength(10);
    expect([...writer.refused.keys()]).toEqual(['bad', 'worse']);
    writer.set('bad', pods('10.0.0.30'));
    await writer.settled();
    expect(await inKernel()).toHaveLength(11);
    expect([...writer.refused.keys()]).toEqual(['worse']);
  });

  it('takes back what a part was when its successor is refused', async () => {
    writer.start();
    writer.set('a', pods('10.0.0.1'));
    await writer.settled();
    writer.set('a', pods('10.0.0.300'));
    writer.set('b', pods('10.0.0.2'));
    await writer.settled();
    expect(await inKernel()).toEqual(['10.0.0.2']);
  });

  it('comes back when somebody has removed it', async () => {
    writer.start();
    writer.set('a', pods('10.0.0.1'));
    await writer.settled();
    await place.must('nft', 'flush', 'ruleset');
    await eventually('the table is back', async () => {
      await clock.advance(10_000);
      await writer.settled();
      return (await inKernel()).length === 1;
    });
  });

  it('comes back when somebody has changed its rules', async () => {
    writer.start();
    writer.set('a', pods('10.0.0.1'));
    await writer.settled();
    await clock.advance(10_000);
    await eventually('the table was read', async () => {
      await clock.advance(10_000);
      await place.must('nft', 'flush', 'chain', 'ip', 't', 'pre');
      await clock.advance(10_000);
      await writer.settled();
      return (await place.must('nft', 'list', 'chain', 'ip', 't', 'pre')).includes('saddr');
    });
  });
});
