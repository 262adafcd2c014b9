/**
 * The demonstration images, made without a registry: a static busybox and a start script, imported
 * as a tar archive. `symphony.example/web:1|2` serves /srv/www on port 8080 and stops on SIGTERM;
 * `symphony.example/tools:1` is a shell.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { engineSocket } from './setup/engine.mjs';
import { done, fail, step } from './setup/progress.mjs';
import { findCommand } from './setup/tools.mjs';

const APPLETS =
  'sh ash cat echo env false hostname httpd id ln ls mkdir nc printf ps rm sleep stat sync test touch true wc wget'.split(
    ' ',
  );

const WEB_SCRIPT = `#!/bin/sh
# httpd as PID 1 would not hear SIGTERM; the shell does.
trap 'kill $child; exit 0' TERM INT
echo "web version \${VERSION} serves \${POD_NAME:-$(hostname)}"
httpd -f -p 8080 -h /srv/www &
child=$!
wait $child
`;

/**
 * @type {readonly { tag: string, changes: readonly string[], files?: Record<string, string> }[]}
 */
const images = [
  ...['1', '2'].map((version) => ({
    tag: `symphony.example/web:${version}`,
    changes: ['CMD ["/bin/serve"]', `ENV VERSION=${version}`, 'EXPOSE 8080'],
    files: { 'bin/serve': WEB_SCRIPT, 'srv/www/index.html': `version ${version}\n` },
  })),
  { tag: 'symphony.example/tools:1', changes: ['CMD ["sh"]'] },
];

export async function ensureImages() {
  step('making the demonstration images');
  const busybox = findCommand('busybox');
  if (busybox === undefined) fail('busybox is missing (Debian package busybox-static)');
  for (const image of images) await ensureImage(busybox, image);
  done();
}

/**
 * An image of the name of a well-known web server, for tests without a registry. Answers with what
 * takes it away again. An image that had the name before has it again then.
 */
export async function ensureWebImage(tag, port) {
  const path = `/images/${encodeURIComponent(tag)}`;
  const before = await engine('GET', `${path}/json`);
  await makeImage(findCommand('busybox'), {
    tag,
    changes: [`CMD ["/bin/serve"]`, 'ENV VERSION=1', `EXPOSE ${port}`],
    files: {
      'bin/serve': WEB_SCRIPT.replace('-p 8080', `-p ${port}`),
      'srv/www/index.html': 'Welcome\n',
    },
  });
  return async () => {
    await engine('DELETE', `${path}?force=true`);
    if (before.status !== 200) return;
    const [repo, version] = tag.split(':');
    const { Id } = JSON.parse(before.body);
    await engine('POST', `/images/${Id}/tag?${new URLSearchParams({ repo, tag: version })}`);
  };
}

async function ensureImage(busybox, image) {
  const found = await engine('GET', `/images/${encodeURIComponent(image.tag)}/json`);
  if (found.status !== 200) await makeImage(busybox, image);
}

async function makeImage(busybox, image) {
  const query = new URLSearchParams([
    ['fromSrc', '-'],
    ['repo', image.tag],
    ...image.changes.map((c) => ['changes', c]),
  ]);
  const answer = await engine('POST', `/images/create?${query}`, rootFilesystem(busybox, image.files ?? {}));
  if (answer.status !== 200) fail(`Cannot make image ${image.tag}: ${answer.body}`);
}

/**
 * A tar archive with busybox, its applets as links, and the given files (executable below bin/).
 */
function rootFilesystem(busybox, files) {
  const folder = mkdtempSync(join(tmpdir(), 'symphony-image-'));
  try {
    for (const name of ['bin', 'tmp', 'etc', 'srv/www', 'proc', 'sys', 'dev'])
      mkdirSync(join(folder, name), { recursive: true });
    chmodSync(join(folder, 'tmp'), 0o1777);
    copyFileSync(busybox, join(folder, 'bin/busybox'));
    for (const applet of APPLETS) symlinkSync('busybox', join(folder, 'bin', applet));
    writeFileSync(
      join(folder, 'etc/passwd'),
      'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
    );
    writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, name), content, { mode: name.startsWith('bin/') ? 0o755 : 0o644 });
    }
    const tar = spawnSync('tar', ['-C', folder, '--owner=0', '--group=0', '-c', '.'], {
      maxBuffer: 64 * 1024 * 1024,
    });
    if (tar.status !== 0) fail(`Cannot make a tar archive: ${tar.stderr}`);
    return tar.stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function engine(method, path, body) {
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath: engineSocket(),
        method,
        path,
        headers: body ? { 'content-type': 'application/x-tar' } : {},
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, body: text }));
      },
    );
    call.on('error', reject);
    call.end(body);
  });
}

if (process.argv[1]?.endsWith('images.mjs')) await ensureImages();
