/** The unix socket by which agents speak to a DNS server. Several may be connected at a time. */
import { createServer, type Socket } from 'node:net';
import { errorMessage } from '../../../base/errors.ts';
import type { Logger } from '../../../base/logger.ts';
import { type AgentMessage, createLineReader, type ServerMessage } from './name-messages.ts';

export interface AgentDoor extends Disposable {
  /** Tells every agent. */
  tell(message: ServerMessage): void;
}

export interface AgentDoorOptions {
  readonly socket: string;
  readonly logger: Logger;
  /** Returns the answer to the agent. */
  onMessage(message: AgentMessage): ServerMessage | undefined;
  /** The first messages to a new agent. */
  greet(): readonly ServerMessage[];
  onFailure(): void;
}

export function openAgentDoor({ socket, logger, onMessage, greet, onFailure }: AgentDoorOptions): AgentDoor {
  const agents = new Set<Socket>();
  const tell = (agent: Socket, message: ServerMessage): void =>
    void agent.write(`${JSON.stringify(message)}\n`);
  const server = createServer((agent) => {
    agents.add(agent);
    agent.setEncoding('utf8');
    const read = createLineReader<AgentMessage>((message) => {
      const answer = onMessage(message);
      if (answer) tell(agent, answer);
    });
    agent.on('data', (chunk: string) => {
      try {
        read(chunk);
      } catch (error) {
        logger.error({ error: errorMessage(error) }, 'Cannot read what the agent says');
        agent.destroy();
      }
    });
    agent.on('error', () => agent.destroy());
    agent.on('close', () => agents.delete(agent));
    for (const message of greet()) tell(agent, message);
  });
  server.on('error', (error) => {
    logger.error({ error: errorMessage(error) }, 'Cannot listen to the agent');
    onFailure();
  });
  server.listen(socket);
  return {
    tell(message) {
      for (const agent of agents) tell(agent, message);
    },
    [Symbol.dispose]() {
      server.close();
      for (const agent of agents) agent.destroy();
    },
  };
}
