/** What a trusted authority says about an environment that asks for a key. */
export interface Attestation {
  /** The authority's issuer, as policies name it. */
  readonly authority: string;
  /** Everything that the authority's token says. */
  readonly claims: Readonly<Record<string, unknown>>;
}
