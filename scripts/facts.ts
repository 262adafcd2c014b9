/** `npm run facts [-- [--section NAME] [--verbose] DIR]`: replays recorded facts and prints how many hold. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { replaySection, type Section, sections } from '../test/facts/replay.ts';

const { values, positionals } = parseArgs({
  options: { section: { type: 'string' }, verbose: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const given = positionals[0] ?? join(import.meta.dirname, '..', 'test', 'fixtures', 'facts');
if (!existsSync(given)) {
  process.stderr.write(`there is no directory "${given}"\n`);
  process.exit(2);
}
const directory = existsSync(join(given, 'api')) ? join(given, 'api') : given;
const chosen: readonly Section[] = sections.filter(
  (name) => values.section === undefined || name === values.section,
);
if (chosen.length === 0) {
  process.stderr.write(`unknown section "${values.section ?? ''}"; there are ${sections.join(', ')}\n`);
  process.exit(2);
}
for (const section of chosen) {
  const results = await replaySection(section, directory);
  const passed = results.filter(({ failures }) => failures.length === 0).length;
  if (values.verbose)
    for (const { name, failures } of results)
      for (const failure of failures) process.stdout.write(`  ${section}/${name}: ${failure}\n`);
  process.stdout.write(`${section}: ${passed} of ${results.length} passed\n`);
}
