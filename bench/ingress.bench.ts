/**
 * Requests through an Ingress, among a hundred others, against a bare Caddy that proxies to the same
 * upstream without any match: requests a second on kept-alive connections. Rounds alternate.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDefaultCertificate } from '../src/network/ingress/default-certificate.ts';
import { renderCaddy } from '../src/network/ingress/render-caddy.ts';
import { anIngress, aService, proxyPlan } from '../test/support/ingress-objects.ts';
import { freePort } from '../test/support/symphony.ts';
import { median, numberAfter, progress, reporter, spread } from './support/figures.ts';

const ROUNDS = numberAfter('--rounds', 9);
const REQUESTS = numberAfter('--requests', 4_000);
const CONNECTIONS = 16;
const COUNT = numberAfter('--ingresses', 100);
const HOST = `web-${COUNT >> 1}.example.com`;
const report = reporter('ingress');

const directory = await mkdtemp(join(tmpdir(), 'symphony-bench-ingress-'));
const running: ChildProcess[] = [];

async function startCaddy(name: string, config: object, port: number): Promise<void> {
  const cwd = join(directory, name);
  await mkdir(cwd);
  await writeFile(join(cwd, 'config.json'), JSON.stringify(config));
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: cwd, XDG_DATA_HOME: cwd, XDG_CONFIG_HOME: cwd };
  running.push(spawn('caddy', ['run', '--config', 'config.json'], { cwd, env, stdio: 'ignore' }));
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    if ((await answerOf(port, new Agent()).catch(() => 0)) === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`Caddy "${name}" does not answer`);
}

async function answerOf(port: number, agent: Agent): Promise<number> {
  const asked = get({ host: '127.0.0.1', port, path: '/index.html', agent, headers: { host: HOST } });
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.resume();
  await once(answer, 'end');
  return answer.statusCode ?? 0;
}

/** Processor time of a process, in ticks of 10 ms. */
const ticksOf = (child: ChildProcess | undefined): number => {
  const stat = readFileSync(`/proc/${child?.pid ?? 0}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
};

async function requestsPerSecond(port: number, agent: Agent): Promise<number> {
  let left = REQUESTS;
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left > 0) {
        left -= 1;
        if ((await answerOf(port, agent)) !== 200) throw new Error('A request failed');
      }
    }),
  );
  return (REQUESTS / (performance.now() - begin)) * 1_000;
}

const body = Buffer.alloc(1_024, 'x');
const upstream = createServer((_, answer) => answer.end(body));
try {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const { port: target } = upstream.address() as AddressInfo;
  const [ours, bare, tls] = [await freePort(), await freePort(), await freePort()];
  const ingresses = Array.from({ length: COUNT }, (_, index) =>
    anIngress({
      name: `web-${index}`,
      rules: [
        `Prefix web-${index}.example.com/ web:${target}`,
        `Prefix web-${index}.example.com/api web:${target}`,
      ],
    }),
  );
  const service = aService('web', { clusterIP: '127.0.0.1', ports: [{ port: target }] });
  const rendered = renderCaddy(proxyPlan(ingresses, [service]).model, {
    httpPort: ours,
    httpsPort: tls,
    defaultCertificate: await createDefaultCertificate(Date.now()),
    logsAccess: false,
  });
  await startCaddy('ours', rendered, ours);
  const proxy = { handler: 'reverse_proxy', upstreams: [{ dial: `127.0.0.1:${target}` }] };
  const server = { listen: [`:${bare}`], automatic_https: { disable: true }, routes: [{ handle: [proxy] }] };
  await startCaddy('bare', { admin: { disabled: true }, apps: { http: { servers: { server } } } }, bare);
  const agents = [new Agent({ keepAlive: true }), new Agent({ keepAlive: true })] as const;
  const rates: [number[], number[]] = [[], []];
  await requestsPerSecond(ours, agents[0]);
  await requestsPerSecond(bare, agents[1]);
  const before = running.map(ticksOf);
  for (let round = 0; round < ROUNDS; round += 1) {
    rates[0].push(await requestsPerSecond(ours, agents[0]));
    rates[1].push(await requestsPerSecond(bare, agents[1]));
    progress(`round ${round + 1} of ${ROUNDS}`);
  }
  const ratio = median(rates[0].map((rate, index) => rate / (rates[1][index] ?? 1)));
  const [used = 0, usedBare = 0] = running.map((child, index) => ticksOf(child) - (before[index] ?? 0));
  for (const agent of agents) agent.destroy();
  report({
    name: 'through an Ingress',
    value: median(rates[0]),
    unit: 'requests/s',
    baseline: median(rates[1]),
    ratio,
    note: spread(rates[0]),
  });
  const microseconds = (ticks: number): number => (ticks * 10_000) / (ROUNDS * REQUESTS);
  report({
    name: 'processor time of a request through an Ingress',
    value: microseconds(used),
    unit: 'µs',
    baseline: microseconds(usedBare),
    ratio: used / usedBare,
  });
} finally {
  for (const caddy of running) caddy.kill('SIGKILL');
  upstream.close();
  upstream.closeAllConnections();
  await rm(directory, { recursive: true, force: true });
}
