/**
 * Levels of directories in an archive. Each one holds descriptors open, of which the agent has few
 * for all of its work; a pod or an archive could ask for millions.
 */
export const MAX_LEVELS = 500;
