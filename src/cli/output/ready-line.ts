/** Says that a control plane is ready, once it is known whether its repository can be read. */
import { createAbort } from '../../base/abort.ts';
import { sleep, systemClock } from '../../base/clock.ts';
import { printable } from '../../base/printable.ts';
import type { Config } from '../../config/index.ts';
import type { ControlPlane } from '../../server/control-plane.ts';
import { readyText } from '../../server/start/plan-ready-text.ts';
import { repositoryUrl } from '../../server/start/repository-url.ts';
import { redactUrl } from '../../sync/git/git-url.ts';
import type { CliIo } from '../run/command.ts';

/** A forge that is away must not keep a start from being reported. */
const REPOSITORY_PATIENCE_MS = 2_000;

export async function sayReady(
  { stdout }: Pick<CliIo, 'stdout'>,
  config: Pick<Config, 'repo' | 'revision' | 'path'>,
  controlPlane: Pick<ControlPlane, 'url' | 'dataDir' | 'repository'>,
  nodes?: readonly { readonly name: string; readonly problem: () => string | undefined }[],
): Promise<void> {
  const { repo, revision, path } = config;
  const { url, dataDir } = controlPlane;
  const repository =
    repo === undefined
      ? undefined
      : {
          name: redactUrl(repositoryUrl(repo)),
          revision,
          path,
          state: await inTime(controlPlane.repository),
        };
  const seen = nodes?.map(({ name, problem }) => ({ name, problem: problem() }));
  const text = readyText({ url, kubeconfig: dataDir.kubeconfig, repository, nodes: seen });
  stdout.write(printable(text, { newlines: true }));
}

async function inTime<T>(answer: Promise<T>): Promise<T | undefined> {
  const patience = createAbort();
  const late = sleep(systemClock, REPOSITORY_PATIENCE_MS, patience.signal).then(() => undefined);
  const first = await Promise.race([answer, late]);
  patience.abort();
  return first;
}
