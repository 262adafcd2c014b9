/** A complete list, read page by page. */
import { append } from '../base/append.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { ApiClient, ListOptions, ObjectList, ResourcePath } from './types.ts';

/** Objects per page. */
const PAGE_SIZE = 500;
/** A list longer than this is a bug of the server. */
const MAX_PAGES = 10_000;

export async function listAll<T extends KubeObject>(
  client: Pick<ApiClient, 'list'>,
  resource: ResourcePath,
  selection: ListOptions = {},
): Promise<ObjectList<T>> {
  const items: T[] = [];
  let next: string | undefined;
  for (let pages = 0; pages < MAX_PAGES; pages += 1) {
    const page: ObjectList<T> = await client.list<T>(resource, {
      ...selection,
      limit: PAGE_SIZE,
      ...(next === undefined ? {} : { continue: next }),
    });
    append(items, page.items);
    next = page.continue;
    if (next === undefined) return { items, resourceVersion: page.resourceVersion };
  }
  throw new Error('Cannot list: the list does not end');
}
