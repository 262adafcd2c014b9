/**
 * `symphony diff PATH…`: what a sync of these manifests would change in the cluster. Exit 1 when there are changes.
 * With several paths they are taken as one source, as an application's folder is.
 */
import { Option } from 'commander';
import { UserError } from '../../base/errors.ts';
import { coloursWanted } from '../../config/index.ts';
import { isHook } from '../../diff/annotations.ts';
import { type InventoryItem, planChangeSet } from '../../diff/change-set.ts';
import { type DesiredObject, createDesiredSet } from '../../diff/desired-set.ts';
import { describeChanges, renderDiff } from '../../diff/render-diff.ts';
import { managingApplication } from '../../diff/tracking.ts';
import { formatManifestError } from '../../schemas/manifest/index.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { builtinRegistry } from '../../schemas/registry.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import type { Application } from '../../schemas/types.ts';
import { createManifestParser } from '../../sync/render/parse-manifest-file.ts';
import { connect, splitApplication } from '../api-connection.ts';
import type { CommandModule, Invocation } from '../command.ts';
import { addConfigFlags } from '../config-flags.ts';
import { findManifestFiles, readManifestFile } from '../manifest-files.ts';

/** Never in Git. */
const SKIPPED = new Set(['events', 'leases.coordination.k8s.io']);

export const diffCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'client');
    command
      .argument('[path...]', 'files or directories of manifests, or - for standard input', ['.'])
      .option('--application <name>', 'the application that they belong to', 'root')
      .option('--namespace <name>', 'namespace of objects that name none', 'default')
      .option('--no-prune', 'leave out what would be deleted')
      .addOption(
        new Option('-o, --output <format>', 'form of the result').choices(['text', 'json']).default('text'),
      );
  },
  async run(invocation) {
    const { io, args, flags } = invocation;
    const { namespace, name } = splitApplication(String(flags['application'] ?? 'root'));
    const application = `${namespace}/${name}`;
    const desired = await readDesired(invocation, args.length === 0 ? ['.'] : args);
    const client = await connect(invocation);
    try {
      const live = new Map<string, KubeObject>();
      const inventory: InventoryItem[] = [];
      for (const kind of builtinRegistry.stored) {
        const resource = resourceIdOf(kind);
        if (SKIPPED.has(resource)) continue;
        const { items } = await client.list(kind);
        for (const object of items) {
          live.set(`${resource}|${keyOf(object)}`, object);
          if (managingApplication(object) === application) inventory.push({ kind, object });
        }
      }
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
          kept: createDesiredSet(hooks).byId,
        },
      );
      if (flags['output'] === 'json') {
        io.stdout.write(`${JSON.stringify(describeChanges(changeSet), null, 2)}\n`);
      } else {
        const text = renderDiff(changeSet, { color: coloursWanted(io.stdout) });
        io.stdout.write(text === '' ? 'No changes.\n' : text);
      }
      const changed =
        changeSet.changes.some(({ action }) => action !== 'noop') || changeSet.problems.length > 0;
      return changed ? 1 : 0;
    } finally {
      client[Symbol.dispose]();
    }
  },
};

async function readDesired(
  { io, flags }: Invocation,
  paths: readonly string[],
): Promise<readonly DesiredObject[]> {
  const parse = createManifestParser(builtinRegistry, String(flags['namespace'] ?? 'default'));
  const desired: DesiredObject[] = [];
  const errors: string[] = [];
  for (const { path } of await findManifestFiles(paths)) {
    const file = parse({
      path: path === '-' ? '<stdin>' : path,
      bytes: await readManifestFile(path, io.stdin),
    });
    desired.push(...file.manifests);
    errors.push(...file.errors.map(formatManifestError));
  }
  if (errors.length > 0) throw new UserError(errors.join('\n'));
  return desired;
}
