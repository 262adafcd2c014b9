/** The largest size of a variable's values and of their members, by its schema. */
export interface Extent {
  /** Elements of a list or a map, characters of a text; 0 for what has no size. */
  readonly maxSize: number;
  /** The length of its shortest JSON. */
  readonly minBytes: number;
  readonly items?: Extent;
  readonly values?: Extent;
  readonly keys?: Extent;
  readonly fields?: ReadonlyMap<string, Extent>;
}

/**
 * Where in the data of the root variable a value comes from. Upstream looks the size of a value up
 * by its path. A path that leads nowhere has no extent; of a value without any path the first step
 * leads to the root, whatever it is.
 */
export type Place = { readonly extent: Extent | undefined } | undefined;

export type Step =
  | { readonly kind: 'items' | 'values' | 'keys' | 'indices' }
  | { readonly kind: 'field'; readonly name: string };

export function stepTo(place: Place, step: Step, root: Extent): Place {
  if (!place) return { extent: root };
  const { extent } = place;
  switch (step.kind) {
    case 'field':
      return { extent: extent?.fields?.get(step.name) };
    case 'keys':
      return { extent: extent?.keys };
    case 'indices':
      return { extent: undefined };
    default:
      // Upstream does not tell apart what lists and maps hold.
      return { extent: extent?.items ?? extent?.values };
  }
}
