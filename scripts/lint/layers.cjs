/**
 * The folders of src and what each of them may import, once: .dependency-cruiser.cjs checks the
 * imports, eslint.config.js the purity, and test/docs/layers.test.ts the table of
 * docs/ARCHITECTURE.md, row by row.
 */

/** Each folder may import itself and these. Nobody imports `cli`. */
const LAYERS = [
  { folder: 'base', mayImport: [] },
  { folder: 'schemas', pure: true, mayImport: ['base'] },
  { folder: 'diff', pure: true, mayImport: ['base', 'schemas'] },
  { folder: 'health', pure: true, mayImport: ['base', 'schemas'] },
  {
    folder: 'scheduler',
    pure: true,
    mayImport: ['base', 'schemas'],
    worker: { folder: 'worker', mayImport: ['store', 'queue', 'resources'] },
  },
  { folder: 'store', mayImport: ['base', 'schemas'] },
  { folder: 'queue', mayImport: ['base', 'store'] },
  { folder: 'client', mayImport: ['base', 'schemas'] },
  { folder: 'resources', mayImport: ['base', 'schemas', 'diff', 'store', 'client'] },
  { folder: 'api', mayImport: ['base', 'schemas', 'store', 'client', 'resources'] },
  { folder: 'controllers', mayImport: ['base', 'schemas', 'diff', 'store', 'client', 'resources'] },
  {
    folder: 'sync',
    mayImport: ['base', 'schemas', 'diff', 'health', 'store', 'queue', 'client', 'resources'],
  },
  { folder: 'network', mayImport: ['base', 'schemas', 'client'] },
  { folder: 'node-agent', mayImport: ['base', 'schemas', 'client'] },
  { folder: 'config', mayImport: ['base', 'schemas'] },
  { folder: 'server', mayImport: 'all but cli' },
  { folder: 'cli', mayImport: 'all' },
];

/**
 * Folders that are like packages: from outside, only their index is imported. `resource-kind.ts`
 * takes a type from `custom/definition.ts`, since the index would make a cycle.
 */
const PACKAGES = [
  { folder: 'schemas/custom', entries: ['index', 'definition'] },
  // Only the rules of custom resources are written in CEL.
  { folder: 'schemas/cel', entries: ['index'], users: ['schemas/custom'] },
];

/** As the last column of the table says it. */
const importsOf = ({ mayImport, worker }) => {
  if (typeof mayImport === 'string') return mayImport;
  const own = mayImport.join(', ') || '–';
  return worker ? `${own}; \`${worker.folder}\` also ${worker.mayImport.join(', ')}` : own;
};

const pureFolders = LAYERS.filter(({ pure }) => pure).map(({ folder }) => `src/${folder}`);
const effectfulFiles = LAYERS.flatMap(({ folder, worker }) =>
  worker ? [`src/${folder}/${worker.folder}/**`] : [],
);

module.exports = { LAYERS, PACKAGES, importsOf, pureFolders, effectfulFiles };
