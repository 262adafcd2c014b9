/**
 * Flags over environment over file over defaults → one validated, frozen Config. Pure. Every
 * problem is reported at once, with its flag, variable or file line.
 */
import { dirname, isAbsolute, join } from 'node:path';
import { addressRange, cidrRange, cidrsOverlap, rangesOverlap } from '../base/cidr.ts';
import { UserError } from '../base/errors.ts';
import { isRecord } from '../base/json.ts';
import { closestName } from '../schemas/values/closest-name.ts';
import { formatManifestError, readYamlDocument } from '../schemas/manifest/index.ts';
import type { Config, ConfiguredCommand } from './config.ts';
import { type OptionSpec, SERVERS } from './option-spec.ts';
import { environmentName, fileKey, options } from './options.ts';

export interface ConfigInputs {
  readonly command: ConfiguredCommand;
  /** By {@link fileKey}, as the command line gave them. */
  readonly flags: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file?: { readonly path: string; readonly bytes: Uint8Array };
}

interface Given {
  readonly texts: readonly string[];
  /** `--nodes`, `SYMPHONY_NODES` or `symphony.yaml:3`. */
  readonly from: string;
  readonly fromFile?: true;
}

export function resolveConfig(inputs: ConfigInputs): Config {
  const problems: string[] = [];
  const fromFile = inputs.file ? readFileValues(inputs.file, problems) : new Map<string, Given>();
  const values: Record<string, unknown> = {};
  const origins = new Map<string, string>();
  const givenFor = (option: OptionSpec): Given | undefined =>
    flagValue(option, inputs) ?? environmentValue(option, inputs) ?? fromFile.get(fileKey(option));
  for (const option of options) {
    const given = option.commands.includes(inputs.command)
      ? (givenFor(option) ?? standardValue(option, inputs, givenFor))
      : undefined;
    if (given) origins.set(option.field, given.from);
    values[option.field] = parseOption(option, given, inputs, problems);
  }
  if (problems.length === 0) checkTogether(values as unknown as Config, inputs.command, origins, problems);
  if (problems.length > 0) throw new UserError(problems.join('\n'));
  values['given'] = [...origins.keys()];
  return deepFreeze(values as unknown as Config);
}

function flagValue(option: OptionSpec, inputs: ConfigInputs): Given | undefined {
  const value = inputs.flags[fileKey(option)];
  return value === undefined ? undefined : { texts: [value].flat(), from: `--${option.flag}` };
}

function environmentValue(option: OptionSpec, inputs: ConfigInputs): Given | undefined {
  const name = environmentName(option);
  const value = inputs.env[name];
  // An empty variable counts as unset, as in shells and compose files.
  if (value === undefined || value === '') return undefined;
  return { texts: option.list ? value.split(',').map((item) => item.trim()) : [value], from: name };
}

function standardValue(
  { standardVariable }: OptionSpec,
  { env }: ConfigInputs,
  givenFor: (option: OptionSpec) => Given | undefined,
): Given | undefined {
  if (standardVariable === undefined) return undefined;
  const { name, unless } = standardVariable;
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  const isNamed = options.some((option) => option.field === unless && givenFor(option) !== undefined);
  return isNamed ? undefined : { texts: [value], from: name };
}

function parseOption(
  option: OptionSpec,
  given: Given | undefined,
  inputs: ConfigInputs,
  problems: string[],
): unknown {
  const texts = given?.texts ?? (option.fallback === undefined ? [] : [option.fallback]);
  const parsed: unknown[] = [];
  for (const value of texts) {
    try {
      parsed.push(option.parse(atFile(option, value, given, inputs)));
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      problems.push(
        `${given?.from ?? `--${option.flag}`}: invalid value "${withoutPassword(value)}": ${detail}`,
      );
    }
  }
  // One text may hold several values.
  return option.list ? parsed.flat() : parsed.at(-1);
}

function atFile(option: OptionSpec, value: string, given: Given | undefined, inputs: ConfigInputs): string {
  if (!option.isPath || !given?.fromFile || !inputs.file || value === '' || isAbsolute(value)) return value;
  return join(dirname(inputs.file.path), value);
}

function readFileValues(
  file: { readonly path: string; readonly bytes: Uint8Array },
  problems: string[],
): Map<string, Given> {
  const values = new Map<string, Given>();
  const document = readYamlDocument(file);
  if ('error' in document) {
    problems.push(formatManifestError(document.error));
    return values;
  }
  if (document.value === null) return values;
  if (!isRecord(document.value)) {
    problems.push(`${file.path}:1: must be a mapping of options, such as "nodes: 3"`);
    return values;
  }
  const keys = options.map(fileKey);
  for (const [key, value] of Object.entries(document.value)) {
    const from = `${file.path}:${document.locate(key).line}: ${key}`;
    const option = options.find((candidate) => fileKey(candidate) === key);
    if (!option) {
      const closest = closestName(key, keys);
      problems.push(`${from}: unknown option${closest === undefined ? '' : `, did you mean "${closest}"?`}`);
      continue;
    }
    if (value === null) continue;
    const items: unknown[] = Array.isArray(value) && option.list ? value : [value];
    if (!items.every((item) => ['string', 'number', 'boolean'].includes(typeof item))) {
      problems.push(`${from}: must be ${option.list ? 'a list of texts' : 'one value'}`);
      continue;
    }
    values.set(key, { texts: items.map(String), from, fromFile: true });
  }
  return values;
}

