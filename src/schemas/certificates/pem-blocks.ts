/**
 * The PEM blocks of a text (RFC 7468), in linear time whatever the text: a BEGIN is closed by the
 * next END or not at all. Pure.
 */
export interface PemBlock {
  /** `CERTIFICATE`. */
  readonly label: string;
  /** Between the two lines; headers and line ends included. */
  readonly body: string;
  readonly whole: string;
}

const BEGIN = '-----BEGIN ';
const END = '-----END ';
const DASHES = '-----';

export function* pemBlocks(text: string): Generator<PemBlock, undefined> {
  let from = 0;
  let end = -1;
  for (;;) {
    const begin = text.indexOf(BEGIN, from);
    const labelEnd = begin < 0 ? -1 : text.indexOf(DASHES, begin + BEGIN.length);
    if (labelEnd < 0) return;
    from = labelEnd;
    const label = text.slice(begin + BEGIN.length, labelEnd);
    if (!/^[^-\r\n]+$/.test(label)) continue;
    const bodyStart = labelEnd + DASHES.length;
    if (end < bodyStart) end = text.indexOf(END, bodyStart);
    if (end < 0) return;
    const closing = `${END}${label}${DASHES}`;
    if (!text.startsWith(closing, end)) continue;
    from = end + closing.length;
    yield { label, body: text.slice(bodyStart, end), whole: text.slice(begin, from) };
  }
}
