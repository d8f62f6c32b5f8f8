"""What an unmodified program of Azure's administration client does: a full backup, a selective restore and a full restore.

The pool is found by the environment, as `strongroom env` prints it; the storage and its token are in STORAGE and SAS_TOKEN.
"""

import json
import os

from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.administration import KeyVaultBackupClient
from azure.keyvault.keys import KeyClient

url = os.environ["STRONGROOM_URL"]
storage, token = os.environ["STORAGE"], os.environ["SAS_TOKEN"]
credential = ClientSecretCredential(
    os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"]
)
keys = KeyClient(url, credential)
backups = KeyVaultBackupClient(url, credential)


def names():
    return sorted(key.name for key in keys.list_properties_of_keys())


first = keys.create_ec_key("py-first", hardware_protected=True).properties.version
keys.create_ec_key("py-second", hardware_protected=True)
folder = backups.begin_backup(storage, token).result().folder_url

keys.begin_delete_key("py-first").wait()
keys.purge_deleted_key("py-first")
backups.begin_restore(folder, token, key_name="py-first").wait()
selective = keys.get_key("py-first").properties.version == first

keys.create_ec_key("py-later", hardware_protected=True)
before = names()
backups.begin_backup(storage, token).wait()
backups.begin_restore(folder, token).wait()
after = names()

try:
    backups.begin_restore(folder + "0", token).wait()
    missing = "restored"
except HttpResponseError as error:
    missing = str(error.error.code) if error.error else str(error)

print(json.dumps({"folder": folder, "selective": selective, "before": before, "after": after, "missing": missing}))
