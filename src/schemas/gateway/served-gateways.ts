/** What a node says about the Gateways that it serves, in an annotation of its Node. Pure. */
import { asRecord, asString } from '../json-access.ts';

export const SERVED_GATEWAYS = 'symphony.dev/gateways';

export interface ServedGateways {
  /** The generation that the proxy has loaded, by the uid of the Gateway. */
  readonly served: Readonly<Record<string, number>>;
  /** Ports that it does not serve, with the reason. */
  readonly refused: Readonly<Record<string, string>>;
}

/** All annotations of an object have 256 KiB at most. */
const MAX_GATEWAYS = 1_000;
const MAX_REFUSED = 100;
const MAX_REASON = 300;

export function writeServedGateways(
  gateways: readonly { readonly metadata: { readonly uid?: string; readonly generation?: number } }[],
  refused: ReadonlyMap<number, string>,
): string {
  const served = gateways
    .slice(0, MAX_GATEWAYS)
    .map(({ metadata }) => [metadata.uid ?? '', metadata.generation ?? 0] as const);
  const reasons = [...refused]
    .slice(0, MAX_REFUSED)
    .map(([port, why]) => [port, why.slice(0, MAX_REASON)] as const);
  return JSON.stringify({ served: Object.fromEntries(served), refused: Object.fromEntries(reasons) });
}

/** What cannot be read says nothing. */
export function readServedGateways(text: string | undefined): ServedGateways {
  try {
    const said: unknown = JSON.parse(text ?? '{}');
    const { served, refused } = asRecord(said);
    return {
      served: Object.fromEntries(
        Object.entries(asRecord(served)).map(([uid, generation]) => [uid, Number(generation)]),
      ),
      refused: Object.fromEntries(
        Object.entries(asRecord(refused)).map(([port, why]) => [port, asString(why)]),
      ),
    };
  } catch {
    return { served: {}, refused: {} };
  }
}
