/** Every command, in the order of the help. To add one: a file under commands/ and a line here. */
import type { CommandEntry } from './command.ts';

export const commands: ReadonlyMap<string, CommandEntry> = new Map<string, CommandEntry>([
  [
    'up',
    {
      summary: 'run everything on this machine: control plane and nodes',
      load: async () => (await import('./commands/up.ts')).upCommand,
    },
  ],
  [
    'control-plane',
    {
      summary: 'run the control plane; agents join from their hosts',
      load: async () => (await import('./commands/control-plane.ts')).controlPlaneCommand,
    },
  ],
  [
    'agent',
    {
      summary: 'run the pods of one node on this Docker host',
      load: async () => (await import('./commands/agent.ts')).agentCommand,
    },
  ],
  [
    'validate',
    {
      summary: 'check manifests without a cluster',
      load: async () => (await import('./commands/validate.ts')).validateCommand,
    },
  ],
  [
    'token',
    {
      summary: 'make tokens for agents',
      load: async () => (await import('./commands/token.ts')).tokenCommand,
    },
  ],
]);
