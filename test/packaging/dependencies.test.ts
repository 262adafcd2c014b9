/**
 * The promise of package.json about Node holds for every package in the lock; fixed dependencies
 * stay named.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

interface Package {
  readonly engines?: { readonly node?: string };
  readonly deprecated?: string;
  readonly libc?: unknown;
  readonly optional?: boolean;
}

const read = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
const manifest = read('package.json') as {
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
};
const { packages } = read('package-lock.json') as { readonly packages: Readonly<Record<string, Package>> };

type Version = readonly [major: number, minor: number, patch: number];

function parseVersion(text: string): Version {
  const match = /^v?(\d+)(?:\.(\d+|[x*]))?(?:\.(\d+|[x*]))?$/.exec(text);
  if (!match) throw new Error(`Cannot read the version "${text}"`);
  const [major = 0, minor = 0, patch = 0] = match.slice(1).map((part) => Number(part) || 0);
  return [major, minor, patch];
}

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/**
 * The ranges that packages use for `engines`: comparators with blanks between, alternatives with
 * `||`.
 */
function allows(range: string, version: Version): boolean {
  return range.split('||').some((alternative) =>
    alternative
      .trim()
      .replace(/([<>=^~]) +/g, '$1')
      .split(/\s+/)
      .every((comparator) => meets(comparator, version)),
  );
}

function meets(comparator: string, version: Version): boolean {
  if (comparator === '*' || comparator === '') return true;
  const [, operator = '', text = ''] = /^([<>=^~]*)(.*)$/.exec(comparator) ?? [];
  const limit = parseVersion(text);
  const order = compare(version, limit);
  switch (operator) {
    case '>=':
      return order >= 0;
    case '>':
      return order > 0;
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '^':
      return order >= 0 && version[0] === limit[0];
    case '~':
      return order >= 0 && version[0] === limit[0] && version[1] === limit[1];
    case '':
    case '=':
      return version[0] === limit[0] && (!/\.\d/.test(text) || order === 0);
    default:
      throw new Error(`Cannot read the range "${comparator}"`);
  }
}

describe('the packages', () => {
  const oldest = parseVersion(manifest.engines.node.replace('>=', ''));
  const entries = Object.entries(packages).filter(([path]) => path !== '');

  it('run on the oldest Node that is promised, and on newer release lines', () => {
    const refusing = [oldest, parseVersion('22.22'), parseVersion('24.22')].flatMap((version) =>
      entries
        .filter(([, { engines }]) => engines?.node !== undefined && !allows(engines.node, version))
        .map(([path, { engines }]) => `${path} on ${version.join('.')}: ${engines?.node ?? ''}`),
    );
    expect(refusing).toEqual([]);
  });

  it('are told apart by version: what refuses a version is found', () => {
    expect(allows('>=22', oldest)).toBe(false);
    expect(allows('^18.18.0 || ^20.9.0 || >=21.1.0', oldest)).toBe(true);
    expect(allows('>=20.19.0 <20.20', parseVersion('20.20.2'))).toBe(false);
  });

  it('are none that their authors have given up', () => {
    const deprecated = entries.filter(([, { deprecated }]) => deprecated !== undefined).map(([path]) => path);
    expect(deprecated).toEqual([]);
  });

  it('are locked as npm 10 and npm 11 both write them', () => {
    expect(entries.filter(([, { libc }]) => libc !== undefined).map(([path]) => path)).toEqual([]);
  });

  it('that the design is fixed on stay dependencies', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(
      expect.arrayContaining(['ajv', 'bullmq', 'dockerode', 'ioredis', 'js-yaml', 'pino', 'simple-git']),
    );
  });
});
