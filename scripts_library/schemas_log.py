"""What the API takes and answers about the log of an execution."""

from pydantic import BaseModel, Field

from borgui.rest import Out


class LogFrom(BaseModel):
    offset: int = Field(0, ge=0, le=2**62, description="bytes; `next_offset` of the answer before")


class Line(Out):
    ms: int
    stream: str
    text: str


class LogOut(Out):
    lines: list[Line]
    next_offset: int
    complete: bool
