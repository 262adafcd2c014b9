/** `node --import tsx scripts/fields.ts`: writes docs/FIELDS.md from the table of rules. */
import { writeFileSync } from 'node:fs';
import { builtinKinds } from '../src/schemas/registry.ts';
import { renderFields } from '../src/schemas/profile/render-fields.ts';

writeFileSync(new URL('../docs/FIELDS.md', import.meta.url), renderFields(builtinKinds));
