/**
 * Keeps a node's agent to its own node, lease and pods, as far as only the body tells. See
 * plan-node-restriction.ts.
 */
import { isPod } from '../../schemas/pods/pod-marks.ts';
import { nodeNameOf } from '../authz/node-authorizer.ts';
import { deny } from '../refusals.ts';
import { removalComplaint, writeComplaint } from './plan-node-restriction.ts';
import type { AdmissionRule } from './types.ts';

const NODES = { group: '', plural: 'nodes' } as const;

export const nodeRestriction: AdmissionRule = {
  name: 'NodeRestriction',
  guardsRights: true,
  alsoFor: ['status', 'binding'],
  applies: ({ internal, context }) => !internal && nodeNameOf(context.user) !== undefined,
  async admit(request, { find }) {
    const { kind, object, context } = request;
    const node = nodeNameOf(context.user) ?? '';
    const makesPod = isPod(kind) && request.operation === 'create';
    const nodeUid = makesPod ? (await find(NODES, node))?.metadata.uid : undefined;
    const why = writeComplaint(node, request, nodeUid);
    if (why !== undefined) throw deny(kind, object, why);
    return object;
  },
  mayRemove(removal) {
    const node = nodeNameOf(removal.context.user);
    const why = node === undefined ? undefined : removalComplaint(node, removal);
    if (why !== undefined) throw deny(removal.kind, removal.object, why);
  },
};
