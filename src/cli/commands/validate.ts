/**
 * `symphony validate PATH…`: the errors that a sync would find in these manifests, without a
 * cluster. All paths are one source: one object in two files is an error, and a definition in one
 * file is known in all. Warnings name likely problems at run time. `--cluster` adds the cluster's
 * definitions, and looks up referenced objects there.
 */
import { append } from '../../base/append.ts';
import { Option } from 'commander';
import type { ApiClient } from '../../client/types.ts';
import { coloursWanted } from '../../config/index.ts';
import {
  type ManifestDocument,
  type ManifestError,
  readManifests,
  reportOrder,
  type ValidatedManifest,
  validateManifests,
} from '../../schemas/manifest/index.ts';
import { POD_SECURITY_LEVELS, type PodSecurityLevel } from '../../schemas/pod-security/types.ts';
import { builtinRegistry } from '../../schemas/registry.ts';
import { checkRender, type RenderWarning } from '../../schemas/render-checks/index.ts';
import { connect } from '../cluster/api-connection.ts';
import { clusterKinds } from '../cluster/cluster-kinds.ts';
import { readClusterView } from '../cluster/cluster-view.ts';
import type { CommandModule, ExitCode, Invocation } from '../run/command.ts';
import { addConfigFlags, outputOption } from '../run/config-flags.ts';
import { findManifestFiles, noManifests, readManifestFile } from '../manifest-files.ts';
import { type Findings, LINK, renderFindings, type Skipped } from '../output/findings.ts';
import { renderJson } from '../output/json.ts';

const EXIT_CODES =
  '\nExit codes: 0 valid, perhaps with warnings; 1 errors (with --strict also\nwarnings), 3 unreachable.';
const EMPTY_FILE = 'it is empty, or holds only comments';
/** Texts kept for excerpts; beyond it errors come without their line. */
const MAX_EXCERPT_SOURCES = 200;

/** The contents of the files, before they are validated. */
interface Documents {
  readonly documents: readonly ManifestDocument[];
  readonly errors: readonly ManifestError[];
  readonly skipped: readonly Skipped[];
  readonly files: number;
  /** Lines by file, for excerpts. */
  readonly sources: ReadonlyMap<string, readonly string[]>;
}

export const validateCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'client');
    command
      .addHelpText('after', EXIT_CODES)
      .argument(
        '<path...>',
        'files, directories (searched for .yaml, .yml and .json, hidden ones left out), or - for standard input',
      )
      .option('--namespace <name>', 'namespace of objects that name none', 'default')
      .option('--cluster', 'ask the cluster for its kinds, and for what these manifests refer to')
      .addOption(
        new Option(
          '--default-pod-security <LEVEL>',
          'Pod Security level of namespaces without the label pod-security.kubernetes.io/enforce',
        )
          .choices(POD_SECURITY_LEVELS)
          .env('SYMPHONY_DEFAULT_POD_SECURITY')
          .default('baseline'),
      )
      .option('--strict', 'take warnings for errors')
      .option('-v, --verbose', 'name the files that are passed over')
      .addOption(outputOption());
  },

  async run(invocation: Invocation): Promise<ExitCode> {
    const { io, args, flags } = invocation;
    const read = await readDocuments(invocation, args);
    using client = flags['cluster'] === true ? await connect(invocation) : undefined;
    const findings = await check(invocation, read, client);
    const strict = flags['strict'] === true;
    const options = { coloured: coloursWanted(io.stdout), strict, verbose: flags['verbose'] === true };
    const isJson = flags['output'] === 'json';
    io.stdout.write(isJson ? renderJson(findings) : renderFindings(findings, read.sources, options));
    return findings.errors.length > 0 || (strict && findings.warnings.length > 0) ? 1 : 0;
  },
};

async function readDocuments({ io }: Invocation, paths: readonly string[]): Promise<Documents> {
  const documents: ManifestDocument[] = [];
  const errors: ManifestError[] = [];
  const sources = new Map<string, readonly string[]>();
  const { files, links } = await findManifestFiles(paths);
  const skipped: Skipped[] = links.map((file) => ({ file, reason: LINK }));
  /** Paths with a manifest, or with a complaint of their own. */
  const fruitful = new Set<string>();
  for (const { path, root, named } of files) {
    const file = path === '-' ? '<stdin>' : path;
    const bytes = await readManifestFile(path, io.stdin);
    const result = readManifests({ path: file, bytes });
    append(documents, result.documents);
    append(errors, result.errors);
    if (sources.size < MAX_EXCERPT_SOURCES) sources.set(file, new TextDecoder().decode(bytes).split('\n'));
    const reason = result.notManifest ?? EMPTY_FILE;
    if (result.documents.length + result.errors.length > 0) fruitful.add(root);
    else if (named) errors.push({ file, message: `not a manifest: ${reason}` });
    else skipped.push({ file, reason });
    if (named) fruitful.add(root);
  }
  for (const root of new Set(paths)) {
    if (fruitful.has(root)) continue;
    const below = files.filter((file) => file.root === root).length;
    errors.push({ file: root, message: noManifests(root, below) });
  }
  return { documents, errors, skipped, files: files.length, sources };
}

async function check(
  { flags }: Invocation,
  { documents, errors, skipped, files }: Documents,
  client: ApiClient | undefined,
): Promise<Findings> {
  const validated = validateManifests(documents, client ? await clusterKinds(client) : builtinRegistry, {
    defaultNamespace: String(flags['namespace']),
    clusterIsKnown: client !== undefined,
  });
  const foreseen = checkRender(validated.objects, {
    defaultPodSecurity: flags['defaultPodSecurity'] as PodSecurityLevel,
    cluster: client && (await readClusterView(client, validated)),
    refused: validated.refused,
  });
  return {
    files,
    objects: documents.length,
    errors: reportOrder([...errors, ...validated.errors]),
    warnings: [...validated.warnings, ...foreseen.map(placed)].sort(byPlace),
    skipped,
  };
}

function placed({ item, path, message, hint }: RenderWarning<ValidatedManifest>): ManifestError {
  const { source } = item;
  return { file: source.file, ...item.locate(path), path, message, ...(hint === undefined ? {} : { hint }) };
}

function byPlace(a: ManifestError, b: ManifestError): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
