/** Starts every controller of the control plane; disposing stops them all. */
import { startDeploymentController } from './deployment/deployment-controller.ts';
import { startGarbageCollector } from './garbage-collector/garbage-collector.ts';
import { startReplicaSetController } from './replicaset/replicaset-controller.ts';
import type { ControllerContext } from './controller.ts';

export async function startControllers(context: ControllerContext): Promise<AsyncDisposable> {
  const started: AsyncDisposable[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((controller) => controller[Symbol.asyncDispose]()));
  };
  try {
    for (const start of [startReplicaSetController, startDeploymentController, startGarbageCollector]) {
      started.push(await start(context));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { [Symbol.asyncDispose]: stop };
}
