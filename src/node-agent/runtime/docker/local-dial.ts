/**
 * Connects from inside a container's network, such as to a server on its own 127.0.0.1. A small
 * process enters the container's network, and nothing else of it, and relays the bytes. This needs
 * root beside the Engine, and /proc must prove that the process id belongs to that container on this
 * machine.
 */
import { readFile } from 'node:fs/promises';
import { Duplex } from 'node:stream';
import { startChild } from '../../../base/child-processes/child-process.ts';
import type { Clock } from '../../../base/clock.ts';
import { goWords, hostPort } from '../../../base/go-words.ts';

const CONNECT_TIMEOUT_MS = 5_000;
/** The process writes this once it is connected. Any other text is the reason of its failure. */
const CONNECTED = 'connected';
const RELAY = `
const socket = require('node:net').connect({ host: process.argv[1], port: Number(process.argv[2]), allowHalfOpen: true });
socket.once('connect', () => {
  process.stderr.write('${CONNECTED}');
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
});
socket.once('end', () => process.stdout.write('', () => process.exit(0)));
socket.once('error', (error) => process.stderr.write(error.code || error.message, () => process.exit(1)));
`;

/** The relay writes the error's code. */
const refusal = (code: string, { host, port }: Destination): string =>
  goWords(Object.assign(new Error(code), { code, syscall: 'connect', address: host, port }));

export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** Rejects with the reason in words. */
export async function dialInside(
  containerId: string,
  pid: number,
  destination: Destination,
  clock: Clock,
): Promise<Duplex> {
  const { host, port } = destination;
  const cgroups = pid > 1 ? await readFile(`/proc/${pid}/cgroup`, 'utf8') : '';
  if (!cgroups.includes(containerId)) throw new Error('the container does not run on this machine');
  const relay = await startChild(
    'relay',
    'nsenter',
    [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', RELAY, '--', host, String(port)],
    { env: {} },
  );
  const { process: child } = relay;
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      timer.cancel();
      relay.end();
      reject(new Error(why));
    };
    const timer = clock.setTimer(
      () => fail(`dial tcp ${hostPort(host, port)}: i/o timeout`),
      CONNECT_TIMEOUT_MS,
    );
    child.once('error', (error) => fail(goWords(error)));
    child.once('exit', () => fail('cannot enter the network of the container'));
    child.stderr.once('data', (chunk: Buffer) => {
      const said = chunk.toString('utf8');
      if (said !== CONNECTED) return fail(refusal(said.trim(), destination));
      timer.cancel();
      const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin });
      duplex.once('close', () => relay.end());
      resolve(duplex);
    });
  });
}
