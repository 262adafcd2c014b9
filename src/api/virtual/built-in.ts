/** The resources that every server has without storing them. */
import type { Authorizer } from '../../resources/authz/types.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import type { NodeUsages } from '../metrics/node-usage.ts';
import { createAccessReviews } from './access-reviews.ts';
import { createNodeMetrics } from './node-metrics.ts';
import { createPodMetrics } from './pod-metrics.ts';
import type { VirtualResource } from './types.ts';

export interface BuiltInOptions {
  readonly core: ResourceCore;
  readonly authorizer: Authorizer;
  readonly usages: NodeUsages;
}

export const builtInResources = ({
  core,
  authorizer,
  usages,
}: BuiltInOptions): readonly VirtualResource[] => [
  ...createAccessReviews({ core, authorizer }),
  createNodeMetrics(core, usages),
  createPodMetrics(core, usages),
];
