/** This node's own Node object, followed by a watch. */
import { createReflector } from '../../client/reflector.ts';
import { resources } from '../../client/types.ts';
import type { Node } from '../../schemas/types.ts';
import type { PartOptions } from '../agent-options.ts';

export interface OwnNode extends AsyncDisposable {
  start(): void;
  readonly current: Node | undefined;
  /** The node as a write has returned it. The watch may have shown a newer version already. */
  saw(node: Node): void;
  /** Why the control plane does not show this node as ready; undefined when it does. */
  readonly problem: string | undefined;
}

export interface OwnNodeOptions extends PartOptions {
  onChange(node: Node): void;
  onDeleted(): void;
}

export function createOwnNode(options: OwnNodeOptions): OwnNode {
  let current: Node | undefined;
  /** The answer to a write may come after the watch has shown that the node is gone. */
  let deletedUid: string | undefined;

  function saw(node: Node): void {
    if (node.metadata.uid === deletedUid || (current && isOlder(node, current))) return;
    current = node;
    options.onChange(node);
  }

  const reflector = createReflector<Node>({
    ...options,
    resource: resources.nodes,
    selection: { fieldSelector: `metadata.name=${options.nodeName}` },
    onList(items) {
      deletedUid = undefined;
      if (items.length === 0) current = undefined;
      items.forEach(saw);
    },
    onChange({ type, object }) {
      if (type !== 'DELETED') return saw(object);
      current = undefined;
      deletedUid = object.metadata.uid;
      options.onDeleted();
    },
  });

  return {
    start: reflector.start,
    get current() {
      return current;
    },
    saw,
    get problem() {
      return readyProblem(current);
    },
    [Symbol.asyncDispose]: reflector[Symbol.asyncDispose],
  };
}

function isOlder({ metadata: next }: Node, { metadata: known }: Node): boolean {
  return next.uid === known.uid && Number(next.resourceVersion ?? 0) < Number(known.resourceVersion ?? 0);
}

function readyProblem(node: Node | undefined): string | undefined {
  if (!node) return 'the control plane does not know it yet';
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' ? undefined : (ready?.message ?? 'not reported yet');
}
