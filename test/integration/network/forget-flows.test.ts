/** Flows of UDP that the kernel forgets, with the program `conntrack` of this machine. */
import { expect, it } from 'vitest';
import { createFlowKeeper } from '../../../src/network/services/forget-flows.ts';
import { followProgram, runProgram } from '../../../src/network/run-program.ts';
import { silentLogger } from '../../../src/base/logger.ts';

/** Nothing has this address: the kernel has no such flow. */
const COMMAND = '-D -p udp -d 192.0.2.254 --orig-port-dst 9';

it('the program takes commands, though the input that it gets cannot be opened by name', async () => {
  const complaints: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: unknown) => void complaints.push(fields) };
  const keeper = createFlowKeeper(
    { run: runProgram, follow: followProgram, logger },
    new AbortController().signal,
  );
  await keeper.forget([COMMAND, COMMAND]);
  expect(complaints).toEqual([]);
});
