/**
 * The programs that Symphony runs on, and how to get them. Idempotent: what is there is left alone.
 * On Debian as root the missing ones are installed; anywhere else the message says exactly what to
 * install.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { done, fail, step } from './progress.mjs';

/** @typedef {{ command: string, debian: string, why: string }} Tool */

/** @type {readonly Tool[]} */
export const tools = [
  { command: 'git', debian: 'git', why: 'reads the manifests' },
  { command: 'redis-server', debian: 'redis-server', why: 'holds the objects' },
  { command: 'dockerd', debian: 'docker.io', why: 'runs the containers' },
  { command: 'nft', debian: 'nftables', why: 'carries Services and policies' },
  { command: 'ip', debian: 'iproute2', why: 'leads to the pods of other hosts' },
  { command: 'iptables', debian: 'iptables', why: "lets pods through the Docker Engine's firewall" },
  { command: 'conntrack', debian: 'conntrack', why: 'forgets connections to pods that are gone' },
  { command: 'arping', debian: 'iputils-arping', why: 'tells neighbours where load balancers are' },
  { command: 'caddy', debian: 'caddy', why: 'serves Ingresses and Gateways' },
  { command: 'busybox', debian: 'busybox-static', why: 'makes the demonstration images' },
  { command: 'openssl', debian: 'openssl', why: 'makes keys and certificate requests, as people do' },
  { command: 'kubectl', debian: 'kubernetes-client', why: 'is how people look around' },
];

/** Debian keeps daemons in sbin, which is not on everybody's PATH. */
const EXTRA_PATHS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

export function findCommand(command) {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), ...EXTRA_PATHS]) {
    const file = join(folder, command);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here
    }
  }
  return undefined;
}

/** A dockerd is not needed where an engine answers already; see engine.mjs. */
export function ensureTools({ engineAnswers }) {
  const missing = tools.filter(
    (tool) => !(tool.command === 'dockerd' && engineAnswers) && !findCommand(tool.command),
  );
  if (missing.length === 0) return;
  const packages = missing.map((tool) => tool.debian);
  const isDebian = existsSync('/etc/debian_version') && findCommand('apt-get') !== undefined;
  if (!isDebian || process.getuid?.() !== 0) {
    const list = missing
      .map((tool) => `  ${tool.command}: ${tool.why} (Debian package ${tool.debian})`)
      .join('\n');
    const how = isDebian
      ? `sudo apt-get install --no-install-recommends ${packages.join(' ')}`
      : 'Install them with the package manager of this system.';
    fail(`These programs are missing:\n${list}\n\n${how}`);
  }
  step(`installing ${packages.join(', ')}`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages]);
  done();
}

function run(command, args) {
  const result = spawnSync(command, args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (result.status !== 0) {
    const tail = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().split('\n').slice(-15).join('\n');
    fail(`Cannot run ${command} ${args.join(' ')}:\n${tail}`);
  }
}
