/**
 * The Docker Engines of a node, written into its directory before anything is made there, so that
 * `symphony down` finds them whatever its flags. A directory without a record is of an earlier
 * release: nobody knows where its containers are.
 */
import { join } from 'node:path';
import { errorMessage, UserError } from '../../base/errors.ts';
import { isRecord, parsedJson } from '../../base/json.ts';
import { readIfThere, writePrivateFile } from '../../base/private-file.ts';
import type { EngineIdentity } from '../../node-agent/runtime/docker/read-engine.ts';
import { type ContainerRuntime, RuntimeError } from '../../node-agent/runtime/types.ts';

export interface RecordedEngine extends Partial<EngineIdentity> {
  /** As in the label `symphony.dev/cluster`. */
  readonly cluster: string;
  /** Where it was reached. A release without records has left no more than this. */
  readonly dockerHost: string;
}

const FILE = 'engines.json';

/** Before a node starts: from then on, nothing was made on an Engine without a record. */
export async function openEngineRecord(
  directory: string,
  before: Pick<RecordedEngine, 'cluster' | 'dockerHost'> | undefined,
): Promise<void> {
  if ((await readEngineRecord(directory)) === undefined)
    await writeEngineRecord(directory, before === undefined ? [] : [before]);
}

/** Undefined where there is no record. Throws UserError where it is damaged. */
export async function readEngineRecord(directory: string): Promise<readonly RecordedEngine[] | undefined> {
  const path = join(directory, FILE);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const engines = parsedJson(text);
  if (Array.isArray(engines) && engines.every(isEngine)) return engines;
  throw new UserError(
    `Cannot read "${path}": it is damaged; remove the file, and name the Docker Engines of this node with --docker-host`,
  );
}

export async function writeEngineRecord(
  directory: string,
  engines: readonly RecordedEngine[],
): Promise<void> {
  await writePrivateFile(join(directory, FILE), `${JSON.stringify(engines, null, 2)}\n`);
}

/** Adds an Engine, or what is newly known of it. */
export function withEngine(
  engines: readonly RecordedEngine[],
  engine: RecordedEngine,
): readonly RecordedEngine[] {
  const isSame = ({ cluster, dockerHost, engineId }: RecordedEngine): boolean =>
    cluster === engine.cluster &&
    dockerHost === engine.dockerHost &&
    (engineId ?? engine.engineId) === engine.engineId;
  return [...engines.filter((other) => !isSame(other)), engine];
}

const isEngine = (value: unknown): value is RecordedEngine =>
  isRecord(value) &&
  typeof value['cluster'] === 'string' &&
  typeof value['dockerHost'] === 'string' &&
  [value['engineId'], value['rootDirectory']].every((text) => ['string', 'undefined'].includes(typeof text));

export interface RecordingOptions {
  readonly directory: string;
  readonly cluster: string;
  readonly dockerHost: string;
  readonly readIdentity: () => Promise<EngineIdentity>;
}

/** The runtime, which makes nothing on an Engine that is not in the record. */
export function recordingRuntime(runtime: ContainerRuntime, options: RecordingOptions): ContainerRuntime {
  const { directory, cluster, dockerHost } = options;
  let recorded: Promise<void> | undefined;

  async function record(): Promise<void> {
    const identity = await options.readIdentity();
    const before = (await readEngineRecord(directory)) ?? [];
    const next = withEngine(before, { cluster, dockerHost, ...identity });
    if (JSON.stringify(next) !== JSON.stringify(before)) await writeEngineRecord(directory, next);
  }
  const ensureRecorded = (): Promise<void> => {
    recorded ??= record().catch((error: unknown) => {
      recorded = undefined;
      if (error instanceof RuntimeError) throw error;
      const message = `Cannot write down which engine is used: ${errorMessage(error)}`;
      throw new RuntimeError('transient', message, { cause: error });
    });
    return recorded;
  };
  return {
    ...runtime,
    async ensureSandbox(spec) {
      await ensureRecorded();
      return runtime.ensureSandbox(spec);
    },
    async create(spec, sandbox) {
      await ensureRecorded();
      return runtime.create(spec, sandbox);
    },
    async ensureNetwork(network) {
      await ensureRecorded();
      return runtime.ensureNetwork(network);
    },
    async *events(signal) {
      for await (const event of runtime.events(signal)) {
        // The connection was lost: another Engine may answer at the address by now.
        if (event.type === 'resync') recorded = undefined;
        yield event;
      }
    },
  };
}
