/** Writes on behalf of somebody: the sync of an Application has the rights of its author. The API implements it. */
import type { Author } from '../../schemas/applications/application-author.ts';
import type { Objects, Write } from './objects.ts';

export interface DelegatedWrites {
  /** Refuses with 403 what the author may not write, or what lies outside the namespace. */
  readonly objects: Objects;
  /** Why each of these writes would be refused, as text; undefined where it would not. Nothing is written. */
  refusals(writes: readonly Write[]): Promise<readonly (string | undefined)[]>;
}

export type DelegateWrites = (author: Author, namespace: string) => DelegatedWrites;
