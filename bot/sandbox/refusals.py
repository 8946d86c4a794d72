"""Word Discord's refusals: status, error code, and the tree of what was wrong where."""

from dataclasses import dataclass

from bot.sandbox.world import Json

UNAUTHORIZED = (401, 0, "401: Unauthorized")
NOT_FOUND = (404, 0, "404: Not Found")
UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
UNKNOWN_GUILD = (404, 10004, "Unknown Guild")
UNKNOWN_MEMBER = (404, 10007, "Unknown Member")
UNKNOWN_POST = (404, 10008, "Unknown Message")
UNKNOWN_ACCOUNT = (404, 10013, "Unknown User")
UNKNOWN_WEBHOOK = (404, 10015, "Unknown Webhook")
UNKNOWN_INTERACTION = (404, 10062, "Unknown interaction")
UNKNOWN_COMMAND = (404, 10063, "Unknown application command")
ALREADY_ACKNOWLEDGED = (400, 40060, "Interaction has already been acknowledged.")
MISSING_ACCESS = (403, 50001, "Missing Access")
EMPTY_POST = (400, 50006, "Cannot send an empty message")
DM_CLOSED = (403, 50007, "Cannot send messages to this user")
TOKEN_EXPIRED = (401, 50027, "Invalid Webhook Token")
INVALID_FORM = (400, 50035, "Invalid Form Body")
BAD_JSON = (400, 50109, "The request body contains invalid JSON.")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a request's body, and where."""

    path: tuple[str | int, ...]
    code: str
    text: str


class Refusal(Exception):
    """An answer of Discord's that says no."""

    def __init__(self, kind: tuple[int, int, str], faults: list[Fault] | None = None) -> None:
        self.status, self.code, self.text = kind
        self.faults = faults or []
        super().__init__(self.text)

    def body(self) -> Json:
        """Shape the JSON that goes with the status."""
        body: Json = {"message": self.text, "code": self.code}
        if self.faults:
            body["errors"] = _tree(self.faults)
        return body

    def __str__(self) -> str:
        where = ", ".join(".".join(map(str, fault.path)) + f" ({fault.code})" for fault in self.faults)
        return f"{self.status} {self.code} {self.text}" + (f": {where}" if where else "")


def _tree(faults: list[Fault]) -> Json:
    root: Json = {}
    for fault in faults:
        node = root
        for step in fault.path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": fault.code, "message": fault.text})
    return root


def refuse_if(faults: list[Fault]) -> None:
    """Raise Discord's 50035 when anything is wrong."""
    if faults:
        raise Refusal(INVALID_FORM, faults)
