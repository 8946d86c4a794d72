"""Shape a slash command's options as Discord sends them, checked against what was registered."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.sandbox import posts, wire
from bot.sandbox.watch import SandboxError
from bot.sandbox.world import Account, Channel, Guild, Json, Role, World

SUBCOMMAND, SUBCOMMAND_GROUP = 1, 2
STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)
PYTHON_TYPE: dict[int, type | tuple[type, ...]] = {
    STRING: str,
    INTEGER: int,
    BOOLEAN: bool,
    USER: Account,
    CHANNEL: Channel,
    ROLE: Role,
    MENTIONABLE: (Account, Role),
    NUMBER: (int, float),
}
MOST_STRING_CHARACTERS = 6000


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a person attaches to a command."""

    filename: str
    content: bytes
    content_type: str = "application/octet-stream"


class Options:
    """Arrange the options of one call and collect what they refer to."""

    def __init__(self, world: World, guild: Guild | None, cdn: str) -> None:
        self.world = world
        self.guild = guild
        self.cdn = cdn
        self.resolved: dict[str, Json] = {}

    def arrange(
        self, command: Json, path: list[str], values: Mapping[str, Any], focused: str | None = None
    ) -> list[Json]:
        """Nest the values under the subcommands of `path`; `focused` names the option being completed."""
        known = command.get("options") or []
        if path:
            inner = next((each for each in known if each["name"] == path[0]), None)
            if inner is None or inner["type"] not in (SUBCOMMAND, SUBCOMMAND_GROUP):
                raise SandboxError(f"/{command['name']} has no subcommand {path[0]}")
            below = self.arrange(inner, path[1:], values, focused)
            return [{"type": inner["type"], "name": inner["name"], "options": below}]
        if any(each["type"] in (SUBCOMMAND, SUBCOMMAND_GROUP) for each in known):
            raise SandboxError(f"/{command['name']} needs one of its subcommands")
        return self._leaves(command["name"], known, values, focused)

    def _leaves(
        self, name: str, known: list[Json], values: Mapping[str, Any], focused: str | None
    ) -> list[Json]:
        registered = {option["name"]: option for option in known}
        if unknown := set(values) - set(registered):
            raise SandboxError(f"{name} has no option {sorted(unknown)}; it has {sorted(registered)}")
        missing = [
            each["name"] for each in known if each.get("required") and values.get(each["name"]) is None
        ]
        if missing and focused is None:
            raise SandboxError(f"{name} requires {missing}")
        given = {key: value for key, value in values.items() if value is not None}
        return [self._leaf(registered[key], value, key == focused) for key, value in given.items()]

    def _leaf(self, option: Json, value: Any, focused: bool) -> Json:
        leaf: Json = {"type": option["type"], "name": option["name"]}
        if focused:
            if not option.get("autocomplete"):
                raise SandboxError(f"option {option['name']} offers no autocomplete")
            return leaf | {"value": str(value), "focused": True}
        return leaf | {"value": self._value(option, value)}

    def _value(self, option: Json, value: Any) -> Any:
        kind = option["type"]
        if kind == ATTACHMENT:
            return self._upload(value)
        wrong = not isinstance(value, PYTHON_TYPE[kind]) or (isinstance(value, bool) and kind != BOOLEAN)
        if wrong:
            raise SandboxError(f"option {option['name']} takes no {type(value).__name__}")
        _check_limits(option, value)
        return self.resolve(value) if isinstance(value, Account | Role | Channel) else value

    def resolve(self, value: Account | Role | Channel) -> str:
        """Name a person, a role or a channel by its id, and add what Discord says of it."""
        if isinstance(value, Account):
            return self.person(value)
        if isinstance(value, Role):
            shape = next(each for each in wire.roles(self._here()) if each["id"] == str(value.id))
            return self._keep("roles", value.id, shape)
        return self._keep("channels", value.id, wire.channel(self.world, value) | {"permissions": "0"})

    def _here(self) -> Guild:
        if self.guild is None:
            raise SandboxError("there are no roles in a DM")
        return self.guild

    def person(self, account: Account) -> str:
        """Resolve an account, with its membership where it is in this guild."""
        member = self.guild.members.get(account.id) if self.guild else None
        if self.guild and member:
            self._keep("members", account.id, wire.member_only(self.guild, member))
        return self._keep("users", account.id, wire.account(account))

    def _upload(self, value: Any) -> str:
        if not isinstance(value, Upload):
            raise SandboxError("an attachment option takes an Upload")
        shape = posts.attach(self.world, value.filename, value.content_type, value.content, self.cdn)
        return self._keep("attachments", int(shape["id"]), shape | {"ephemeral": True})

    def _keep(self, kind: str, key: int, shape: Json) -> str:
        self.resolved.setdefault(kind, {})[str(key)] = shape
        return str(key)


def _check_limits(option: Json, value: Any) -> None:
    name = option["name"]
    if isinstance(value, str):
        least, most = option.get("min_length") or 0, option.get("max_length") or MOST_STRING_CHARACTERS
        if not least <= len(value) <= most or not value:
            raise SandboxError(f"option {name} takes {least} to {most} characters, not {len(value)}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        low, high = option.get("min_value"), option.get("max_value")
        if (low is not None and value < low) or (high is not None and value > high):
            raise SandboxError(f"option {name} takes {low} to {high}")
    if option.get("choices") and value not in [choice["value"] for choice in option["choices"]]:
        raise SandboxError(f"option {name} has no such choice")
