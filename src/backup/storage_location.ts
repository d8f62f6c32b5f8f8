import { badParameter, StrongroomError } from '../model/errors.ts';
import { AzureContainer } from './azure_container.ts';
import type { BackupContainer } from './backup_container.ts';
import { DirectoryContainer } from './directory_container.ts';

/** Where a caller wants a backup to be (Azure API §1.20, SASTokenParameter). */
export interface StorageLocation {
  /** A container of an Azure Blob store, or `file:` for the directory that the operator has set aside. */
  readonly storageResourceUri: string;
  /** Secret: what gives the rights to the container. */
  readonly token: string | undefined;
}

/** Where the operator lets backups go. */
export interface StorageOptions {
  /** What `file:` means; nothing unless set. No caller names a path. */
  readonly directory: string | undefined;
  /** Origins of blob stores; every one over https where there are none. */
  readonly origins: readonly string[];
}

const DIRECTORY = /^file:(?:\/\/\/backups)?\/*$/;
const SAS_TOKEN = /^\??([\x21-\x7e]{1,4096})$/;
const FOLDER_PART = /^[0-9A-Za-z_][0-9A-Za-z_.-]{0,254}$/;
const FOLDER_PARTS = 8;

/** @throws StrongroomError `BadParameter`, `Forbidden` (`StorageNotAllowed`); a token is never repeated */
export function openContainer(
  { storageResourceUri, token }: StorageLocation,
  options: StorageOptions,
): BackupContainer {
  if (DIRECTORY.test(storageResourceUri)) {
    if (options.directory === undefined) {
      throw notAllowed('The operator of this HSM has set no directory aside for backups.');
    }
    return new DirectoryContainer(options.directory);
  }
  const url = URL.parse(storageResourceUri);
  const isPlain = url !== null && url.search === '' && url.hash === '' && url.username === '' && url.password === '';
  if (!isPlain || !/^https?:$/.test(url.protocol) || url.pathname === '/') {
    throw badStorage('the URI of a blob container without a query', 'storageResourceUri');
  }
  const isAllowed = options.origins.length === 0 ? url.protocol === 'https:' : options.origins.includes(url.origin);
  if (!isAllowed) throw notAllowed('The operator of this HSM does not let backups go to this storage.');
  const [, sas] = SAS_TOKEN.exec(token ?? '') ?? [];
  if (sas === undefined || new URLSearchParams(sas).get('sig') === null) {
    throw badStorage('a SAS token of the container', 'token');
  }
  return new AzureContainer(`${url.origin}${url.pathname.replace(/\/+$/, '')}`, sas);
}

/** A folder inside of the container, which may be in others. @throws StrongroomError `BadParameter` */
export function requireFolder(parameter: string, folder: string): string {
  const parts = folder.replace(/^\/+|\/+$/g, '').split('/');
  if (parts.length > FOLDER_PARTS || !parts.every((part) => FOLDER_PART.test(part))) {
    throw badParameter(parameter, 'the name of a folder', folder);
  }
  return parts.join('/');
}

function badStorage(expected: string, parameter: string): StrongroomError {
  return new StrongroomError('BadParameter', `Expected ${expected} for ${parameter}.`);
}

function notAllowed(message: string): StrongroomError {
  return new StrongroomError('Forbidden', message, { innerCode: 'StorageNotAllowed' });
}
