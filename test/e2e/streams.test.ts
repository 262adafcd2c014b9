/**
 * exec, attach, cp, port-forward, logs and watch into real containers, by kubectl of today
 * (WebSocket) and of 2020 (SPDY), and by the JavaScript client: what people see, with the bytes
 * compared.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { KubeConfig, V1Status } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadClientNode } from '../support/client-node.ts';
import { ensureTestImages, TEST_IMAGE } from '../support/docker.ts';
import {
  createKubectl,
  eventually,
  type Kubectl,
  runProgram,
  startProgram,
  WAIT_TIMEOUT,
} from '../support/kubectl.ts';
import { oldKubectl } from '../support/kubectl-old.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { documents, STAY, tool, web } from './manifests.ts';

const MIB = 1024 * 1024;
/** More than all buffers on the way together. */
const BIG_BYTES = 64 * MIB;
/** At once, of each kind. */
const CONNECTIONS = 25;
/** A server for each, since the one of busybox turns away who comes while it lets another in. */
const ECHO_PORTS = Array.from({ length: CONNECTIONS }, (_, index) => 9000 + index);

/** Serves files on 8080, and says on other ports what it is told. */
const SERVER = [
  'mkdir -p /tmp/www',
  'dd if=/dev/urandom of=/tmp/www/blob bs=1024 count=1024 2>/dev/null',
  'httpd -p 8080 -h /tmp/www',
  ...ECHO_PORTS.map((port) => `nc -ll -p ${port} -e cat &`),
  STAY,
].join('\n');
/** One line, then the end; the next attempt says another. */
const RESTARTING =
  'n=$(cat /data/n 2>/dev/null || echo 0); echo $((n+1)) > /data/n; echo "attempt $n"; sleep 1; exit 1';

const restarting = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'restarting' },
  spec: {
    terminationGracePeriodSeconds: 1,
    volumes: [{ name: 'data', emptyDir: {} }],
    initContainers: [{ name: 'prepare', image: TEST_IMAGE, command: ['echo', 'prepared'] }],
    containers: [
      {
        name: 'main',
        image: TEST_IMAGE,
        imagePullPolicy: 'IfNotPresent',
        command: ['sh', '-c', RESTARTING],
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ],
  },
});

const pair = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'pair', labels: { app: 'pair' } },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: ['a', 'b'].map((name) => ({
      name,
      image: TEST_IMAGE,
      imagePullPolicy: 'IfNotPresent',
      command: ['sh', '-c', `echo from ${name}; ${STAY}`],
    })),
  },
});
const reader = (name: string): string =>
  tool({
    name,
    script: 'read line; echo "got $line"; sleep 2',
    spec: '  restartPolicy: Never\n',
    container: '      stdin: true\n      stdinOnce: true\n',
  });

