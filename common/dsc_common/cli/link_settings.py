"""The fields of `LinkSettings` as fields of a pydantic model, such as settings from the environment."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, Field, create_model

from dsc_common.radio.link import LINK_FIELDS
from dsc_common.radio.link_field import LinkField

_Model = TypeVar("_Model", bound=BaseModel)


def with_link_fields(*names: str) -> Callable[[type[_Model]], type[_Model]]:
    """A decorator that appends fields of the link to a model, with their types, defaults and bounds.

    Args:
        names: fields to add, in this order; all fields if empty.
    """
    fields = {field.name: field for field in LINK_FIELDS}
    selected = [fields[name] for name in names or fields]
    added: dict[str, Any] = {
        field.name: (_bounded(field), Field(field.default, description=field.about.text))
        for field in selected
    }

    def extend(model: type[_Model]) -> type[_Model]:
        return create_model(
            model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **added
        )

    return extend


def _bounded(field: LinkField) -> Any:  # noqa: ANN401 (a type)
    def check(value: Any) -> Any:  # noqa: ANN401 (any kind of field)
        field.about.require(value)
        return value

    return Annotated[field.kind, AfterValidator(check)]
