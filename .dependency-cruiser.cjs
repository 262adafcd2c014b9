/** The rule of direction (docs/ARCHITECTURE.md). Each rule's comment is what a reader sees when it is broken. */
const { importsOf, LAYERS, PACKAGES } = require('./scripts/lint/layers.cjs');

const under = (folders) => `^src/(${folders.join('|')})/`;
const ALL = LAYERS.map(({ folder }) => folder);
const allowedFor = (mayImport) =>
  mayImport === 'all' ? ALL : mayImport === 'all but cli' ? ALL.filter((one) => one !== 'cli') : mayImport;
const only = (name, from, mayImport, comment) => ({
  name,
  severity: 'error',
  comment,
  from,
  to: { path: '^src/', pathNot: [under(mayImport)] },
});
/** A folder imports itself and its list; the worker of a pure folder has a list of its own. */
const layer = ({ folder, mayImport, worker, ...rest }) => {
  const own = [folder, ...allowedFor(mayImport)];
  const comment = `src/${folder} imports only: ${importsOf({ folder, mayImport, worker, ...rest })}`;
  const inside = worker && `^src/${folder}/${worker.folder}/`;
  return [
    only(
      `${folder}-layer`,
      { path: under([folder]), ...(inside ? { pathNot: [inside] } : {}) },
      own,
      comment,
    ),
    ...(inside ? [only(`${folder}-worker`, { path: inside }, [...own, ...worker.mayImport], comment)] : []),
  ];
};
const sealed = ({ folder, entries, users = [] }) => ({
  name: `${folder.replace('/', '-')}-entries`,
  severity: 'error',
  comment: `From outside, src/${folder} is imported by its entries only (scripts/lint/layers.cjs)`,
  from: { path: '^src/', pathNot: [under([folder, ...users])] },
  to: {
    path: under([folder]),
    ...(entries.length > 0 ? { pathNot: [`^src/${folder}/(${entries.join('|')})\\.ts$`] } : {}),
  },
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
    ...LAYERS.flatMap(layer),
    ...PACKAGES.map(sealed),
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
