/**
 * The real Docker Engine for tests: finds it, makes the test images from Debian's static busybox,
 * and cleans up what one test made, recognised by its own cluster label. Nothing else on the Engine
 * is touched.
 */
import { existsSync, readFileSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { spawnSync } from 'node:child_process';
import Docker from 'dockerode';
import { systemRng } from '../../src/base/rng.ts';
import { removeNetwork } from '../../src/network/remove-network.ts';
import { runProgram } from '../../src/network/run-program.ts';
import { labelKeys } from '../../src/node-agent/runtime/types.ts';
import { freeRange } from './free-ranges.ts';
import { createTar } from '../../src/node-agent/images/tar.ts';

/**
 * Tags of the one image, so that a change of tag is a change of image reference without other
 * differences.
 */
export const TEST_IMAGES = ['symphony.test/busybox:1', 'symphony.test/busybox:2'] as const;
export const TEST_IMAGE = TEST_IMAGES[0];

const BUSYBOX_PATHS = ['/bin/busybox', '/usr/bin/busybox'];

export function engineHost(): string {
  return process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock';
}

export function connectDocker(): Docker {
  const host = engineHost();
  if (host.startsWith('unix://')) return new Docker({ socketPath: host.slice('unix://'.length) });
  const url = new URL(host);
  return new Docker({ host: url.hostname, port: url.port || 2375, protocol: 'http' });
}

export function busyboxPath(): string {
  const found = BUSYBOX_PATHS.find((path) => existsSync(path));
  if (!found) throw new Error('No static busybox here: install the package busybox-static');
  return found;
}

/**
 * Makes {@link TEST_IMAGES} where they are missing. A root file system of busybox and its links,
 * and nothing else.
 */
export async function ensureTestImages(docker = connectDocker()): Promise<void> {
  const [first, ...others] = TEST_IMAGES;
  const missing: string[] = [];
  for (const tag of TEST_IMAGES) {
    if (!(await imageExists(docker, tag))) missing.push(tag);
  }
  if (missing.length === 0) return;
  if (missing.includes(first)) {
    await drain(
      await docker.importImage(Readable.from([busyboxRootFs()]), {
        fromSrc: '-',
        repo: first.split(':')[0],
        tag: first.split(':')[1],
        changes: 'CMD ["sh"]',
      }),
    );
  }
  for (const tag of others) {
    const [repo, version] = tag.split(':');
    await docker.getImage(first).tag({ repo: repo ?? '', tag: version ?? '' });
  }
}

async function imageExists(docker: Docker, tag: string): Promise<boolean> {
  try {
    await docker.getImage(tag).inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}

async function drain(stream: NodeJS.ReadableStream): Promise<void> {
  const text = await new Promise<string>((resolve, reject) => {
    const sink = stream.pipe(new PassThrough());
    let all = '';
    sink.on('data', (chunk: Buffer) => (all += chunk.toString()));
    sink.once('end', () => resolve(all));
    sink.once('error', reject);
  });
  if (text.includes('"error"')) throw new Error(`Cannot make test image: ${text}`);
}

function busyboxRootFs(): Buffer {
  const busybox = busyboxPath();
  const applets = spawnSync(busybox, ['--list'], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((name) => name !== '' && name !== 'busybox');
  return createTar([
    { type: 'directory', name: 'bin', mode: 0o755 },
    { type: 'directory', name: 'etc', mode: 0o755 },
    { type: 'directory', name: 'tmp', mode: 0o1777 },
    { type: 'directory', name: 'root', mode: 0o700 },
    {
      type: 'file',
      name: 'etc/passwd',
      mode: 0o644,
      content: Buffer.from('root:x:0:0:root:/root:/bin/sh\n'),
    },
    { type: 'file', name: 'etc/group', mode: 0o644, content: Buffer.from('root:x:0:\n') },
    { type: 'file', name: 'bin/busybox', mode: 0o755, content: readFileSync(busybox) },
    ...applets.map((name) => ({ type: 'link' as const, name: `bin/${name}`, target: 'busybox' })),
  ]);
}

/** A cluster name of this test alone. */
export function uniqueCluster(prefix = 'test'): string {
  return `${prefix}-${systemRng.uuid().slice(0, 8)}`;
}

/** Removes the containers and networks that carry the cluster's label, and what is in the kernel. */
export async function removeCluster(cluster: string, docker = connectDocker()): Promise<void> {
  const filters = { label: [`${labelKeys.cluster}=${cluster}`] };
  const containers = await docker.listContainers({ all: true, filters });
  await Promise.all(
    containers.map(async ({ Id }) => {
      try {
        await docker.getContainer(Id).remove({ force: true, v: true });
      } catch (error) {
        const status = (error as { statusCode?: number }).statusCode;
        if (status !== 404 && status !== 409) throw error;
      }
    }),
  );
  const networks = await docker.listNetworks({ filters });
  for (const { Id } of networks) await docker.getNetwork(Id).remove();
  const clusterCidr = networks[0]?.IPAM?.Config?.[0]?.['Subnet'];
  await removeNetwork({ cluster, clusterCidr }, runProgram);
}

/** A /24 that nothing uses. */
export async function freeSubnet(docker = connectDocker()): Promise<{
  readonly subnet: string;
  readonly gateway: string;
  ip(host: number): string;
}> {
  const subnet = await freeRange(24, docker);
  const ip = (host: number): string => subnet.replace(/\d+\/24$/, String(host));
  return { subnet, gateway: ip(1), ip };
}
