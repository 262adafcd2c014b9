/** Renders problems of manifests: place, path, message, the marked line, and advice. */
import { append } from '../../base/append.ts';
import type { ManifestError } from '../../schemas/manifest/index.ts';
import type { Colours } from './colours.ts';
import { printable } from '../../base/printable.ts';

/** Longer lines are cut around the mark. */
const MAX_EXCERPT_CHARACTERS = 100;

export type Severity = 'error' | 'warning';

/** `lines` are the source file's, where it could be read. */
export function renderManifestError(
  error: ManifestError,
  severity: Severity,
  lines: readonly string[] | undefined,
  colours: Colours,
): string {
  const place = [printable(error.file), error.line, error.column]
    .filter((part) => part !== undefined)
    .join(':');
  const label = severity === 'error' ? colours.red('error') : colours.yellow('warning');
  const path = error.path ? `${colours.bold(printable(error.path))}: ` : '';
  const rendered = [`${place}: ${label}: ${path}${printable(error.message)}`];
  const source = error.line === undefined ? undefined : lines?.[error.line - 1];
  if (error.line !== undefined && source !== undefined && source.trim() !== '')
    append(rendered, excerpt(source, error.line, error.column ?? 1, colours));
  if (error.hint) rendered.push(`  ${colours.cyan('hint')}: ${printable(error.hint)}`);
  return rendered.join('\n');
}

function excerpt(source: string, line: number, column: number, colours: Colours): string[] {
  const start = Math.max(0, Math.min(column - 40, source.length - MAX_EXCERPT_CHARACTERS));
  const visible = source.slice(start, start + MAX_EXCERPT_CHARACTERS);
  const before = printable(source.slice(start, Math.max(start, column - 1)));
  const gutter = `  ${String(line).padStart(5)} | `;
  return [
    `${colours.dim(gutter)}${printable(visible)}`,
    `${colours.dim(`${' '.repeat(gutter.length - 2)}| `)}${' '.repeat(before.length)}${colours.red('^')}`,
  ];
}
