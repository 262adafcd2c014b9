/** Addresses of load balancers on this host: the kernel's, by `ip`, and our record of those we set. */
import { join } from 'node:path';
import { parsedJson } from '../../base/json.ts';
import { readIfThere, writePrivateFile } from '../../base/private-file.ts';
import { asRecord, asRecords, asString } from '../../schemas/json-access.ts';
import type { RunProgram } from '../run-program.ts';
import { type HeldAddress, type HostAddress, removeCommands } from './plan-announcements.ts';

/** As much of `ip -json -4 address show` as is read. */
interface AddressJson {
  readonly ifname?: string;
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number }[];
}

export async function observeAddresses(run: RunProgram): Promise<readonly HostAddress[]> {
  const text = await run('ip', ['-json', '-4', 'address', 'show']);
  const found = (parsedJson(text === '' ? '[]' : text) ?? []) as readonly AddressJson[];
  return found.flatMap(({ ifname: device = '', addr_info: infos = [] }) =>
    infos.flatMap(({ local: address, prefixlen: prefix = 32 }) =>
      address === undefined ? [] : [{ device, address, prefix }],
    ),
  );
}

/** One line that fails stops no other. */
export async function runIpBatch(run: RunProgram, lines: readonly string[]): Promise<void> {
  if (lines.length > 0) await run('ip', ['-force', '-batch', '-'], `${lines.join('\n')}\n`);
}

const fileOf = (directory: string): string => join(directory, 'announced-addresses.json');

/** Written before an address is added: what an agent leaves behind is found by the next. */
export async function readHeld(directory: string): Promise<readonly HeldAddress[]> {
  const text = await readIfThere(fileOf(directory));
  return asRecords(asRecord(text === undefined ? {} : parsedJson(text))['addresses']).map(
    ({ address, device }) => ({ address: asString(address), device: asString(device) }),
  );
}

export const writeHeld = (directory: string, addresses: readonly HeldAddress[]): Promise<void> =>
  writePrivateFile(fileOf(directory), `${JSON.stringify({ addresses })}\n`);

/**
 * Takes the addresses of load balancers from this host, for `symphony down` and `--network=none`.
 * Answers them.
 */
export async function removeAnnouncements(directory: string, run: RunProgram): Promise<readonly string[]> {
  const held = await readHeld(directory);
  if (held.length === 0) return [];
  const observed = await observeAddresses(run);
  const isThere = (one: HeldAddress): boolean =>
    observed.some(({ address, device }) => address === one.address && device === one.device);
  const left = held.filter(isThere);
  await runIpBatch(run, removeCommands(left));
  await writeHeld(directory, []);
  return left.map(({ address }) => address);
}
