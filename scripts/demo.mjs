/**
 * `npm run demo [-- --once]`: the main job, for real. It has a data directory, a port and addresses
 * of its own, so that it runs beside other clusters; what an earlier demonstration left is removed
 * first. A Git repository with examples/manifests, `symphony up` with three nodes on this machine's
 * Docker Engine, requests through a Service and an Ingress, none of which fails in a rolling update
 * by commit, a broken commit that is reported and harms nothing,
 * and data that outlives its pod. Leaves everything running to look around; with `--once` it cleans
 * up and exits 0.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ask, startTraffic } from './demo-traffic.mjs';
import { ensureImages } from './images.mjs';
import { engineAnswers, ensureEngine } from './setup/engine.mjs';
import { freeRanges } from './setup/free-ranges.mjs';
import { ensureBuild, ensurePackages, root } from './setup/packages.mjs';
import { livingOwner, ownDirectory } from './setup/process-owner.mjs';
import { fail, say } from './setup/progress.mjs';
import { ensureTools, findCommand } from './setup/tools.mjs';

const once = process.argv.includes('--once');
const STEP_TIMEOUT_MS = 120_000;
const POLL_MS = 300;
const home = join(root, '.cache', 'demo');
const origin = join(home, 'origin.git');
const work = join(home, 'work');
const dataDir = join(home, 'data');
const kubeconfig = join(dataDir, 'kubeconfig');
const logFile = join(home, 'symphony.log');
let ingressPort = 0;

ensureTools({ engineAnswers: await engineAnswers() });
ensurePackages();
ensureBuild();
const stopEngine = await ensureEngine();
await ensureImages();

title('1. A Git repository with ordinary Kubernetes manifests');
await removeOldDemo();
makeRepository();
say(`   ${work} (origin: ${origin})`);

title('2. symphony up: a control plane and three nodes');
const symphony = await startSymphony();
const running = new Promise((resolve) => symphony.on('exit', resolve));
try {
  await story();
} catch (error) {
  say(
    `\n${error instanceof Error ? error.message : String(error)}\nThe log is ${logFile}; its end:\n${logTail()}`,
  );
  await shutDown();
  process.exit(1);
}
if (once) {
  title('Cleaning up');
  await shutDown();
  say('   done');
  process.exit(0);
}
title('It stays up. Look around:');
say(`   export KUBECONFIG=${kubeconfig}
   kubectl get pods -A -o wide          docker ps
   kubectl -n shop logs deploy/web      kubectl -n shop describe pod
   cd ${work}; edit, git commit, git push; git fetch origin 'refs/notes/*:refs/notes/*' && git log --notes=symphony

   Ctrl-C stops the control plane and leaves the containers running;
   afterwards: bin/symphony down --data-dir ${dataDir}`);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => symphony.kill('SIGTERM'));
await running;
process.exit(0);

async function story() {
  let sha = head();
  say(`   commit ${sha.slice(0, 8)} is being applied …`);
  await showPodsUntil('6 containers of 5 pods are ready', () => readyPods().length === 5);
  await showStatusUntil(sha, 'success');

  title('3. The network: a Service and an Ingress');
  const targets = await entrances();
  await until('both of them answer', async () => {
    const answers = await Promise.allSettled(targets.map(ask));
    return answers.every(({ status }) => status === 'fulfilled');
  });
  for (const target of targets) {
    const header = target.host === undefined ? '' : `-H 'Host: ${target.host}' `;
    say(`   curl ${header}${target.url}\n${indent(await ask(target))}`);
  }

  title('4. A commit: web goes from version 1 to version 2, and from 3 replicas to 5');
  sha = commit('web: version 2, five replicas', (text) =>
    text.replace('replicas: 3', 'replicas: 5').replaceAll('symphony.example/web:1', 'symphony.example/web:2'),
  );
  const traffic = startTraffic(targets);
  await showPodsUntil(
    'five pods of version 2 are ready',
    () => readyPods('app=web', 'symphony.example/web:2').length === 5,
  );
  await showStatusUntil(sha, 'success');
  for (const { name, answered, failures } of await traffic.stop()) {
    say(`   ${answered + failures.length} requests through the ${name} meanwhile, ${failures.length} failed`);
    if (failures.length > 0) throw new Error(`Requests failed: ${failures.slice(0, 5).join('; ')}`);
  }
  say(indent(kubectl('-n', 'shop', 'rollout', 'history', 'deployment/web')));

  title('5. A broken commit: the new pods exit at once');
  const before = readyPods('app=web').map((pod) => pod.metadata.name);
  sha = commit('web: break it', (text) =>
    text.replace(
      '          ports:\n            - name: http',
      '          command: ["sh", "-c", "echo cannot find my database; exit 3"]\n          ports:\n            - name: http',
    ),
  );
  await showStatusUntil(sha, 'failure');
  const after = readyPods('app=web').map((pod) => pod.metadata.name);
  if (before.some((name) => !after.includes(name)))
    throw new Error(`Pods were lost: had ${before}, have ${after}`);
  say(`   the ${after.length} pods of version 2 are still running:`);
  say(indent(kubectl('-n', 'shop', 'get', 'pods', '-l', 'app=web')));

  title('6. A StatefulSet: its data outlives the pod');
  say(indent(kubectl('-n', 'shop', 'get', 'pvc')));
  say(indent(kubectl('-n', 'shop', 'delete', 'pod', 'ledger-0')));
  await until('the new ledger-0 continues with the data of the old one', () =>
    ledgerLog().includes('start 2 of this ledger'),
  );
}

/** How people on this machine reach the shop. */
async function entrances() {
  const address = kubectl('-n', 'shop', 'get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}');
  return [
    { name: 'Service', url: `http://${address}/` },
    { name: 'Ingress', url: `http://127.0.0.1:${ingressPort}/`, host: 'shop.example' },
  ];
}

