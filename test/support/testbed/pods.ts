/** Pods of one host, made of namespaces: each serves its name and the address that it sees. */
import type { Scope } from '../../../src/base/scope.ts';
import { eventually } from '../kubectl.ts';
import { firstChild, type Place, runOrThrow, startPlace } from './place.ts';

/** Two machines and the cable between them. */
export async function connect(a: Place, aName: string, b: Place, bName: string): Promise<void> {
  const ends = ['link', 'add', aName, 'type', 'veth', 'peer', 'name', bName, 'netns', String(b.init)];
  await runOrThrow(['nsenter', '--target', String(a.init), '--net', 'ip', ...ends]);
  await a.must('ip', 'link', 'set', aName, 'up');
  await b.must('ip', 'link', 'set', bName, 'up');
}

/** A bridge for pods, as Docker's. */
export const BRIDGE = `
  ip link add br0 type bridge
  ip link set br0 up
  ip address add 10.244.0.1/16 dev br0
  sysctl -qw net.bridge.bridge-nf-call-iptables=1`;

/** Serves TCP and UDP at 8080, and echoes a stream at 9090. */
export const SERVER = `
const http = require('node:http'), dgram = require('node:dgram'), net = require('node:net');
const [name] = process.argv.slice(1);
http.createServer((q, s) => s.end(name + ' ' + q.socket.remoteAddress.replace('::ffff:', ''))).listen(8080, () => console.log('ready'));
const u = dgram.createSocket('udp4');
u.on('message', (m, r) => u.send(name + ' ' + r.address, r.port, r.address)).bind(8080);
net.createServer((c) => c.on('error', () => 0).pipe(c)).listen(9090);`;

export async function startPod(scope: Scope, host: Place, name: string, address: string): Promise<Place> {
  const pod = scope.use(await startPlace({ name }));
  await connect(host, `v-${name}`, pod, 'eth0');
  await host.must('ip', 'link', 'set', `v-${name}`, 'master', 'br0');
  await host.must('ip', 'link', 'set', `v-${name}`, 'type', 'bridge_slave', 'hairpin', 'on');
  await pod.script(`ip address add ${address}/16 dev eth0; ip route add default via 10.244.0.1`);
  const server = pod.start(process.execPath, '-e', SERVER, name);
  await eventually(`${name} serves`, async () => server.stdout().includes('ready'));
  return pod;
}

/** Where clients run. */
export type Machine = Pick<Place, 'must'>;

/** Asks this often, one after the other, and prints each answer. */
const CLIENT = `
const [address, port, kind, times] = process.argv.slice(1);
const overTcp = () => new Promise((end) => require('node:http')
  .get({ host: address, port, agent: false, timeout: 4000 }, (r) => { let t = ''; r.on('data', (d) => t += d); r.on('end', () => end(t)); })
  .on('timeout', function () { this.destroy(); end('silence'); }).on('error', (e) => end(e.code)));
const overUdp = () => new Promise((end) => { const u = require('node:dgram').createSocket('udp4');
  const done = (text) => { clearTimeout(timer); u.close(); end(text); };
  const timer = setTimeout(done, 4000, 'silence');
  u.on('error', (e) => done(e.code)); u.on('message', (m) => done(m.toString())); u.connect(Number(port), address, () => u.send('x')); });
(async () => { for (let n = 0; n < Number(times); n++) console.log(await (kind === 'UDP' ? overUdp() : overTcp())); process.exit(); })();`;

export async function answers(
  from: Machine,
  address: string,
  port: number,
  kind: string,
  times: number,
): Promise<readonly string[]> {
  const text = await from.must(process.execPath, '-e', CLIENT, address, String(port), kind, String(times));
  return text.trim().split('\n');
}

export const ask = async (from: Machine, address: string, port: number, kind = 'TCP'): Promise<string> =>
  (await answers(from, address, port, kind, 1)).join();

/** The different answers. One of two endpoints is missed by chance once in 2^39 times. */
export const askOften = async (
  from: Machine,
  address: string,
  port: number,
  kind = 'TCP',
): Promise<readonly string[]> => [...new Set(await answers(from, address, port, kind, 40))].sort();

/** A program that goes on until it is disposed. */
export function startScript(from: Place, script: string, ...args: readonly string[]) {
  const program = from.start(process.execPath, '-e', script, ...args);
  return {
    stdout: program.stdout,
    async [Symbol.asyncDispose](): Promise<void> {
      // nsenter does not pass signals on.
      process.kill(await firstChild(program.child), 'SIGKILL');
      await program.ended;
    },
  };
}
