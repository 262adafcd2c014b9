/** The status of a volume in a phase. The API sets the time of the transition. */
import type { Write } from '../../resources/writing/write-plan.ts';
import type { PersistentVolume } from '../../schemas/types.ts';
import { statusUpdate } from '../ownership.ts';

type Phase = 'Available' | 'Bound' | 'Released' | 'Failed';

/** Makes no write if the status is the same already. */
export function volumePhase(volume: PersistentVolume, phase: Phase, message = ''): readonly Write[] {
  const { message: current = '', ...rest } = volume.status ?? {};
  if (volume.status?.phase === phase && current === message) return [];
  const status = { ...rest, phase, ...(message === '' ? {} : { message }) };
  return [statusUpdate({ ...volume, status })];
}
