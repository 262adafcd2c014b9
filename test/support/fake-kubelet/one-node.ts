/** A control plane with admission and one node, for tests in whose middle the store loses history. */
import { startTestCluster, type TestCluster } from '../cluster.ts';
import { type FakeKubelet, startFakeKubelet } from './fake-kubelet.ts';

export interface OneNode extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly kubelet: FakeKubelet;
}

export async function startOneNode(): Promise<OneNode> {
  const cluster = await startTestCluster({ admission: true });
  const kubelet = await startFakeKubelet(cluster);
  await cluster.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, spec: {} });
  await cluster.clock.advance(1_000);
  return {
    cluster,
    kubelet,
    async [Symbol.asyncDispose]() {
      await kubelet[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
}
