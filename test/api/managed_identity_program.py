"""The same with Debian's packages of Azure's clients for Python."""

import json
import os
import sys

from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.keyvault.keys import KeyClient

named = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
credential = DefaultAzureCredential() if sys.argv[1] == "default" else ManagedIdentityCredential(**named)
keys = KeyClient(os.environ["STRONGROOM_URL"], credential)
try:
    key = keys.create_ec_key("of-an-identity", curve="P-256", hardware_protected=True)
    print(json.dumps({"keyType": str(key.key_type)}))
except ClientAuthenticationError as error:
    print(json.dumps({"code": type(error).__name__}))
except HttpResponseError as error:
    print(json.dumps({"statusCode": error.status_code, "code": error.error.code if error.error else None}))
