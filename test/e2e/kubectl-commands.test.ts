/**
 * Every command of kubectl that people use, by the newest and by an old release, asserted on what
 * it prints. What streams (exec, attach, cp, port-forward) has a file of its own.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createKubectl, eventually, type Kubectl, runProgram, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { oldKubectl } from '../support/kubectl-old.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { STAY, tool, web } from './manifests.ts';

let symphony: Symphony;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-kubectl-'));
  symphony = await startSymphony({ nodes: 2 });
  await eventually('both nodes are ready', async () => {
    const nodes = await symphony.kubectl('get', 'nodes', '--no-headers');
    return nodes.match(/^\S+ +Ready /gm)?.length === 2;
  });
});
afterAll(async () => {
  await symphony?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(() => symphony.explainFailure());

/** 1.20 knows neither `create token` nor `auth whoami`, `events` or ephemeral containers. */
const releases = [
  { release: 'new', find: async () => 'kubectl', isOld: false },
  { release: 'old', find: oldKubectl, isOld: true },
] as const;

describe.each(releases)('the $release kubectl', ({ release, find, isOld }) => {
  const namespace = `${release}-release`;
  let program: string;
  let run: Kubectl;
  /** In the namespace of this release. */
  const kubectl = (...args: readonly string[]): Promise<string> => run('-n', namespace, ...args);
  const refusal = async (...args: readonly string[]): Promise<string> => {
    const result = await run.try('-n', namespace, ...args);
    expect(result.code).toBe(1);
    return result.stderr;
  };
  const file = async (name: string, text: string): Promise<string> => {
    const path = join(directory, `${release}-${name}`);
    await writeFile(path, text);
    return path;
  };

  beforeAll(async () => {
    program = await find();
    run = createKubectl(join(symphony.dataDir, 'kubeconfig'), directory, program);
    expect(await run('create', 'namespace', namespace)).toBe(`namespace/${namespace} created\n`);
    await eventually('the namespace has its service account', async () => {
      return (await kubectl('get', 'serviceaccounts', '-o', 'name')) === 'serviceaccount/default\n';
    });
  });

  it('tells what is served', async () => {
    expect(await run('version', '--output=yaml')).toMatch(/serverVersion:[^]*gitVersion: v1\.36/);
    const versions = (await run('api-versions')).split('\n');
    expect(versions).toEqual(
      expect.arrayContaining(['v1', 'apps/v1', 'rbac.authorization.k8s.io/v1', 'apiextensions.k8s.io/v1']),
    );
    const resources = await run('api-resources');
    expect(resources).toMatch(/^pods +po +v1 +true +Pod$/m);
    expect(resources).toMatch(/^customresourcedefinitions +crd,crds +apiextensions.k8s.io\/v1 +false/m);
    expect(await run('cluster-info')).toMatch(/is running at/);
  });

  it('explains a field', async () => {
    const text = await run('explain', 'pod.spec.containers.imagePullPolicy');
    expect(text).toMatch(/FIELD:\s+imagePullPolicy/);
    expect(text).toMatch(/Image pull policy/);
    expect(await run('explain', 'deployment', '--recursive')).toMatch(/maxUnavailable\s+<.*string>/i);
  });

  it('creates objects from its flags', async () => {
    expect(await kubectl('create', 'configmap', 'settings', '--from-literal=a=1')).toBe(
      'configmap/settings created\n',
    );
    await kubectl('create', 'secret', 'generic', 'password', '--from-literal=p=hidden');
    expect(await kubectl('get', 'secret', 'password', '-o', 'jsonpath={.data.p}')).toBe(
      Buffer.from('hidden').toString('base64'),
    );
    await kubectl('create', 'serviceaccount', 'robot');
    await kubectl('create', 'quota', 'limits', '--hard=configmaps=10');
    await eventually('the quota counts', async () =>
      /^limits +configmaps: 2\/10 /m.test(await kubectl('get', 'quota')),
    );
    await kubectl('create', 'deployment', 'web', '--image=symphony.example/web:1', '--replicas=2');
    expect(await kubectl('rollout', 'status', 'deployment/web', WAIT_TIMEOUT)).toMatch(
      /successfully rolled out/,
    );
    expect(await kubectl('expose', 'deployment', 'web', '--port=80', '--target-port=8080')).toBe(
      'service/web exposed\n',
    );
    expect(await kubectl('get', 'service', 'web')).toMatch(
      /^web +ClusterIP +10\.\d+\.\d+\.\d+ +<none> +80\/TCP/m,
    );
    // The old release creates budgets in a version of the API that is gone.
    const budget = `apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {minAvailable: 1, selector: {matchLabels: {app: web}}}\n`;
    if (isOld) await run.withInput(budget, '-n', namespace, 'apply', '-f', '-');
    else await kubectl('create', 'poddisruptionbudget', 'web', '--selector=app=web', '--min-available=1');
    await eventually('the budget counts', async () =>
      /^web +1 +N\/A +1 +/m.test(await kubectl('get', 'pdb', 'web')),
    );
    expect(await refusal('create', 'configmap', 'settings')).toMatch(
      /\(AlreadyExists\): configmaps "settings" already exists|configmaps "settings" already exists/,
    );
  });

  it('reaches a pod and a service through the proxy', async () => {
    const [pod = ''] = (await kubectl('get', 'pods', '-l', 'app=web', '-o', 'name')).trim().split('\n');
    const base = `/api/v1/namespaces/${namespace}`;
    expect(
      await run('get', '--raw', `${base}/${pod.replace('pod/', 'pods/')}:8080/proxy/index.html`),
    ).toMatch(/version 1/);
    expect(await run('get', '--raw', `${base}/services/web:80/proxy/index.html`)).toMatch(/version 1/);
    expect((await run.try('get', '--raw', `${base}/services/nobody:80/proxy/`)).stderr).toMatch(/NotFound/);
  });

  it('reaches the agent of a node through the proxy', async () => {
    const [node = ''] = (await run('get', 'nodes', '-o', 'name')).trim().split('\n');
    const ask = (path: string): Promise<string> =>
      run('get', '--raw', `/api/v1/${node.replace('node/', 'nodes/')}${path}`);
    expect(await ask('/proxy/healthz')).toBe('ok');
    expect(await ask(':10250/proxy/metrics')).toMatch(/^kubelet_running_pods \d+$/m);
    const [log = ''] = (await ask('/proxy/logs/containers/')).match(/web-[^"]*\.log/) ?? [];
    expect(await ask(`/proxy/logs/containers/${log}`)).toBeTypeOf('string');
  });

  it.each(['service/web', 'deployment/web'])('forwards a port of %s', async (object) => {
    const port = object.startsWith('service') ? 80 : 8080;
    await using forward = run.start('-n', namespace, 'port-forward', object, `:${port}`);
    const local = await eventually(
      'the port is forwarded',
      async () => /127\.0\.0\.1:(\d+) ->/.exec(forward.stdout())?.[1],
    );
    expect(await (await fetch(`http://127.0.0.1:${local}/index.html`)).text()).toMatch(/version 1/);
    forward.child.kill('SIGINT');
    await forward.ended;
  });

  it('opens a site behind a service by kubectl proxy', async () => {
    await using proxy = run.start('proxy', '--port=0');
    const local = await eventually(
      'the proxy listens',
      async () => /127\.0\.0\.1:(\d+)/.exec(proxy.stdout())?.[1],
    );
    const site = `http://127.0.0.1:${local}/api/v1/namespaces/${namespace}/services/web:80/proxy`;
    expect(await (await fetch(site)).text()).toMatch(/version 1/);
    expect((await fetch(site, { redirect: 'manual' })).headers.get('location')).toMatch(/\/proxy\/$/);
    expect((await fetch(`${site}/nothing`)).status).toBe(404);
    proxy.child.kill('SIGINT');
    await proxy.ended;
  });

  it('changes objects in every way it knows', async () => {
    expect(await kubectl('label', 'configmap', 'settings', 'tier=x')).toBe('configmap/settings labeled\n');
    await kubectl('annotate', 'configmap', 'settings', 'note=y');
    await kubectl('patch', 'configmap', 'settings', '--type=merge', '-p', '{"data":{"b":"2"}}');
    await kubectl(
      'patch',
      'configmap',
      'settings',
      '--type=json',
      '-p',
      '[{"op":"remove","path":"/data/a"}]',
    );
    expect(await kubectl('get', 'configmap', 'settings', '-o', 'jsonpath={.data}')).toBe('{"b":"2"}');
    const editor = {
      KUBE_EDITOR: `sed -i s/"b: .2.*/b: edited"/`,
      KUBECONFIG: join(symphony.dataDir, 'kubeconfig'),
    };
    const edited = await runProgram(program, ['-n', namespace, 'edit', 'configmap', 'settings'], {
      env: editor,
    });
    expect([edited.code, edited.stdout]).toEqual([0, 'configmap/settings edited\n']);
    expect(await kubectl('get', 'configmap', 'settings', '-o', 'jsonpath={.data.b}')).toBe('edited');
    const replacement = await file(
      'replacement.yaml',
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {c: "3"}\n',
    );
    expect(await kubectl('replace', '-f', replacement)).toBe('configmap/settings replaced\n');
    expect(await kubectl('set', 'env', 'deployment/web', 'MODE=test')).toBe(
      'deployment.apps/web env updated\n',
    );
    await kubectl('set', 'resources', 'deployment/web', '--requests=cpu=10m,memory=8Mi');
    await kubectl('rollout', 'status', 'deployment/web', WAIT_TIMEOUT);
    expect(await kubectl('describe', 'deployment', 'web')).toMatch(/MODE: +test[^]*|cpu: +10m[^]*/);
  });

  it('applies, shows the difference first, and prunes', async () => {
    const [one, two] = ['one', 'two'].map(
      (name) =>
        `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, labels: {set: a}}\ndata: {value: "1"}\n`,
    );
    const both = await file('both.yaml', `${one}---\n${two}`);
    expect(await kubectl('apply', '-f', both)).toBe('configmap/one created\nconfigmap/two created\n');
    expect(await kubectl('apply', '-f', both)).toBe('configmap/one unchanged\nconfigmap/two unchanged\n');
    const changed = await file('changed.yaml', (one ?? '').replace('"1"', '"2"'));
    const diff = await run.try('-n', namespace, 'diff', '-f', changed);
    expect(diff.code).toBe(1);
    expect(diff.stdout).toMatch(/^-\s+value: "1"$/m);
    expect(diff.stdout).toMatch(/^\+\s+value: "2"$/m);
    const allow = isOld ? '--prune-whitelist=core/v1/ConfigMap' : '--prune-allowlist=core/v1/ConfigMap';
    const pruned = await kubectl('apply', '--prune', '-l', 'set=a', allow, '-f', changed);
    expect(pruned).toBe('configmap/one configured\nconfigmap/two pruned\n');
    expect(await kubectl('apply', '--server-side', '-f', changed, '--force-conflicts')).toBe(
      'configmap/one serverside-applied\n',
    );
  });

  it('waits for what it is told to wait for', async () => {
    await run.withInput(tool({ name: 'waited', script: STAY }), '-n', namespace, 'apply', '-f', '-');
    expect(await kubectl('wait', '--for=condition=Ready', 'pod/waited', WAIT_TIMEOUT)).toBe(
      'pod/waited condition met\n',
    );
    await kubectl('delete', 'pod', 'waited', '--wait=false');
    expect(await kubectl('wait', '--for=delete', 'pod/waited', WAIT_TIMEOUT)).toMatch(
      /^pod\/waited condition met\n$|^$/,
    );
    expect(await refusal('wait', '--for=condition=Ready', 'pod/nobody', '--timeout=1s')).toMatch(/not found/);
  });

  it('asks what it may, and gives and takes roles', async () => {
    const robot = `--as=system:serviceaccount:${namespace}:robot`;
    expect(await kubectl('auth', 'can-i', 'delete', 'nodes')).toMatch(/^yes/);
    expect((await run.try('-n', namespace, 'auth', 'can-i', 'list', 'pods', robot)).stdout).toMatch(/^no/);
    expect(await refusal('get', 'pods', robot)).toContain(
      `pods is forbidden: User "system:serviceaccount:${namespace}:robot" cannot list resource "pods" in API group "" in the namespace "${namespace}"`,
    );
    await kubectl('create', 'role', 'reader', '--verb=get,list,watch', '--resource=pods,deployments.apps');
    await kubectl('create', 'rolebinding', 'reader', '--role=reader', `--serviceaccount=${namespace}:robot`);
    await eventually('the binding is in force', async () =>
      (await run.try('-n', namespace, 'auth', 'can-i', 'list', 'pods', robot)).stdout.startsWith('yes'),
    );
    expect(await kubectl('get', 'pods', robot)).toMatch(/^web-/m);
    expect(await refusal('delete', 'pods', '--all', robot)).toMatch(/cannot (deletecollection|delete)/);
    expect(await kubectl('auth', 'can-i', '--list', robot)).toMatch(
      /deployments\.apps +\[\] +\[\] +\[get list watch\]/,
    );
    expect(await refusal('create', 'role', 'more', '--verb=delete', '--resource=secrets', robot)).toMatch(
      /forbidden/,
    );
    if (!isOld) expect(await kubectl('auth', 'whoami')).toMatch(/Username +kubernetes-admin/);
  });

  if (!isOld)
    it('makes a token, with which a program is who it says', async () => {
      const token = (await kubectl('create', 'token', 'robot', '--duration=10m')).trim();
      const asRobot = (...args: readonly string[]) =>
        runProgram(
          program,
          ['--server', symphony.url, '--insecure-skip-tls-verify', '--token', token, ...args],
          {
            env: { KUBECONFIG: '/dev/null' },
          },
        );
      expect((await asRobot('auth', 'whoami')).stdout).toContain(`system:serviceaccount:${namespace}:robot`);
      expect((await asRobot('-n', namespace, 'get', 'pods')).stdout).toMatch(/^web-/m);
      await kubectl('delete', 'serviceaccount', 'robot');
      await eventually('the token is worth nothing without its account', async () =>
        (await asRobot('-n', namespace, 'get', 'pods')).stderr.includes('Unauthorized'),
      );
    });

  it('approves and denies certificates', async () => {
    const request = await runProgram('openssl', [
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-keyout', join(directory, `${release}.key`), '-subj', '/CN=ann/O=people'],
    ]);
    const csr = (name: string): string =>
      JSON.stringify({
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name: `${release}-${name}` },
        spec: {
          request: Buffer.from(request.stdout).toString('base64'),
          signerName: 'kubernetes.io/kube-apiserver-client',
          usages: ['client auth'],
        },
      });
    for (const name of ['ann', 'eve'])
      await run.withInput(csr(name), 'create', '--validate=false', '-f', '-');
    expect(await run('get', 'csr', `${release}-ann`)).toMatch(/kubernetes-admin.*Pending/);
    if (isOld) return;
    await run('certificate', 'deny', `${release}-eve`);
    expect(await run('certificate', 'approve', `${release}-ann`)).toMatch(/approved/);
    const pem = await eventually('it is signed', async () => {
      const text = await run('get', 'csr', `${release}-ann`, '-o', 'jsonpath={.status.certificate}');
      return text !== '' && text;
    });
    expect(await run('get', 'csr')).toMatch(new RegExp(`${release}-eve .*Denied`));
    const certificate = join(directory, `${release}.crt`);
    await writeFile(certificate, Buffer.from(pem, 'base64'));
    const asAnn = await runProgram(
      program,
      [
        ...['--server', symphony.url, '--insecure-skip-tls-verify', '-n', namespace, 'get', 'pods'],
        ...['--client-certificate', certificate, '--client-key', join(directory, `${release}.key`)],
      ],
      { env: { KUBECONFIG: '/dev/null' } },
    );
    expect(asAnn.stderr).toMatch(/User "ann" cannot list resource "pods"/);
  });

  it('shows what nodes and pods use', async () => {
    const top = await eventually('there are metrics', async () => {
      const { code, stdout } = await run.try('top', 'nodes');
      return code === 0 && stdout;
    });
    expect(top).toMatch(/^node-1 +\d+m +\d+% +\d+Mi +\d+%/m);
    await eventually('there are metrics of the pods', async () =>
      /^web-\S+ +\d+m +\d+Mi/m.test((await run.try('-n', namespace, 'top', 'pods')).stdout),
    );
    expect(await kubectl('top', 'pods', '--containers')).toMatch(
      /^web-\S+ +web +\d+m +\d+Mi|^\S+ +web +\d+m/m,
    );
  });

  it('cordons, drains and uncordons a node', async () => {
    expect(await run('cordon', 'node-2')).toBe('node/node-2 cordoned\n');
    expect(await run('get', 'node', 'node-2')).toMatch(/Ready,SchedulingDisabled/);
    const local = isOld ? '--delete-emptydir-data' : '--delete-emptydir-data';
    const drained = await run('drain', 'node-2', '--ignore-daemonsets', '--force', local, WAIT_TIMEOUT);
    expect(drained).toMatch(/node\/node-2 (drained|evicted)/);
    const left = await run('get', 'pods', '-A', '--field-selector=spec.nodeName=node-2', '-o', 'name');
    expect(left).toBe('');
    expect(await run('uncordon', 'node-2')).toBe('node/node-2 uncordoned\n');
    await run('taint', 'nodes', 'node-2', 'reserved=yes:NoSchedule');
    expect(await run('get', 'node', 'node-2', '-o', 'jsonpath={.spec.taints[*].key}')).toBe('reserved');
    await run('taint', 'nodes', 'node-2', 'reserved-');
    await kubectl('rollout', 'status', 'deployment/web', WAIT_TIMEOUT);
  });

  it('defines a resource of its own and works with it', async () => {
    const group = `${release}.example.com`;
    const definition = JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `widgets.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural: 'widgets', singular: 'widget', kind: 'Widget', shortNames: [`wd${release}`] },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: {
                  spec: { type: 'object', properties: { size: { type: 'integer', default: 3, maximum: 9 } } },
                },
              },
            },
          },
        ],
      },
    });
    await run.withInput(definition, 'apply', '-f', '-');
    await run('wait', '--for=condition=Established', `crd/widgets.${group}`, WAIT_TIMEOUT);
    const widget = (spec: object): string =>
      JSON.stringify({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'a' }, spec });
    await run.withInput(widget({}), '-n', namespace, 'apply', '-f', '-');
    expect(await kubectl('get', `wd${release}`)).toMatch(/^NAME +SIZE\na +3\n$/);
    const bad = await file('widget.json', widget({ size: 10 }));
    expect(await refusal('apply', '-f', bad)).toMatch(/spec\.size/);
    await kubectl('delete', `wd${release}`, 'a');
    await run('delete', 'crd', `widgets.${group}`);
  });

  if (!isOld)
    it('adds an ephemeral container, and lists events', async () => {
      await run.withInput(tool({ name: 'debugged', script: STAY }), '-n', namespace, 'apply', '-f', '-');
      await kubectl('wait', '--for=condition=Ready', 'pod/debugged', WAIT_TIMEOUT);
      await kubectl(
        'debug',
        'pod/debugged',
        '--image=symphony.example/tools:1',
        '--container=look',
        '--attach=false',
      );
      expect(
        await kubectl('get', 'pod', 'debugged', '-o', 'jsonpath={.spec.ephemeralContainers[*].name}'),
      ).toBe('look');
      await eventually('its events tell its start', async () =>
        /Normal +Started +Pod\/debugged/.test(await kubectl('events', '--for', 'pod/debugged')),
      );
      await kubectl('delete', 'pod', 'debugged');
    });

  it('deletes everything in a namespace, and the namespace', async () => {
    await run.withInput(web({ name: 'last', replicas: 1 }), '-n', namespace, 'apply', '-f', '-');
    expect(await kubectl('delete', 'all', '--all', WAIT_TIMEOUT)).toMatch(/deployment\.apps "last" deleted/);
    await run('delete', 'namespace', namespace, WAIT_TIMEOUT);
    expect((await run.try('get', 'namespace', namespace)).stderr).toMatch(/NotFound/);
  });
});
