/**
 * Kubernetes' variable references in command, args, env and subPathExpr (kubernetes.io, "Define dependent environment
 * variables"): `$(NAME)` is replaced, `$$` is one `$`, everything else, an unknown name included, stays as it is.
 */
const REFERENCE = /\$\$|\$\(([^)]*)\)/g;

export function expandReferences(text: string, lookup: (name: string) => string | undefined): string {
  return text.replace(REFERENCE, (whole, name: string | undefined) =>
    name === undefined ? '$' : (lookup(name) ?? whole),
  );
}

/** Names that a text refers to, in order, escaped references left out. */
export function referencedNames(text: string): readonly string[] {
  return [...text.matchAll(REFERENCE)].map((match) => match[1]).filter((name) => name !== undefined);
}
