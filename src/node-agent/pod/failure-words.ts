/** A failure for the pod's user: the engine's own text, or Go's for an error of Node. Pure. */
import { goWords } from '../../base/go-words.ts';
import { RuntimeError } from '../runtime/types.ts';

export const failureWords = (error: unknown): string =>
  error instanceof RuntimeError ? error.detail : goWords(error);
