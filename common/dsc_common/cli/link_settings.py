"""The fields of `LinkSettings` as fields of a pydantic model, such as settings from the environment."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, Field, create_model

from dsc_common.radio.link import LINK_FIELDS

_Model = TypeVar("_Model", bound=BaseModel)


def with_link_fields(*names: str) -> Callable[[type[_Model]], type[_Model]]:
    """A decorator that appends fields of the link to a model, with their types and defaults.

    Their bounds are checked when a `LinkSettings` is made from them.

    Args:
        names: fields to add, in this order; all fields if empty.
    """
    fields = {field.name: field for field in LINK_FIELDS}
    selected = [fields[name] for name in names or fields]
    added: dict[str, Any] = {
        field.name: (field.kind, Field(field.default, description=field.about.text)) for field in selected
    }

    def extend(model: type[_Model]) -> type[_Model]:
        return create_model(
            model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **added
        )

    return extend