let symphony: Symphony;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-streams-'));
  await ensureTestImages();
  symphony = await startSymphony();
  const { kubectl } = symphony;
  const manifests = documents(
    tool({ name: 'server', script: SERVER }).replace('symphony.example/tools:1', TEST_IMAGE),
    pair,
    restarting,
    web({ name: 'page', replicas: 1 }),
    ...['new', 'old', 'js'].map((name) => reader(`reader-${name}`)),
  );
  await kubectl.withInput(manifests, 'apply', '-f', '-');
  const pods = ['server', 'pair', 'reader-new', 'reader-old', 'reader-js'].map((name) => `pod/${name}`);
  await kubectl('wait', '--for=condition=Ready', WAIT_TIMEOUT, ...pods);
});
afterAll(async () => {
  await symphony?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(() => symphony.explainFailure());

const releases = [
  { release: 'new', find: async () => 'kubectl' },
  { release: 'old', find: oldKubectl },
] as const;

describe.each(releases)('the $release kubectl', ({ release, find }) => {
  let program: string;
  let kubectl: Kubectl;
  const env = (): NodeJS.ProcessEnv => ({
    KUBECONFIG: join(symphony.dataDir, 'kubeconfig'),
    HOME: directory,
  });
  beforeAll(async () => {
    program = await find();
    kubectl = createKubectl(join(symphony.dataDir, 'kubeconfig'), directory, program);
  });

  it('runs commands, with their outputs apart and their exit code', async () => {
    const result = await kubectl.try('exec', 'server', '--', 'sh', '-c', 'echo out; echo err >&2; exit 3');
    expect(result).toMatchObject({ code: 3, stdout: 'out\n' });
    expect(result.stderr).toBe('err\ncommand terminated with exit code 3\n');
  });

  it('gives input to commands, to its end', async () => {
    const script = 'tr a-z A-Z; echo done';
    expect(await kubectl.withInput('hello ', 'exec', '-i', 'server', '--', 'sh', '-c', script)).toBe(
      'HELLO done\n',
    );
  });

  it('opens a terminal of the size that it has itself', async () => {
    const command = `stty rows 31 cols 97; ${program} exec -it server -- sh -c 'sleep 1; stty size; test -t 0 && echo terminal'`;
    const result = await runProgram('script', ['-qec', command, '/dev/null'], { env: env() });
    expect(result.stdout).toContain('31 97\r\nterminal\r\n');
  });

  it('says that an image has no tar to copy with, and takes no reason for an archive', async () => {
    await kubectl('exec', 'pair', '-c', 'b', '--', 'rm', '-f', '/bin/tar');
    const target = join(directory, `none-${release}`);
    const results = [
      await kubectl.try('cp', 'pair:/etc/hosts', target, '-c', 'b'),
      await kubectl.try('cp', '/etc/hosts', 'pair:/tmp/hosts', '-c', 'b'),
    ];
    for (const { code, stderr } of results) {
      expect(code).not.toBe(0);
      expect(stderr).toContain('exec: "tar": executable file not found in $PATH');
    }
  });

  it('copies much there and back without a difference', async () => {
    const content = randomBytes(BIG_BYTES);
    const there = join(directory, `there-${release}`);
    const back = join(directory, `back-${release}`);
    await writeFile(there, content);
    await kubectl('cp', there, `server:/tmp/big-${release}`);
    const inside = await kubectl('exec', 'server', '--', 'sha256sum', `/tmp/big-${release}`);
    expect(inside.split(' ')[0]).toBe(sha256(content));
    await kubectl('cp', `server:/tmp/big-${release}`, back);
    expect(sha256(await readFile(back))).toBe(sha256(content));
    await Promise.all([rm(there), rm(back)]);
  });

  it('attaches to what a container reads and says', async () => {
    const output = await kubectl.withInput('a line\n', 'attach', '-i', `reader-${release}`);
    expect(output).toContain('got a line');
  });

  it('forwards many connections at once, each with its own bytes', async () => {
    await using forward = startProgram(
      program,
      ['port-forward', 'pod/server', ...[8080, 9999, ...ECHO_PORTS].map((port) => `:${port}`)],
      {
        env: env(),
      },
    );
    const ports = await eventually('ports are forwarded', async () => {
      const found = [...forward.stdout().matchAll(/127\.0\.0\.1:(\d+) -> (\d+)/g)];
      return (
        found.length >= CONNECTIONS + 2 && new Map(found.map(([, local, remote]) => [remote, Number(local)]))
      );
    });
    const expected = (await kubectl('exec', 'server', '--', 'sha256sum', '/tmp/www/blob')).split(' ')[0];
    const downloads = ECHO_PORTS.map(async () => {
      const answer = await fetch(`http://127.0.0.1:${ports.get('8080') ?? 0}/blob`);
      expect(sha256(Buffer.from(await answer.arrayBuffer()))).toBe(expected);
    });
    const echoes = ECHO_PORTS.map(async (port) => {
      const sent = randomBytes(300 * 1024);
      expect((await echo(ports.get(String(port)) ?? 0, sent)).equals(sent)).toBe(true);
    });
    await Promise.all([...downloads, ...echoes]).catch(async (error: unknown) => {
      forward.child.kill('SIGINT');
      throw new Error(`Connections broke; kubectl says: ${(await forward.ended).stderr}`, { cause: error });
    });
    // Last, since the newer kubectl gives the whole session up for a port that nobody listens on.
    await echo(ports.get('9999') ?? 0, Buffer.from('x')).catch(() => undefined);
    forward.child.kill('SIGINT');
    expect((await forward.ended).stderr).toMatch(/error.* forwarding port 9999 to pod server/);
  });

  it('says why it cannot', async () => {
    const refusal = async (...args: readonly string[]): Promise<string> => {
      const result = await kubectl.try(...args);
      expect(result.code).not.toBe(0);
      return result.stderr;
    };
    expect(await refusal('exec', 'nothing', '--', 'true')).toContain('pods "nothing" not found');
    expect(await refusal('exec', 'server', '-c', 'x', '--', 'true')).toContain(
      'container x is not valid for pod server',
    );
    expect(await refusal('exec', 'restarting', '-c', 'prepare', '--', 'true')).toContain(
      'container not found ("prepare")',
    );
    expect(await refusal('exec', 'server', '--', 'no-such-program')).toMatch(
      'exec failed: unable to start container process: exec: "no-such-program": executable file not found in $PATH',
    );
    expect(await refusal('port-forward', 'pod/nothing', ':80')).toContain('pods "nothing" not found');
  });

  it('prints the logs of many, of one of many, of what runs no more, and follows', async () => {
    const all = await kubectl('logs', '-l', 'app=pair', '--prefix', '--all-containers');
    expect(all.split('\n').sort()).toEqual(['', '[pod/pair/a] from a', '[pod/pair/b] from b']);
    expect((await kubectl.try('logs', 'pair')).stderr + (await kubectl.try('logs', 'pair')).stdout).toMatch(
      /choose one of: \[a b\]|Defaulted container "a" out of: a, b/,
    );
    expect(await kubectl('logs', 'deployment/page')).toBeTypeOf('string');
    expect(await kubectl('logs', 'restarting', '-c', 'prepare')).toBe('prepared\n');
    await eventually('there was an attempt before', async () => {
      const { stdout } = await kubectl.try('logs', 'restarting', '--previous');
      return /^attempt \d+\n$/.test(stdout);
    });
    // A followed log ends with its container.
    expect(await kubectl('logs', '-f', 'restarting')).toMatch(/^attempt \d+\n$/);
  });
});

describe('the JavaScript client', () => {
  let client: Awaited<ReturnType<typeof loadClientNode>>;
  beforeAll(async () => {
    client = await loadClientNode();
  });
  const config = (): KubeConfig => {
    const made = new client.KubeConfig();
    made.loadFromFile(join(symphony.dataDir, 'kubeconfig'));
    return made;
  };

  it('runs a command with input, outputs and status', async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const output = buffer(stdout);
    const status = await new Promise<V1Status>((resolve, reject) => {
      const command = ['sh', '-c', 'read x; echo "$x"; exit 4'];
      const input = Readable.from(['word\n']);
      new client.Exec(config())
        .exec('default', 'server', 'main', command, stdout, stderr, input, false, (result) => {
          stdout.end();
          resolve(result);
        })
        .catch(reject);
    });
    expect((await output).toString()).toBe('word\n');
    expect(status).toMatchObject({ status: 'Failure', reason: 'NonZeroExitCode' });
    expect(status.details?.causes).toEqual([{ reason: 'ExitCode', message: '4' }]);
  });

  it('attaches', async () => {
    const stdout = new PassThrough();
    const input = new PassThrough();
    const socket = await new client.Attach(config()).attach(
      'default',
      'reader-js',
      'main',
      stdout,
      null,
      input,
      false,
    );
    const said = new Promise<string>((resolve) =>
      stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    input.write('from node\n');
    expect(await said).toBe('got from node\n');
    socket.close();
  });

  it('forwards a port', async () => {
    const [output, errors, input] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const socket = await new client.PortForward(config()).portForward(
      'default',
      'server',
      [9000],
      output,
      errors,
      input,
    );
    const said = new Promise<string>((resolve) =>
      output.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );
    input.write('echo me');
    expect(await said).toBe('echo me');
    (typeof socket === 'function' ? socket() : socket)?.close();
  });

  it('follows a log to its end, and watches', async () => {
    const lines = new PassThrough();
    const text = buffer(lines);
    await new client.Log(config()).log('default', 'reader-new', 'main', lines, { follow: true });
    expect((await text).toString()).toBe('got a line\n');
    const watched = new Promise<string>((resolve, reject) => {
      const path = '/api/v1/namespaces/default/pods';
      const about = { fieldSelector: 'metadata.name=pair', timeoutSeconds: 1 };
      const seen: string[] = [];
      const onEvent = (
        type: string,
        { metadata }: { readonly metadata: { readonly name: string } },
      ): void => {
        seen.push(`${type} ${metadata.name}`);
      };
      new client.Watch(config()).watch(path, about, onEvent, () => resolve(seen.join())).catch(reject);
    });
    expect(await watched).toMatch(/^ADDED pair/);
  });
});

const sha256 = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

/** Sends all, and reads until as much has come back. */
function echo(port: number, content: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const socket = connect(port, '127.0.0.1', () => socket.write(content));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= content.length) socket.destroy();
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(Buffer.concat(chunks)));
  });
}
