/** What is wrong with it, and the token. */
export type BadToken = readonly [what: string, token: string];
