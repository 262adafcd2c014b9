/** The answer to a deletion: the object where upstream returns it, else a Status. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestHttp, type TestHttp } from '../test-http.ts';

let http: TestHttp;
beforeAll(async () => {
  http = await startTestHttp(['default', 'ending']);
});
afterAll(() => http[Symbol.asyncDispose]());

const inDefault = '/api/v1/namespaces/default';
const storage = '/apis/storage.k8s.io/v1';
const attachment = { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'v' } };
const template = { template: { spec: { containers: [{ name: 'c', image: 'x:1' }] } } };

it.each<[kind: string, answer: string, path: string, rest: object]>([
  ['ResourceQuota', 'ResourceQuota', `${inDefault}/resourcequotas`, {}],
  ['PodTemplate', 'PodTemplate', `${inDefault}/podtemplates`, template],
  ['ServiceAccount', 'ServiceAccount', `${inDefault}/serviceaccounts`, {}],
  ['StorageClass', 'StorageClass', `${storage}/storageclasses`, { provisioner: 'a.b/c' }],
  ['CSIDriver', 'CSIDriver', `${storage}/csidrivers`, { spec: {} }],
  ['CSINode', 'CSINode', `${storage}/csinodes`, {}],
  ['VolumeAttachment', 'VolumeAttachment', `${storage}/volumeattachments`, { spec: attachment }],
  [
    'VolumeAttributesClass',
    'VolumeAttributesClass',
    `${storage}/volumeattributesclasses`,
    { driverName: 'd', parameters: { a: 'b' } },
  ],
  ['Secret', 'Status', `${inDefault}/secrets`, {}],
  ['ConfigMap', 'Status', `${inDefault}/configmaps`, {}],
  ['Lease', 'Status', '/apis/coordination.k8s.io/v1/namespaces/default/leases', {}],
])('a deleted %s: %s', async (kind, answer, path, rest) => {
  const apiVersion = path.startsWith('/apis/') ? path.split('/').slice(2, 4).join('/') : 'v1';
  const object = { apiVersion, kind, metadata: { name: 'a' }, ...rest };
  expect(await http.send('POST', path, object)).toMatchObject({ code: 201 });
  expect(await http.send('DELETE', `${path}/a`)).toMatchObject({ code: 200, body: { kind: answer } });
});

it('a namespace that is not empty yet: itself, accepted where its dependents were asked to go', async () => {
  const path = '/api/v1/namespaces/ending?orphanDependents=false';
  const answer = await http.send('DELETE', path);
  expect(answer).toMatchObject({ code: 202, body: { kind: 'Namespace', metadata: { name: 'ending' } } });
});
