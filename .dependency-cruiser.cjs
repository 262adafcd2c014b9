/** The rule of direction (docs/ARCHITECTURE.md). Each rule's comment is what a reader sees when it is broken. */
const only = (name, from, allowed, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from.path, pathNot: from.pathNot ?? [] },
  to: { path: '^src/', pathNot: allowed },
});
const confined = (name, module, places, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: '^src/', pathNot: places },
  to: { path: `^node_modules/${module}/|^${module}$`, dependencyTypesNot: [] },
});

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'A cycle hides who depends on whom',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-tests-in-src',
      severity: 'error',
      comment: 'src never imports test',
      from: { path: '^src/' },
      to: { path: '^(test|bench)/' },
    },
    only('base-is-the-bottom', { path: '^src/base/' }, ['^src/base/'], 'base has no domain'),
    only('schemas-are-pure', { path: '^src/schemas/' }, ['^src/(base|schemas)/'], 'schemas import only base'),
    only(
      'diff-is-pure',
      { path: '^src/diff/' },
      ['^src/(base|schemas|diff)/'],
      'diff imports only base and schemas',
    ),
    only(
      'health-is-pure',
      { path: '^src/health/' },
      ['^src/(base|schemas|health)/'],
      'health imports only base and schemas',
    ),
    only(
      'scheduler-core-is-pure',
      { path: '^src/scheduler/', pathNot: ['^src/scheduler/placement-worker\\.ts$'] },
      ['^src/(base|schemas|scheduler)/'],
      'only placement-worker.ts has effects',
    ),
    only(
      'agent-speaks-only-to-the-api',
      { path: '^src/node-agent/' },
      ['^src/(base|schemas|client|network|node-agent)/'],
      'an agent could be rewritten in another language against the API alone',
    ),
    {
      name: 'sync-and-controllers-meet-in-the-store',
      severity: 'error',
      from: { path: '^src/sync/' },
      to: { path: '^src/controllers/' },
    },
    {
      name: 'controllers-and-sync-meet-in-the-store',
      severity: 'error',
      from: { path: '^src/controllers/' },
      to: { path: '^src/sync/' },
    },
    confined(
      'dockerode-in-one-place',
      'dockerode',
      ['^src/node-agent/runtime/docker/'],
      'the engine is behind ContainerRuntime',
    ),
    confined(
      'ioredis-in-two-places',
      'ioredis',
      ['^src/(store|queue)/'],
      'Redis is behind Store and JobQueue',
    ),
    confined('bullmq-in-one-place', 'bullmq', ['^src/queue/'], 'BullMQ is behind JobQueue'),
    confined('simple-git-in-one-place', 'simple-git', ['^src/sync/git/'], 'Git is behind GitMirror'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
