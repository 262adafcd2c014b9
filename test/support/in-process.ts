/**
 * A whole control plane with hollow nodes in the process of the test, on a Redis that the test may
 * disturb.
 */
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { systemClock } from '../../src/base/clock.ts';
import { createLogger, silentLogger } from '../../src/base/logger.ts';
import { fromKubeconfig, type HttpApiClient } from '../../src/client/http.ts';
import { resolveConfig } from '../../src/config/index.ts';
import { startAllInOne } from '../../src/server/all-in-one.ts';
import { freePort } from './symphony.ts';

export interface InProcess extends AsyncDisposable {
  readonly client: HttpApiClient;
  readonly url: string;
  /** Everything that was logged, as parsed lines. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
}

export async function startInProcess(options: {
  readonly directory: string;
  readonly redisUrl: string;
  readonly nodes?: number;
}): Promise<InProcess> {
  const dataDir = join(options.directory, 'data');
  const flags = {
    dataDir,
    redisUrl: options.redisUrl,
    // The same address in every generation.
    listen: `127.0.0.1:${await freePort()}`,
    nodes: String(options.nodes ?? 1),
    runtime: 'hollow',
    auditLog: 'none',
    rateLimit: '0',
  };
  const config = resolveConfig({ command: 'up', flags, env: {} });
  const log: Record<string, unknown>[] = [];
  const sink = new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      log.push(JSON.parse(line) as Record<string, unknown>);
      done();
    },
  });
  const running = await startAllInOne(config, createLogger({ level: 'info', destination: sink }));
  const client = await fromKubeconfig(join(dataDir, 'kubeconfig'), {
    clock: systemClock,
    logger: silentLogger,
  });
  return {
    client,
    url: running.controlPlane.url,
    log,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      await Promise.all(running.nodes.map((node) => node[Symbol.asyncDispose]()));
      await running.controlPlane[Symbol.asyncDispose]();
    },
  };
}
