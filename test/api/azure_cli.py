"""Azure's CLI as Debian packs it, in one respect repaired: its key vault commands import modules that no package of Debian has any more.

Nothing of what it sends, checks, encrypts or writes into files is changed.
"""

import inspect
import os
import runpy
import sys
import types

import azure.cli.command_modules.keyvault as keyvault_commands
import azure.keyvault
from azure.cli.command_modules.keyvault import _command_type
from azure.cli.core import AzCommandsLoader
from knack.util import CLIError


def tell(_command, error):
    raise CLIError(error)


# An older client that the CLI carries with it looks for its own modules where Debian's older package had them.
carried = os.path.join(os.path.dirname(keyvault_commands.__file__), "vendored_sdks", "azure_keyvault_t1")
azure.keyvault.__path__.append(carried)
models = types.ModuleType("azure.keyvault.models")
models.JsonWebKey = None
sys.modules[models.__name__] = models
# Python 3.11 has it no more.
inspect.getargspec = inspect.getfullargspec
# Both look into the package that is missing: the texts of help, and the class of errors.
AzCommandsLoader._apply_doc_string = lambda *_: None
_command_type.keyvault_exception_handler = tell

sys.argv[0] = "az"
runpy.run_module("azure.cli", run_name="__main__")
