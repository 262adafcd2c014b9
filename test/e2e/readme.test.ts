/**
 * The commands of README.md, typed as they are written. What a reader has and this machine has not
 * is arranged around them: an image of that name, a Git server at https://git.example, a host
 * called control-plane, options in the environment where a command leaves them out.
 */
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueIdentity, openAuthority } from '../../src/api/tls/authority.ts';
import { systemClock } from '../../src/base/clock.ts';
import { labelKeys } from '../../src/node-agent/runtime/types.ts';
import { clusterIdOf } from '../../src/server/identity/cluster-identity.ts';
import { connectDocker, removeCluster } from '../support/docker.ts';
import { createTestRepository, startGitServer } from '../support/git-server.ts';
import { eventually } from '../support/kubectl.ts';
import { startPrivateHost } from '../support/private-host.ts';
import { freeRange } from '../support/free-ranges.ts';
import { freePort } from '../support/symphony.ts';
import { openTerminal, type Terminal } from '../support/terminal.ts';
import { configMap } from './manifests.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
const IMAGE = 'nginx:1.29-alpine';
const AUTHOR = { NAME: 'A Reader', EMAIL: 'reader@example.com' };

/** Blocks by how they begin. The gate runs some by itself. */
const NOT_TYPED: Readonly<Record<string, string>> = {
  'npm run demo': 'the demonstration and the whole suite, of which this test is a part',
  'symphony backup volume': 'volumes.test.ts types them, with a volume of its own',
};
const TYPED = {
  first: 'npm ci',
  look: 'export PATH=',
  change: 'sed -i',
  remove: 'symphony down',
  controlPlane: 'symphony control-plane',
  token: 'symphony token create',
  agent: 'symphony agent',
} as const;
let blocks: readonly string[];
const cleanUp: (() => Promise<void>)[] = [];

const beginningWith = (beginning: string): readonly string[] =>
  blocks.filter((text) => text.startsWith(beginning));
const block = (name: keyof typeof TYPED): string => beginningWith(TYPED[name])[0] ?? '';

async function environment(directory: string): Promise<Record<string, string>> {
  const home = join(directory, 'home');
  const tools = join(directory, 'tools');
  await mkdir(home);
  await mkdir(tools);
  // The packages are here already, and other tests use them: installing is a test of its own.
  await writeFile(join(tools, 'npm'), '#!/bin/sh\n[ "$*" = ci ]\n');
  await chmod(join(tools, 'npm'), 0o755);
  return {
    PATH: `${tools}:${PATH}`,
    HOME: home,
    NO_COLOR: '1',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: AUTHOR.NAME,
    GIT_AUTHOR_EMAIL: AUTHOR.EMAIL,
    GIT_COMMITTER_NAME: AUTHOR.NAME,
    GIT_COMMITTER_EMAIL: AUTHOR.EMAIL,
    SYMPHONY_POLL_INTERVAL: '1s',
    SYMPHONY_STABILITY_WINDOW: '1s',
  };
}

/** As a checkout: what the commands leave in the folder lies beside the program, not in it. */
async function checkout(): Promise<{ readonly directory: string; readonly folder: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'symphony-readme-'));
  cleanUp.push(() => rm(directory, { recursive: true, force: true }));
  const folder = join(directory, 'checkout');
  await mkdir(folder);
  await symlink(join(ROOT, 'bin'), join(folder, 'bin'));
  return { directory, folder };
}

function terminal(options: Parameters<typeof openTerminal>[0]): Terminal {
  const opened = openTerminal(options);
  cleanUp.push(async () => opened[Symbol.asyncDispose]());
  return opened;
}

const clusterIn = async (folder: string): Promise<string> =>
  clusterIdOf(await readFile(join(folder, '.symphony', 'tls', 'ca.crt'), 'utf8'));

async function containers(folder: string): Promise<number> {
  const filters = { label: [`${labelKeys.cluster}=${await clusterIn(folder)}`] };
  return (await connectDocker().listContainers({ filters })).length;
}

/**
 * Serves TLS at an address of the private host, and hands on to a server of this machine by a
 * socket in a file.
 */
const RELAY = `
const [key, cert, path] = process.argv.slice(2);
const { readFileSync } = require('node:fs');
const options = { key: readFileSync(key), cert: readFileSync(cert) };
require('node:tls').createServer(options, (client) => {
  const server = require('node:net').connect(path);
  client.on('error', () => server.destroy());
  server.on('error', () => client.destroy());
  client.pipe(server).pipe(client);
}).listen(443, () => console.log('listening'));`;

