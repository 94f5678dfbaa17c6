from pydantic import BaseModel


class Probe(BaseModel):
    pass
