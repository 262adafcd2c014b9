/** Follows applications until they are settled, showing each change. */
import { createAbort } from '../../base/abort.ts';
import type { ApiClient } from '../../client/types.ts';
import { resources } from '../../client/types.ts';
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
}

/** 0 if all succeeded, 1 if one failed or the signal came first. A terminal redraws the table. */
export async function followApplications(options: FollowOptions): Promise<ExitCode> {
  const { client, io, colours, signal } = options;
  const selects = options.selects ?? (() => true);
  const done = options.done ?? ((applications: readonly Application[]) => applications.every(isSettled));
  const list = await client.list<Application>(resources.applications);
  const known = new Map(list.items.map((item) => [keyText(item), item]));
  let drawnLines = 0;
  let drawn = '';
  const draw = (): readonly Application[] => {
    const shown = [...known.values()].filter(selects).sort((a, b) => (keyText(a) < keyText(b) ? -1 : 1));
    const text = renderApplications(shown, colours);
    if (text === drawn || options.json === true) return shown;
    if (io.stdout.isTTY && drawnLines > 0) io.stdout.write(`\u001b[${drawnLines}A\u001b[J`);
    io.stdout.write(text);
    drawn = text;
    drawnLines = text.split('\n').length - 1;
    return shown;
  };
  let shown = draw();
  const ended = createAbort();
  const stop = (): void => ended.abort();
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (!(shown.length > 0 && done(shown))) {
      const watch = client.watch<Application>(resources.applications, {
        resourceVersion: list.resourceVersion,
        signal: ended.signal,
      });
      for await (const { type, object } of watch) {
        if (type === 'BOOKMARK') continue;
        if (type === 'DELETED') known.delete(keyText(object));
        else known.set(keyText(object), object);
        shown = draw();
        if (shown.length > 0 && done(shown)) break;
      }
    }
  } finally {
    ended.abort();
    signal.removeEventListener('abort', stop);
  }
  if (options.json === true) io.stdout.write(renderJson(shown));
  return shown.length === 0 || shown.some(hasFailed) || !done(shown) ? 1 : 0;
}

function keyText({ metadata }: Application): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
