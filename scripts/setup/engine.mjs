/**
 * A Docker Engine to work with: the one that answers, or one that is started here and stopped again
 * by whoever started it. Never touches an engine that was running before.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { done, fail, step } from './progress.mjs';
import { findCommand } from './tools.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const DEFAULT_SOCKET = '/var/run/docker.sock';
const START_TIMEOUT_MS = 60_000;
const PING_TIMEOUT_MS = 3_000;

export function engineSocket() {
  const host = process.env.DOCKER_HOST;
  if (host === undefined || host === '') return DEFAULT_SOCKET;
  return host.startsWith('unix://') ? host.slice('unix://'.length) : undefined;
}

/**
 * Whether an engine answers. A TCP `DOCKER_HOST` is taken at its word: it is somebody else's to
 * run.
 */
export function engineAnswers() {
  const socketPath = engineSocket();
  if (socketPath === undefined) return Promise.resolve(true);
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: PING_TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.on('timeout', () => ping.destroy(new Error('timeout')));
    ping.on('error', () => resolve(false));
    ping.end();
  });
}

/** @returns {Promise<() => Promise<void>>} stops the engine if it was started here */
export async function ensureEngine() {
  if (await engineAnswers()) return async () => {};
  step('starting a Docker Engine');
  const socketPath = engineSocket();
  const cache = join(root, '.cache');
  mkdirSync(cache, { recursive: true });
  const logFile = join(cache, 'dockerd.log');
  const log = openSync(logFile, 'w');
  const engine = spawn(
    findCommand('dockerd') ?? 'dockerd',
    ['--host', `unix://${socketPath}`, '--pidfile', join(cache, 'dockerd.pid')],
    { stdio: ['ignore', log, log], detached: true },
  );
  let exited = false;
  engine.on('exit', () => {
    exited = true;
  });
  engine.on('error', () => {
    exited = true;
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await engineAnswers())) {
    if (exited || Date.now() > deadline) {
      const tail = readFileSync(logFile, 'utf8').trim().split('\n').slice(-8).join('\n');
      fail(`Cannot start a Docker Engine (see ${logFile}):\n${tail}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  engine.unref();
  done();
  return async () => {
    if (exited) return;
    engine.ref();
    const ended = new Promise((resolve) => engine.once('exit', resolve));
    engine.kill('SIGTERM');
    await ended;
  };
}
