/** The results of a check as a table for a terminal; how to mend what is broken stands below. */
import { printable } from '../../base/printable.ts';
import type { CheckResult } from '../../network/check/hop.ts';
import { alignColumns } from './align-columns.ts';
import type { Colours } from './colours.ts';

const HEADER = ['STATUS', 'CHECK', 'SUBJECT', 'DETAIL'];

export function renderChecks(results: readonly CheckResult[], colours: Colours): string {
  const cells = results.map(({ status, check, subject, detail }) =>
    [status, check, subject, detail].map((text) => printable(text)),
  );
  const [header = '', ...lines] = alignColumns([HEADER, ...cells], '  ');
  const styles = { PASS: colours.green, FAIL: colours.red, SKIP: colours.yellow } as const;
  const shown = lines.map((line, index) => {
    const { status = 'SKIP' } = results[index] ?? {};
    return styles[status](line.slice(0, status.length)) + line.slice(status.length);
  });
  const mends = results.flatMap(({ check, subject, mend }) =>
    mend === undefined ? [] : [printable(`${check} ${subject}: ${mend}`)],
  );
  const below = mends.length === 0 ? [] : ['', 'To mend it:', ...mends.map((mend) => `  ${mend}`)];
  return `${[header, ...shown, ...below].join('\n')}\n`;
}
