/**
 * One process in a namespace that serves, and that tries many connections at a time. A connection
 * that nobody answers is tried until the caller has enough: no time decides what is denied.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { eventually } from '../kubectl.ts';
import { type Place, PROGRAM_PATH } from '../testbed/place.ts';
import { PORTS } from './world.ts';

export interface Attempt {
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
}

export interface Attempts {
  /** The numbers of those that were answered until now. */
  readonly answered: ReadonlyMap<number, string>;
  end(): void;
}

export interface Probe extends AsyncDisposable {
  attempt(attempts: readonly Attempt[]): Attempts;
  /** Opens a connection that stays, and answers how to use it: does the other end echo a text? */
  connect(attempt: Attempt): Promise<Flow>;
}

export interface Flow {
  end(): void;
  /** Sends once more; resolves at the answer, if one comes. */
  echoes(timeoutMs: number): Promise<boolean>;
}

const PROGRAM = `
const net = require('node:net'), dgram = require('node:dgram');
const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n');
const ports = process.argv.slice(1).map(Number);
let starting = ports.length * 2;
const up = () => { starting -= 1; if (starting === 0) say({ ready: true }); };
for (const port of ports) {
  net.createServer((socket) => {
    socket.on('error', () => {}).write(socket.remoteAddress + ' ');
    socket.pipe(socket);
  }).listen(port, '0.0.0.0', up);
  const server = dgram.createSocket('udp4');
  server.on('message', (_, peer) => server.send(peer.address, peer.port, peer.address)).bind(port, up);
}
const open = new Map();
function tcp(id, index, { address, port }) {
  const socket = net.connect({ host: address, port });
  socket.on('data', (data) => say({ id, index, text: String(data) })).on('error', () => {});
  return { end: () => socket.destroy(), send: () => socket.write('.') };
}
function udp(id, index, { address, port }) {
  const socket = dgram.createSocket('udp4');
  const send = () => socket.send('.', port, address, () => {});
  socket.on('message', (data, peer) => say({ id, index, text: data + ' from ' + peer.address + ' ' })).on('error', () => {});
  socket.bind(0, () => { socket.setBroadcast(true); send(); });
  const again = setInterval(send, 200);
  return { end: () => { clearInterval(again); socket.close(); }, send };
}
const end = (id) => { for (const one of open.get(id) ?? []) one.end(); open.delete(id); };
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, attempts, send, over } = JSON.parse(line);
  if (attempts) open.set(id, attempts.map((one, index) => (one.protocol === 'TCP' ? tcp : udp)(id, index, one)));
  if (send) for (const one of open.get(id) ?? []) one.send();
  if (over) end(id);
}).on('close', () => process.exit());`;

interface Message {
  readonly ready?: true;
  readonly id?: number;
  readonly index?: number;
  readonly text?: string;
}

export async function startProbe(place: Place): Promise<Probe> {
  const [enter = '', ...words] = place.within;
  const args = [...words, process.execPath, '-e', PROGRAM, ...PORTS.map(String)];
  const child = spawn(enter, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: PROGRAM_PATH } });
  const listeners = new Map<number, (index: number, text: string) => void>();
  let isReady = false;
  onLine(child, (line) => {
    const { ready, id = 0, index = 0, text = '' } = JSON.parse(line) as Message;
    if (ready) isReady = true;
    else listeners.get(id)?.(index, text);
  });
  await eventually(`${place.name} probes`, async () => isReady);
  let last = 0;
  const tell = (message: object): void => void child.stdin.write(`${JSON.stringify(message)}\n`);

  function attempt(
    attempts: readonly Attempt[],
  ): Attempts & { readonly id: number; readonly answered: Map<number, string> } {
    last += 1;
    const id = last;
    const answered = new Map<number, string>();
    listeners.set(id, (index, text) => answered.set(index, (answered.get(index) ?? '') + text));
    tell({ id, attempts });
    return {
      id,
      answered,
      end() {
        tell({ id, over: true });
        listeners.delete(id);
      },
    };
  }
  return {
    attempt,
    async connect(one) {
      const { id, answered, end } = attempt([one]);
      await eventually(`${place.name} reaches ${one.address}`, async () => answered.size > 0);
      return {
        end,
        async echoes(timeoutMs) {
          answered.clear();
          tell({ id, send: true });
          return eventually('an answer', async () => answered.size > 0, timeoutMs).catch(() => false);
        },
      };
    },
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.stdin.end();
      await ended;
    },
  };
}

function onLine({ stdout }: ChildProcess, listener: (line: string) => void): void {
  let rest = '';
  stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) listener(line);
  });
}
