/**
 * A base image for the Dockerfile where none can be pulled: Debian by debootstrap, with this
 * machine's Node and npm. Needs root and the Debian package debootstrap. `node
 * scripts/base-image.mjs` → symphony.example/base:1.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { done, fail, step } from './setup/progress.mjs';
import { findCommand } from './setup/tools.mjs';

const TAG = 'symphony.example/base:1';
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const PACKAGES =
  'ca-certificates,caddy,conntrack,git,iproute2,iptables,iputils-arping,nftables,redis-server,libatomic1,libstdc++6';

if (findCommand('debootstrap') === undefined) fail('debootstrap is missing: apt-get install debootstrap');
const folder = mkdtempSync(join(tmpdir(), 'symphony-base-'));
try {
  step('unpacking Debian');
  run('debootstrap', ['--variant=minbase', `--include=${PACKAGES}`, 'bookworm', folder]);
  done();
  step('adding Node');
  const node = realpathSync(process.execPath);
  const npm = dirname(dirname(realpathSync(findCommand('npm'))));
  cpSync(node, join(folder, 'usr/local/bin/node'));
  cpSync(npm, join(folder, 'usr/local/lib/node_modules/npm'), { recursive: true });
  run('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(folder, 'usr/local/bin/npm')]);
  // A mirror or proxy of packages may need authorities that only this machine trusts.
  cpSync(CERTIFICATES, join(folder, CERTIFICATES));
  rmSync(join(folder, 'var/cache/apt'), { recursive: true, force: true });
  done();
  step(`importing ${TAG}`);
  const archive = join(tmpdir(), 'symphony-base.tar');
  run('tar', ['-C', folder, '-cf', archive, '.']);
  const environment = [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    `NODE_EXTRA_CA_CERTS=${CERTIFICATES}`,
  ];
  run('docker', ['import', ...environment.flatMap((entry) => ['--change', `ENV ${entry}`]), archive, TAG]);
  rmSync(archive);
  done();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(command, args) {
  const result = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  if (result.status !== 0) fail(`Cannot run ${command} ${args.join(' ')}:\n${result.stdout}${result.stderr}`);
}
