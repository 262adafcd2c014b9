/** The agent's connection to one DNS server. */
import { connect } from 'node:net';
import { type AgentMessage, createLineReader, type ServerMessage } from './name-messages.ts';

export interface ServerConnection extends Disposable {
  readonly isOpen: boolean;
  send(message: AgentMessage): void;
}

/** A server that does not read any more is given up; a full account of 10,000 Services is 10 MB. */
const MOST_UNSENT_BYTES = 256 * 1_024 * 1_024;

export function connectServer(
  socketPath: string,
  listener: { onMessage(message: ServerMessage): void; onClose(): void },
): ServerConnection {
  const socket = connect({ path: socketPath });
  let isOpen = true;
  socket.setEncoding('utf8');
  const read = createLineReader(listener.onMessage);
  socket.on('data', (chunk: string) => {
    try {
      read(chunk);
    } catch {
      socket.destroy();
    }
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    isOpen = false;
    listener.onClose();
  });
  return {
    get isOpen() {
      return isOpen;
    },
    send(message) {
      if (!isOpen) return;
      if (socket.writableLength > MOST_UNSENT_BYTES) socket.destroy();
      else socket.write(`${JSON.stringify(message)}\n`);
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}
