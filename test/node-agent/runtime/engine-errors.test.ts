import { expect, it } from 'vitest';
import { toRuntimeError } from '../../../src/node-agent/runtime/docker/engine-errors.ts';

const answered = (statusCode: number, message: string): Error =>
  Object.assign(new Error(`(HTTP code ${statusCode}) unexpected - ${message}`), {
    statusCode,
    json: { message },
  });
const ID = '0123456789abcdef'.repeat(4);
const BIND = 'Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use';

it.each<[string, unknown, string, string]>([
  [
    'a host port that a program has',
    answered(500, `driver failed programming external connectivity on endpoint web (${ID}): ${BIND}`),
    'network',
    `driver failed programming external connectivity on endpoint web: ${BIND}`,
  ],
  [
    'an address that a container has',
    answered(403, 'Address already in use'),
    'address',
    'Address already in use',
  ],
  ['a network that is gone', answered(404, 'network pods not found'), 'network', 'network pods not found'],
  [
    'a sandbox that died before its container started',
    answered(409, 'cannot join network namespace of a non running container: container web is exited'),
    'network',
    'cannot join network namespace of a non running container: container web is exited',
  ],
  ['a container that is gone', answered(404, `No such container: x`), 'not-found', 'No such container: x'],
  [
    'a program that is called like trouble of the network',
    answered(
      400,
      'OCI runtime create failed: exec: "address already in use": executable file not found in $PATH',
    ),
    'invalid',
    'OCI runtime create failed: exec: "address already in use": executable file not found in $PATH',
  ],
  [
    'an engine that is not there',
    Object.assign(new Error('connect ENOENT /run/d.sock'), {
      code: 'ENOENT',
      syscall: 'connect',
      address: '/run/d.sock',
    }),
    'unavailable',
    'dial unix /run/d.sock: connect: no such file or directory',
  ],
])('tells %s by its code, in words that stay the same', (_, error, code, detail) => {
  expect(toRuntimeError('start container "x"', error)).toMatchObject({
    code,
    detail,
    message: `Cannot start container "x": ${detail}`,
  });
});
