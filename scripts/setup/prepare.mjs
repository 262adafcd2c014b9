/**
 * npm `prepare`, after `npm ci`: builds, where the packages that the build needs were not left out
 * (`--omit=dev`).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuild, root } from './packages.mjs';
import { say } from './progress.mjs';

if (existsSync(join(root, 'node_modules', 'esbuild'))) ensureBuild();
else say('Not built: the packages that the build needs are left out; "npm ci" brings them');
