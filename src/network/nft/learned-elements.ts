/** Elements that packets have put into sets of a table, from a listing of nft(8). Pure. */

/** By set: elements as commands take them, `10.244.1.4 expires 4m59s592ms`. */
export type LearnedElements = ReadonlyMap<string, readonly string[]>;

const SET = /set (\S+) \{[^{}]*elements = \{([^{}]*)\}/g;
/** An element in its last second may be gone before it is written again. */
const LASTS = / expires \d+[dhms](\d|$)/;

export function parseLearnedElements(listing: string): LearnedElements {
  const found = [...listing.matchAll(SET)].map(([, name = '', elements = '']) => {
    const texts = elements.split(',').map((text) => text.trim().replace(/\s+/g, ' '));
    return [name, texts.filter((text) => LASTS.test(text))] as const;
  });
  return new Map(found.filter(([, elements]) => elements.length > 0));
}
