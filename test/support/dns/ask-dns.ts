/** A DNS client for tests, with a codec that is not ours. */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import dnsPacket, { type DecodedPacket, type Packet } from 'dns-packet';

export interface AskedServer {
  readonly address: string;
  readonly port: number;
}

/** The types of the package leave the code out. */
export type DecodedAnswer = DecodedPacket & { readonly rcode: string };

export const decodeAnswer = (message: Buffer): DecodedAnswer => dnsPacket.decode(message) as DecodedAnswer;

/** Rejects when no answer comes. */
export async function askUdp(server: AskedServer, packet: Packet): Promise<DecodedAnswer> {
  return decodeAnswer(await exchangeUdp(server, dnsPacket.encode(packet)));
}

const PATIENCE_MS = 5_000;

function exchangeUdp({ address, port }: AskedServer, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => finish(() => reject(new Error('No answer came'))), PATIENCE_MS);
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      socket.close();
      settle();
    };
    socket.once('message', (answer) => finish(() => resolve(answer)));
    socket.once('error', (error) => finish(() => reject(error)));
    socket.send(message, port, address);
  });
}

export function askTcp({ address, port }: AskedServer, packet: Packet): Promise<DecodedAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, address);
    let received = Buffer.alloc(0);
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('No answer came')));
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      socket.destroy();
      resolve(decodeAnswer(received.subarray(2)));
    });
    socket.write(dnsPacket.streamEncode(packet));
  });
}

export function question(name: string, type = 'A', more: Partial<Packet> = {}): Packet {
  return {
    type: 'query',
    id: 1 + (name.length % 60_000),
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name, type: type as 'A' }],
    ...more,
  };
}

/** `A 10.0.0.1`, as dig prints the end of a line. */
export const dataOf = ({ answers = [] }: DecodedPacket): readonly string[] =>
  answers.map((answer) => {
    const { type } = answer;
    if (type === 'A' || type === 'AAAA' || type === 'CNAME' || type === 'PTR' || type === 'NS')
      return `${type} ${answer.data}`;
    if (type === 'SRV') return `SRV ${answer.data.port} ${answer.data.target}`;
    if (type === 'TXT') return `TXT ${String(answer.data)}`;
    return type;
  });
