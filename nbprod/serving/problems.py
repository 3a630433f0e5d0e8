"""What goes wrong in serving: problem details for HTTP (RFC 9457), and a model that cannot be loaded."""

from __future__ import annotations

from typing import Any

TITLES = {
    400: "Malformed request",
    404: "Not found",
    405: "Method not allowed",
    413: "Request too large",
    415: "Unsupported media type",
    422: "Request does not fit the model",
    500: "The model failed",
    503: "Not ready",
}


class ModelUnusable(Exception):
    """A folder is no model that can be served.

    Parameters
    ----------
    message
        What is wrong.
    hint
        What to do next.
    code
        As in the error tree of nbprod.
    """

    def __init__(
        self, message: str, hint: str = "run the notebook again: nbprod run NOTEBOOK", code: str = "NB720"
    ) -> None:
        super().__init__(message, hint, code)
        self.message = message
        self.hint = hint
        self.code = code

    def __str__(self) -> str:
        """Return the message and the hint."""
        return f"{self.message}; {self.hint}"


class Problem(Exception):
    """An HTTP problem; raised anywhere on a request's path and answered as `application/problem+json`.

    Parameters
    ----------
    status
        HTTP status.
    detail
        What happened, in the client's words.
    errors
        For 422: one object a finding with `field`, `expected`, `got`.
    headers
        Further response headers.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: tuple[dict[str, str], ...] = (),
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(status, detail, errors, headers)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers

    def __str__(self) -> str:
        """Return the detail, and the findings when there are several."""
        more = "; ".join(f"{item['field']}: expected {item['expected']}, got {item['got']}" for item in self.errors)
        return f"{self.detail} ({more})" if more and more not in self.detail else self.detail

    def as_json(self, instance: str, request_id: str) -> dict[str, Any]:
        """Return the problem object."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": TITLES.get(self.status, "Problem"),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = list(self.errors)
        return body
