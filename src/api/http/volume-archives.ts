/**
 * `volumes/CLAIM/backup` and `restore`: the bytes between a client and the agent that has the
 * volume, on a socket of their own. Their frames (base/chunk-frames.ts) say where they end, so a
 * connection that breaks off anywhere is noticed at the other end.
 */
import { constants } from 'node:http2';
import { resourceNotFound } from '../../resources/refusals.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../schemas/types.ts';
import { driverOfVolume, VOLUME_NODE_LABEL } from '../../schemas/volumes/drivers.ts';
import { AgentRefusal, askAgent, statusOfRefusal } from '../streams/agent-stream.ts';
import type { Tunnels } from '../tunnel.ts';
import type { ApiRequest } from './api-request.ts';
import { goneSignal, type UpgradeOutlet } from './outlets.ts';
import { asksFor } from './upgrades.ts';

export const ARCHIVE_PROTOCOL = 'symphony-volume';
export type ArchiveRoute = 'volumeBackup' | 'volumeRestore';

const SWITCHING = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${ARCHIVE_PROTOCOL}\r\n\r\n`;

interface ArchiveDependencies {
  readonly core: ResourceCore;
  readonly tunnels: Tunnels;
}

/** Throws before the socket is switched. */
export async function openVolumeArchive(
  { core, tunnels }: ArchiveDependencies,
  route: ArchiveRoute,
  request: ApiRequest,
  { socket, head, stands }: UpgradeOutlet,
): Promise<void> {
  if (!asksFor(request, ARCHIVE_PROTOCOL)) throw badRequest('Upgrade request required');
  const { namespace = '', name = '' } = request.target;
  const { volume, node } = await localVolume(core, namespace, name);
  const query = new URLSearchParams({ volume: volume.metadata.name, claim: `${namespace}/${name}` });
  if (request.query.get('force') === 'true') query.set('force', 'true');
  const asked = { node, method: 'POST', path: `/${route}?${query.toString()}`, writable: true } as const;
  const stream = await askAgent(tunnels, { ...asked, signal: goneSignal(socket) }).catch((error: unknown) => {
    throw error instanceof AgentRefusal ? statusOfRefusal(error) : error;
  });
  stands(() => void socket.destroy());
  socket.on('error', () => stream.close(constants.NGHTTP2_CANCEL));
  socket.on('close', () => stream.close(constants.NGHTTP2_CANCEL));
  // A stream that was reset looks as if it had ended; the client's must break off then.
  stream.on('close', () => (stream.rstCode === constants.NGHTTP2_NO_ERROR ? socket.end() : socket.destroy()));
  socket.write(SWITCHING);
  if (head.length > 0) stream.write(head);
  socket.pipe(stream);
  stream.pipe(socket, { end: false });
}

async function localVolume(
  { registry, get }: ResourceCore,
  namespace: string,
  name: string,
): Promise<{ readonly volume: PersistentVolume; readonly node: string }> {
  const [claims, volumes] = ['PersistentVolumeClaim', 'PersistentVolume'].map((kind) =>
    registry.byKind('v1', kind),
  );
  if (!claims || !volumes) throw resourceNotFound();
  const claim = (await get({ kind: claims, namespace, name })) as PersistentVolumeClaim;
  const { volumeName = '' } = claim.spec;
  if (volumeName === '' || claim.status?.phase !== 'Bound')
    throw badRequest(`persistentvolumeclaim "${name}" is not bound to a volume yet`);
  const volume = (await get({ kind: volumes, namespace: undefined, name: volumeName })) as PersistentVolume;
  const node = volume.metadata.labels?.[VOLUME_NODE_LABEL];
  if (
    node === undefined ||
    driverOfVolume(volume) !== 'local' ||
    volume.spec.claimRef?.uid !== claim.metadata.uid
  )
    throw badRequest(
      `persistentvolume "${volumeName}" is no local volume that Symphony made: copy its data where it lies`,
    );
  return { volume, node };
}
