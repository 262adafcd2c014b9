import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Authority, issueIdentity, openAuthority } from '../../../src/api/tls/authority.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { type NodeIdentity, openNodeIdentity } from '../../../src/node-agent/identity/node-identity.ts';
import { renewAtMs } from '../../../src/node-agent/identity/plan-renewal.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { eventually } from '../../support/kubectl.ts';

const HOUR_MS = 3_600_000;

let clock: FakeClock;
let directory: string;
let authority: Authority;
let obtained: ('first' | 'renewal')[];
let failing: boolean;
let open: NodeIdentity[];

beforeEach(async () => {
  clock = createFakeClock();
  directory = await mkdtemp(join(tmpdir(), 'symphony-identity-'));
  authority = await openAuthority({ directory: join(directory, 'tls'), clock });
  obtained = [];
  failing = false;
  open = [];
});
afterEach(async () => {
  for (const identity of open) await identity[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function start(by: Authority = authority): Promise<NodeIdentity> {
  const identity = await openNodeIdentity({
    nodeName: 'n1',
    caPem: by.caPem,
    file: join(directory, 'node.pem'),
    async obtain(current) {
      if (failing) throw new Error('the control plane is away');
      obtained.push(current ? 'renewal' : 'first');
      const lifetimeMs = 24 * HOUR_MS;
      const commonName = 'system:node:n1';
      return issueIdentity(by, { commonName, purposes: ['client auth'], lifetimeMs });
    },
    clock,
    rng: seededRng(1),
    logger: silentLogger,
  });
  open.push(identity);
  return identity;
}

describe("a node's identity", () => {
  it('is obtained once and kept in a private file over restarts', async () => {
    const before = await start();
    const again = await start();
    expect(again.current().certificate?.certPem.trim()).toBe(before.current().certificate?.certPem.trim());
    expect(obtained).toEqual(['first']);
    const file = join(directory, 'node.pem');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).toMatch(/CERTIFICATE[\s\S]+PRIVATE KEY/);
  });

  it('is renewed with itself before it ends, and says so', async () => {
    const identity = await start();
    const first = identity.current();
    let changes = 0;
    identity.onChange(() => (changes += 1));
    await clock.advance(17 * HOUR_MS);
    expect(obtained).toEqual(['first']);
    await clock.advance(4 * HOUR_MS);
    await eventually('it is renewed', async () => changes === 1);
    expect(identity.current()).not.toEqual(first);
    expect(obtained).toEqual(['first', 'renewal']);
  });

  it('goes on with the old certificate while a new one cannot be had', async () => {
    const identity = await start();
    const first = identity.current();
    failing = true;
    await clock.advance(22 * HOUR_MS);
    expect(identity.current()).toEqual(first);
    failing = false;
    await clock.advance(120_000);
    await eventually('it is renewed', async () => obtained.length === 2);
    expect(obtained).toEqual(['first', 'renewal']);
  });

  it('is not renewed without end by a clock that is many hours ahead', async () => {
    const behind = { ...clock, now: () => clock.now() - 20 * HOUR_MS };
    await start(await openAuthority({ directory: join(directory, 'behind'), clock: behind }));
    await clock.advance(1_000);
    await eventually('it is due, and renewed', async () => obtained.length === 2);
    await eventually('it waits again', async () => clock.nextTimerAt !== undefined);
    await clock.advance(59_000);
    expect(obtained).toEqual(['first', 'renewal']);
  });

  it('is obtained anew for another authority', async () => {
    await start();
    const other = await openAuthority({ directory: join(directory, 'other'), clock });
    await start(other);
    expect(obtained).toEqual(['first', 'first']);
  });
});

it('a certificate is renewed after 75 to 85 per cent of its life', () => {
  const validity = { notBeforeMs: 1_000, notAfterMs: 2_000 };
  expect(renewAtMs(validity, 0)).toBe(1_750);
  expect(renewAtMs(validity, 1)).toBe(1_850);
});
