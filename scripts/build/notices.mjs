/**
 * The licences of bundled packages, as their texts ask to be passed on: from the folders in
 * node_modules.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const RULE = '-'.repeat(78);

/**
 * `inputs` are the bundle's files, relative to `root`. Throws for a package without any licence.
 */
export function noticesOf(root, inputs) {
  const folders = new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined));
  const notices = [...folders].sort().map((folder) => noticeOf(join(root, folder)));
  return ['Symphony contains the following packages, under their own licences.\n', ...new Set(notices)].join(
    `\n${RULE}\n`,
  );
}

/** `node_modules/a/node_modules/@b/c/lib/x.js` → `node_modules/a/node_modules/@b/c`. */
function packageFolder(input) {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
}

function noticeOf(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const texts = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(licen[cs]e|copying|notice)/i.test(entry.name))
    .map((entry) => readFileSync(join(folder, entry.name), 'utf8').trim());
  if (texts.length === 0 && license === undefined)
    throw new Error(`Cannot bundle ${name}: it says no licence`);
  const holder = typeof author === 'string' ? author : author?.name;
  const head = [`${name} ${version}`, license, holder].filter((part) => part !== undefined).join(', ');
  return [head, ...texts].join('\n\n');
}
