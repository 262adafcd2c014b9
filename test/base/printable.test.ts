import { describe, expect, it } from 'vitest';
import { createLogger } from '../../src/base/logger.ts';
import { printable, printableJson } from '../../src/base/printable.ts';

const HOSTILE = 'a\u001b[31mred\u009b31m\u202egnp\u200b\u2028b\r\ud800c';

describe('text from outside', () => {
  it('has no power over a terminal', () => {
    expect(printable(HOSTILE)).toBe(
      'a\\u{1b}[31mred\\u{9b}31m\\u{202e}gnp\\u{200b}\\u{2028}b\\u{d}\\u{d800}c',
    );
    expect(printable('größe 名前 👍')).toBe('größe 名前 👍');
  });

  it('keeps its line breaks only where asked', () => {
    expect(printable('a\nb')).toBe('a\\u{a}b');
    expect(printable('a\nb', { newlines: true })).toBe('a\nb');
  });

  it('is the same when it is made safe twice', () => {
    expect(printable(printable(HOSTILE))).toBe(printable(HOSTILE));
  });

  it('says in JSON what it said before', () => {
    const line = JSON.stringify({ text: `${HOSTILE}\u{e0001}` });
    expect(printableJson(line)).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(printableJson(line))).toEqual(JSON.parse(line));
  });

  it('is safe in a line of the log', () => {
    const lines: string[] = [];
    const logger = createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } });
    logger.info({ file: HOSTILE }, 'Read a file');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[\x20-\x7e]+\n$/);
    expect(lines[0]).toContain('\\u202e');
  });
});
