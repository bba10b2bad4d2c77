"""Model fields whose values are encrypted in the database (`borgui.encryption`).

Reading never raises: a value that no longer decrypts is loaded as an empty text or dict that is *sealed*. It still
holds what the database holds and writes it back unchanged, so a job can go on and a list can be shown. `is_sealed`
tells. Nothing can be searched; the only lookups are `isnull` and `exact` with an empty value. Empty values are kept
as an empty text, without a key.
"""

import json
from typing import Any

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.lookups import Exact, IsNull

from borgui.encryption import CannotDecrypt, KeyProblem, SealedDict, SealedText, is_sealed
from borgui.vault import vault, vault_for_writing

__all__ = ["EncryptedJSONField", "EncryptedTextField", "SealedDict", "SealedText", "is_sealed"]


class IsEmpty(Exact):
    """`exact` for an encrypted column: equal texts have different tokens, so only emptiness can be asked for."""

    def get_prep_lookup(self) -> str:
        if self.rhs not in ("", {}):
            raise FieldError("an encrypted field cannot be searched, only compared with an empty value")
        return ""


class EncryptedTextField(models.TextField):
    """Text, encrypted. It is never a field of a ModelForm: a stored secret is not sent back to anybody."""

    def from_db_value(self, value: str | None, expression: object, connection: object) -> Any:
        return self.unpack(value) if value is not None else None

    def to_python(self, value: Any) -> Any:
        """Also reads what `value_to_string` wrote."""
        if isinstance(value, str) and value.startswith("gAAAAA"):
            opened = self.unpack(value)
            return value if is_sealed(opened) else opened
        return value

    def get_prep_value(self, value: Any) -> str | None:
        """Raises KeyProblem."""
        if is_sealed(value):
            return str(value.token)
        return self.pack(value) if value is not None else None

    def pack(self, value: Any) -> str:
        return vault_for_writing().encrypt(str(value)) if value != "" else ""

    def unpack(self, stored: str) -> Any:
        try:
            return vault().decrypt(stored) if stored else ""
        except (CannotDecrypt, KeyProblem):
            return SealedText(stored)

    def value_to_string(self, obj: models.Model) -> str:
        """Encrypted, for a dump must not hold what the database hides."""
        return self.get_prep_value(self.value_from_object(obj)) or ""

    def formfield(self, **kwargs: Any) -> None:
        return None

    def get_lookup(self, lookup_name: str) -> Any:
        return {"exact": IsEmpty, "isnull": IsNull}.get(lookup_name)


class EncryptedJSONField(EncryptedTextField):
    """A dict of what JSON can hold, encrypted as one text."""

    _pyi_private_set_type: dict[str, Any]  # type: ignore[assignment]  # django-stubs reads both
    _pyi_private_get_type: dict[str, Any]  # type: ignore[assignment]  # the base holds text

    def pack(self, value: Any) -> str:
        return super().pack(json.dumps(value, sort_keys=True)) if value else ""

    def unpack(self, stored: str) -> Any:
        text = super().unpack(stored)
        if is_sealed(text):
            return SealedDict(stored)
        return json.loads(text) if text else {}
