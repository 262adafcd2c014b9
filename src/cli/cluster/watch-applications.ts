/** Follows applications until they are settled, showing each change. */
import { anySignal, createAbort } from '../../base/abort.ts';
import { type Clock, sleep, systemClock } from '../../base/clock.ts';
import { listAll } from '../../client/list-all.ts';
import { type ApiClient, resources } from '../../client/types.ts';
import type { Application } from '../../schemas/types.ts';
import type { CliIo, ExitCode } from '../run/command.ts';
import { hasFailed, isSettled, renderApplications } from '../output/application-table.ts';
import type { Colours } from '../output/colours.ts';
import { renderJson } from '../output/json.ts';

export interface FollowOptions {
  readonly client: ApiClient;
  readonly io: CliIo;
  readonly colours: Colours;
  readonly signal: AbortSignal;
  /** Which applications matter; all when undefined. */
  readonly selects?: (application: Application) => boolean;
  /** Nothing while it lasts, and the applications as JSON at its end. */
  readonly json?: boolean;
  /** Stop as soon as `done` says so; by default when every one is settled. */
  readonly done?: (applications: readonly Application[]) => boolean;
  readonly clock?: Clock;
}

/** The server ends each watch after some minutes. A list and a new watch follow this much later. */
const PAUSE_MS = 1_000;

/** 0 if all succeeded, 1 if one failed or the signal came first. A terminal redraws the table. */
export async function followApplications(options: FollowOptions): Promise<ExitCode> {
  const { client, io, colours, signal, clock = systemClock } = options;
  const selects = options.selects ?? (() => true);
  const done = options.done ?? ((applications: readonly Application[]) => applications.every(isSettled));
  let known = new Map<string, Application>();
  let shown: readonly Application[] = [];
  let hasSeen = false;
  let drawnLines = 0;
  let drawn = '';
  const draw = (): void => {
    shown = [...known.values()].filter(selects).sort((a, b) => (keyText(a) < keyText(b) ? -1 : 1));
    hasSeen ||= shown.length > 0;
    const text = renderApplications(shown, colours);
    if (text === drawn || options.json === true) return;
    if (io.stdout.isTTY && drawnLines > 0) io.stdout.write(`\u001b[${drawnLines}A\u001b[J`);
    io.stdout.write(text);
    drawn = text;
    drawnLines = text.split('\n').length - 1;
  };
  // Applications that were deleted meanwhile never settle.
  const isOver = (): boolean => signal.aborted || (shown.length > 0 ? done(shown) : hasSeen);
  /** Lists, then watches until all is done or the server ends the watch. */
  const follow = async (): Promise<void> => {
    const { items, resourceVersion } = await listAll<Application>(client, resources.applications);
    known = new Map(items.map((item) => [keyText(item), item]));
    draw();
    if (isOver()) return;
    const ended = createAbort();
    using both = anySignal(signal, ended.signal);
    try {
      const watch = client.watch<Application>(resources.applications, { resourceVersion, signal: both });
      for await (const { type, object } of watch) {
        if (type === 'BOOKMARK') continue;
        if (type === 'DELETED') known.delete(keyText(object));
        else known.set(keyText(object), object);
        draw();
        if (isOver()) return;
      }
    } finally {
      ended.abort();
    }
  };
  await follow();
  while (!isOver()) {
    await sleep(clock, PAUSE_MS, signal);
    if (!signal.aborted) await follow();
  }
  if (options.json === true) io.stdout.write(renderJson(shown));
  return shown.length === 0 || shown.some(hasFailed) || !done(shown) ? 1 : 0;
}

const keyText = ({ metadata }: Application): string => `${metadata.namespace ?? ''}/${metadata.name}`;
