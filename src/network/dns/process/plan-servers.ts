/**
 * The DNS servers that there are, and the program that should run → what to do. Pure. One server of
 * the program leads; until it knows the names, one of another program goes on. A server that is
 * replaced ends once nobody asks it any more.
 */
export interface SeenServer {
  readonly id: string;
  /** Its process runs. */
  readonly isAlive: boolean;
  /** For how long it owes an answer. */
  readonly silentMs: number;
  /** Its own words about itself; undefined until it listens. */
  readonly hello: { readonly program: string; readonly port: number } | undefined;
  /** It answers with the newest names. */
  readonly isReady: boolean;
  readonly isRetiring: boolean;
}

export interface ServerPlan {
  /** The server to which queries are led; undefined while there is none. */
  readonly lead: string | undefined;
  /** Start a server, at this port if it is free. */
  readonly start: { readonly port: number } | undefined;
  readonly retire: readonly string[];
  readonly kill: readonly string[];
  /** Remove what a dead server left. */
  readonly forget: readonly string[];
}

/** A server that is starting needs a second. One that hangs is of no use. */
export const MOST_SILENT_MS = 20_000;

/** `led`: the server that leads now, `lastPort` its port. */
export function planServers(
  program: string,
  seen: readonly SeenServer[],
  led: string | undefined,
  lastPort: number,
): ServerPlan {
  const living = seen.filter(({ isAlive }) => isAlive);
  const stuck = living.filter(({ silentMs }) => silentMs > MOST_SILENT_MS);
  const usable = living.filter((server) => !stuck.includes(server));
  const own = usable.filter(({ hello, isRetiring }) => !isRetiring && hello?.program === program);
  const starting = usable.filter(({ hello, isRetiring }) => !isRetiring && hello === undefined);
  const others = usable.filter(({ hello }) => hello !== undefined && hello.program !== program);
  const lead =
    prefer(
      own.filter(({ isReady }) => isReady),
      led,
    ) ??
    prefer(others, led) ??
    prefer(own, led);
  const isSettled = lead !== undefined && own.includes(lead) && lead.isReady;
  return {
    lead: lead?.id,
    start:
      own.length === 0 && starting.length === 0
        ? // The old server has its port until it ends.
          { port: others.length > 0 ? 0 : lastPort }
        : undefined,
    retire: isSettled
      ? [...own, ...others].filter((server) => server !== lead && !server.isRetiring).map(({ id }) => id)
      : [],
    kill: stuck.map(({ id }) => id),
    forget: seen.filter(({ isAlive }) => !isAlive).map(({ id }) => id),
  };
}

const prefer = (servers: readonly SeenServer[], id: string | undefined): SeenServer | undefined =>
  servers.find((server) => server.id === id) ?? servers[0];