beforeAll(async () => {
  const readme = await readFile(join(ROOT, 'README.md'), 'utf8');
  blocks = [...readme.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, text]) => text ?? '');
});
afterAll(async () => {
  for (const step of cleanUp.reverse()) await step();
});

describe('README.md', () => {
  it('a first web application: committed, running, reached, changed, and removed', async () => {
    const { directory, folder } = await checkout();
    const { ensureWebImage } = (await import(join(ROOT, 'scripts', 'images.mjs'))) as {
      ensureWebImage: (tag: string, port: number) => Promise<() => Promise<void>>;
    };
    cleanUp.push(await ensureWebImage(IMAGE, 80));
    const env = {
      ...(await environment(directory)),
      SYMPHONY_LISTEN: `127.0.0.1:${await freePort()}`,
      SYMPHONY_CLUSTER_CIDR: await freeRange(20),
      SYMPHONY_SERVICE_CIDR: await freeRange(24),
    };
    cleanUp.push(async () => removeCluster(await clusterIn(folder)));
    const first = terminal({ cwd: folder, env });
    await first.start(block('first'), /^export KUBECONFIG=/m);
    const second = terminal({ cwd: folder, env });
    const reached = await second.run(block('look'));
    expect(reached).toMatch(/^symphony-system\/root +Synced +Healthy +\S+ +success$/m);
    expect(reached.match(/^web-\S+ +1\/1 +Running/gm)).toHaveLength(2);
    expect(reached).toContain('Welcome');
    expect(await second.run(block('change'))).toMatch(/^web +3\/3 +3 +3 /m);
    await first.interrupt();
    expect(await containers(folder)).toBeGreaterThanOrEqual(3);
    const removed = await second.run(block('remove'));
    expect(removed).toMatch(/^node-1: \d+ containers? removed on unix:/m);
    expect(await containers(folder)).toBe(0);
  });

  it('several hosts: an agent joins a control plane by the name of its host', async () => {
    const { directory, folder } = await checkout();
    const repository = await createTestRepository();
    cleanUp.push(async () => repository[Symbol.asyncDispose]());
    await repository.commit({ 'settings.json': configMap('settings', { a: '1' }) });
    const served = join(directory, 'served');
    await mkdir(served);
    await symlink(repository.bare, join(served, 'shop.git'));
    const socket = join(directory, 'git.sock');
    const server = await startGitServer(served, socket);
    cleanUp.push(async () => server[Symbol.asyncDispose]());

    const authority = await openAuthority({ directory: join(directory, 'ca'), clock: systemClock });
    const identity = await issueIdentity(authority, {
      commonName: 'git.example',
      dnsNames: ['git.example'],
      purposes: ['server auth'],
      lifetimeMs: 3_600_000,
    });
    const [key, cert] = [join(directory, 'git.key'), join(directory, 'git.crt')];
    await writeFile(key, identity.keyPem);
    await writeFile(cert, identity.certPem);
    const { caPem } = authority;
    const host = await startPrivateHost({
      name: 'control-plane',
      aliases: ['git.example'],
      caPem,
      directory,
    });
    cleanUp.push(async () => host[Symbol.asyncDispose]());
    // A node that runs nothing real needs no Engine, which would not see the files of this host.
    const env = { ...(await environment(directory)), SYMPHONY_RUNTIME: 'hollow' };
    const open = (): Terminal => terminal({ within: host.within, cwd: folder, env });

    const forge = open();
    await writeFile(join(directory, 'relay.cjs'), RELAY);
    await forge.start(
      `"${process.execPath}" ${join(directory, 'relay.cjs')} ${key} ${cert} ${socket}`,
      /listening/,
    );
    const onPath = 'export PATH="$PWD/bin:$PATH"\n';
    const first = open();
    await first.start(onPath + block('controlPlane'), /^export KUBECONFIG=/m);
    const second = open();
    await second.run(onPath + block('token'));
    const third = open();
    await third.start(onPath + block('agent'), /Node host-1 is running/);
    const kubectl = (args: string): Promise<string> =>
      second.run(`KUBECONFIG=/var/lib/symphony/kubeconfig kubectl ${args}`);
    expect(await kubectl('get nodes')).toMatch(/^host-1 +Ready /m);
    await eventually('the commit is applied', async () => (await kubectl('get cm')).includes('settings'));
    await third.interrupt();
    await first.interrupt();
  });

  it('has each block once, and none that nothing types', () => {
    const known = [...Object.values(TYPED), ...Object.keys(NOT_TYPED)];
    for (const beginning of known) expect(beginningWith(beginning), beginning).toHaveLength(1);
    expect(blocks).toHaveLength(known.length);
  });
});
