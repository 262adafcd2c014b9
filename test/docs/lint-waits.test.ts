/** The lint rules of waits (scripts/lint/waits.cjs), tried on what they are for. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Linter } from 'eslint';
import { expect, it } from 'vitest';

interface Restriction {
  readonly selector: string;
  readonly message: string;
}
const { waits } = createRequire(import.meta.url)(
  join(import.meta.dirname, '../../scripts/lint/waits.cjs'),
) as { readonly waits: readonly Restriction[] };

function problems(code: string): number {
  const rules = { 'no-restricted-syntax': ['error', ...waits] } as const;
  const found = new Linter().verify(`async function work() { ${code} }`, { rules: rules as never });
  expect(found.filter(({ fatal }) => fatal)).toEqual([]);
  return found.length;
}

it.each([
  'await sleep(clock, 5);',
  'await new Promise((resolve) => setTimeout(resolve, 5));',
  'await once(emitter, "drain");',
  'for await (const [one] of on(emitter, "data")) take(one);',
  'for await (const event of runtime.events()) take(event);',
  'for (;;) await attempt();',
  'while (true) { await attempt(); }',
  'while (!signal.aborted) { await attempt(); }',
  'while (!stop.signal.aborted) { for await (const one of cache.watch(from, stop.signal)) take(one); }',
  'while (!stop.signal.aborted && more) { try { await attempt(); } catch {} }',
])('refuses %s', (code) => {
  expect(problems(code)).toBe(1);
});

it.each([
  'await sleep(clock, 5, signal);',
  'await once(emitter, "drain", { signal });',
  'for await (const event of runtime.events(stop.signal)) take(event);',
  'for (let tries = 1; ; tries += 1) { await attempt(); if (tries > 5) return; }',
  'while (!signal.aborted) { await attempt(); await sleep(clock, 5, signal); }',
  'for (;;) { await new Promise((resolve) => { wake = resolve; }); }',
  'for (;;) { if (next() < 0) return; }',
])('takes %s', (code) => {
  expect(problems(code)).toBe(0);
});
