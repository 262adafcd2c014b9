/**
 * Every command, in the order of the help. A new one is a file under commands/ and an entry here.
 */
import type { CommandEntry } from './run/command.ts';

const RUN = 'Run a cluster';
const USE = 'Use a cluster';
const CHECK = 'Check';

const entries: Readonly<Record<string, CommandEntry>> = {
  up: {
    summary: 'run everything on this machine, in the foreground: control plane and nodes',
    group: RUN,
    examples: [
      ['three nodes on this machine, kept equal to a repository', 'symphony up --repo ./shop --nodes 3'],
      [
        'a branch and a folder of a repository elsewhere',
        'symphony up --repo https://git.example/shop.git --revision main --path deploy',
      ],
      [
        'a second cluster on the same machine',
        'symphony up --data-dir ./two --listen 127.0.0.1:7443 \\\n    --cluster-cidr 10.245.0.0/16 --service-cidr 10.97.0.0/16',
      ],
    ],
    load: async () => (await import('./commands/up.ts')).upCommand,
  },
  'control-plane': {
    summary: 'run the control plane, in the foreground; agents join from their hosts',
    group: RUN,
    examples: [
      [
        'reachable from other hosts, with its own Redis',
        'symphony control-plane --listen 0.0.0.0:6443 --data-dir /var/lib/symphony',
      ],
      [
        'behind a balancer, on a Redis that others run',
        'symphony control-plane --listen 0.0.0.0:6443 --tls-san api.example \\\n    --redis-url rediss://redis.example:6379',
      ],
    ],
    load: async () => (await import('./commands/control-plane.ts')).controlPlaneCommand,
  },
  agent: {
    summary: 'run the pods of one node on this Docker host, in the foreground',
    group: RUN,
    examples: [
      [
        'join with the token of "symphony token create"',
        'symphony agent --server https://control-plane:6443 --node-name host-1 \\\n    --token-file token',
      ],
      ['later, without a token', 'symphony agent --server https://control-plane:6443 --node-name host-1'],
    ],
    load: async () => (await import('./commands/agent.ts')).agentCommand,
  },
  token: {
    summary: 'create, list and delete the tokens with which agents join',
    group: RUN,
    examples: [
      ['good for two hours', 'symphony token create --ttl 2h --description "new rack" > token'],
      ['which ones are there?', 'symphony token list'],
      ['by its id', 'symphony token delete abcdef'],
    ],
    load: async () => (await import('./commands/token.ts')).tokenCommand,
  },
  down: {
    summary: 'remove the containers and networks that a stopped up or agent left',
    group: RUN,
    examples: [
      ['of the cluster in ./.symphony', 'symphony down'],
      ['of an agent', 'symphony down --data-dir /var/lib/symphony-agent'],
      ['with the data of local volumes', 'symphony down --volumes'],
    ],
    load: async () => (await import('./commands/down.ts')).downCommand,
  },
  status: {
    summary: 'show health and progress of the applications; exit code 1 when one has failed',
    group: USE,
    examples: [
      ['follow until everything is settled', 'symphony status --watch'],
      ['one application, for a program', 'symphony status root -o json'],
    ],
    load: async () => (await import('./commands/status.ts')).statusCommand,
  },
  apps: {
    summary: 'list the applications',
    group: USE,
    examples: [
      ['all of them', 'symphony apps'],
      ['for a program', 'symphony apps -o json'],
    ],
    load: async () => (await import('./commands/apps.ts')).appsCommand,
  },
  sync: {
    summary: 'fetch and apply now',
    group: USE,
    examples: [
      ['and wait for the result', 'symphony sync --wait'],
      ['an application of another namespace', 'symphony sync team/shop'],
    ],
    load: async () => (await import('./commands/sync.ts')).syncCommand,
  },
  diff: {
    summary: 'show what a sync would change; exit code 1 for changes, 2 and more for errors',
    group: USE,
    examples: [
      ['of a checkout', 'symphony diff ./shop'],
      ['of some files, as if nothing else were to change', 'symphony diff --no-prune web.yaml'],
    ],
    load: async () => (await import('./commands/diff.ts')).diffCommand,
  },
  net: {
    summary: 'check the network hop by hop; exit code 1 when a hop is broken',
    group: USE,
    examples: [
      ['all nodes', 'symphony net check'],
      [
        'from a pod to another, and to a Service',
        'symphony net check shop/web shop/db\n  symphony net check shop/web service/shop/db',
      ],
      ['from here through an Ingress', 'symphony net check --ingress https://shop.example/'],
    ],
    load: async () => (await import('./commands/net.ts')).netCommand,
  },
  backup: {
    summary: 'write the data of a local volume to stdout, as a tar archive',
    group: USE,
    examples: [
      ['of a claim', 'symphony backup volume shop/data > data.tar'],
      ['compressed', 'symphony backup volume shop/data | gzip > data.tar.gz'],
    ],
    load: async () => (await import('./commands/backup.ts')).backupCommand,
  },
  restore: {
    summary: 'fill the local volume of a claim from a tar archive on stdin',
    group: USE,
    examples: [
      ['into a new claim', 'symphony restore volume shop/data < data.tar'],
      ['in place of what is there', 'symphony restore volume shop/data --force < data.tar'],
    ],
    load: async () => (await import('./commands/restore.ts')).restoreCommand,
  },
  validate: {
    summary: 'check manifests without a cluster: file, line, field path, what is expected',
    group: CHECK,
    examples: [
      ['a folder', 'symphony validate ./manifests'],
      ['the output of another program', 'helm template ./chart | symphony validate -'],
      ['with the custom kinds of the cluster', 'symphony validate --cluster ./manifests'],
    ],
    load: async () => (await import('./commands/validate.ts')).validateCommand,
  },
  version: {
    summary: 'print the version',
    group: CHECK,
    examples: [['the same', 'symphony --version']],
    load: async () => (await import('./commands/version.ts')).versionCommand,
  },
};

export const commands: ReadonlyMap<string, CommandEntry> = new Map(Object.entries(entries));
