"""A program as users of Azure write it, with Debian's packages of Azure's clients, that writes down what came of it and what went over the wire."""

import hashlib
import json
import os
import sys
import uuid

from azure.core.exceptions import HttpResponseError
from azure.identity import EnvironmentCredential
from azure.keyvault.administration import KeyVaultAccessControlClient, KeyVaultDataAction, KeyVaultPermission, KeyVaultRoleScope
from azure.keyvault.administration import KeyVaultSettingsClient
from azure.keyvault.keys import JsonWebKey, KeyClient, KeyReleasePolicy
from azure.keyvault.keys import KeyRotationLifetimeAction, KeyRotationPolicy, KeyRotationPolicyAction
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, KeyWrapAlgorithm, SignatureAlgorithm

exchanges = []


def record(response):
    answer = response.http_response
    if answer.status_code == 401:
        return
    text = answer.text()
    exchanges.append(
        {
            "method": response.http_request.method,
            "url": response.http_request.url,
            "status": answer.status_code,
            "body": json.loads(text) if text else None,
        }
    )


def outcome(call):
    try:
        call()
        return "done"
    except HttpResponseError as error:
        return "%s %s" % (error.status_code, error.error.code if error.error else None)


url = os.environ["STRONGROOM_URL"]
credential = EnvironmentCredential()
keys = KeyClient(url, credential, raw_response_hook=record)
message = b"Pay 100 to Alice"
digest = hashlib.sha256(message).digest()
report = {}

rsa = keys.create_rsa_key("py-rsa", size=2048, hardware_protected=True, tags={"from": "python"})
report["created"] = [rsa.key_type, rsa.properties.tags, rsa.properties.recovery_level, rsa.properties.recoverable_days]
report["got"] = keys.get_key("py-rsa").id == rsa.id
updated = keys.update_key_properties("py-rsa", enabled=True, tags={"other": "tag"})
report["updated"] = updated.properties.tags

ec = keys.create_ec_key("py-ec", curve="P-256")
signer = CryptographyClient(ec, credential, raw_response_hook=record)
signature = signer.sign(SignatureAlgorithm.es256, digest).signature
report["verified"] = signer.verify(SignatureAlgorithm.es256, digest, signature).is_valid
remote = CryptographyClient(ec.id, credential, raw_response_hook=record)
report["forged"] = remote.verify(SignatureAlgorithm.es256, hashlib.sha256(b"forged").digest(), signature).is_valid

wrapping = CryptographyClient(rsa, credential, raw_response_hook=record)
wrapped = wrapping.wrap_key(KeyWrapAlgorithm.rsa_oaep_256, digest).encrypted_key
report["unwrapped"] = wrapping.unwrap_key(KeyWrapAlgorithm.rsa_oaep_256, wrapped).key == digest

oct_key = keys.create_oct_key("py-oct", size=256, hardware_protected=True)
box = CryptographyClient(oct_key, credential, raw_response_hook=record)
sealed = box.encrypt(EncryptionAlgorithm.a256_gcm, message, additional_authenticated_data=b"aad")
opened = box.decrypt(
    EncryptionAlgorithm.a256_gcm,
    sealed.ciphertext,
    iv=sealed.iv,
    authentication_tag=sealed.tag,
    additional_authenticated_data=b"aad",
)
report["opened"] = opened.plaintext == message
padded = box.encrypt(EncryptionAlgorithm.a256_cbcpad, message, iv=bytes(16))
report["padded"] = box.decrypt(EncryptionAlgorithm.a256_cbcpad, padded.ciphertext, iv=bytes(16)).plaintext == message

imported = keys.import_key("py-imported", JsonWebKey(kty="oct", k=bytes(range(32)), key_ops=["encrypt", "decrypt"]))
report["imported"] = [imported.key_type, sorted(imported.key_operations)]

policy = keys.update_key_rotation_policy(
    "py-ec",
    KeyRotationPolicy(),
    lifetime_actions=[KeyRotationLifetimeAction(KeyRotationPolicyAction.rotate, time_after_create="P60D")],
    expires_in="P120D",
)
report["policy"] = [policy.expires_in, [action.time_after_create for action in policy.lifetime_actions]]
report["policyRead"] = keys.get_key_rotation_policy("py-ec").expires_in
report["rotated"] = keys.rotate_key("py-ec").id != ec.id
report["versions"] = len(list(keys.list_properties_of_key_versions("py-ec", max_page_size=1)))
report["listed"] = sorted(each.name for each in keys.list_properties_of_keys(max_page_size=1))

