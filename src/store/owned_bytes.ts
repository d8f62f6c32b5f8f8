/** A copy that owns its memory: it may be handed to another thread without what lies beside it in a pool of buffers. */
export function ownedBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
