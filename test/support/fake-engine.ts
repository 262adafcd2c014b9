/**
 * A Docker Engine that only remembers, on a unix socket: its id, its networks and its containers.
 * No process runs.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { labelKeys } from '../../src/node-agent/runtime/types.ts';

export interface FakeEngine extends AsyncDisposable {
  readonly host: string;
  /** The names that it was asked to remove, in order. */
  readonly removed: string[];
  addContainer(cluster: string, node: string, pod: string): void;
  addNetwork(name: string, subnet: string, cluster?: string): void;
  readonly networks: readonly string[];
}

interface Listed {
  readonly Name: string;
  readonly Id: string;
  readonly Created: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string }[] };
}

export async function startFakeEngine(
  socketPath: string,
  engineId: string,
  rootDirectory = '/var/lib/docker',
): Promise<FakeEngine> {
  const containers = new Map<string, Readonly<Record<string, string>>>();
  const networks = new Map<string, Listed>();
  const removed: string[] = [];

  const inspected = (name: string, labels: Readonly<Record<string, string>>): unknown => ({
    Id: name,
    Name: `/${name}`,
    Image: 'sha256:0',
    Created: '2026-01-01T00:00:00Z',
    Config: { Labels: labels, Image: 'image:1' },
    State: { Running: true, Status: 'running', Error: '', ExitCode: 0, StartedAt: '', FinishedAt: '' },
    HostConfig: {},
    NetworkSettings: { Networks: {} },
  });
  const drop = (from: Map<string, unknown>, id: string): [number, unknown] => {
    if (!from.delete(id)) return [404, { message: `No such object: ${id}` }];
    removed.push(id);
    return [204, undefined];
  };

  function answer(method: string, path: string, filters: string, body: string): [number, unknown] {
    const id = decodeURIComponent(/^\/(?:containers|networks)\/([^/]+)/.exec(path)?.[1] ?? '');
    if (path === '/info') return [200, { ID: engineId, DockerRootDir: rootDirectory }];
    if (path === '/networks') return [200, [...networks.values()]];
    if (path === '/networks/create') {
      const { Name, Labels, IPAM } = JSON.parse(body) as Listed;
      networks.set(Name, { Name, Id: Name, Created: '', Labels, IPAM });
      return [201, { Id: Name }];
    }
    if (path.startsWith('/networks/') && method === 'DELETE') return drop(networks, id);
    if (path === '/containers/json') {
      const wanted = (JSON.parse(filters || '{}') as { label?: string[] }).label ?? [];
      const found = [...containers].filter(([, labels]) =>
        wanted.every((label) => Object.entries(labels).some(([key, value]) => `${key}=${value}` === label)),
      );
      return [200, found.map(([name, labels]) => ({ Id: name, Names: [`/${name}`], Labels: labels }))];
    }
    const labels = containers.get(id);
    if (method === 'DELETE') return drop(containers, id);
    return labels ? [200, inspected(id, labels)] : [404, { message: `No such container: ${id}` }];
  }

  const server = createServer((request, response) => void serve(request, response));
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const url = new URL(request.url ?? '', 'http://engine');
    const path = url.pathname.replace(/^\/v[\d.]+/, '');
    const filters = url.searchParams.get('filters') ?? '';
    const [status, value] = answer(request.method ?? '', path, filters, Buffer.concat(chunks).toString());
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(value === undefined ? '' : JSON.stringify(value));
  }
  server.listen(socketPath);
  await once(server, 'listening');
  return {
    host: `unix://${socketPath}`,
    removed,
    addContainer(cluster, node, pod) {
      const labels = {
        [labelKeys.cluster]: cluster,
        [labelKeys.node]: node,
        [labelKeys.podName]: pod,
        [labelKeys.podNamespace]: 'default',
        [labelKeys.podUid]: pod,
        [labelKeys.containerName]: 'app',
        [labelKeys.attempt]: '0',
      };
      containers.set(`k8s_app_${pod}_default_${pod}_0`, labels);
    },
    addNetwork(name, subnet, cluster) {
      const Labels = cluster === undefined ? {} : { [labelKeys.cluster]: cluster };
      networks.set(name, {
        Name: name,
        Id: name,
        Created: '',
        Labels,
        IPAM: { Config: [{ Subnet: subnet }] },
      });
    },
    get networks() {
      return [...networks.keys()];
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
