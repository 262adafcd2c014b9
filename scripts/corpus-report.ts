/**
 * The share of real manifests that is accepted: every object below a directory is validated on its
 * own, and counted by repository and reason of refusal. Not counted as manifests are: YAML without
 * apiVersion, kind and metadata (values files, workflows), unparsable files with `{{ … }}`
 * (templates), and files that a kustomization names as a patch (fragments). Kinds that Symphony
 * does not have are counted apart.
 */
import { append } from '../src/base/append.ts';
import { closestName } from '../src/schemas/values/closest-name.ts';
import { isRecord } from '../src/base/json.ts';
import {
  formatManifestError,
  type ManifestDocument,
  type ManifestError,
  readManifests,
  readYamlDocument,
  validateManifests,
} from '../src/schemas/manifest/index.ts';
import { podSpecPaths } from '../src/schemas/profile/index.ts';
import type { Registry } from '../src/schemas/resource-kind.ts';

export interface CorpusFile {
  /** Relative to the corpus, with `/`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface Tally {
  accepted: number;
  total: number;
}

export interface Refusal {
  readonly reason: string;
  count: number;
  /** Where it was seen first. */
  readonly example: string;
}

export interface CorpusReport {
  readonly objects: Tally;
  readonly workloads: Tally;
  readonly byRepository: Map<string, Tally>;
  readonly refusals: Map<string, Refusal>;
  readonly unknownKinds: Map<string, number>;
  readonly notManifests: Map<string, number>;
  suspects: number;
  files: number;
}

export function createCorpusReport(): CorpusReport {
  return {
    objects: { accepted: 0, total: 0 },
    workloads: { accepted: 0, total: 0 },
    byRepository: new Map(),
    refusals: new Map(),
    unknownKinds: new Map(),
    notManifests: new Map(),
    suspects: 0,
    files: 0,
  };
}

export interface CorpusContext {
  readonly registry: Registry;
  /** `file\tkind\tname` of objects with plain mistakes of their authors: left out. */
  readonly suspects: ReadonlySet<string>;
  /** Paths that a kustomization uses as patches. */
  readonly patches: ReadonlySet<string>;
}

/** `SUSPECT.tsv`: file, kind, name, mistake, with a heading. */
export function parseSuspects(text: string): Set<string> {
  const rows = text.split('\n').slice(1);
  return new Set(rows.filter((row) => row !== '').map((row) => row.split('\t').slice(0, 3).join('\t')));
}

/** The files that a kustomization names as patches or inputs, relative to the corpus. */
export function patchesOf(kustomization: CorpusFile): string[] {
  const read = readYamlDocument(kustomization);
  const value = 'value' in read ? read.value : undefined;
  const directory = kustomization.path.split('/').slice(0, -1);
  if (!isRecord(value)) return [];
  const fields = ['patches', 'patchesStrategicMerge', 'patchesJson6902', 'transformers', 'configurations'];
  return fields.flatMap((field) => {
    const entries = value[field];
    if (!Array.isArray(entries)) return [];
    return (entries as unknown[]).flatMap((entry) => {
      const path = isRecord(entry) ? entry['path'] : entry;
      return typeof path === 'string' && !path.includes('\n') ? [joinPath(directory, path)] : [];
    });
  });
}

function joinPath(directory: readonly string[], path: string): string {
  const parts = [...directory];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}

/** Adds one file to the report. */
export function tallyFile(report: CorpusReport, file: CorpusFile, context: CorpusContext): void {
  report.files++;
  if (context.patches.has(file.path)) return increment(report.notManifests, 'patch of a kustomization');
  const result = readManifests(file);
  if (result.notManifest !== undefined) return increment(report.notManifests, result.notManifest);
  const folder = result.errors[0]?.folder;
  if (folder !== undefined) return increment(report.notManifests, `a folder's file of ${folder}`);
  if (result.errors.length > 0) return tallyUnreadable(report, file, result.errors, context);
  for (const document of result.documents) tallyObject(report, file, document, context);
}

