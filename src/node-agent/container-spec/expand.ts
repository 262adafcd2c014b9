/**
 * Kubernetes' variable references in command, args, env and subPathExpr (kubernetes.io, "Define dependent environment
 * variables"): `$(NAME)` is replaced, `$$` is one `$`, everything else, an unknown name included, stays as it is.
 */
const REFERENCE = /\$\$|\$\(([^)]*)\)/g;

export function expandReferences(text: string, lookup: (name: string) => string | undefined): string {
  const { closed, rest } = splitAtLastClose(text);
  const expanded = closed.replace(REFERENCE, (whole, name: string | undefined) =>
    name === undefined ? '$' : (lookup(name) ?? whole),
  );
  return expanded + rest.replaceAll('$$', () => '$');
}

/** Names that a text refers to, in order, escaped references left out. */
export function referencedNames(text: string): readonly string[] {
  const { closed } = splitAtLastClose(text);
  return [...closed.matchAll(REFERENCE)].map((match) => match[1]).filter((name) => name !== undefined);
}

/** Behind the last `)` no reference can end; looking for its end from each `$(` would take quadratic time. */
function splitAtLastClose(text: string): { readonly closed: string; readonly rest: string } {
  const end = text.lastIndexOf(')') + 1;
  return { closed: text.slice(0, end), rest: text.slice(end) };
}
