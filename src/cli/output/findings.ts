/** Renders what validating manifests found: warnings, errors, and one line of counts. */
import { append } from '../../base/append.ts';
import { printable } from '../../base/printable.ts';
import type { ManifestError } from '../../schemas/manifest/index.ts';
import { createColours } from './colours.ts';
import { renderManifestError, type Severity } from './manifest-report.ts';

/** Files that `--verbose` names; JSON has them all. */
const MAX_SKIPPED_SHOWN = 200;
/** The reason of links; they are not counted as files. */
export const LINK = 'a symbolic link is not followed';

export interface Skipped {
  readonly file: string;
  readonly reason: string;
}

export interface Findings {
  readonly files: number;
  readonly objects: number;
  readonly errors: readonly ManifestError[];
  readonly warnings: readonly ManifestError[];
  /** Files that are YAML or JSON but no manifests, and links to files. */
  readonly skipped: readonly Skipped[];
}

export interface FindingsOptions {
  readonly coloured: boolean;
  readonly strict: boolean;
  readonly verbose: boolean;
}

export function renderFindings(
  { errors, warnings, objects, files, skipped }: Findings,
  /** Lines by file, for excerpts. */
  sources: ReadonlyMap<string, readonly string[]>,
  { coloured, strict, verbose }: FindingsOptions,
): string {
  const colours = createColours(coloured);
  const parts: string[] = [];
  const add = (list: readonly ManifestError[], severity: Severity): void => {
    for (const error of list)
      parts.push(renderManifestError(error, severity, sources.get(error.file), colours));
  };
  if (verbose) append(parts, skippedLines(skipped));
  add(warnings, 'warning');
  add(errors, 'error');
  const isStrict = strict && warnings.length > 0;
  const counts = [
    ...(errors.length > 0 ? [colours.red(count(errors.length, 'error'))] : []),
    ...(errors.length === 0 && !isStrict ? [colours.green('valid')] : []),
    ...(warnings.length === 0
      ? []
      : [colours.yellow(`${count(warnings.length, 'warning')}${isStrict ? ' taken for errors' : ''}`)]),
    `${count(objects, 'object')} in ${count(files, 'file')}`,
    ...skippedCounts(skipped),
  ];
  parts.push(counts.join(', '));
  return `${parts.join('\n')}\n`;
}

/** Counts what is passed over. */
export function skippedCounts(skipped: readonly Skipped[]): readonly string[] {
  const foreign = skipped.filter(({ reason }) => reason !== LINK).length;
  const links = skipped.length - foreign;
  return [
    ...(foreign === 0 ? [] : [`${count(foreign, 'file')} skipped: not manifests`]),
    ...(links === 0 ? [] : [`${count(links, 'symbolic link')} not followed`]),
  ];
}

function skippedLines(skipped: readonly Skipped[]): readonly string[] {
  const shown = skipped.slice(0, MAX_SKIPPED_SHOWN);
  const more = skipped.length - shown.length;
  return [
    ...shown.map(({ file, reason }) => `${printable(file)}: skipped: ${printable(reason)}`),
    ...(more === 0 ? [] : [`and ${more} more`]),
  ];
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}
