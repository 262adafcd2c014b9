/** Newline-delimited JSON as the Engine streams it (events, pull progress). */
/** A line is an event or a progress report of some kilobytes. A longer one is no such stream. */
const LINE_LIMIT_CHARS = 1_048_576;

export async function* jsonLines(source: AsyncIterable<Buffer | string>): AsyncGenerator {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of source) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_LIMIT_CHARS) throw new Error('Cannot read stream: line too long');
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line);
  }
  if (rest.trim() !== '') yield JSON.parse(rest);
}
