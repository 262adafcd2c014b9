/** Answers of other servers, while they live. Bounded in number and in bytes; the oldest go. */
import type { ForwardedAnswer } from './forwarded-answer.ts';

export interface AnswerCache {
  /** With its age in whole seconds. */
  get(
    key: string,
    nowMs: number,
  ): { readonly answer: ForwardedAnswer; readonly ageSeconds: number } | undefined;
  set(key: string, answer: ForwardedAnswer, nowMs: number): void;
  readonly size: number;
  readonly bytes: number;
}

/** As many as CoreDNS keeps. */
const MOST_ANSWERS = 9_984;
/** Beside its bytes, an answer takes some memory for its records. */
const MOST_BYTES = 16 * 1_024 * 1_024;

export function createAnswerCache(mostAnswers = MOST_ANSWERS, mostBytes = MOST_BYTES): AnswerCache {
  const kept = new Map<string, { readonly answer: ForwardedAnswer; readonly atMs: number }>();
  let bytes = 0;
  const drop = (key: string): void => {
    bytes -= kept.get(key)?.answer.bytes.length ?? 0;
    kept.delete(key);
  };
  return {
    get(key, nowMs) {
      const found = kept.get(key);
      if (!found) return undefined;
      const ageSeconds = Math.max(0, Math.floor((nowMs - found.atMs) / 1_000));
      if (ageSeconds < found.answer.keepSeconds) return { answer: found.answer, ageSeconds };
      drop(key);
      return undefined;
    },
    set(key, answer, nowMs) {
      drop(key);
      if (answer.keepSeconds <= 0) return;
      kept.set(key, { answer, atMs: nowMs });
      bytes += answer.bytes.length;
      for (const oldest of kept.keys()) {
        if (kept.size <= mostAnswers && bytes <= mostBytes) return;
        drop(oldest);
      }
    },
    get size() {
      return kept.size;
    },
    get bytes() {
      return bytes;
    },
  };
}
