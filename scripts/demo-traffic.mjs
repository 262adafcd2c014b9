/**
 * Requests that go on while the demonstration changes things: each with a connection of its own,
 * one after the other for each target. Every answer that is no 200 counts as failed.
 */
import { get } from 'node:http';

const PAUSE_MS = 20;
const TIMEOUT_MS = 5_000;

/** @typedef {{ name: string, url: string, host?: string }} Target */

/** Sends requests to all targets until `stop`, which answers how each of them fared. */
export function startTraffic(/** @type {readonly Target[]} */ targets) {
  let isOver = false;
  const loops = targets.map(async (target) => {
    const seen = { name: target.name, answered: 0, failures: [] };
    while (!isOver) {
      await ask(target).then(
        () => (seen.answered += 1),
        (error) => seen.failures.push(error.message),
      );
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    return seen;
  });
  return {
    stop() {
      isOver = true;
      return Promise.all(loops);
    },
  };
}

/** The body of the answer. */
export function ask(/** @type {Target} */ { url, host }) {
  return new Promise((resolve, reject) => {
    const headers = host === undefined ? {} : { host };
    const call = get(url, { agent: false, headers, timeout: TIMEOUT_MS }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (body += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`${url} answered ${response.statusCode}: ${body.trim()}`));
      });
    });
    call.on('timeout', () => call.destroy(new Error(`${url} did not answer in ${TIMEOUT_MS / 1_000} s`)));
    call.on('error', reject);
  });
}
