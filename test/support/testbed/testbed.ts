/**
 * Several real Docker hosts on one machine, for tests and benchmarks of what happens between hosts:
 * each has a network, an engine and a disk of its own. Needs root and Linux.
 */
import { mkdtemp, readdir, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { openScope } from '../../../src/base/scope.ts';
import { type Host, startHost } from './host.ts';
import { type Place, startPlace } from './place.ts';
import { startSwitch, type Subnets, type Switch } from './switch.ts';

const CGROUPS = '/sys/fs/cgroup';

export interface TestbedOptions {
  readonly hosts: number;
  /** `one` when left out. */
  readonly subnets?: Subnets;
  readonly liveRestore?: boolean;
}

export interface Testbed extends AsyncDisposable {
  readonly directory: string;
  readonly hosts: readonly Host[];
  readonly network: Switch;
  /** A machine without an engine. The control plane runs there. */
  readonly server: Place;
  readonly serverAddress: string;
  /** A machine that belongs to nobody: a user's. */
  readonly outside: Place;
  readonly outsideAddress: string;
}

export const startTestbed = (options: TestbedOptions): Promise<Testbed> =>
  openScope(async (scope) => {
    const directory = await mkdtemp(join(tmpdir(), 'symphony-testbed-'));
    scope.defer(() => rm(directory, { recursive: true, force: true }));
    scope.defer(() => removeCgroups(basename(directory)));
    const network = scope.use(await startSwitch(options.subnets ?? 'one'));

    async function machine(name: string, number: number): Promise<Place> {
      const place = scope.use(await startPlace({ name }));
      await network.plug({ place, number });
      return place;
    }

    const numbers = Array.from({ length: options.hosts }, (_, index) => index + 1);
    const [server, outside, ...hosts] = await Promise.all([
      machine('server', options.hosts + 1),
      machine('outside', options.hosts + 2),
      ...numbers.map(async (number) =>
        scope.use(await startHost({ number, directory, network, liveRestore: options.liveRestore ?? false })),
      ),
    ]);
    return {
      directory,
      hosts,
      network,
      server,
      serverAddress: network.addressOf(options.hosts + 1),
      outside,
      outsideAddress: network.addressOf(options.hosts + 2),
    };
  });

/** Engines leave theirs behind when they lose their power. */
async function removeCgroups(name: string): Promise<void> {
  for (const controller of await readdir(CGROUPS)) {
    const top = join(CGROUPS, controller, name);
    const below = await readdir(top, { recursive: true, withFileTypes: true }).catch(() => []);
    const groups = below
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name));
    // The innermost first.
    for (const group of [...groups, top].sort((a, b) => b.length - a.length))
      await rmdir(group).catch(() => undefined);
  }
}
