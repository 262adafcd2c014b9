/** Ends the process with a word of advice where this Node is older than package.json promises. Imported before all else. */
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const wanted = engines.node.replace('>=', '');
const [major, minor] = wanted.split('.').map(Number);
const [ownMajor, ownMinor] = process.versions.node.split('.').map(Number);
if (ownMajor < major || (ownMajor === major && ownMinor < minor)) {
  process.stderr.write(
    `error: symphony needs Node ${wanted} or later; ${process.execPath} is Node ${process.versions.node}. Install a newer one (https://nodejs.org)\n`,
  );
  process.exit(1);
}
