// What help tells of matrices, apart from them: the packages that run matrices are loaded when one is asked for.

/** Where matrices are kept, from where the command runs. */
export const MATRICES_ROOT = 'ablations';
/** Redis where nobody says another. */
export const USUAL_REDIS = 'redis://127.0.0.1:6379';
/** Matrices that come along. */
export const SHIPPED_MATRICES = ['paper', 'defaults'] as const;
/** How far a matrix has come, in its folder. */
export const STATUS_FILE = 'status.json';
/** A state older than this is of a process that is gone. */
export const STALE_MS = 30_000;
