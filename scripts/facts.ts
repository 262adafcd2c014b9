/**
 * `npm run facts [-- [--section NAME] [--verbose] DIR]`: replays recorded facts and prints how many
 * hold.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CaseResult } from '../test/facts/replay.ts';
import { placeOf, replaySection, type Section, sectionNames } from '../test/facts/sections.ts';

const { values, positionals } = parseArgs({
  options: { section: { type: 'string' }, verbose: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const directory = positionals[0] ?? join(import.meta.dirname, '..', 'test', 'fixtures', 'facts');
if (!existsSync(directory)) {
  process.stderr.write(`there is no directory "${directory}"\n`);
  process.exit(2);
}
const chosen = sectionNames.filter((name) => values.section === undefined || name === values.section);
if (chosen.length === 0) {
  process.stderr.write(`unknown section "${values.section ?? ''}"; there are ${sectionNames.join(', ')}\n`);
  process.exit(2);
}

/** The chosen section's cases may also lie in the folder itself. */
function findPlace(section: Section): string | undefined {
  return placeOf(section, directory) ?? (values.section === undefined ? undefined : directory);
}

function print(section: Section, results: readonly CaseResult[]): void {
  const say = (text: string): boolean => process.stdout.write(`${text}\n`);
  const replayed = results.filter(({ leftOut }) => leftOut === undefined);
  if (values.verbose)
    for (const { name, failures, leftOut } of results) {
      for (const failure of failures) say(`  ${section}/${name}: ${failure}`);
      if (leftOut !== undefined) say(`  ${section}/${name}: left out: ${leftOut}`);
    }
  const passed = replayed.filter(({ failures }) => failures.length === 0).length;
  say(`${section}: ${passed} of ${replayed.length} passed`);
  if (section === 'validation') {
    const right = replayed.filter(({ verdict }) => verdict).length;
    say(`${section}: ${right} of ${replayed.length} verdicts right`);
  }
  if (passed < replayed.length && !values.verbose) say(`${section}: --verbose says how the others differ`);
  const reasons = new Map<string, number>();
  for (const { leftOut } of results)
    if (leftOut !== undefined) reasons.set(leftOut, (reasons.get(leftOut) ?? 0) + 1);
  for (const [reason, count] of [...reasons].sort(([, a], [, b]) => b - a))
    say(`${section}: ${count} left out: ${reason}`);
}

for (const section of chosen) {
  const place = findPlace(section);
  print(section, place === undefined ? [] : await replaySection(section, place));
}
