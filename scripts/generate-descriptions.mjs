/**
 * Build step: what upstream says of types and fields, for `kubectl explain`. The published models
 * (kubernetes-models, a development dependency) carry it as doc comments of their declarations.
 * Writes src/schemas/generated/descriptions.js (not kept in Git): each text once, and for each
 * component the numbers of its texts. Types that the models do not have have none.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const HEADER = '// Made by scripts/generate.mjs; do not edit.\n';

/** `IIoK8sApiAppsV1Deployment`, as the models name the interface of a component. */
const aliasOf = (component) =>
  `I${component
    .split(/[.-]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')}`;

function* declarations(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && entry.name !== '_schemas') yield* declarations(path);
    else if (entry.name.endsWith('.d.ts') && entry.name !== 'index.d.ts') yield path;
  }
}

const textOf = (comment) =>
  comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd())
    .join('\n')
    .trim();

/** The doc comments of an interface (or of a type) and of its members. */
function readDeclaration(source) {
  const alias = /export \{ \w+ as (IIo\w+)/.exec(source)?.[1];
  if (!alias) return undefined;
  const start = /(?:\/\*\*((?:(?!\*\/)[^])*)\*\/\s*)?export (?:interface|type) \w+/.exec(source);
  if (!start) return undefined;
  const end = source.indexOf('\n}\n', start.index);
  const body = source.slice(start.index + start[0].length, end < 0 ? undefined : end);
  const fields = {};
  for (const [, comment, name] of body.matchAll(/\n {4}\/\*\*((?:(?!\*\/)[^])*)\*\/\n {4}"([^"]+)"\??:/g))
    fields[name] = textOf(comment);
  return { alias, text: start[1] === undefined ? undefined : textOf(start[1]), fields };
}

/** The files to write, by name. The general types are in a package that the models depend on. */
export function descriptionFiles(require, components) {
  const models = require.resolve('kubernetes-models/package.json');
  const general = createRequire(models).resolve('@kubernetes-models/apimachinery/package.json');
  const roots = [dirname(models), dirname(general)];
  const byAlias = new Map(components.map((name) => [aliasOf(name), name]));
  const numbers = new Map();
  const number = (text) => {
    if (text === undefined || text === '') return -1;
    if (!numbers.has(text)) numbers.set(text, numbers.size);
    return numbers.get(text);
  };
  const types = {};
  for (const root of roots)
    for (const path of declarations(root)) {
      const found = readDeclaration(readFileSync(path, 'utf8'));
      const component = found && byAlias.get(found.alias);
      if (!component) continue;
      const fields = Object.entries(found.fields).map(([name, text]) => [name, number(text)]);
      types[component] = [number(found.text), Object.fromEntries(fields)];
    }
  const json = JSON.stringify({ texts: [...numbers.keys()], types });
  const hash = createHash('sha256').update(json).digest('hex');
  return {
    'descriptions.js': `${HEADER}export const hash = '${hash}';\nexport const { texts, types } = JSON.parse(${JSON.stringify(json)});\n`,
    'descriptions.d.ts': `${HEADER}export const hash: string;
export const texts: readonly string[];
/** By component: the number of its own text (-1: none), and those of its fields. */
export const types: Readonly<Record<string, readonly [number, Readonly<Record<string, number>>]>>;
`,
  };
}
