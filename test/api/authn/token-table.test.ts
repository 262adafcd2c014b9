import type { IncomingHttpHeaders } from 'node:http';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTokenTable } from '../../../src/api/authn/token-table.ts';
import { createTokenAuthenticator } from '../token-authenticator.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-tokens-'));
  path = join(directory, 'tokens.json');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('the token table', () => {
  it('knows a token after it was opened again, and keeps only its hash in a private file', async () => {
    const token = await (await openTokenTable(path)).issue('ann', ['dev']);
    const text = await readFile(path, 'utf8');
    expect(text).not.toContain(token);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const again = await openTokenTable(path);
    expect(again.find(token)).toEqual({ name: 'ann', groups: ['dev', 'system:authenticated'] });
    expect(again.belongsTo(token, 'ann')).toBe(true);
    expect(again.belongsTo(token, 'bob')).toBe(false);
    expect(again.find(`${token}x`)).toBeUndefined();
  });

  it('sees within a second what another process issued and revoked', async () => {
    const clock = createFakeClock();
    const server = await openTokenTable(path, { clock });
    const command = await openTokenTable(path);
    const token = await command.issue('system:node:n1', ['system:nodes']);
    await clock.advance(1_000);
    expect(server.find(token)?.name).toBe('system:node:n1');
    await command.revoke('system:node:n1');
    await clock.advance(1_000);
    expect(server.find(token)).toBeUndefined();
  });

  it('does not undo what another process wrote meanwhile', async () => {
    const server = await openTokenTable(path);
    const command = await openTokenTable(path);
    const theirs = await command.issue('system:node:n1', []);
    const ours = await server.issue('ann', []);
    const reopened = await openTokenTable(path);
    expect(reopened.find(theirs)?.name).toBe('system:node:n1');
    expect(reopened.find(ours)?.name).toBe('ann');
  });

  it('keeps every token that several processes issue at the same time', async () => {
    const tables = await Promise.all(Array.from({ length: 6 }, () => openTokenTable(path)));
    const tokens = await Promise.all(tables.map((table, index) => table.issue(`u${index}`, [])));
    const reopened = await openTokenTable(path);
    expect(tokens.map((token) => reopened.find(token)?.name)).toEqual(tables.map((_, index) => `u${index}`));
  });

  it('keeps every token of calls that overlap', async () => {
    const table = await openTokenTable(path);
    const tokens = await Promise.all(Array.from({ length: 8 }, (_, index) => table.issue(`u${index}`, [])));
    const reopened = await openTokenTable(path);
    expect(tokens.map((token) => reopened.find(token)?.name)).toEqual(
      Array.from({ length: 8 }, (_, index) => `u${index}`),
    );
  });

  it('keeps the last good table while the file is broken, and says so', async () => {
    const clock = createFakeClock();
    const errors: unknown[] = [];
    const table = await openTokenTable(path, { clock, onError: (error) => errors.push(error) });
    const token = await table.issue('ann', []);
    await writeFile(path, '{"tokens": 1}');
    await clock.advance(1_000);
    expect(table.find(token)?.name).toBe('ann');
    expect(String(errors[0])).toContain(`Cannot read tokens from "${path}"`);
    await expect(openTokenTable(path)).rejects.toThrow('it is not a token table');
  });
});

describe('the authenticator of bearer tokens', () => {
  it('tells no claim from a false one', async () => {
    const table = await openTokenTable(path);
    const token = await table.issue('ann', []);
    const { authenticate } = createTokenAuthenticator(table);
    const ask = (headers: IncomingHttpHeaders) => authenticate({ headers });
    expect(await ask({})).toEqual({ result: 'anonymous' });
    expect(await ask({ authorization: 'Bearer wrong' })).toEqual({ result: 'rejected' });
    expect(await ask({ authorization: `Basic ${token}` })).toEqual({ result: 'anonymous' });
    expect(await ask({ authorization: `bearer ${token}` })).toMatchObject({ result: 'user' });
  });
});
