import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { UserError } from '../../../src/base/errors.ts';
import { listenFailure } from '../../../src/server/start/listen-failure.ts';

const failed = (code: string): Error => Object.assign(new Error(`listen ${code}`), { code });

it.each([
  [
    'EADDRINUSE',
    'Cannot listen on 127.0.0.1:6443: another process listens there; choose another address with --listen',
  ],
  [
    'EACCES',
    'Cannot listen on 127.0.0.1:6443: this user may not listen there; choose another address with --listen',
  ],
])('an address that cannot be taken is the mistake of whoever chose it: %s', (code, message) => {
  const error = listenFailure(failed(code), '--listen', { host: '127.0.0.1', port: 6443 }, () => undefined);
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).toBe(message);
});

it('the process that has the port is named', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const error = listenFailure(failed('EADDRINUSE'), '--listen', { host: '127.0.0.1', port }) as Error;
  server.close();
  expect(error.message).toContain(`: process ${process.pid} (`);
});

it('any other failure stays what it is', () => {
  const error = failed('EMFILE');
  expect(listenFailure(error, '--listen', { host: '::', port: 1 })).toBe(error);
});
