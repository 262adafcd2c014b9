/**
 * A process that asks a DNS server. `dns-load PORT SERVICES SECONDS RATE`: with rate 0 it keeps a
 * fixed number of queries in flight, otherwise it sends that many a second, whatever comes back.
 * Prints one line of JSON.
 */
import { createSocket } from 'node:dgram';
import dnsPacket from 'dns-packet';
import { percentile } from './figures.ts';

const [port = 0, services = 1, seconds = 1, rate = 0] = process.argv.slice(2).map(Number);
const IN_FLIGHT = 64;
const SOCKETS = 8;
const TICK_MS = 1;
/** Not counted: both processes compile what they run. */
const WARM_MS = 1_000;

const queries = Array.from({ length: services }, (_, index) =>
  dnsPacket.encode({
    type: 'query',
    id: 0,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name: `service-${index}.shop.svc.cluster.local`, type: 'A' }],
  }),
);
const sentAtMs = new Map<number, number>();
const latencies: number[] = [];
let [sent, answered] = [0, 0];
let [beganMs, endMs] = [0, 0];

const sockets = Array.from({ length: SOCKETS }, (_, owner) => {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  socket.on('message', (message) => {
    const id = message.readUInt16BE(0);
    const now = performance.now();
    const began = sentAtMs.get(id);
    if (began === undefined) return;
    sentAtMs.delete(id);
    if (began >= beganMs + WARM_MS) {
      answered += 1;
      latencies.push(now - began);
    }
    if (rate === 0 && now < endMs) send(owner);
  });
  return socket;
});
await Promise.all(
  sockets.map((socket) => new Promise<void>((resolve) => socket.connect(port, '127.0.0.1', resolve))),
);

function send(owner: number): void {
  const id = sent & 0xffff;
  const query = Buffer.from(queries[sent % services]!);
  query.writeUInt16BE(id, 0);
  sent += 1;
  sentAtMs.set(id, performance.now());
  sockets[owner]!.send(query);
}

beganMs = performance.now();
endMs = beganMs + WARM_MS + seconds * 1_000;
if (rate === 0) for (let index = 0; index < IN_FLIGHT; index += 1) send(index % SOCKETS);
else
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - beganMs) / 1_000) * rate);
      for (; sent < due; ) send(sent % SOCKETS);
      if (performance.now() < endMs) return;
      clearInterval(timer);
      resolve();
    }, TICK_MS);
  });
await new Promise((resolve) => setTimeout(resolve, Math.max(0, endMs - performance.now()) + 200));
const [p50, p99] = [percentile(latencies, 50), percentile(latencies, 99)];
process.stdout.write(
  `${JSON.stringify({ answered, perSecond: answered / seconds, lost: sentAtMs.size, p50, p99 })}\n`,
);
process.exit(0);
