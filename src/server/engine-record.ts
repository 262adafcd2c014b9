/**
 * Which Docker Engines a node has made something on: written into the node's directory before the first network or
 * container is made there, so that `symphony down` finds them again whatever flags it gets.
 *
 * A directory without a record is of a release that kept none: nobody knows where its containers are.
 */
import { join } from 'node:path';
import { errorMessage, UserError } from '../base/errors.ts';
import { isRecord } from '../base/json.ts';
import { readIfThere, writePrivateFile } from '../base/private-file.ts';
import { type ContainerRuntime, RuntimeError } from '../node-agent/runtime/types.ts';

export interface RecordedEngine {
  /** As in the label `symphony.dev/cluster`. */
  readonly cluster: string;
  /** Where it was reached. */
  readonly dockerHost: string;
  /** The Engine's own id; absent where a release without records has used the address. */
  readonly engineId?: string;
}

const FILE = 'engines.json';

/** Before a node starts: from then on the absence of an Engine in the record tells that nothing was made there. */
export async function openEngineRecord(
  directory: string,
  before: Omit<RecordedEngine, 'engineId'> | undefined,
): Promise<void> {
  if ((await readEngineRecord(directory)) === undefined)
    await writeEngineRecord(directory, before === undefined ? [] : [before]);
}

/** Undefined where there is no record. Throws UserError where it is damaged. */
export async function readEngineRecord(directory: string): Promise<readonly RecordedEngine[] | undefined> {
  const path = join(directory, FILE);
  const text = await readIfThere(path);
  if (text === undefined) return undefined;
  const engines = parseRecord(text);
  if (engines !== undefined) return engines;
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

/** Adds an Engine; an entry for its address that had no id gets it. */
export function withEngine(
  engines: readonly RecordedEngine[],
  engine: RecordedEngine,
): readonly RecordedEngine[] {
  const others = engines.filter(
    ({ cluster, dockerHost, engineId }) =>
      cluster !== engine.cluster ||
      dockerHost !== engine.dockerHost ||
      (engineId !== undefined && engineId !== engine.engineId),
  );
  return [...others, engine];
}

function parseRecord(text: string): readonly RecordedEngine[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every(isEngine) ? value : undefined;
  } catch {
    return undefined;
  }
}

const isEngine = (value: unknown): value is RecordedEngine =>
  isRecord(value) &&
  typeof value['cluster'] === 'string' &&
  typeof value['dockerHost'] === 'string' &&
  ['string', 'undefined'].includes(typeof value['engineId']);

export interface RecordingOptions {
  readonly directory: string;
  readonly cluster: string;
  readonly dockerHost: string;
  readonly readEngineId: () => Promise<string>;
}

/** The runtime, which makes nothing on an Engine that is not in the record. */
export function recordingRuntime(runtime: ContainerRuntime, options: RecordingOptions): ContainerRuntime {
  const { directory, cluster, dockerHost } = options;
  let recorded: Promise<void> | undefined;

  async function record(): Promise<void> {
    const engineId = await options.readEngineId();
    const before = (await readEngineRecord(directory)) ?? [];
    const known = before.some(
      (engine) =>
        engine.cluster === cluster && engine.dockerHost === dockerHost && engine.engineId === engineId,
    );
    if (!known) await writeEngineRecord(directory, withEngine(before, { cluster, dockerHost, engineId }));
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
    async create(spec) {
      await ensureRecorded();
      return runtime.create(spec);
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
