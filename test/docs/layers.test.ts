/**
 * The table "Where things are" of docs/ARCHITECTURE.md says what the rules of
 * scripts/lint/layers.cjs check.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { expect, it } from 'vitest';

interface Layer {
  readonly folder: string;
  readonly pure?: boolean;
}
const root = join(import.meta.dirname, '../..');
const { LAYERS, importsOf } = createRequire(import.meta.url)(join(root, 'scripts/lint/layers.cjs')) as {
  readonly LAYERS: readonly Layer[];
  readonly importsOf: (layer: Layer) => string;
};

it('every folder of src has its rule', () => {
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((one) => one.isDirectory());
  expect(LAYERS.map(({ folder }) => folder).sort()).toEqual(folders.map(({ name }) => name).sort());
});

it('the table in the documents is that of the rules, row by row', () => {
  const text = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8');
  const rows = [...text.matchAll(/^\| (`src\/[^|]*) \|[^|]*\| ([^|]*) \|$/gm)];
  expect(rows.map(([, folder, imports]) => [folder, imports])).toEqual(
    LAYERS.map((layer) => [`\`src/${layer.folder}\`${layer.pure ? ' (pure)' : ''}`, importsOf(layer)]),
  );
});
