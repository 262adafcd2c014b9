/** The errors of an expression: before it runs, while it runs, and when it costs too much. */

/** The expression is malformed or its types do not fit. The message is upstream's compiler's. */
export class CompileError extends Error {
  override readonly name = 'CompileError';
}

/** An evaluation failed: no such key, division by zero. `&&` and `||` may not need the value. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
}

/** The budget is spent. Nothing in an expression can go on after this. */
export class CostExceeded extends Error {
  override readonly name = 'CostExceeded';
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}

/** A complaint with the place in the source, as the compiler upstream prints it. */
export function complaintAt(source: string, offset: number, text: string): CompileError {
  const before = source.slice(0, offset);
  const line = before.split('\n').length;
  const start = before.lastIndexOf('\n') + 1;
  const end = source.indexOf('\n', offset);
  const shown = source.slice(start, end === -1 ? undefined : end);
  const column = offset - start;
  return new CompileError(
    `ERROR: <input>:${line}:${column + 1}: ${text}\n | ${shown}\n | ${'.'.repeat(column)}^`,
  );
}

/** A message is made for each failure, so it shows no more of a text than people read. */
const MAX_SHOWN = 200;

export const shownText = (text: string): string =>
  JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
