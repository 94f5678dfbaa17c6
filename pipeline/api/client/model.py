"""The base of the models: fields of a newer server are kept and can be read."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """An answer of the API, or a part of one."""

    model_config = ConfigDict(
        extra="allow", frozen=True, validate_by_name=True, validate_by_alias=True
    )
