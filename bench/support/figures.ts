/**
 * How every benchmark reports: one line per figure, for people or (with `--json`) for programs. A
 * ratio compares two medians of one run on one machine, taken alternately; the spread is the
 * smallest and the largest repeat.
 */
const JSON_OUTPUT = process.argv.includes('--json');

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly baseline?: number;
  readonly ratio?: number;
  /** For people only: what the numbers were made of. */
  readonly note?: string;
}

export type Reporter = (figure: Figure) => void;

export function reporter(bench: string): Reporter {
  return ({ name, value, unit, baseline, ratio, note }) => {
    const figure = {
      bench,
      name,
      value: rounded(value),
      unit,
      baseline: baseline === undefined ? null : rounded(baseline),
      ratio: ratio === undefined ? null : Number(ratio.toFixed(3)),
    };
    if (JSON_OUTPUT) return void process.stdout.write(`${JSON.stringify(figure)}\n`);
    const against =
      figure.baseline === null ? '' : `, against ${figure.baseline} ${unit}: ${figure.ratio ?? '?'}x`;
    process.stdout.write(
      `${name}: ${figure.value} ${unit}${against}${note === undefined ? '' : ` (${note})`}\n`,
    );
  };
}

/** Says what goes on without disturbing the lines on standard output. */
export function progress(text: string): void {
  process.stderr.write(`• ${text}\n`);
}

export function numberAfter(flag: string, fallback: number): number {
  const index = process.argv.indexOf(flag);
  return index < 0 ? fallback : Number(process.argv[index + 1]);
}

export function textAfter(flag: string): string | undefined {
  const index = process.argv.indexOf(flag);
  return index < 0 ? undefined : process.argv[index + 1];
}

export const median = (values: readonly number[]): number => percentile(values, 50);

/** Nearest rank: a value that was really measured. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.max(0, rank - 1)] ?? Number.NaN;
}

export const spread = (values: readonly number[]): string =>
  `${values.length} repeats, ${rounded(Math.min(...values))} to ${rounded(Math.max(...values))}`;

function rounded(value: number): number {
  return Number(value.toFixed(Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 10 ? 1 : 3));
}
