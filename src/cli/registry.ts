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
    'down',
    {
      summary: 'remove the containers and networks of an up',
      load: async () => (await import('./commands/down.ts')).downCommand,
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
    'diff',
    {
      summary: 'show what a sync would change (exit code 1: changes, 2: errors)',
      load: async () => (await import('./commands/diff.ts')).diffCommand,
    },
  ],
  [
    'status',
    {
      summary: 'show health and progress of the applications',
      load: async () => (await import('./commands/status.ts')).statusCommand,
    },
  ],
  [
    'sync',
    {
      summary: 'sync now',
      load: async () => (await import('./commands/sync.ts')).syncCommand,
    },
  ],
  [
    'apps',
    {
      summary: 'list the applications',
      load: async () => (await import('./commands/apps.ts')).appsCommand,
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
