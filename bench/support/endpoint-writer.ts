/**
 * Writes Services and endpoints to the API: `KUBECONFIG` as the first argument. Reads commands from
 * standard input, one a line, and answers each with a line. `create FIRST COUNT` makes Services of
 * two endpoints each; `change SERVICE ADDRESS` gives one a single endpoint and answers when it asked
 * for that, and when the API had answered, in milliseconds of the machine's clock.
 */
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import { load } from 'js-yaml';

interface Kubeconfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } },
  ];
  readonly users: readonly [{ readonly user: Readonly<Record<string, string>> }];
}

const AT_ONCE = 32;
const { clusters, users } = load(readFileSync(process.argv[2] ?? '', 'utf8')) as Kubeconfig;
const [{ cluster }] = clusters;
const [{ user }] = users;
const pem = (text: string | undefined): Buffer | undefined =>
  text === undefined ? undefined : Buffer.from(text, 'base64');
const agent = new Agent({
  keepAlive: true,
  maxSockets: AT_ONCE,
  ca: pem(cluster['certificate-authority-data']),
  cert: pem(user['client-certificate-data']),
  key: pem(user['client-key-data']),
});
const headers = {
  'content-type': 'application/json',
  ...(user['token'] === undefined ? {} : { authorization: `Bearer ${user['token']}` }),
};

function send(method: string, path: string, body: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(`${cluster.server}${path}`, { method, agent, headers }, (answer) => {
      const text: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => void text.push(chunk));
      answer.once('end', () => {
        if ((answer.statusCode ?? 0) < 300) resolve();
        else reject(new Error(`${method} ${path}: ${Buffer.concat(text).toString()}`));
      });
    });
    asked.once('error', reject);
    asked.end(JSON.stringify(body));
  });
}

const SERVICES = '/api/v1/namespaces/default/services';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const nameOf = (index: number): string => `service-${index}`;

const sliceOf = (name: string, addresses: readonly string[]): object => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: `${name}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  endpoints: addresses.map((address) => ({
    addresses: [address],
    conditions: { ready: true, serving: true, terminating: false },
  })),
});

async function createService(index: number): Promise<void> {
  const name = nameOf(index);
  const metadata = { name, namespace: 'default', labels: { app: name } };
  await send('POST', SERVICES, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { ports: [{ port: 80 }] },
  });
  const end = `${(index >> 7) + 1}.${(index & 127) + 1}`;
  await send('POST', SLICES, sliceOf(name, [`10.244.${end}`, `10.245.${end}`]));
}

const now = (): number => performance.timeOrigin + performance.now();

async function obey([verb, ...words]: readonly string[]): Promise<string> {
  if (verb === 'create') {
    let [next = 0, left = 0] = words.map(Number);
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        while (left > 0) {
          left -= 1;
          await createService(next++);
        }
      }),
    );
    return 'created';
  }
  const [index, address = ''] = words;
  const name = nameOf(Number(index));
  const asked = now();
  await send('PUT', `${SLICES}/${name}-1`, sliceOf(name, [address]));
  return `${asked} ${now()}`;
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${await obey(line.split(' '))}\n`);
agent.destroy();