backup = keys.backup_key("py-ec")
deleted = keys.begin_delete_key("py-ec", _polling_interval=0.05).result()
report["deleted"] = [deleted.name, deleted.recovery_id, outcome(lambda: keys.get_key("py-ec"))]
report["listedDeleted"] = [each.name for each in keys.list_deleted_keys()]
report["deletedRead"] = keys.get_deleted_key("py-ec").id == deleted.id
recovered = keys.begin_recover_deleted_key("py-ec", _polling_interval=0.05).result()
report["recovered"] = recovered.id == deleted.id
keys.begin_delete_key("py-ec", _polling_interval=0.05).wait()
report["purged"] = outcome(lambda: keys.purge_deleted_key("py-ec"))
restored = keys.restore_key_backup(backup)
report["restored"] = [restored.id == deleted.id, signer.verify(SignatureAlgorithm.es256, digest, signature).is_valid]

report["random"] = len(keys.get_random_bytes(64))
report["missing"] = outcome(lambda: keys.get_key("nothing"))
report["notExportable"] = outcome(lambda: keys.release_key("py-rsa", "not.a.token"))
report["policyWithoutExportable"] = outcome(
    lambda: keys.create_rsa_key("py-no", hardware_protected=True, release_policy=KeyReleasePolicy(b"{}"))
)

settings = KeyVaultSettingsClient(url, credential, raw_response_hook=record)
listed = list(settings.list_settings())
report["settings"] = [[each.name, each.value, str(each.type.value)] for each in listed]
report["unknownSetting"] = outcome(lambda: settings.get_setting("nothing"))
kept = settings.get_setting(listed[0].name)
report["settingKept"] = settings.update_setting(kept.name, kept.value).value == kept.value

access = KeyVaultAccessControlClient(url, credential, raw_response_hook=record)
everywhere = KeyVaultRoleScope.GLOBAL
built_in = {each.role_name: each for each in access.list_role_definitions(everywhere)}
user_role = built_in["Managed HSM Crypto User"]
report["roleDefinitions"] = [len(built_in), user_role.role_type, user_role.assignable_scopes, user_role.name]
made = access.set_role_definition(
    everywhere, role_name="Py Signer", permissions=[KeyVaultPermission(data_actions=[KeyVaultDataAction.SIGN_HSM_KEY])]
)
permission = access.get_role_definition(everywhere, made.name).permissions[0]
report["roleDefinition"] = [made.role_name, made.role_type, permission.data_actions, permission.not_data_actions]
replaced = access.set_role_definition(everywhere, name=made.name, permissions=[])
report["roleReplaced"] = [replaced.role_name == made.name, replaced.permissions]
principal = str(uuid.uuid4())
assignments = []
for scope in [everywhere, KeyVaultRoleScope.KEYS, "/keys/py-rsa"]:
    assigned = access.create_role_assignment(scope, made.id, principal)
    got = access.get_role_assignment(scope, assigned.name)
    listed = [each.name for each in access.list_role_assignments(scope)]
    assignments.append([got.properties.scope, got.properties.role_definition_id == made.id, assigned.name in listed])
    again = outcome(lambda: access.create_role_assignment(scope, made.id, principal, name=assigned.name))
    held = outcome(lambda: access.delete_role_definition(everywhere, made.name))
    access.delete_role_assignment(scope, assigned.name)
    assignments.append([again, held, outcome(lambda: access.get_role_assignment(scope, assigned.name))])
report["roleAssignments"] = assignments
access.delete_role_definition(everywhere, made.name)
report["roleGone"] = outcome(lambda: access.get_role_definition(everywhere, made.name))
report["roleBuiltIn"] = outcome(lambda: access.set_role_definition(everywhere, name=user_role.name, permissions=[]))

json.dump({"report": report, "exchanges": exchanges}, sys.stdout)
