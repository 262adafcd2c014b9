/**
 * A process with children of its own: a mirror that fetches from the URL given, for as long as it
 * lives.
 */
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { createGitMirror } from '../../src/sync/git/git-mirror.ts';

const [url = '', directory = ''] = process.argv.slice(2);
const mirror = createGitMirror({
  url,
  directory,
  clock: systemClock,
  logger: silentLogger,
  allowFile: false,
  environment: { PATH: process.env['PATH'] ?? '' },
});
process.once('SIGUSR1', () => process.exit(1));
console.log('fetching');
await mirror.fetch(new AbortController().signal);
