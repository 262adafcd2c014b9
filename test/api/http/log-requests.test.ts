import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type App, createApp } from '../../../src/api/http/app.ts';
import { createTunnels, type TunnelResponse } from '../../../src/api/tunnel.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { createAuthorizer } from '../../../src/resources/authz/authorizer.ts';
import { startTestCore, type TestCore } from '../test-api.ts';
import { adminUser } from '../test-http.ts';

const path = '/api/v1/namespaces/default/pods/p/log?follow=1';

let core: TestCore;
let app: App;
let port: number;
/** The agent's end of the log, which never ends by itself. */
let log: PassThrough;
beforeEach(async () => {
  core = await startTestCore(systemClock);
  await core.objects.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default' },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'x:1' }] },
  });
  await core.core.warm();
  log = new PassThrough();
  const stream = Object.assign(log, { close: () => log.destroy() }) as unknown as TunnelResponse['stream'];
  app = createApp({
    core: core.core,
    authenticator: { authenticate: () => ({ result: 'user', user: adminUser }) },
    authorizer: createAuthorizer(core.core.snapshots),
    tunnels: {
      ...createTunnels({ clock: systemClock, logger: silentLogger }),
      request: async () => ({ status: 200, contentType: 'text/plain', stream }),
    },
    logger: silentLogger,
  });
  port = await app.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await app[Symbol.asyncDispose]();
  await core[Symbol.asyncDispose]();
});

it('a log over a WebSocket goes away with its server', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  log.write('a line\n');
  await once(socket, 'message');
  const closed = once(socket, 'close');
  await app[Symbol.asyncDispose]();
  expect(await closed).toEqual([1001, Buffer.from('the server is stopping')]);
});

it('HEAD of a log that goes on ends at once, at the agent too', async () => {
  const asked = request({ host: '127.0.0.1', port, path, method: 'HEAD', agent: false }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  await once(response.resume(), 'end');
  expect(response.statusCode).toBe(200);
  await expect.poll(() => log.destroyed).toBe(true);
});
