/** The hops on the nodes between two pods. Pure. */
import { cidrContains } from '../../base/cidr.ts';
import type { Node } from '../../schemas/types.ts';
import type { NetworkFacts } from './facts.ts';
import { type Answers, fail, type Hop, pass, settled, skip, type Verdict } from './hop.ts';

const addressOf = ({ status }: Node): string | undefined =>
  status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
const rangesOf = ({ spec }: Node): readonly string[] =>
  spec?.podCIDRs ?? (spec?.podCIDR === undefined ? [] : [spec.podCIDR]);

/** Nodes that one `symphony up` runs share a host, and its address. */
export const shareHost = (one: Node, other: Node): boolean =>
  one.metadata.name === other.metadata.name ||
  (addressOf(one) !== undefined && addressOf(one) === addressOf(other));

export function nodeReadyHop(node: Node): Hop {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  const subject = `node ${node.metadata.name}`;
  if (ready?.status === 'True') return settled('node', subject, pass('is ready'));
  const why = ready?.message === undefined || ready.message === '' ? 'has not reported' : ready.message;
  return settled(
    'node',
    subject,
    fail(`is not ready: ${why}`, `look at the agent's log on that host: systemctl status symphony-agent`),
  );
}

/** Judged from the facts of a node; skipped where its agent does not answer. */
function factHop(node: Node, name: string, subject: string, assess: (facts: NetworkFacts) => Verdict): Hop {
  const ask = { type: 'facts', node: node.metadata.name } as const;
  return {
    name,
    subject,
    asks: [ask],
    assess(answers: Answers) {
      const answer = answers.facts(ask);
      return answer.ok ? assess(answer.value) : skip('not known: the agent of the node does not answer');
    },
  };
}

/** The agent answers through its tunnel, and the node has a network. */
export function agentHop({ metadata: { name } }: Node): Hop {
  const ask = { type: 'facts', node: name } as const;
  return {
    name: 'agent',
    subject: `node ${name}`,
    asks: [ask],
    assess(answers) {
      const answer = answers.facts(ask);
      if (answer.ok) return pass(`answers; mode ${answer.value.mode}`);
      return fail(answer.why, 'start the agent, as root and with --network auto, and see what its log says');
    },
  };
}

const RESTART = 'restart the agent of that node: it makes this anew, or its log says why not';

/** The host lets pods out: its interface for them, and its forwarding. */
export function hostHops(node: Node): readonly Hop[] {
  const subject = `node ${node.metadata.name}`;
  return [
    factHop(node, 'bridge', subject, ({ bridge, devices }) => {
      const device = devices.find(({ name }) => name === bridge);
      if (!device) return fail(`there is no interface ${bridge}`, RESTART);
      if (device.isUp) return pass(`${bridge} is up`);
      return fail(`${bridge} is down`, `on that host: ip link set ${bridge} up`);
    }),
    factHop(node, 'forwarding', subject, ({ forwards }) => {
      if (forwards === undefined) return skip('the setting cannot be read');
      if (forwards) return pass('the kernel forwards packets');
      return fail('the kernel does not forward packets', 'on that host: sysctl -w net.ipv4.ip_forward=1');
    }),
  ];
}

/** The way from the pods of one node to those of another; empty where they share a host. */
export function linkHops(from: Node, to: Node): readonly Hop[] {
  if (shareHost(from, to)) return [];
  const subject = `node ${from.metadata.name} -> node ${to.metadata.name}`;
  const ranges = rangesOf(to);
  const routeTo = ({ routes }: NetworkFacts, range: string) => routes.find((route) => route.to === range);
  return [
    // Docker itself accepts what stays on the bridge.
    factHop(from, 'firewall', subject, ({ firewallDrops }) => {
      if (firewallDrops === undefined) return skip('the rules cannot be read');
      if (!firewallDrops) return pass('packets of pods pass');
      return fail("the host's firewall drops packets of pods (policy of the chain FORWARD)", RESTART);
    }),
    factHop(from, 'proxy-arp', subject, ({ answersArp, bridge }) => {
      if (answersArp === undefined) return skip('the setting cannot be read');
      if (answersArp) return pass('the host answers for the pods of other hosts');
      return fail(
        'pods do not find the pods of other hosts',
        `on that host: sysctl -w net.ipv4.conf.${bridge}.proxy_arp=1`,
      );
    }),
    factHop(from, 'route', subject, (facts) => {
      if (ranges.length === 0)
        return fail(
          `node ${to.metadata.name} has no range of addresses`,
          'kubectl get node -o yaml: podCIDR',
        );
      const missing = ranges.find((range) => !routeTo(facts, range));
      if (missing !== undefined) return fail(`there is no route to the pods in ${missing}`, RESTART);
      const [first = ''] = ranges;
      const { via = '', device = '' } = routeTo(facts, first) ?? {};
      const isDirect = via === addressOf(to);
      // The tunnel's end at the other host has an address of that host's range.
      const isTunnelled = cidrContains(first, `${via}/32`);
      if (!isDirect && !isTunnelled)
        return fail(`the pods in ${first} are looked for at ${via || device}, and not at that node`, RESTART);
      return pass(`${ranges.join(', ')} via ${via} (${device})`);
    }),
    factHop(from, 'neighbour', subject, (facts) => {
      const via = routeTo(facts, ranges[0] ?? '')?.via ?? addressOf(to);
      const entry = facts.neighbours.find(({ address }) => address === via);
      if (!entry || entry.isReachable) return pass(`${via ?? 'the host'} is not known to be away`);
      return fail(
        `${via ?? 'the host'} does not answer on the link`,
        'check that the other host runs, and what is between the two hosts',
      );
    }),
    factHop(from, 'mtu', subject, (facts) => {
      const { device } = routeTo(facts, ranges[0] ?? '') ?? {};
      const sizeOf = (name: string | undefined) => facts.devices.find((one) => one.name === name)?.mtu;
      const [inner, outer] = [sizeOf(facts.bridge), sizeOf(device)];
      if (inner === undefined || outer === undefined) return skip('the sizes are not known');
      if (inner <= outer) return pass(`packets of ${inner} bytes fit into ${outer}`);
      // Our table limits the segments of TCP to what fits.
      if (facts.tables.some((table) => table.endsWith('-pods')))
        return pass(`connections are limited to ${outer} bytes`);
      return fail(
        `packets of pods have up to ${inner} bytes, and ${outer} fit through ${device ?? ''}`,
        RESTART,
      );
    }),
  ];
}
