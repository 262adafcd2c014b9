/**
 * The official JavaScript client, loaded on Node 20: its HTTP library takes functions of Node 22
 * for granted and does not work without. They are about Zstandard, which nothing here sends, what
 * may be cloned between threads, and promises.
 */
import { createRequire } from 'node:module';
import type * as clientNode from '@kubernetes/client-node';

type ClientNode = typeof clientNode;

export async function loadClientNode(): Promise<ClientNode> {
  const builtin = (name: string): Record<string, unknown> =>
    createRequire(import.meta.url)(name) as Record<string, unknown>;
  builtin('node:zlib')['createZstdDecompress'] ??= () => {
    throw new Error('This Node does not know Zstandard');
  };
  builtin('node:worker_threads')['markAsUncloneable'] ??= () => undefined;
  const promises = Promise as unknown as Record<string, unknown>;
  promises['withResolvers'] ??= function withResolvers() {
    let resolve: unknown;
    let reject: unknown;
    const promise = new Promise((yes, no) => {
      resolve = yes;
      reject = no;
    });
    return { promise, resolve, reject };
  };
  return import('@kubernetes/client-node');
}
