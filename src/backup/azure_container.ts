import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from '../model/limits.ts';
import { type BackupContainer, storageRefusal } from './backup_container.ts';

/** Put Blob and Get Blob of the Azure Storage REST API, which every compatible store knows by this version. */
const API_VERSION = '2021-12-02';
const RETRIED = new Set([408, 429, 500, 502, 503, 504]);
const PAUSES_MS = [500, 2_000, 5_000];
/** What the storage calls its refusal; anything else in that header is nobody's business. */
const STORAGE_CODE = /^[A-Za-z]{1,64}$/;
const CONDITION_NOT_MET = 412;
/** Where a blob is that was not to be there. */
const TAKEN = new Set(['BlobAlreadyExists', 'ConditionNotMet']);

interface Answer {
  readonly status: number;
  readonly storageCode: string | undefined;
  readonly response: Response;
  /** What was asked before may have been done, and its answer lost. */
  readonly isRepeated: boolean;
}

/**
 * A container of an Azure Blob store, reached with a SAS token. Two requests of a stable API need no client library; redirections are not
 * followed, because the token goes to the storage that was named and to no other.
 */
export class AzureContainer implements BackupContainer {
  readonly uri: string;
  readonly #token: string;

  /** `uri` without a query; `token` is a query string, and secret. */
  constructor(uri: string, token: string) {
    this.uri = uri;
    this.#token = token;
  }

  async write(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const headers = { 'x-ms-blob-type': 'BlockBlob', 'if-none-match': '*' };
    const answer = await this.#ask('PUT', path, headers, bytes, signal);
    await answer.response.body?.cancel();
    if (answer.status === 201) return;
    if (!TAKEN.has(answer.storageCode ?? '')) throw refusalOf(answer);
    if (!answer.isRepeated) throw storageRefusal('StorageTaken', answer.storageCode);
  }

  async read(path: string, mostBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#ask('GET', path, {}, undefined, signal);
      if (answer.status === 200) {
        try {
          return await bodyOf(answer.response, mostBytes);
        } catch (error) {
          // The connection ended in the middle: what was asked for is asked for again.
          if (signal.aborted || attempt === PAUSES_MS.length)
            throw storageRefusal('StorageUnavailable', undefined, error);
          await delay(PAUSES_MS[attempt], undefined, { signal });
          continue;
        }
      }
      await answer.response.body?.cancel();
      if (answer.status === 404 && answer.storageCode !== 'ContainerNotFound') return undefined;
      throw refusalOf(answer);
    }
  }

  /** A blob that is written only where it has been there already, in a state that nothing has: who may write learns that it is not so. */
  async check(signal: AbortSignal): Promise<void> {
    const headers = { 'x-ms-blob-type': 'BlockBlob', 'if-match': '"0x0"' };
    const answer = await this.#ask('PUT', 'strongroom-check', headers, new Uint8Array(), signal);
    await answer.response.body?.cancel();
    if (answer.status !== CONDITION_NOT_MET && answer.status !== 201) throw refusalOf(answer);
  }

  async #ask(
    method: 'GET' | 'PUT',
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    const url = `${this.uri}/${path.split('/').map(encodeURIComponent).join('/')}?${this.#token}`;
    for (let attempt = 0; ; attempt++) {
      const failure = await fetch(url, {
        method,
        headers: { 'x-ms-version': API_VERSION, ...headers },
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(LIMITS.backupStorageTimeoutMs)]),
        ...(body !== undefined && { body: new Uint8Array(body) }),
      }).then(
        (response) => answerOf(response, attempt > 0),
        (cause: unknown) => storageRefusal('StorageUnavailable', undefined, withoutToken(cause, this.#token)),
      );
      const pauseMs = PAUSES_MS[attempt];
      const isTriedAgain = failure instanceof Error || RETRIED.has(failure.status);
      if (!isTriedAgain || pauseMs === undefined || signal.aborted) {
        if (failure instanceof Error) throw failure;
        return failure;
      }
      if (!(failure instanceof Error)) await failure.response.body?.cancel();
      await delay(pauseMs, undefined, { signal });
    }
  }
}

function answerOf(response: Response, isRepeated: boolean): Answer {
  const code = response.headers.get('x-ms-error-code');
  return {
    status: response.status,
    storageCode: code !== null && STORAGE_CODE.test(code) ? code : undefined,
    response,
    isRepeated,
  };
}

/** In the words of HTTP, where the storage has none of its own. */
function refusalOf({ status, storageCode }: Answer): Error {
  const detail = storageCode ?? `HTTP ${status}`;
  if (status === 401 || status === 403) return storageRefusal('StorageAccessDenied', detail);
  if (status === 404) return storageRefusal('StorageNotFound', detail);
  if (status === 507) return storageRefusal('StorageFull', detail);
  return storageRefusal(RETRIED.has(status) ? 'StorageUnavailable' : 'StorageRefused', detail);
}

async function bodyOf(response: Response, mostBytes: number): Promise<Uint8Array> {
  const announced = response.headers.get('content-length');
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    length += part.length;
    if (length > mostBytes) break;
  }
  if (length <= mostBytes && announced !== null && Number(announced) !== length)
    throw new Error('The body was cut off');
  return new Uint8Array(Buffer.concat(parts));
}

/** What goes wrong on the way names the address now and then, and the log is no place for the token. */
function withoutToken(cause: unknown, token: string): Error {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return new Error((inner instanceof Error ? inner.message : String(inner)).replaceAll(token, '…'));
}
