/** Aborted when the drain is over: what would go on and on ends by itself then, and its client asks the next process. */
export const ending = new AbortController();
