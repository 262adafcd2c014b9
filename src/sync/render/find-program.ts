/** Finds the program of a renderer on PATH, unless the operator names one. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/** The first of the names that PATH has, in the order of the names. */
export async function findProgram(names: readonly string[], path: string): Promise<string | undefined> {
  for (const name of names)
    for (const folder of path.split(delimiter)) {
      const file = join(folder, name);
      if (isAbsolute(folder) && (await isProgram(file))) return file;
    }
  return undefined;
}

export async function isProgram(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
