/**
 * Events to watchers. Fan-out: everybody watches everything, against a loop that writes the same
 * lines to as many bare TLS sockets. A stalled watcher: what it costs the others. Agents: each
 * watches the pods of its own node, so that an event concerns one of them however many there are.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { startApiProcess } from './support/api-process.ts';
import { median, numberAfter, progress, reporter, spread } from './support/figures.ts';
import { connectTls, requestBytes } from './support/tls-client.ts';

const WATCHERS = numberAfter('--watchers', 1_000);
const ROUNDS = numberAfter('--rounds', 7);
/** Events of one round, fifty in a commit. */
const EVENTS = 100;
const PER_COMMIT = 50;
const AGENT_EVENTS = 1_000;
const CONNECTING_AT_ONCE = 25;
const report = reporter('api-watch');
const EVENT = '{"type":"MODIFIED"';

interface Watcher {
  readonly socket: TLSSocket;
  bytes: number;
}

const directory = await mkdtemp(join(tmpdir(), 'symphony-bench-api-'));
const api = await startApiProcess('api', directory);
const bare = await startApiProcess('bare', directory);
try {
  await api.populate('web', EVENTS, 10);
  await fanOut();
  for (const watchers of [10, 100, 1_000]) await agents(watchers);
  await stalled();
} finally {
  await api[Symbol.asyncDispose]();
  await bare[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
}

async function fanOut(): Promise<void> {
  const ours = await openWatchers(WATCHERS, () => '');
  const theirs = await connectMany(WATCHERS, bare.bareTlsPort);
  progress(`${WATCHERS} watchers stand`);
  const lines = await linesOf(ours, 'web');
  const measured: number[] = [];
  const compared: number[] = [];
  const withStalled: number[] = [];
  const cpu = { ours: 0, bare: 0 };
  const round = async (into: number[]): Promise<void> => {
    const total = lines.join('').length;
    const arrived = allReceived(ours, total);
    const begin = performance.now();
    await Promise.all([api.touch('web', EVENTS, PER_COMMIT), arrived]);
    into.push(performance.now() - begin);
  };
  const bareRound = async (): Promise<void> => {
    const arrived = allReceived(theirs, lines.join('').length);
    const begin = performance.now();
    await Promise.all([bare.bareLines(lines), arrived]);
    compared.push(performance.now() - begin);
  };
  for (let index = 0; index < ROUNDS; index += 1) {
    const [before, bareBefore] = [await api.usage(), await bare.usage()];
    await round(measured);
    await bareRound();
    cpu.ours += (await api.usage()).cpuSeconds - before.cpuSeconds;
    cpu.bare += (await bare.usage()).cpuSeconds - bareBefore.cpuSeconds;
  }
  const perSecond = (ms: number): number => (EVENTS * WATCHERS * 1_000) / ms;
  report({
    name: `fan-out to ${WATCHERS} watchers, deliveries`,
    value: perSecond(median(measured)),
    unit: '1/s',
    baseline: perSecond(median(compared)),
    ratio: median(compared) / median(measured),
    note: `ms of ${EVENTS} events: ${spread(measured)}`,
  });
  report({
    name: 'fan-out, CPU of the server for a delivery',
    value: (cpu.ours * 1e6) / (ROUNDS * EVENTS * WATCHERS),
    unit: 'µs',
    baseline: (cpu.bare * 1e6) / (ROUNDS * EVENTS * WATCHERS),
    ratio: cpu.ours / cpu.bare,
  });
  const [sleeper] = await openWatchers(1, () => '');
  sleeper?.socket.pause();
  const plain: number[] = [];
  for (let index = 0; index < ROUNDS; index += 1) await round(withStalled);
  sleeper?.socket.destroy();
  for (let index = 0; index < ROUNDS; index += 1) await round(plain);
  report({
    name: 'the same events with one stalled watcher more',
    value: median(withStalled),
    unit: 'ms',
    baseline: median(plain),
    ratio: median(withStalled) / median(plain),
  });
  for (const { socket } of [...ours, ...theirs]) socket.destroy();
}

/** Each watches the pods of a node of its own; each event concerns one node. */
async function agents(count: number): Promise<void> {
  const prefix = `agent-${count}`;
  await api.populate(prefix, AGENT_EVENTS, count);
  const watchers = await openWatchers(count, (index) => `&fieldSelector=spec.nodeName%3Dnode-${index}`);
  let seen = 0;
  let done: () => void = () => undefined;
  for (const { socket } of watchers)
    socket.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf(EVENT); at >= 0; at = chunk.indexOf(EVENT, at + 1)) seen += 1;
      if (seen >= AGENT_EVENTS) done();
    });
  const times: number[] = [];
  let cpu = 0;
  for (let index = 0; index <= ROUNDS; index += 1) {
    seen = 0;
    const arrived = new Promise<void>((resolve) => (done = resolve));
    const before = await api.usage();
    const begin = performance.now();
    await Promise.all([api.touch(prefix, AGENT_EVENTS, PER_COMMIT), arrived]);
    if (index === 0) continue; // The first one warms up.
    times.push(performance.now() - begin);
    cpu += (await api.usage()).cpuSeconds - before.cpuSeconds;
  }
  report({
    name: `events to ${count} agents, each watching its own node`,
    value: (AGENT_EVENTS * 1_000) / median(times),
    unit: '1/s',
    note: `${((cpu * 1e6) / (ROUNDS * AGENT_EVENTS)).toFixed(0)} µs of CPU each, the write included`,
  });
  for (const { socket } of watchers) socket.destroy();
}

