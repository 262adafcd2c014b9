/**
 * A forge that refuses, limits or vanishes is told everything in the end, and is never asked within
 * its own wait.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { TransientError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { createCommitStatusPoster } from '../../../src/sync/forge/commit-status-poster.ts';
import type { HttpResponse } from '../../../src/sync/forge/http.ts';
import { createForge } from '../../../src/sync/forge/index.ts';
import { planRetryWait } from '../../../src/sync/forge/plan-retry-wait.ts';
import { planDueStatuses } from '../../../src/sync/status/plan-due-statuses.ts';
import { POLL_MS, configMap, createHarness } from '../harness.ts';

const answer = (status: number, headers: Record<string, string> = {}, text = ''): HttpResponse => ({
  status,
  headers: new Map(Object.entries(headers)),
  text,
});
const NOW = Date.parse('2026-01-01T00:00:00Z');
const SECONDARY = '{"message":"You have exceeded a secondary rate limit. Please wait a few minutes"}';
const inSeconds = (seconds: number): string => String(NOW / 1000 + seconds);

describe('the wait after an answer', () => {
  it.each([
    ['seconds', answer(403, { 'retry-after': '40' }), 'host', 41_000],
    ['seconds on a 5xx', answer(503, { 'retry-after': '7' }), 'host', 8_000],
    ['a date', answer(429, { 'retry-after': new Date(NOW + 40_000).toUTCString() }), 'host', 41_000],
    [
      'a date by the server’s clock, which is an hour ahead',
      answer(429, {
        date: new Date(NOW + 3_600_000).toUTCString(),
        'retry-after': new Date(NOW + 3_640_000).toUTCString(),
      }),
      'host',
      41_000,
    ],
    [
      'a reset of an exhausted allowance',
      answer(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': inSeconds(600) }),
      'host',
      601_000,
    ],
    [
      'a reset in GitLab’s header',
      answer(429, { 'ratelimit-remaining': '0', 'ratelimit-reset': inSeconds(60) }),
      'host',
      61_000,
    ],
    [
      'a reset in seconds from now',
      answer(429, { 'ratelimit-remaining': '0', 'ratelimit-reset': '30' }),
      'host',
      31_000,
    ],
    [
      'a reset that is no wait, as something is left',
      answer(503, { 'x-ratelimit-reset': inSeconds(600) }),
      'host',
      1_000,
    ],
    ['a limit without a header', answer(403, {}, SECONDARY), 'host', 60_000],
    ['429 without a header', answer(429), 'host', 60_000],
    ['an absurd wait', answer(429, { 'retry-after': '99999999999' }), 'host', 86_400_000],
    ['rubbish', answer(500, { 'retry-after': 'soon' }), 'host', 1_000],
    ['a wrong token', answer(401), 'host', 1_000],
    ['no answer', undefined, 'host', 1_000],
    ['a refused status', answer(422), 'status', 1_000],
    ['a missing right on one repository', answer(403, {}, 'Resource not accessible'), 'status', 1_000],
    ['an unknown repository', answer(404), 'status', 1_000],
    ['a redirect', answer(302), 'status', 1_000],
  ] as const)('%s', (_, response, scope, waitMs) => {
    expect(planRetryWait(response, 1, NOW)).toEqual({ scope, waitMs });
  });

  it('grows where the server names a time that is over', () => {
    const over = answer(429, { 'retry-after': '0' });
    expect([1, 2, 5].map((failures) => planRetryWait(over, failures, NOW).waitMs)).toEqual([
      1_000, 2_000, 16_000,
    ]);
  });

  it('grows with each failure and has an end', () => {
    const waits = [1, 2, 3, 30].map((failures) => planRetryWait(undefined, failures, NOW).waitMs);
    expect(waits).toEqual([1_000, 2_000, 4_000, 300_000]);
  });
});

describe('what is due', () => {
  const status = (sha: string, state: 'pending' | 'success' | 'failure') => ({
    sha,
    state,
    description: state,
    repoURL: 'r',
  });

  it('is the newest word on each commit, the end of an earlier one first', () => {
    const ledger = { posted: [status('a', 'pending')], due: [status('a', 'success')] };
    expect(planDueStatuses(ledger, [status('b', 'pending')]).due).toEqual([
      status('a', 'success'),
      status('b', 'pending'),
    ]);
  });

  it('is nothing for a commit that nobody was told of and that ended without a word', () => {
    const ledger = { posted: [], due: [status('a', 'pending')] };
    expect(planDueStatuses(ledger, [status('b', 'pending')]).due).toEqual([status('b', 'pending')]);
  });

  it('is nothing that the forge shows already', () => {
    const ended = [status('a', 'success')];
    expect(planDueStatuses({ posted: ended, due: ended }, [status('b', 'pending')]).due).toEqual([
      status('b', 'pending'),
    ]);
  });

  it('is the same status once more for another repository', () => {
    const moved = { ...status('a', 'success'), repoURL: 'other' };
    expect(planDueStatuses({ posted: [status('a', 'success')], due: [] }, [moved]).due).toEqual([moved]);
  });

  it('has a bound', () => {
    const due = Array.from({ length: 200 }, (_, index) => status(String(index), 'failure'));
    expect(planDueStatuses({ posted: [], due }, [status('b', 'pending')]).due.length).toBe(51);
  });
});

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** A GitHub whose answers the test decides; `asked` has the times, `posted` what it took. */
async function aForge(reply: (sha: string, state: string) => HttpResponse | 'reset') {
  const at = await createHarness();
  opened.push(at);
  const asked: number[] = [];
  const posted: string[] = [];
  const forge = createForge({
    name: 'github',
    token: 't',
    repository: 'acme/shop',
    clock: at.clock,
    mirrorOf: () => undefined as never,
    async http({ url, json }) {
      const { state, context } = json as { state: string; context: string };
      const sha = url.slice(-40);
      asked.push(at.clock.now());
      const said = reply(sha, state);
      if (said === 'reset') throw new TransientError('Cannot reach the forge: connection reset');
      if (said.status === 201) posted.push(`${sha.slice(0, 6)} ${context.split('/').at(-1)} ${state}`);
      return said;
    },
  });
  const start = async () => {
    const poster = await createCommitStatusPoster({
      ...at,
      forge,
      environment: 'default',
      logger: silentLogger,
    });
    let isOpen = true;
    const close = async (): Promise<void> => {
      if (isOpen) await poster[Symbol.asyncDispose]();
      isOpen = false;
    };
    opened.push({ [Symbol.asyncDispose]: close });
    return close;
  };
  return { at, asked, posted, start };
}

