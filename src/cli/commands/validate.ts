/**
 * `symphony validate PATH…`: what a sync would say about these manifests, without a cluster. Everything named is taken as
 * one source: one object in two files is an error, and a definition in one is known in all. With `--cluster` the definitions of the
 * cluster are known, too.
 */
import { append } from '../../base/append.ts';
import { Option } from 'commander';
import { coloursWanted } from '../../config/index.ts';
import {
  type ManifestDocument,
  type ManifestError,
  readManifests,
  validateManifests,
} from '../../schemas/manifest/index.ts';
import { builtinRegistry } from '../../schemas/registry.ts';
import type { Registry } from '../../schemas/resource-kind.ts';
import { connect } from '../api-connection.ts';
import { clusterKinds } from '../cluster-kinds.ts';
import type { CommandModule, ExitCode, Invocation } from '../command.ts';
import { addConfigFlags } from '../config-flags.ts';
import { findManifestFiles, readManifestFile } from '../manifest-files.ts';
import { createColours } from '../output/colours.ts';
import { renderManifestError, type Severity } from '../output/manifest-report.ts';
import { renderJson } from '../output/json.ts';

/** Texts kept for excerpts; beyond it errors come without their line. */
const MAX_EXCERPT_SOURCES = 200;

interface Findings {
  readonly files: number;
  readonly objects: number;
  readonly errors: readonly ManifestError[];
  readonly warnings: readonly ManifestError[];
  /** Files that are YAML or JSON but no manifests. */
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
}

export const validateCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'client');
    command
      .argument(
        '<path...>',
        'files, directories (searched for .yaml, .yml and .json), or - for standard input',
      )
      .option('--namespace <name>', 'namespace of objects that name none', 'default')
      .option('--cluster', 'ask the cluster for the kinds that its CustomResourceDefinitions define')
      .addOption(
        new Option('-o, --output <format>', 'form of the result').choices(['text', 'json']).default('text'),
      );
  },

  async run(invocation: Invocation): Promise<ExitCode> {
    const { io, args, flags } = invocation;
    const sources = new Map<string, readonly string[]>();
    const registry = flags['cluster'] === true ? await kindsOfCluster(invocation) : builtinRegistry;
    const findings = await check(invocation, args, registry, sources);
    if (flags['output'] === 'json') io.stdout.write(renderJson(findings));
    else io.stdout.write(renderText(findings, sources, coloursWanted(io.stdout)));
    return findings.errors.length > 0 ? 1 : 0;
  },
};

async function kindsOfCluster(invocation: Invocation): Promise<Registry> {
  const client = await connect(invocation);
  try {
    return await clusterKinds(client);
  } finally {
    client[Symbol.dispose]();
  }
}

async function check(
  { io, flags }: Invocation,
  paths: readonly string[],
  registry: Registry,
  sources: Map<string, readonly string[]>,
): Promise<Findings> {
  const documents: ManifestDocument[] = [];
  const errors: ManifestError[] = [];
  const skipped: { file: string; reason: string }[] = [];
  const files = await findManifestFiles(paths);
  for (const { path, named } of files) {
    const file = path === '-' ? '<stdin>' : path;
    const bytes = await readManifestFile(path, io.stdin);
    const result = readManifests({ path: file, bytes });
    append(documents, result.documents);
    append(errors, result.errors);
    if (sources.size < MAX_EXCERPT_SOURCES) {
      sources.set(file, new TextDecoder().decode(bytes).split('\n'));
    }
    if (result.notManifest === undefined) continue;
    if (named) errors.push({ file, message: `not a manifest: ${result.notManifest}` });
    else skipped.push({ file, reason: result.notManifest });
  }
  const validated = validateManifests(documents, registry, {
    defaultNamespace: String(flags['namespace']),
    clusterIsKnown: registry !== builtinRegistry,
  });
  return {
    files: files.length,
    objects: documents.length,
    errors: [...errors, ...validated.errors],
    warnings: validated.warnings,
    skipped,
  };
}

function renderText(
  findings: Findings,
  sources: ReadonlyMap<string, readonly string[]>,
  coloured: boolean,
): string {
  const colours = createColours(coloured);
  const parts: string[] = [];
  const add = (list: readonly ManifestError[], severity: Severity): void => {
    for (const error of list)
      parts.push(renderManifestError(error, severity, sources.get(error.file), colours));
  };
  add(findings.warnings, 'warning');
  add(findings.errors, 'error');
  const { errors, warnings, objects, files, skipped } = findings;
  const counts = [
    errors.length === 0 ? colours.green('valid') : colours.red(count(errors.length, 'error')),
    ...(warnings.length === 0 ? [] : [colours.yellow(count(warnings.length, 'warning'))]),
    `${count(objects, 'object')} in ${count(files, 'file')}`,
    ...(skipped.length === 0 ? [] : [`${count(skipped.length, 'file')} skipped: not manifests`]),
  ];
  parts.push(counts.join(', '));
  return `${parts.join('\n')}\n`;
}

function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}
