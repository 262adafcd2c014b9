/**
 * Kubernetes' variable references in command, args, env and subPathExpr (kubernetes.io, "Define
 * dependent environment variables"). `$(NAME)` is replaced, `$$` is one `$`, and everything else
 * stays, unknown names included.
 */
const REFERENCE = /\$\$|\$\(([^)]*)\)/g;

export function expandReferences(text: string, lookup: (name: string) => string | undefined): string {
  const { closed, rest } = splitAtLastClose(text);
  const spend = createProgramBudget();
  const expanded = closed.replace(REFERENCE, (whole, name: string | undefined) =>
    name === undefined ? '$' : spend(lookup(name) ?? whole),
  );
  return expanded + rest.replaceAll('$$', () => '$');
}

/** Linux gives a program at most this much: arguments and variables together. */
const MAX_PROGRAM_CHARS = 6 * 1024 * 1024;

/** The container cannot be made; the reason is in the kubelet's words. */
export class Refused extends Error {}

/**
 * Answers what it is given, and throws {@link Refused} once that is too much in all. A few
 * variables that repeat each other stand for terabytes.
 */
export function createProgramBudget(): (text: string) => string {
  let left = MAX_PROGRAM_CHARS;
  return (text) => {
    left -= text.length;
    if (left < 0) throw new Refused(`arguments or variables have more than ${MAX_PROGRAM_CHARS} characters`);
    return text;
  };
}

/** Names that a text refers to, in order, escaped references left out. */
export function referencedNames(text: string): readonly string[] {
  const { closed } = splitAtLastClose(text);
  return [...closed.matchAll(REFERENCE)].map((match) => match[1]).filter((name) => name !== undefined);
}

/** No reference ends after the last `)`. A search from each `$(` would take quadratic time. */
function splitAtLastClose(text: string): { readonly closed: string; readonly rest: string } {
  const end = text.lastIndexOf(')') + 1;
  return { closed: text.slice(0, end), rest: text.slice(end) };
}
