/**
 * One line per step on stderr, with the time it took; the line is complete only when the step is.
 */
let startedAt = 0;

export function step(text) {
  startedAt = Date.now();
  process.stderr.write(`• ${text} … `);
}

export function done(note = '') {
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  process.stderr.write(`${note === '' ? 'done' : note} (${seconds} s)\n`);
}

export function say(text) {
  process.stderr.write(`${text}\n`);
}

/** Ends the process with an explanation and exit code 1. */
export function fail(text) {
  process.stderr.write(`\n${text}\n`);
  process.exit(1);
}
