/** dist/ as scripts/build.mjs makes it: complete in itself, with the licences of what is in it. */
import { readFileSync, readdirSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { describe, expect, it } from 'vitest';

const dist = new URL('../../dist/', import.meta.url);
const chunks = readdirSync(dist).filter((file) => file.endsWith('.js'));
const sourceOf = (file: string): string => readFileSync(new URL(file, dist), 'utf8');
const importsOf = (file: string): readonly string[] =>
  [...sourceOf(file).matchAll(/(?:^|[;\n])(?:import|export)\b[^'"();]*?\bfrom ?["']([^"']+)["']/g)].map(
    ([, name = '']) => name,
  );

describe('the bundle', () => {
  it('imports nothing but itself and what Node brings', () => {
    const foreign = chunks.flatMap((file) =>
      importsOf(file)
        .filter((name) => !isBuiltin(name) && !(name.startsWith('./') && chunks.includes(name.slice(2))))
        .map((name) => `${file}: ${name}`),
    );
    expect(foreign).toEqual([]);
    expect(importsOf('main.js').length).toBeGreaterThan(0);
  });

  it('is Latin-1: V8 keeps the text of other programs in two bytes a character', () => {
    expect(chunks.filter((file) => /[^\u0000-\u00ff]/.test(sourceOf(file)))).toEqual([]);
  });

  it('holds no packages that nothing of it uses', () => {
    const maps = readdirSync(dist).filter((file) => file.endsWith('.js.map'));
    const sources = maps.flatMap((file) => (JSON.parse(sourceOf(file)) as { sources: string[] }).sources);
    expect(sources.some((source) => source.includes('node_modules/dockerode/'))).toBe(true);
    const unused = /node_modules\/(@grpc|ssh2|cpu-features|luxon|cron-parser|bullmq\/.*\/postgres)\//;
    expect(sources.filter((source) => unused.test(source))).toEqual([]);
  });

  it('names the licence of every package in it', () => {
    const notices = sourceOf('THIRD-PARTY-NOTICES.txt');
    const maps = readdirSync(dist).filter((file) => file.endsWith('.js.map'));
    const names = new Set(
      maps
        .flatMap((file) => (JSON.parse(sourceOf(file)) as { sources: string[] }).sources)
        .flatMap((source) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? []),
    );
    expect(names.size).toBeGreaterThan(30);
    expect([...names].filter((name) => !notices.includes(`\n${name} `))).toEqual([]);
    expect(notices.match(/^ws \d+\.\d+\.\d+, MIT/gm)).toHaveLength(1);
    expect(notices).toContain('Copyright (c) 2011 Einar Otto Stangvik');
  });
});