/** Empty while there is no container. */
function ledgerLog() {
  return readyPods('app=ledger').length === 0 ? '' : kubectl('-n', 'shop', 'logs', 'ledger-0');
}

function title(text) {
  say(`\n\u001b[1m${text}\u001b[0m`);
}

async function removeOldDemo() {
  const running = livingOwner(home);
  if (running !== undefined) fail(`The demo is running (process ${running}); end it with Ctrl-C first`);
  // A demo that was killed leaves its control plane behind.
  const orphan = livingSymphony();
  if (orphan !== undefined) {
    process.kill(orphan, 'SIGTERM');
    const deadline = Date.now() + STEP_TIMEOUT_MS;
    while (livingSymphony() !== undefined) {
      if (Date.now() > deadline) fail(`Cannot end the symphony of an earlier demo (process ${orphan})`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }
  if (existsSync(join(dataDir, 'agents'))) {
    const told = run(process.execPath, ['bin/symphony', 'down', '--force', '--data-dir', dataDir]);
    const forgotten = told.split('\n').filter((line) => line.startsWith('forgotten'));
    if (forgotten.length > 0) say(indent(forgotten.join('\n')));
  }
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  ownDirectory(home);
}

/** A demo of an earlier release owns the directory of its Redis alone. */
function livingSymphony() {
  return livingOwner(dataDir) ?? livingOwner(join(dataDir, 'redis'));
}

function makeRepository() {
  git(home, 'init', '--quiet', '--bare', '--initial-branch=main', origin);
  git(home, 'init', '--quiet', '--initial-branch=main', work);
  git(work, 'remote', 'add', 'origin', origin);
  cpSync(join(root, 'examples', 'manifests'), join(work, 'manifests'), { recursive: true });
  pushAll('the shop');
}

function commit(message, edit) {
  const file = join(work, 'manifests', 'web.yaml');
  const text = readFileSync(file, 'utf8');
  const next = edit(text);
  if (next === text) throw new Error(`Nothing to commit for "${message}"`);
  writeFileSync(file, next);
  pushAll(message);
  say(indent(git(work, 'show', '--stat', '--oneline', '--format=%h %s', 'HEAD')));
  return head();
}

function pushAll(message) {
  git(work, 'add', '.');
  git(
    work,
    '-c',
    'user.name=Demo',
    '-c',
    'user.email=demo@symphony.example',
    'commit',
    '--quiet',
    '-m',
    message,
  );
  // With an upstream, so that a plain `git push` works for people afterwards.
  git(work, 'push', '--quiet', '--set-upstream', 'origin', 'main');
}

function head() {
  return git(work, 'rev-parse', 'HEAD').trim();
}

async function startSymphony() {
  const port = await freePort();
  ingressPort = await freePort();
  const ranges = freeRanges();
  const log = openSync(logFile, 'w');
  const args = [
    'bin/symphony',
    'up',
    '--repo',
    origin,
    '--path',
    'manifests',
    '--nodes',
    '3',
    '--data-dir',
    dataDir,
  ];
  args.push(
    '--listen',
    `127.0.0.1:${port}`,
    '--ingress-http-port',
    String(ingressPort),
    '--ingress-https-port',
    String(await freePort()),
    '--poll-interval',
    '1s',
    '--commit-status',
    'notes',
    '--stability-window',
    '3s',
  );
  // Where none of the demo's own is free, symphony looks for others.
  if (ranges) args.push('--cluster-cidr', ranges.clusterCidr, '--service-cidr', ranges.serviceCidr);
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', log], detached: true });
  let output = '';
  child.stdout.setEncoding('utf8');
  await new Promise((resolve, reject) => {
    const timeout = setTimeout(() => reject(new Error('symphony up did not become ready')), STEP_TIMEOUT_MS);
    child.stdout.on('data', (chunk) => {
      output += chunk;
      if (!output.includes('Symphony is ready')) return;
      clearTimeout(timeout);
      resolve();
    });
    child.on('exit', () => reject(new Error('symphony up ended')));
  }).catch((error) => fail(`${error.message}:\n${output}${logTail()}`));
  child.removeAllListeners('exit');
  say(indent(output.trim()));
  return child;
}

async function shutDown() {
  if (symphony.exitCode === null) {
    symphony.kill('SIGTERM');
    await running;
  }
  run(process.execPath, ['bin/symphony', 'down', '--volumes', '--data-dir', dataDir]);
  await stopEngine();
}

/** Prints the pods whenever their list changes, until the condition holds. */
async function showPodsUntil(what, holds) {
  let shown = '';
  await until(what, () => {
    const table = kubectl('-n', 'shop', 'get', 'pods', '-o', 'wide', '--ignore-not-found');
    const stable = table.replace(/\s+\d+[smh]\S*/g, '');
    if (stable !== shown && table !== '') say(indent(`${table.trimEnd()}\n`));
    shown = stable;
    return holds();
  });
}

async function showStatusUntil(sha, state) {
  let shown = '';
  await until(`commit ${sha.slice(0, 8)} is ${state}`, () => {
    const note = commitStatus(sha);
    if (note !== shown && note !== '') say(`   commit status of ${sha.slice(0, 8)}:\n${indent(note)}`);
    shown = note;
    return new RegExp(`\\b${state}\\b`).test(note);
  });
}

function commitStatus(sha) {
  try {
    return execFileSync('git', ['-C', origin, 'notes', '--ref=symphony', 'show', sha], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return '';
  }
}

function readyPods(selector, image) {
  const args = ['-n', 'shop', 'get', 'pods', '-o', 'json', ...(selector ? ['-l', selector] : [])];
  const { items } = JSON.parse(kubectl(...args));
  return items.filter(
    (pod) =>
      !pod.metadata.deletionTimestamp &&
      pod.status?.conditions?.some(
        (condition) => condition.type === 'Ready' && condition.status === 'True',
      ) &&
      (image === undefined || pod.spec.containers.some((container) => container.image === image)),
  );
}

async function until(what, holds) {
  const deadline = Date.now() + STEP_TIMEOUT_MS;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`Timed out waiting until ${what}`);
    if (symphony.exitCode !== null) throw new Error('symphony up ended unexpectedly');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  say(`   ✓ ${what}`);
}

function kubectl(...args) {
  return run(findCommand('kubectl'), ['--kubeconfig', kubeconfig, ...args]);
}

function git(folder, ...args) {
  return run('git', ['-C', folder, ...args]);
}

function run(command, args) {
  try {
    return execFileSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    throw new Error(`Cannot run ${command} ${args.join(' ')}: ${error.stderr || error.message}`, {
      cause: error,
    });
  }
}

function indent(text) {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `   ${line}`)
    .join('\n');
}

function logTail() {
  return existsSync(logFile) ? readFileSync(logFile, 'utf8').trim().split('\n').slice(-15).join('\n') : '';
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
