/**
 * Finds members that a JSON text names twice in one object: JSON.parse keeps the last silently, Kubernetes warns or
 * refuses. The text is valid JSON already; this only follows its structure.
 */

/** Paths of repeated members, such as `spec.replicas`, each once. */
export function duplicateKeys(text: string): readonly string[] {
  const found = new Set<string>();
  const frames: { readonly keys: Set<string> | undefined; index: number; key: string }[] = [];
  let expectKey = false;
  const pathOf = (key: string): string => {
    let path = '';
    for (const frame of frames.slice(0, -1))
      path += frame.keys ? (path === '' ? frame.key : `.${frame.key}`) : `[${frame.index}]`;
    return path === '' ? key : `${path}.${key}`;
  };
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charAt(at);
    const top = frames.at(-1);
    if (char === '"') {
      const end = stringEnd(text, at);
      if (expectKey && top?.keys) {
        const key = JSON.parse(text.slice(at, end + 1)) as string;
        if (top.keys.has(key)) found.add(pathOf(key));
        top.keys.add(key);
        top.key = key;
        expectKey = false;
      }
      at = end;
    } else if (char === '{' || char === '[') {
      frames.push({ keys: char === '{' ? new Set() : undefined, index: 0, key: '' });
      expectKey = char === '{';
    } else if (char === '}' || char === ']') {
      frames.pop();
      expectKey = false;
    } else if (char === ',' && top) {
      if (top.keys) expectKey = true;
      else top.index += 1;
    }
  }
  return [...found];
}

function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (char === '\\') at += 1;
    else if (char === '"') return at;
  }
  return text.length;
}