/** A watcher that never reads is ended when too much waits for it. */
async function stalled(): Promise<void> {
  const [sleeper] = await openWatchers(1, () => '');
  if (!sleeper) return;
  sleeper.socket.pause();
  const before = await api.usage();
  let ended = false;
  sleeper.socket.on('close', () => (ended = true));
  let most = 0;
  let rounds = 0;
  for (; rounds < 20; rounds += 1) {
    await api.touch('agent-1000', AGENT_EVENTS, 100);
    most = Math.max(most, (await api.usage()).residentMib - before.residentMib);
  }
  sleeper.socket.resume();
  await new Promise((resolve) => {
    sleeper.socket.on('close', resolve);
    sleeper.socket.on('error', () => undefined);
    setTimeout(resolve, 5_000).unref();
  });
  const sent = (rounds * AGENT_EVENTS * 3) / 1_024;
  report({
    name: 'a watcher that never reads: most memory while it is behind',
    value: most,
    unit: 'MiB',
    note: `${sent.toFixed(0)} MiB of events; ${ended ? 'it was ended' : 'it was NOT ended'}`,
  });
}

async function connectMany(count: number, port: number): Promise<Watcher[]> {
  const watchers: Watcher[] = [];
  while (watchers.length < count) {
    const batch = Math.min(CONNECTING_AT_ONCE, count - watchers.length);
    const sockets = await Promise.all(Array.from({ length: batch }, () => connectTls(port, api.caPem)));
    for (const socket of sockets) {
      const watcher = { socket, bytes: 0 };
      socket.on('data', (chunk: Buffer) => (watcher.bytes += chunk.length));
      socket.on('error', () => undefined);
      watchers.push(watcher);
    }
  }
  return watchers;
}

async function openWatchers(count: number, queryOf: (index: number) => string): Promise<Watcher[]> {
  const watchers = await connectMany(count, api.port);
  const version = await currentVersion();
  await Promise.all(
    watchers.map(({ socket }, index) => {
      const path = `/api/v1/pods?watch=1&resourceVersion=${version}${queryOf(index)}`;
      const stands = new Promise((resolve) => socket.once('data', resolve));
      socket.write(requestBytes(path, { Authorization: `Bearer ${api.token}` }));
      return stands;
    }),
  );
  return watchers;
}

async function currentVersion(): Promise<string> {
  const socket = await connectTls(api.port, api.caPem);
  const text = await new Promise<string>((resolve) => {
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('close', () => resolve(received));
    socket.write(
      requestBytes('/api/v1/pods?limit=1', { Authorization: `Bearer ${api.token}`, Connection: 'close' }),
    );
  });
  return /"metadata":\{"resourceVersion":"(\d+)"/.exec(text)?.[1] ?? '';
}

/** The bytes of one round for each watcher, as they go over the wire. */
async function linesOf(watchers: readonly Watcher[], prefix: string): Promise<string[]> {
  const [first] = watchers;
  if (!first) return [];
  let text = '';
  const read = (chunk: Buffer): void => void (text += chunk.toString('latin1'));
  first.socket.on('data', read);
  const others = watchers.slice(1).map(({ bytes }) => bytes);
  await api.touch(prefix, EVENTS, PER_COMMIT);
  const complete = (): boolean => text.split(EVENT).length > EVENTS && text.endsWith('\r\n');
  while (!complete()) await new Promise((resolve) => setTimeout(resolve, 5));
  while (watchers.slice(1).some(({ bytes }, index) => bytes < (others[index] ?? 0) + text.length))
    await new Promise((resolve) => setTimeout(resolve, 5));
  first.socket.off('data', read);
  return text.split(/(?<=\n\r\n)/);
}

/** Resolves when each has received so many bytes more. */
function allReceived(watchers: readonly Watcher[], bytes: number): Promise<void> {
  const goals = watchers.map((watcher) => watcher.bytes + bytes);
  return new Promise((resolve) => {
    const check = (): void => {
      // A version or a counter may have a digit less or more: close enough is all of it.
      if (watchers.every((watcher, index) => watcher.bytes >= (goals[index] ?? 0) - 64)) resolve();
      else setTimeout(check, 1);
    };
    check();
  });
}
