/** A reason of ours not to go on with a token, in words for the operator. */
export class ProvisioningRefusal extends Error {
  override readonly name = 'ProvisioningRefusal';
  /** For the log alone. */
  readonly detail: string | undefined;

  constructor(message: string, detail?: string) {
    super(message);
    this.detail = detail;
  }
}
