/** A logger for the sync worker that makes a test fail when a step broke an invariant. */
import { type Logger, silentLogger } from '../../src/base/logger.ts';

export const defectLogger: Logger = {
  ...silentLogger,
  error(fields) {
    const error = String(fields['error']);
    // Thrown where nothing catches it: the test run fails.
    if (error.includes('which is a defect')) throw new Error(error);
  },
  child: () => defectLogger,
};
