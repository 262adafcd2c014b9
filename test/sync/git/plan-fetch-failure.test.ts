import { describe, expect, it } from 'vitest';
import { TransientError, UserError } from '../../../src/base/errors.ts';
import { planFetchFailure } from '../../../src/sync/git/plan-fetch-failure.ts';

/** As servers greet before they refuse. */
const greeting = Array.from({ length: 12 }, (_, line) => `remote: ${line} ${'welcome '.repeat(20)}`).join(
  '\n',
);
const failureOf = (text: string): Error => planFetchFailure('https://git.example/shop', new Error(text));

describe('why a fetch failed', () => {
  it('is told from the end of what git says, however long the server greets', () => {
    const refused = failureOf(`${greeting}\nfatal: repository 'https://git.example/shop' not found`);
    expect(refused).toBeInstanceOf(UserError);
    expect(refused.message).toMatch(/^Cannot fetch "https:\/\/git\.example\/shop": remote: 0 /);
    expect(refused.message).toMatch(/fatal: repository 'https:\/\/git\.example\/shop' not found$/);
    expect(refused.message.length).toBeLessThan(600);
    const away = failureOf(`${greeting}\nfatal: unable to access: Could not resolve host: git.example`);
    expect(away).toBeInstanceOf(TransientError);
  });

  it('has no credential and no duration in it', () => {
    const { message } = failureOf('fatal: https://alice:secret@git.example/shop: timed out after 1234 ms\n');
    expect(message).not.toContain('secret');
    expect(message).not.toContain('1234');
  });
});