/** Checks across several options. */
function checkTogether(
  config: Config,
  command: ConfiguredCommand,
  origins: ReadonlyMap<string, string>,
  problems: string[],
): void {
  const origin = (field: keyof Config, flag: string): string => origins.get(field) ?? `--${flag}`;
  // `up` finds free addresses itself (server/addresses/plan-address-ranges.ts).
  const isChosenLater =
    command === 'up' &&
    config.runtime === 'docker' &&
    !(origins.has('clusterCidr') && origins.has('serviceCidr'));
  const overlap = cidrsOverlap(config.clusterCidr, config.serviceCidr);
  // An agent knows no Services.
  if (SERVERS.includes(command)) {
    const at = origin('clusterCidr', 'cluster-cidr');
    if (!isChosenLater && overlap)
      problems.push(`${at}: ${config.clusterCidr} overlaps the service network ${config.serviceCidr}`);
    const problem = sliceProblem(config, command, origin);
    if (problem !== undefined) problems.push(problem);
    const poolOverlap = isChosenLater ? undefined : poolProblem(config, origin);
    if (poolOverlap !== undefined) problems.push(poolOverlap);
  }
  if (command === 'agent') {
    if (config.server === undefined) problems.push('--server: required: the URL of the control plane');
    if (config.dockerHosts.length > 1)
      problems.push(`${origin('dockerHosts', 'docker-host')}: an agent has one engine`);
  }
  const forges: readonly string[] = ['github', 'gitlab', 'gitea', 'bitbucket'];
  if (forges.includes(config.commitStatus)) {
    const at = origin('commitStatus', 'commit-status');
    if (config.forgeRepo === undefined) problems.push(`${at}: "${config.commitStatus}" needs --forge-repo`);
    if (config.forgeTokenFile === undefined)
      problems.push(`${at}: "${config.commitStatus}" needs --forge-token-file`);
    if (config.commitStatus === 'gitea' && config.forgeUrl === undefined)
      problems.push(`${at}: "gitea" needs --forge-url`);
  }
}

/** As kube-controller-manager: more slices than this are a table too large to be meant. */
const MAX_SLICE_BITS = 16;

/** Each node gets one slice of the pods' network; the first is left to the network itself. */
export function sliceProblem(
  { clusterCidr, nodeCidrMaskSize: mask, nodes }: Pick<Config, 'clusterCidr' | 'nodeCidrMaskSize' | 'nodes'>,
  command: ConfiguredCommand,
  origin: (field: keyof Config, flag: string) => string = (_field, flag) => `--${flag}`,
): string | undefined {
  const bits = mask - Number(clusterCidr.split('/')[1]);
  const at = origin('nodeCidrMaskSize', 'node-cidr-mask-size');
  if (bits < 1) return `${at}: ${mask} must be greater than the prefix of --cluster-cidr ${clusterCidr}`;
  if (bits > MAX_SLICE_BITS)
    return `${at}: ${mask} must be at most ${MAX_SLICE_BITS} greater than the prefix of --cluster-cidr ${clusterCidr}`;
  if (command === 'up' && nodes > 2 ** bits - 1)
    return `${origin('nodes', 'nodes')}: ${clusterCidr} has shares of /${mask} for ${2 ** bits - 1} nodes, not ${nodes}; change --cluster-cidr or --node-cidr-mask-size`;
  return undefined;
}

/** Addresses of load balancers belong to the network of the hosts, and pods reach it through them. */
export function poolProblem(
  {
    loadBalancerPool,
    clusterCidr,
    serviceCidr,
  }: Pick<Config, 'loadBalancerPool' | 'clusterCidr' | 'serviceCidr'>,
  origin: (field: keyof Config, flag: string) => string = (_field, flag) => `--${flag}`,
): string | undefined {
  for (const [name, network] of [
    ['pods', clusterCidr],
    ['Services', serviceCidr],
  ] as const) {
    const taken = cidrRange(network);
    const overlapping = loadBalancerPool.find((text) => {
      const range = addressRange(text);
      return range !== undefined && taken !== undefined && rangesOverlap(range, taken);
    });
    if (overlapping !== undefined)
      return `${origin('loadBalancerPool', 'load-balancer-pool')}: ${overlapping} overlaps ${network}, the network of ${name}; take free addresses of the network that the hosts are in`;
  }
  return undefined;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}

const withoutPassword = (text: string): string => text.replace(/\/\/[^/]*@/, '//…@');
