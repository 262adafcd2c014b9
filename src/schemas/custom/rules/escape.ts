/** Names of properties in expressions: reserved words and special characters are escaped. */
import { words } from '../../../base/words.ts';

const RESERVED: ReadonlySet<string> = new Set(
  words(`
    true false null in as break const continue else for function if import let loop package namespace
    return var void while
  `),
);

const ESCAPES: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** Undefined for names that no expression can write. */
export function escapeName(name: string): string | undefined {
  if (!/^[a-zA-Z_./-][a-zA-Z0-9_./-]*$/.test(name)) return undefined;
  if (RESERVED.has(name)) return `__${name}__`;
  return name.replace(/__|[./-]/g, (part) => ESCAPES[part] ?? part);
}