function tallyUnreadable(
  report: CorpusReport,
  file: CorpusFile,
  errors: readonly ManifestError[],
  { registry }: CorpusContext,
): void {
  const text = new TextDecoder().decode(file.bytes);
  if (/\{\{.*?\}\}/s.test(text)) return increment(report.notManifests, 'template, to be rendered first');
  const kinds = [...text.matchAll(/^kind:\s*["']?(\w+)/gm)].map((match) => match[1] ?? '');
  const known = new Set(registry.kinds.map((kind) => kind.kind));
  for (const kind of kinds) {
    if (!known.has(kind)) increment(report.unknownKinds, `${kind} (file cannot be read)`);
    else count(report, file, isWorkloadKind(kind), errors);
  }
  if (kinds.length === 0) increment(report.notManifests, 'cannot be read, and names no kind');
}

function tallyObject(
  report: CorpusReport,
  file: CorpusFile,
  document: ManifestDocument,
  { registry, suspects }: CorpusContext,
): void {
  const { apiVersion, kind } = document.object;
  const metadata: unknown = document.object.metadata;
  const name = isRecord(metadata) ? String(metadata['name']) : '';
  if (suspects.has(`${file.path}\t${kind}\t${name}`)) {
    report.suspects++;
    return;
  }
  if (!registry.byKind(apiVersion, kind)) return increment(report.unknownKinds, `${apiVersion} ${kind}`);
  const { errors } = validateManifests([document], registry);
  count(report, file, podSpecPaths[`${apiVersion}/${kind}`] !== undefined, errors);
}

function isWorkloadKind(kind: string): boolean {
  return Object.keys(podSpecPaths).some((known) => known.endsWith(`/${kind}`));
}

function count(
  report: CorpusReport,
  file: CorpusFile,
  isWorkload: boolean,
  errors: readonly ManifestError[],
): void {
  const repository = file.path.split('/')[0] ?? '';
  let tally = report.byRepository.get(repository);
  if (!tally) {
    tally = { accepted: 0, total: 0 };
    report.byRepository.set(repository, tally);
  }
  for (const counter of [report.objects, tally, ...(isWorkload ? [report.workloads] : [])]) {
    counter.total++;
    if (errors.length === 0) counter.accepted++;
  }
  const reasons = new Map(errors.map((error) => [reasonOf(error), error]));
  for (const [reason, error] of reasons) {
    const refusal = report.refusals.get(reason);
    if (refusal) refusal.count++;
    else report.refusals.set(reason, { reason, count: 1, example: formatManifestError(error).slice(0, 300) });
  }
}

/** The message without what differs from object to object. */
function reasonOf(error: ManifestError): string {
  const path = (error.path ?? '').replaceAll(/\[[^\]]*\]/g, '[]');
  const message = error.message.replaceAll(/"(?:[^"\\]|\\.)*"/g, '"…"');
  return path === '' ? message : `${path}: ${message}`;
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The report as text; the last line is fixed (docs/ARCHITECTURE.md, interfaces). */
export function renderCorpusReport(report: CorpusReport, registry: Registry): string {
  const lines: string[] = [
    `${report.files} files read, ${report.suspects} objects with known mistakes left out`,
    '',
  ];
  const section = (title: string, rows: readonly string[]): void => {
    if (rows.length === 0) return;
    append(lines, [title, ...rows.map((row) => `  ${row}`), '']);
  };
  section(
    'Accepted, by repository:',
    [...report.byRepository]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, tally]) => `${tallyText(tally).padEnd(24)} ${name}`),
  );
  section('Not manifests (files):', byCount(report.notManifests));
  section(
    'Kinds that Symphony does not have (objects):',
    byCount(report.unknownKinds).map((row) => row + didYouMean(row, registry)),
  );
  section(
    'Refused (objects, reason, first place):',
    [...report.refusals.values()]
      .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1))
      .flatMap((refusal) => [
        `${String(refusal.count).padStart(5)}  ${refusal.reason}`,
        `         ${refusal.example}`,
      ]),
  );
  lines.push(`objects: ${tallyText(report.objects)}, workloads: ${tallyText(report.workloads)}`);
  return `${lines.join('\n')}\n`;
}

function didYouMean(row: string, registry: Registry): string {
  const kind = row.split(' ').at(-1) ?? '';
  const names = registry.kinds.map((known) => known.kind);
  if (names.includes(kind)) return ' (another apiVersion of a kind that it has)';
  const closest = kind.length > 5 ? closestName(kind, names) : undefined;
  return closest === undefined ? '' : ` (a kind that it has: ${closest})`;
}

function tallyText({ accepted, total }: Tally): string {
  const percent = total === 0 ? 100 : (100 * accepted) / total;
  return `${accepted} of ${total} accepted (${percent.toFixed(1)} %)`;
}

function byCount(counts: ReadonlyMap<string, number>): string[] {
  return [...counts]
    .sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1))
    .map(([name, amount]) => `${String(amount).padStart(5)}  ${name}`);
}
