/**
 * `/network/probe`: whether an address of the cluster's network answers, asked from inside a pod of
 * this node or from the node. One connection is made and closed again. Only addresses of pods and
 * Services are asked: the node is no way to other machines.
 */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, sleep } from '../../base/clock.ts';
import { createAbort } from '../../base/abort.ts';
import { goWords, hostPort } from '../../base/go-words.ts';
import { createSlots } from '../../base/slots.ts';
import { failureWords } from '../pod/failure-words.ts';
import type { PodWorker } from '../pod/types.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { askDns } from './dns-query.ts';
import { Refused } from './refused.ts';

export interface ProbeOptions {
  readonly runtime: Pick<ContainerRuntime, 'dialFrom'>;
  readonly clock: Clock;
  findPod(namespace: string, name: string): PodWorker | undefined;
  /** Whether the address is one of the cluster's network. */
  isOfCluster(address: string): boolean;
  readonly clusterDomain: string;
}

export interface ProbeAnswer {
  /** A connection was made, and a name was answered where one was asked for. */
  readonly ok: boolean;
  /** The result, in Go's words. */
  readonly detail: string;
}

const PROBE_TIMEOUT_MS = 5_000;
/** Each probe is a process. */
const slots = createSlots(4);
/** `kubernetes.default.svc`; two labels of Kubernetes and one of DNS. */
const NAME = /^(?:[a-z0-9_-]{1,63}\.){1,3}[a-z0-9_-]{1,63}$/i;

/**
 * `from`: `namespace/name`, or absent for the node. `to`: `address:port`. `dns`: a name below the
 * cluster's domain to ask for there.
 */
export function probeNetwork(options: ProbeOptions, query: URLSearchParams): Promise<ProbeAnswer> {
  const [, host = '', digits = ''] = /^([\d.]{7,15}):(\d{1,5})$/.exec(query.get('to') ?? '') ?? [];
  const port = Number(digits);
  if (port < 1 || port > 65_535 || !options.isOfCluster(host)) throw new Refused(400, 'address not allowed');
  const name = query.get('dns') ?? undefined;
  if (name !== undefined && !NAME.test(name)) throw new Refused(400, 'invalid name');
  const dial = dialerOf(options, query.get('from') ?? '');
  return slots.run(() =>
    probe(
      options.clock,
      () => dial(host, port),
      hostPort(host, port),
      name && `${name}.${options.clusterDomain}`,
    ),
  );
}

function dialerOf(
  { runtime, findPod }: ProbeOptions,
  from: string,
): (host: string, port: number) => Promise<Duplex> {
  if (from === '') return dialHere;
  const [namespace = '', name = ''] = from.split('/');
  const worker = findPod(namespace, name);
  if (!worker) throw new Refused(404, `pods "${name}" not found`);
  const running = worker.records.find(({ phase }) => phase === 'running');
  if (!running) throw new Refused(404, `pod ${name} does not run`);
  return (host, port) => runtime.dialFrom(running.id, host, port);
}

const dialHere = (host: string, port: number): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(socket)).once('error', reject);
  });

async function probe(
  clock: Clock,
  dial: () => Promise<Duplex>,
  address: string,
  name: string | undefined,
): Promise<ProbeAnswer> {
  const done = createAbort();
  let stream: Duplex | undefined;
  const asking = (async (): Promise<ProbeAnswer> => {
    stream = (await dial()).on('error', () => undefined);
    if (done.signal.aborted) stream.destroy();
    if (name === undefined) return { ok: true, detail: 'connected' };
    const { code, answers } = await askDns(stream, name);
    const ok = code === 0 && answers > 0;
    return { ok, detail: ok ? 'answered' : `the server answered code ${code} with ${answers} records` };
  })().catch((error: unknown) => ({ ok: false, detail: words(error, address) }));
  const late = sleep(clock, PROBE_TIMEOUT_MS, done.signal).then(() => ({
    ok: false,
    detail: `dial tcp ${address}: i/o timeout`,
  }));
  try {
    return await Promise.race([asking, late]);
  } finally {
    done.abort();
    stream?.destroy();
  }
}

const words = (error: unknown, address: string): string =>
  error instanceof Error && 'detail' in error ? failureWords(error) : goWords(error, address);
