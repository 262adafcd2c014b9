/** Names of the cluster, as pods ask for them on a real Docker Engine. */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTimeOf } from '../../src/base/child-processes/process-identity.ts';
import { dnsDirectoryOf } from '../../src/network/dns/dns-part.ts';
import { readServerRecords } from '../../src/network/dns/process/server-records.ts';
import { eventually, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { STAY, tool, web } from './manifests.ts';

const SERVICES = `
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec:
  clusterIP: None
  selector: {app: db}
  ports: [{name: sql, port: 5432}]
---
apiVersion: v1
kind: Service
metadata: {name: away}
spec: {type: ExternalName, externalName: web.default.svc.cluster.local}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: c
          image: symphony.example/web:1
          imagePullPolicy: IfNotPresent
`;

describe('the names of a cluster', () => {
  let symphony: Symphony;
  let kubectl: Symphony['kubectl'];
  beforeAll(async () => {
    symphony = await startSymphony({
      nodes: 2,
      files: {
        'web.yaml': web(),
        'services.yaml': SERVICES,
        'asker.yaml': tool({ name: 'asker', script: STAY }),
      },
    });
    kubectl = symphony.kubectl;
    await eventually('the pods of Git are there', () => kubectl('get', 'pod', 'asker', 'db-1'));
    await kubectl('wait', '--for=condition=Ready', 'pod', '--all', WAIT_TIMEOUT);
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  /** The addresses below `Name:`, without the server's own. */
  async function resolved(name: string): Promise<readonly string[]> {
    const text = await kubectl('exec', 'asker', '--', 'busybox', 'nslookup', '-type=a', name);
    const [, answer = ''] = text.split(/\n\n/, 2);
    return [...answer.matchAll(/Address(?: \d+)?: (\S+)/g)].map(([, address = '']) => address).sort();
  }
  const podIp = (name: string): Promise<string> =>
    kubectl('get', 'pod', name, '-o', 'jsonpath={.status.podIP}');
  const serverPid = async (): Promise<number> => {
    const records = await readServerRecords(dnsDirectoryOf(join(symphony.dataDir, 'network')));
    expect(records).toHaveLength(1);
    return records[0]!.pid;
  };

  it('are those of a Service, a headless one and its pods, and an alias', async () => {
    const clusterIp = await kubectl('get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
    const ips = await Promise.all(['db-0', 'db-1'].map(podIp));
    const domain = 'default.svc.cluster.local';
    await eventually('the Service has its name', async () => {
      expect(await resolved(`web.${domain}`)).toEqual([clusterIp]);
      expect(await resolved(`db.${domain}`)).toEqual([...ips].sort());
      return true;
    });
    expect(await resolved(`db-1.db.${domain}`)).toEqual([ips[1]]);
    expect(await resolved(`away.${domain}`)).toEqual([clusterIp]);
    // Short names go through the search list, and the Service answers by its name.
    expect(await kubectl('exec', 'asker', '--', 'wget', '-qO-', 'http://web/')).not.toBe('');
  });

  it('are asked of the address of kube-dns', async () => {
    const dns = await kubectl(
      'get',
      'service',
      '-n',
      'kube-system',
      'kube-dns',
      '-o',
      'jsonpath={.spec.clusterIP}',
    );
    const file = await kubectl('exec', 'asker', '--', 'cat', '/etc/resolv.conf');
    expect(file).toMatch(/^search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/);
    expect(file).toContain(`nameserver ${dns}\n`);
    expect(file).toContain('options ndots:5');
  });

  it('follow a pod that is gone', async () => {
    await kubectl('scale', 'statefulset', 'db', '--replicas=1');
    const left = await podIp('db-0');
    await eventually('the name of the pod is gone', async () => {
      expect(await resolved('db.default.svc.cluster.local')).toEqual([left]);
      return true;
    });
  });

  it('are answered again after the server was killed, and while symphony is killed', async () => {
    const first = await serverPid();
    process.kill(first, 'SIGKILL');
    await eventually('another server answers', async () => {
      expect(await serverPid()).not.toBe(first);
      expect(await resolved('web.default.svc.cluster.local')).toHaveLength(1);
      return true;
    });
    const pid = await serverPid();
    await symphony.kill();
    expect(await startTimeOf(pid)).toBeDefined();
    await symphony.start();
    await eventually('the pod answers again', () => resolved('web.default.svc.cluster.local'));
    expect(await serverPid()).toBe(pid);
  });
});
