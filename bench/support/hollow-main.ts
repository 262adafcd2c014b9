/**
 * Hollow nodes in a process of their own, as agents are on other hosts: they join by a token, and
 * run the whole agent. `hollow-main SERVER TOKEN-FILE DIRECTORY COUNT RUN-FOR-MS`.
 */
import { join } from 'node:path';
import { createAbort } from '../../src/base/abort.ts';
import { createLogger } from '../../src/base/logger.ts';
import { mapBounded } from '../../src/base/map-bounded.ts';
import { clusterIdOf } from '../../src/server/identity/cluster-identity.ts';
import { joinCluster } from '../../src/server/identity/node-identity.ts';
import { startNode, untilReported } from '../../src/server/node.ts';

/** Joins at once: each makes a key and waits for its certificate. */
const JOINS = 8;

const [server = '', tokenFile = '', root = '', count = '0', runForMs = '0', clusterCidr = ''] =
  process.argv.slice(2);
const stop = createAbort();
const logger = createLogger({ level: 'warn' });
const names = Array.from({ length: Number(count) }, (_, index) => `node-${index + 1}`);
const nodes = await mapBounded(names, JOINS, async (nodeName) => {
  const directory = join(root, nodeName);
  const { caPem, identity } = await joinCluster({
    server,
    tokenFile,
    nodeName,
    directory,
    signal: stop.signal,
    logger,
  });
  return startNode({
    ...{ server, caPem, identity, nodeName, directory, clusterCidr, clusterDomain: 'cluster.local', logger },
    ...{ nodeIp: undefined, dockerHost: undefined, allowedUnsafeSysctls: [] },
    runtime: 'hollow',
    hollowRunForMs: Number(runForMs),
    maxPodSecurity: 'privileged',
    cluster: clusterIdOf(caPem),
  });
});
await untilReported(nodes);
process.send?.('ready');
process.once('disconnect', () => {
  stop.abort();
  void Promise.allSettled(nodes.map((node) => node[Symbol.asyncDispose]())).then(() => process.exit(0));
});
