/** Directories at the top of a volume in which a restore keeps what is on its way in or out. */
const PREFIX = '.symphony-';

export const STAGING = `${PREFIX}restore`;
export const REPLACED = `${PREFIX}replaced`;

export const isRestorePlace = (name: string): boolean => name === STAGING || name === REPLACED;
