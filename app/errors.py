"""What went wrong, and what can be done about it: the one error type that the edge, the CLI and the tasks share."""

from __future__ import annotations


class TributaryError(Exception):
    """An error with a name, a sentence for people and a remedy.

    Parameters
    ----------
    code : short, stable, snake_case name that programs may test for.
    message : what is wrong, naming the field or the part.
    detail : what to do about it.
    retryable : whether the same call may succeed later, unchanged.
    status : the HTTP status that says the same at the edge.
    """

    status = 400

    def __init__(
        self,
        code: str,
        message: str,
        detail: str = "",
        *,
        retryable: bool = False,
        status: int | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(code, message, detail)
        self.code = code
        self.message = message
        self.detail = detail
        self.retryable = retryable
        self.retry_after_s = retry_after_s
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return f"{self.message} {self.detail}".strip()


class BadInput(TributaryError):
    """The caller sent something that can never be accepted as it is."""

    status = 400


class NotFound(TributaryError):
    status = 404


class Unavailable(TributaryError):
    """A part that is needed does not answer; the same call may succeed in a moment."""

    status = 503

    def __init__(self, code: str, message: str, detail: str = "", *, retry_after_s: int = 1) -> None:
        super().__init__(code, message, detail, retryable=True, retry_after_s=retry_after_s)
