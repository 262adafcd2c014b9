/**
 * `symphony diff PATH…`: the changes that a sync of these manifests would make. Exit 1 for changes,
 * 2 if something cannot be read or applied. Several paths are one source, as an application's
 * folder is. Definitions of further kinds come from the manifests and from the cluster.
 */
import { UserError } from '../../base/errors.ts';
import { coloursWanted } from '../../config/index.ts';
import { isHook } from '../../diff/annotations.ts';
import { AUTOSCALERS, scaledIds } from '../../diff/autoscaled.ts';
import { type InventoryItem, planChangeSet } from '../../diff/change-set.ts';
import { type DesiredObject, createDesiredSet } from '../../diff/desired-set.ts';
import { describeChanges, renderDiff } from '../../diff/render-diff.ts';
import { managingApplication } from '../../diff/tracking.ts';
import { formatManifestError, reportOrder } from '../../schemas/manifest/index.ts';
import type { ManifestFile } from '../../schemas/manifest/types.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { isDefinition } from '../../schemas/custom/index.ts';
import { type Registry, resourceIdOf } from '../../schemas/resource-kind.ts';
import type { Application } from '../../schemas/types.ts';
import { createManifestParser } from '../../sync/render/parse-manifest-file.ts';
import { connect, splitApplication } from '../cluster/api-connection.ts';
import { clusterKinds, listableKinds } from '../cluster/cluster-kinds.ts';
import type { CommandModule, Invocation } from '../run/command.ts';
import { addConfigFlags, outputOption } from '../run/config-flags.ts';
import { findManifestFiles, noManifests, readManifestFile } from '../manifest-files.ts';
import { LINK, skippedCounts } from '../output/findings.ts';
import { renderJson } from '../output/json.ts';

/** Never in Git. */
const SKIPPED = new Set(['events', 'leases.coordination.k8s.io']);

export const diffCommand: CommandModule = {
  userErrorCode: 2,
  configure(command) {
    addConfigFlags(command, 'client');
    command
      .addHelpText('after', '\nExit codes: 0 no changes, 1 changes, 2 errors, 3 unreachable.')
      .argument('[path...]', 'files or directories of manifests, or - for standard input', ['.'])
      .option('--application <name>', 'the application that they belong to', 'root')
      .option('--namespace <name>', 'namespace of objects that name none', 'default')
      .option('--no-prune', 'leave out what would be deleted')
      .addOption(outputOption());
  },
  async run(invocation) {
    const { io, args, flags } = invocation;
    const { namespace, name } = splitApplication(String(flags['application'] ?? 'root'));
    const application = `${namespace}/${name}`;
    using client = await connect(invocation);
    const registry = await clusterKinds(client);
    const desired = await readDesired(invocation, registry, args.length === 0 ? ['.'] : args);
    const live = new Map<string, KubeObject>();
    const inventory: InventoryItem[] = [];
    for (const kind of listableKinds(registry)) {
      const resource = resourceIdOf(kind);
      if (SKIPPED.has(resource)) continue;
      const { items } = await client.list(kind);
      for (const object of items) {
        live.set(`${resource}|${keyOf(object)}`, object);
        if (managingApplication(object) === application) inventory.push({ kind, object });
      }
    }
    const autoscalers = [...live].flatMap(([id, object]) =>
      id.startsWith(`${AUTOSCALERS}|`) ? [object] : [],
    );
    // The application's own words on what to compare, where it exists.
    const spec = (live.get(`applications.argoproj.io|${application}`) as Application | undefined)?.spec;
    const hooks = desired.filter(({ object }) => isHook(object));
    const compared = desired.filter(({ object }) => !isHook(object));
    const changeSet = planChangeSet(
      createDesiredSet(compared),
      (resource, key) => live.get(`${resource}|${key}`),
      inventory,
      {
        application,
        prune: flags['prune'] !== false,
        allowEmpty: false,
        historyComplete: true,
        syncOptions: spec?.syncPolicy?.syncOptions ?? [],
        ignore: spec?.ignoreDifferences ?? [],
        autoscaled: scaledIds(autoscalers, registry),
        kept: createDesiredSet(hooks).byId,
      },
    );
    if (flags['output'] === 'json') {
      io.stdout.write(renderJson(describeChanges(changeSet)));
    } else {
      const text = renderDiff(changeSet, { color: coloursWanted(io.stdout) });
      io.stdout.write(text === '' ? 'No changes.\n' : text);
    }
    if (changeSet.problems.length > 0) return 2;
    return changeSet.changes.some(({ action }) => action !== 'noop') ? 1 : 0;
  },
};

async function readDesired(
  { io, flags }: Invocation,
  registry: Registry,
  paths: readonly string[],
): Promise<readonly DesiredObject[]> {
  const parse = createManifestParser(registry, String(flags['namespace'] ?? 'default'));
  const files: ManifestFile[] = [];
  const found = await findManifestFiles(paths);
  for (const { path } of found.files)
    files.push({
      path: path === '-' ? '<stdin>' : path,
      bytes: await readManifestFile(path, io.stdin),
    });
  const first = files.map((file) => parse(file));
  // One file may use another's definitions.
  const definitions = first
    .flatMap(({ manifests }) => manifests.map(({ object }) => object))
    .filter(isDefinition);
  const parsed = files.map((file, index) => {
    const known = first[index];
    return known?.kindsFrom === 'system' ? known : parse(file, definitions);
  });
  const errors = reportOrder(parsed.flatMap((file) => file.errors)).flatMap((error) => [
    formatManifestError(error),
    ...(error.hint === undefined ? [] : [`  hint: ${error.hint}`]),
  ]);
  if (errors.length > 0) throw new UserError(errors.join('\n'));
  const skipped = skippedCounts([
    ...found.links.map((file) => ({ file, reason: LINK })),
    ...files.flatMap(({ path: file }, index) => {
      const reason = parsed[index]?.notManifest;
      return reason === undefined ? [] : [{ file, reason }];
    }),
  ]);
  if (skipped.length > 0) io.stderr.write(`${skipped.join(', ')} (symphony validate -v names them)\n`);
  const manifests = parsed.flatMap((file) => file.manifests);
  if (manifests.length === 0) throw new UserError(noManifests(paths.join('", "'), files.length));
  return manifests;
}
