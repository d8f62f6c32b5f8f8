# A program as users of Azure write it, with the credential that its argument names. Nothing in it knows that this is not Azure.
import os
import sys

from azure.identity import (
    CertificateCredential,
    ClientAssertionCredential,
    ClientSecretCredential,
    DefaultAzureCredential,
    EnvironmentCredential,
)
from azure.keyvault.keys import KeyClient

tenant, client = os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"]


def read_token():
    with open(os.environ["AZURE_FEDERATED_TOKEN_FILE"]) as file:
        return file.read()


CREDENTIALS = {
    "secret": lambda: ClientSecretCredential(tenant, client, os.environ["SECRET"]),
    "certificate": lambda: CertificateCredential(tenant, client, os.environ["CERTIFICATE"]),
    "workload": lambda: ClientAssertionCredential(tenant, client, read_token),
    "environment": EnvironmentCredential,
    "default": DefaultAzureCredential,
}
client = KeyClient(os.environ["STRONGROOM_URL"], CREDENTIALS[sys.argv[1]]())
print('{"bytes":%d}' % len(client.get_random_bytes(16)))
