/**
 * A host of its own for tests: another host name, network, /etc/hosts, /var/lib and trusted
 * authorities, in namespaces of the kernel. What runs in it can listen on any port and write to
 * /var/lib; nothing of that reaches this machine.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from './kubectl.ts';

export interface PrivateHost extends AsyncDisposable {
  /** Runs what follows these words in that host. */
  readonly within: readonly string[];
}

export interface PrivateHostOptions {
  readonly name: string;
  /** Other names of its address. */
  readonly aliases: readonly string[];
  /** An authority that programs of that host trust. */
  readonly caPem: string;
  /** For the files that it needs. */
  readonly directory: string;
}

/** Out of a block that is never routed (RFC 5737). */
const ADDRESS = '192.0.2.10';

export async function startPrivateHost(options: PrivateHostOptions): Promise<PrivateHost> {
  const { name, aliases, caPem, directory } = options;
  const hosts = join(directory, 'hosts');
  await writeFile(hosts, `127.0.0.1 localhost\n${ADDRESS} ${[name, ...aliases].join(' ')}\n`);
  await writeFile(join(directory, 'ca.pem'), caPem);
  const setup = `
    hostname ${name}
    ip link set lo up
    ip link add eth0 type veth peer name cable0
    ip address add ${ADDRESS}/24 dev eth0
    ip link set eth0 up
    ip link set cable0 up
    mount --bind ${hosts} /etc/hosts
    mount -t tmpfs tmpfs /var/lib
    mkdir -p /etc/ssl/certs
    mount -t tmpfs tmpfs /etc/ssl/certs
    cp ${join(directory, 'ca.pem')} /etc/ssl/certs/ca-certificates.crt
    echo ready
    exec sleep infinity`;
  const namespaces = ['--net', '--uts', '--mount', '--propagation', 'private'];
  const child = spawn('unshare', [...namespaces, 'sh', '-e', '-c', setup], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => void (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => void (output += text));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const isReady = async (): Promise<boolean> => output.includes('ready') || child.exitCode !== null;
  await eventually('the host is there', isReady);
  if (child.exitCode !== null) throw new Error(`Cannot make a host in namespaces: ${output}`);
  return {
    within: ['nsenter', '--target', String(child.pid), '--net', '--uts', '--mount', '--wd=.'],
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
