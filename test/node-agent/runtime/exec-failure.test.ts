import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { execFailure, holdBackExecFailure } from '../../../src/node-agent/runtime/docker/exec-failure.ts';

const REASON =
  'exec failed: unable to start container process: exec: "tar": executable file not found in $PATH';
const ENGINE = `OCI runtime exec failed: ${REASON}: unknown\r\n`;

/** The output that comes through, and the questions asked, when the engine sends these pieces. */
async function through(pieces: readonly string[], ran: boolean) {
  const source = new PassThrough();
  const held = holdBackExecFailure(source, async () => ran);
  for (const piece of pieces) source.write(piece);
  source.end();
  const output: Buffer[] = [];
  for await (const chunk of held.output) output.push(chunk as Buffer);
  return { output: Buffer.concat(output).toString(), said: await held.said };
}

describe('the output of a command', () => {
  it.each<[string, readonly string[]]>([
    ['is empty', []],
    ['is the command’s', ['total 4\n', 'drwx']],
    ['begins alike', ['OCI', ' is a standard\n']],
    ['is long', [`${ENGINE}${'x'.repeat(70_000)}`]],
  ])('passes when it %s', async (_, pieces) => {
    expect(await through(pieces, true)).toEqual({ output: pieces.join(''), said: undefined });
  });

  it.each([[[ENGINE]], [['OCI runtime', ENGINE.slice(11)]]])(
    'is kept when it is why nothing ran: %j',
    async (pieces) => {
      expect(await through(pieces, false)).toEqual({ output: '', said: ENGINE });
    },
  );

  it('passes when the command said it itself', async () => {
    expect(await through([ENGINE], true)).toEqual({ output: ENGINE, said: ENGINE });
  });

  it('comes while the command still runs', async () => {
    const source = new PassThrough();
    const held = holdBackExecFailure(source, async () => true);
    source.write('$ ');
    for await (const chunk of held.output) {
      expect(String(chunk)).toBe('$ ');
      break;
    }
  });
});

it('has the reason without its wrapping', () => expect(execFailure(ENGINE)).toBe(REASON));