describe('the poster', () => {
  it.each([
    ['403 without a wait', answer(403, {}, SECONDARY)],
    ['401', answer(401)],
    ['404', answer(404)],
    ['422', answer(422)],
    ['500', answer(500)],
    ['a connection reset', 'reset'],
    ['a redirect', answer(302)],
  ] as const)('posts the final status after %s', async (_, refusal) => {
    let isBroken = true;
    const { at, posted, start } = await aForge(() => (isBroken ? refusal : answer(201)));
    await start();
    at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass(30_000);
    expect(posted).toEqual([]);
    isBroken = false;
    await at.pass(300_000);
    expect(posted.at(-1)).toMatch(/root success$/);
    const total = posted.length;
    await at.pass(600_000);
    expect(posted.length).toBe(total);
  });

  it.each([
    ['seconds', () => ({ 'retry-after': '40' })],
    ['a date', (now: number) => ({ 'retry-after': new Date(now + 40_000).toUTCString() })],
    [
      'a reset',
      (now: number) => ({
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(Math.ceil(now / 1000) + 40),
      }),
    ],
  ] as const)(
    'never asks within the wait (%s), for no application and not after a restart',
    async (_, headers) => {
      let refusedAt = 0;
      const { at, asked, posted, start } = await aForge(() => {
        if (refusedAt > 0) return answer(201);
        refusedAt = at.clock.now();
        return answer(403, headers(refusedAt));
      });
      const close = await start();
      at.repository.commit({ 'a.yaml': configMap('a', {}), 'shop/b.yaml': configMap('b', {}) });
      const root = (await at.application())!;
      await at.objects.create({
        ...root,
        metadata: { name: 'shop', namespace: 'symphony-system' },
        spec: { ...root.spec, source: { ...root.spec.source!, path: 'shop' } },
      });
      await at.start();
      await at.pass(15_000);
      await close();
      await start();
      await at.pass(POLL_MS);
      await at.pass(60_000);
      expect(asked.filter((time) => time > refusedAt && time < refusedAt + 40_000)).toEqual([]);
      expect(asked.filter((time) => time === refusedAt).length).toBe(1);
      expect(posted.filter((line) => line.endsWith('root success')).length).toBe(1);
      expect(posted.filter((line) => /shop (success|failure)$/.test(line)).length).toBe(1);
    },
  );

  it('posts the end of a commit that was overtaken while the forge was away, also after a restart', async () => {
    let isAway = false;
    const { at, posted, start } = await aForge(() => (isAway ? answer(502) : answer(201)));
    const close = await start();
    const one = at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass(1_000);
    expect(new Set(posted)).toEqual(new Set([`${one.slice(0, 6)} root pending`]));
    isAway = true;
    await at.pass(20_000);
    const two = at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.pass(POLL_MS * 1.1);
    await close();
    isAway = false;
    await start();
    await at.pass(400_000);
    const [first, second] = [one, two].map((sha) =>
      posted.filter((line) => line.startsWith(sha.slice(0, 6))).map((line) => line.split(' ')[2]),
    );
    expect([...new Set(first)]).toEqual(['pending', 'success']);
    expect(second?.at(-1)).toBe('success');
  });

  it('tells the end of a commit whose application is deleted while the forge is away', async () => {
    let isAway = false;
    const { at, posted, start } = await aForge(() => (isAway ? answer(502) : answer(201)));
    const close = await start();
    at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass(1_000);
    isAway = true;
    await at.objects.delete(
      at.registry.byKind('argoproj.io/v1alpha1', 'Application')!,
      'symphony-system/root',
    );
    await at.pass(10_000);
    await close();
    isAway = false;
    await start();
    await at.pass(400_000);
    expect(posted.at(-1)).toMatch(/root error$/);
  });

  it('says the end of a commit once, also when another commit follows', async () => {
    const { at, posted, start } = await aForge(() => answer(201));
    await start();
    const one = at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass(30_000);
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.pass(POLL_MS * 1.2);
    expect(posted.filter((line) => line === `${one.slice(0, 6)} root success`).length).toBe(1);
  });

  it('is not held up by one status that the forge does not take', async () => {
    let broken = '';
    const { at, posted, start } = await aForge((sha) => (sha === broken ? answer(422) : answer(201)));
    await start();
    broken = at.repository.commit({ 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass(30_000);
    const two = at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.pass(POLL_MS * 1.5);
    expect(posted.at(-1)).toBe(`${two.slice(0, 6)} root success`);
  });
});
