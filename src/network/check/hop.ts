/**
 * One hop of a check: the questions that it asks, and the judgement of their answers. Pure; the
 * command asks the questions. Hops are in the order in which a packet passes them.
 */
import type { NetworkFacts } from './facts.ts';

export type Verdict =
  | { readonly status: 'PASS' | 'SKIP'; readonly detail: string }
  | { readonly status: 'FAIL'; readonly detail: string; readonly mend: string };

export interface Hop {
  /** `route`, `policy`, `connection`. */
  readonly name: string;
  /** The checked thing: `node a -> node b`. */
  readonly subject: string;
  readonly asks: readonly Ask[];
  /** It tries the whole way: where a hop before it is broken, that is the one to mend. */
  readonly isWhole?: true;
  assess(answers: Answers): Verdict;
}

/** A question to the agent of a node, or to an address outside. */
export type Ask =
  | { readonly type: 'facts'; readonly node: string; readonly service?: string }
  | {
      readonly type: 'probe';
      readonly node: string;
      /** `namespace/name`; absent: from the node itself. */
      readonly from?: string;
      readonly to: string;
      /** A name below the cluster's domain that the server at `to` is asked for. */
      readonly dns?: string;
    }
  | { readonly type: 'url'; readonly url: string };

export type AskOf<T extends Ask['type']> = Extract<Ask, { readonly type: T }>;

export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly why: string };

/** The result of a connection, in Go's words. */
export interface Probed {
  readonly ok: boolean;
  readonly detail: string;
}

export interface Answers {
  facts(ask: AskOf<'facts'>): Answer<NetworkFacts>;
  probe(ask: AskOf<'probe'>): Answer<Probed>;
  url(ask: AskOf<'url'>): Answer<Probed>;
}

export interface CheckResult {
  readonly check: string;
  readonly subject: string;
  readonly status: Verdict['status'];
  readonly detail: string;
  readonly mend?: string;
}

export const pass = (detail: string): Verdict => ({ status: 'PASS', detail });
export const skip = (detail: string): Verdict => ({ status: 'SKIP', detail });
export const fail = (detail: string, mend: string): Verdict => ({ status: 'FAIL', detail, mend });

/** A hop that needs nothing but the objects. */
export const settled = (name: string, subject: string, verdict: Verdict): Hop => ({
  name,
  subject,
  asks: [],
  assess: () => verdict,
});

/** Equal questions are asked once. */
export const askKey = (ask: Ask): string => JSON.stringify(Object.entries(ask).sort());

/** Judges every hop. A whole way that fails is not judged where a hop before it is broken. */
export function assessHops(hops: readonly Hop[], answers: Answers): readonly CheckResult[] {
  let broken: string | undefined;
  return hops.map((hop) => {
    const { name: check, subject } = hop;
    const judged = hop.assess(answers);
    const verdict =
      hop.isWhole && judged.status === 'FAIL' && broken !== undefined
        ? skip(`${judged.detail}; mend "${broken}" first`)
        : judged;
    if (verdict.status === 'FAIL') broken ??= `${check} ${subject}`;
    return { check, subject, ...verdict };
  });
}
