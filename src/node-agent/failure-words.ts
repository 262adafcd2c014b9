/** What the pod's user is told of a failure: the engine's own sentence, or Go's words for what Node says. Pure. */
import { goWords } from '../base/go-words.ts';
import { RuntimeError } from './runtime/types.ts';

export const failureWords = (error: unknown): string =>
  error instanceof RuntimeError ? error.detail : goWords(error);
