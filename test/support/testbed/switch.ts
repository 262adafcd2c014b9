/**
 * The network between the machines of the test bed: a switch with a port for each, in a namespace
 * of its own. Faults are rules of the switch, so that the machines themselves notice nothing but
 * silence.
 */
import { openScope } from '../../../src/base/scope.ts';
import { type Place, runOrThrow, startPlace } from './place.ts';

/** `one`: all machines share a layer 2. `each`: each has a subnet of its own behind a router. */
export type Subnets = 'one' | 'each';

export interface Port {
  readonly place: Place;
  /** The number of the machine, from 1. It decides its address. */
  readonly number: number;
}

export interface Switch extends AsyncDisposable {
  readonly place: Place;
  addressOf(number: number): string;
  plug(port: Port): Promise<void>;
  unplug(port: Port): Promise<void>;
  /** Packets from one machine to the other are lost; the other way still works. */
  block(from: Port, to: Port): Promise<void>;
  /** This share of all that goes to and from the machine is lost: 1 to 99 percent. */
  lose(port: Port, percent: number): Promise<void>;
  /** The cable is pulled out. The machine's own interface stays up. */
  cut(port: Port): Promise<void>;
  /** Ends all faults. */
  heal(): Promise<void>;
}

/** A machine keeps it without power: others remember it. */
const hardwareAddress = (number: number): string => `02:00:00:00:77:${number.toString(16).padStart(2, '0')}`;
const FAULTS = ['bridge', 'ip', 'ip6'] as const;
const portOf = ({ number }: Port): string => `port${number}`;

export const startSwitch = (subnets: Subnets): Promise<Switch> =>
  openScope(async (scope) => {
    const place = scope.use(await startPlace({ name: 'switch', setup: switchSetup(subnets) }));
    await place.must('nft', FAULTS.map(noFaults).join('\n'));
    const addressOf = (number: number): string =>
      subnets === 'one' ? `192.168.77.${10 + number}` : `192.168.${77 + number}.10`;

    async function addRule(rule: string): Promise<void> {
      await place.must('nft', FAULTS.map((family) => `add rule ${family} faults forward ${rule}`).join('\n'));
    }

    async function plug(port: Port): Promise<void> {
      const { number, place: machine } = port;
      const name = portOf(port);
      const gateway = subnets === 'one' ? '192.168.77.1' : `192.168.${77 + number}.1`;
      // Processes of another place can be seen from this machine only.
      const link = ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0'];
      const machineEnd = ['address', hardwareAddress(number), 'netns', String(machine.init)];
      await runOrThrow(['nsenter', '--target', String(place.init), '--net', 'ip', ...link, ...machineEnd]);
      await place.script(`
        ${subnets === 'one' ? `ip link set ${name} master br0` : `ip address add ${gateway}/24 dev ${name}`}
        ip link set ${name} up`);
      await machine.script(`
        ip address add ${addressOf(number)}/24 dev eth0
        ip link set eth0 up
        ip route add default via ${gateway}`);
    }

    return {
      place,
      addressOf,
      plug,
      async unplug(port) {
        await place.run('ip', 'link', 'delete', portOf(port));
      },
      block: (from, to) => addRule(`iifname ${portOf(from)} oifname ${portOf(to)} drop`),
      async lose(port, percent) {
        for (const side of ['iifname', 'oifname'])
          await addRule(`${side} ${portOf(port)} numgen random mod 100 < ${percent} drop`);
      },
      async cut(port) {
        for (const side of ['iifname', 'oifname']) await addRule(`${side} ${portOf(port)} drop`);
      },
      async heal() {
        await place.must('nft', FAULTS.map(noFaults).join('\n'));
      },
    };
  });

const switchSetup = (subnets: Subnets): string =>
  subnets === 'each'
    ? ''
    : `
    ip link add br0 type bridge
    ip link set br0 up
    ip address add 192.168.77.1/24 dev br0`;

/** A table with nothing in it, whatever was in it before. */
const noFaults = (family: string): string => `
  add table ${family} faults
  delete table ${family} faults
  table ${family} faults {
    chain forward { type filter hook forward priority -300; }
  }`;
