/**
 * `npm run corpus [-- DIR]`: how much of the manifests below DIR Symphony accepts. See
 * corpus-report.ts for the rules.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import {
  createCorpusReport,
  parseSuspects,
  patchesOf,
  renderCorpusReport,
  tallyFile,
} from './corpus-report.ts';
import { findManifestFiles } from '../src/cli/manifest-files.ts';
import { defaultManifestLimits } from '../src/schemas/manifest/index.ts';
import { builtinRegistry } from '../src/schemas/registry.ts';

const DEFAULT_CORPUS = '../shared/corpus';

const directory = process.argv[2] ?? DEFAULT_CORPUS;
if (!existsSync(directory) || !statSync(directory).isDirectory()) {
  process.stderr.write(`usage: npm run corpus -- DIR   ("${directory}" is not a directory)\n`);
  process.exit(2);
}

/** Where SUSPECT.tsv lies: the directory itself or one of its parents; paths are relative to it. */
function findRoot(start: string): string {
  for (let at = resolve(start), up = 0; up < 8; at = dirname(at), up++) {
    if (existsSync(join(at, 'SUSPECT.tsv'))) return at;
  }
  return resolve(start);
}

const root = findRoot(directory);
const suspectsFile = join(root, 'SUSPECT.tsv');
const suspects = existsSync(suspectsFile)
  ? parseSuspects(readFileSync(suspectsFile, 'utf8'))
  : new Set<string>();
const files = (await findManifestFiles([directory])).files.map(({ path }) => path);
const nameOf = (path: string): string => relative(root, resolve(path)).split(sep).join('/');
const read = (path: string): { path: string; bytes: Uint8Array } => {
  const tooLarge = statSync(path).size > defaultManifestLimits.maxFileBytes;
  const bytes = tooLarge ? new Uint8Array(defaultManifestLimits.maxFileBytes + 1) : readFileSync(path);
  return { path: nameOf(path), bytes };
};

const kustomizations = files.filter((path) => /(?:^|[/\\])kustomization\.ya?ml$/i.test(path));
const patches = new Set(kustomizations.flatMap((path) => patchesOf(read(path))));
const report = createCorpusReport();
// One file at a time: memory stays at what the largest file takes.
for (const path of files) tallyFile(report, read(path), { registry: builtinRegistry, suspects, patches });
process.stdout.write(renderCorpusReport(report, builtinRegistry));
