/** The layout of the help: flags in groups, the command's own first, examples last. */
import { type Command, Help, Option } from 'commander';
import { optionGroups } from '../../config/index.ts';
import type { CliIo, CommandEntry } from './command.ts';

export const OTHER_GROUP = 'Other:';
/** Commander's name for flags without a group: those of one command alone. */
const OWN_GROUP = 'Options:';
const ORDER: readonly string[] = [OWN_GROUP, ...optionGroups.map((group) => `${group}:`), OTHER_GROUP];

/** The widest column of flags: descriptions have the rest of 80. */
const MAX_TERM = 36;
/** The indent of a description below its flag: names of variables are long, too. */
const BELOW = 4;
const plainHelp = new Help();
/** Commander's own; it wraps to the width of the help that it is called on. */
const { formatItem } = plainHelp;

/** Sets the help of the whole program; commands inherit it. */
export function configureHelp(program: Command, { stdout }: CliIo): void {
  const inOrder = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
    ORDER.indexOf(a) - ORDER.indexOf(b);
  const { columns } = stdout;
  program
    .configureHelp({
      ...(columns === undefined ? {} : { helpWidth: columns }),
      optionDescription: ({ description, argChoices, defaultValue }) =>
        [
          description,
          ...(argChoices ? [`(${argChoices.join(', ')})`] : []),
          ...(defaultValue === undefined ? [] : [`[default: ${String(defaultValue)}]`]),
        ].join(' '),
      padWidth: (command, helper) => Math.min(MAX_TERM, plainHelp.padWidth(command, helper)),
      formatItem(term, width, text, helper) {
        if (helper.displayWidth(term) <= width) return formatItem.call(helper, term, width, text, helper);
        // A flag that is too long for its column has a line of its own.
        return `  ${term}\n${formatItem.call(helper, '', BELOW, text, helper)}`;
      },
      groupItems(unsorted, visible, groupOf) {
        return new Map([...plainHelp.groupItems(unsorted, visible, groupOf)].sort(inOrder));
      },
    })
    .commandsGroup('Check:')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show the help of a command');
}

export function addCommandHelp(command: Command, { group, summary, examples }: CommandEntry): void {
  command.description(summary).helpGroup(`${group}:`);
  command.addHelpOption(new Option('-h, --help', 'show this help').helpGroup(OTHER_GROUP));
  command.addHelpText('after', `\n${renderExamples(examples)}`);
}

/** At the end of the help of the program. */
export const PROGRAM_EPILOGUE = `
${renderExamples([
  ['everything on this machine; containers keep running when it stops', 'symphony up --repo ./shop'],
  [
    'use the cluster, in another terminal',
    'export KUBECONFIG=$PWD/.symphony/kubeconfig; kubectl get pods -A',
  ],
  ['what would a commit change?', 'symphony diff ./shop'],
])}
"symphony COMMAND --help" shows the flags of a command. Each flag is also an
environment variable (--poll-interval is SYMPHONY_POLL_INTERVAL) and a key of the
file that --config names (pollInterval). Exit codes: 0 ok, 1 user error or failed
validation, 2 usage, 3 unreachable, 70 bug; of diff: 1 changes, 2 and more errors.`;

function renderExamples(examples: CommandEntry['examples']): string {
  const lines = examples.map(([purpose, line]) => `  # ${purpose}\n  ${line}\n`);
  return `Examples:\n${lines.join('')}`;
}
