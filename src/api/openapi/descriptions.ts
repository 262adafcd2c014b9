/**
 * Upstream's texts about types and fields, which the build takes from the published models
 * (scripts/generate-descriptions.mjs). They are long and only people read them, so the first
 * request for a document loads them.
 */
import type { DescriptionSource } from './documents.ts';

let loaded: Promise<DescriptionSource> | undefined;

export function loadDescriptions(): Promise<DescriptionSource> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<DescriptionSource> {
  const { texts, types, hash } = await import('../../schemas/generated/descriptions.js');
  const textOf = (index: number | undefined): string | undefined =>
    index === undefined || index < 0 ? undefined : texts[index];
  return {
    hash,
    of(component) {
      const type = Object.hasOwn(types, component) ? types[component] : undefined;
      if (!type) return undefined;
      const [own, fields] = type;
      const named = Object.entries(fields).flatMap(([field, index]) => {
        const text = textOf(index);
        return text === undefined ? [] : [[field, text] as const];
      });
      return { text: textOf(own), fields: Object.fromEntries(named) };
    },
  };
}
