/**
 * `npm run corpus|facts|soak`, `npm run bench -- NAME`: runs one of the project's TypeScript
 * programs from its sources.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuild, ensurePackages, root } from './setup/packages.mjs';
import { say } from './setup/progress.mjs';

const [program, ...args] = process.argv.slice(2);
ensurePackages();
ensureBuild();

let entry = join('scripts', `${program}.ts`);
if (program === 'bench') {
  const names = readdirSync(join(root, 'bench'))
    .filter((file) => file.endsWith('.bench.ts'))
    .map((file) => file.slice(0, -'.bench.ts'.length));
  const name = args.shift();
  entry = join('bench', `${name}.bench.ts`);
  if (name === undefined || !existsSync(join(root, entry))) {
    say(`usage: npm run bench -- NAME [--json]\nbenchmarks: ${names.join(', ')}`);
    process.exit(2);
  }
}
const child = spawn(process.execPath, ['--import', 'tsx', entry, ...args], { cwd: root, stdio: 'inherit' });
child.on('exit', (status) => process.exit(status ?? 1));
