/** The real kubectl, through the real API server and tunnel, into containers of the real engine. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { TEST_IMAGE } from '../../support/docker.ts';
import { type StreamsCluster, startStreamsCluster } from '../../support/streams-cluster.ts';

const FOREVER = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'];

describe('streams with kubectl', () => {
  let cluster: StreamsCluster;
  let directory: string;
  beforeAll(async () => {
    cluster = await startStreamsCluster();
    directory = await mkdtemp(join(tmpdir(), 'symphony-cp-'));
    await cluster.run('web', { containers: [{ name: 'main', image: TEST_IMAGE, command: FOREVER }] });
    await cluster.run('pair', {
      containers: [
        { name: 'first', image: TEST_IMAGE, command: FOREVER },
        { name: 'second', image: TEST_IMAGE, command: FOREVER },
      ],
    });
  });
  afterAll(async () => {
    await cluster[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });
  const kubectl = (args: readonly string[], input?: string) => cluster.server.kubectl(args, input);

  it('runs a command and keeps its outputs apart', async () => {
    const result = await kubectl(['exec', 'web', '--', 'sh', '-c', 'echo out; echo err >&2']);
    expect(result).toEqual({ code: 0, stdout: 'out\n', stderr: 'err\n' });
  });

  it("ends with the command's own exit code", async () => {
    const result = await kubectl(['exec', 'web', '--', 'sh', '-c', 'echo bye; exit 7']);
    expect(result.code).toBe(7);
    expect(result.stdout).toBe('bye\n');
    expect(result.stderr).toBe('command terminated with exit code 7\n');
  });

  it('passes input on, with its end', async () => {
    const result = await kubectl(['exec', '-i', 'web', '--', 'sh', '-c', 'tr a-z A-Z; echo done'], 'hello');
    expect(result).toEqual({ code: 0, stdout: 'HELLOdone\n', stderr: '' });
  });

  it('carries much in both directions without loss', async () => {
    const text = randomBytes(3 * 1024 * 1024).toString('base64');
    const sum = await kubectl(['exec', '-i', 'web', '--', 'wc', '-c'], text);
    expect(sum.stdout.trim()).toBe(String(text.length));
    const script = 'i=0; while [ $i -lt 20000 ]; do echo "line $i of many"; i=$((i+1)); done';
    const lines = await kubectl(['exec', 'web', '--', 'sh', '-c', script]);
    expect(lines.stdout.split('\n')).toHaveLength(20_001);
    expect(lines.stdout.endsWith('line 19999 of many\n')).toBe(true);
  });

  it('chooses the container that is named, and names the choice when none is', async () => {
    const named = await kubectl(['exec', 'pair', '-c', 'second', '--', 'hostname']);
    expect(named).toMatchObject({ code: 0, stdout: 'pair\n' });
    const unknown = await kubectl(['exec', 'pair', '-c', 'third', '--', 'true']);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('container third is not valid for pod pair');
  });

  it('says what is not there', async () => {
    const pod = await kubectl(['exec', 'nothing', '--', 'true']);
    expect(pod.stderr).toContain('pods "nothing" not found');
    const command = await kubectl(['exec', 'web', '--', 'no-such-program']);
    expect(command.code).not.toBe(0);
    expect(`${command.stdout}${command.stderr}`).toContain('no-such-program');
  });

  it('copies files to and from a container', async () => {
    const content = randomBytes(512 * 1024);
    await writeFile(join(directory, 'there'), content);
    const to = await kubectl(['cp', join(directory, 'there'), 'web:/tmp/file']);
    expect(to).toMatchObject({ code: 0, stderr: '' });
    const from = await kubectl(['cp', 'web:/tmp/file', join(directory, 'back')]);
    expect(from.code).toBe(0);
    expect((await readFile(join(directory, 'back'))).equals(content)).toBe(true);
  });

  it('forwards a port over WebSocket channels', async () => {
    const httpd = ['sh', '-c', 'echo hello > /tmp/index.html; exec httpd -f -p 8080 -h /tmp'];
    const readinessProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1 };
    await cluster.run('page', {
      containers: [{ name: 'main', image: TEST_IMAGE, command: httpd, readinessProbe }],
    });
    const { server, caPem, adminToken } = cluster.server;
    const url = `${server.url.replace('https', 'wss')}/api/v1/namespaces/default/pods/page/portforward?ports=8080`;
    const options = { ca: caPem, headers: { authorization: `Bearer ${adminToken}` } };
    const socket = new WebSocket(url, 'v4.channel.k8s.io', options);
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      let first = true;
      socket.on('error', reject);
      socket.on('open', () => socket.send(Buffer.from('\0GET / HTTP/1.0\r\n\r\n')));
      socket.on('message', (data: Buffer) => {
        if (data[0] !== 0) return;
        if (first) expect(data.readUInt16LE(1)).toBe(8080);
        else text += data.subarray(1).toString();
        first = false;
      });
      socket.on('close', () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.[01] 200 OK[^]*hello\n$/);
  });

  it('attaches to what a container says and reads', async () => {
    await cluster.run('echo', {
      restartPolicy: 'Never',
      containers: [
        {
          name: 'main',
          image: TEST_IMAGE,
          stdin: true,
          stdinOnce: true,
          command: ['sh', '-c', 'read line; echo "got $line"; sleep 1'],
        },
      ],
    });
    const result = await kubectl(['attach', '-i', 'echo'], 'a line\n');
    expect(result.stdout).toContain('got a line');
    expect(result.code).toBe(0);
  });
});
