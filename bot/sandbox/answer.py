"""Show what the bot answered to one interaction, and wait for it without polling."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sandbox import rules
from bot.sandbox.modal import Modal
from bot.sandbox.watch import SandboxError
from bot.sandbox.world import ACKNOWLEDGE_WITHIN, Interaction, Json, Post, World

WAIT_S = 5.0
DEFERRING = {5, 6}


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry that an autocomplete offers."""

    name: str
    value: Any


class Answer:
    """What one person sees as the answer to one thing they did."""

    def __init__(self, world: World, interaction: Interaction) -> None:
        self._world = world
        self.interaction = interaction

    @property
    def acknowledged(self) -> bool:
        """Tell whether the bot's first answer came (within Discord's 3 s)."""
        return self.interaction.answered_at is not None

    @property
    def acknowledged_after_s(self) -> float:
        """Return how long the first answer took; raise SandboxError while there is none."""
        if not self.interaction.answered_at:
            raise SandboxError("the application did not respond")
        return (self.interaction.answered_at - self.interaction.created_at).total_seconds()

    @property
    def deferred(self) -> bool:
        """Tell whether the first answer was only "thinking…"."""
        return self.interaction.answer_type in DEFERRING

    @property
    def post(self) -> Post:
        """Return the answer's post (of an update: the one that carries the button)."""
        if not self.interaction.original:
            raise SandboxError("there is no answer to see")
        return self.interaction.original

    @property
    def content(self) -> str:
        """Return what the answer reads now; empty while it is "thinking…"."""
        return self.interaction.original.content if self.interaction.original else ""

    @property
    def history(self) -> list[str]:
        """Return every content that the answer had, oldest first."""
        return list(self.interaction.original.history) if self.interaction.original else []

    @property
    def ephemeral(self) -> bool:
        """Tell whether only the person who asked sees the answer."""
        return self.post.ephemeral

    @property
    def loading(self) -> bool:
        """Tell whether the answer still reads "thinking…"."""
        return self.post.loading

    @property
    def deleted(self) -> bool:
        """Tell whether the bot took the answer away."""
        return self.post.deleted

    @property
    def followups(self) -> list[Post]:
        """Return the further posts of this answer."""
        return list(self.interaction.followups)

    @property
    def has_modal(self) -> bool:
        """Tell whether the answer is a modal."""
        return self.interaction.modal is not None

    @property
    def modal(self) -> Modal:
        """Return the modal that opened; raise SandboxError where none did."""
        if not self.interaction.modal:
            raise SandboxError(f"no modal opened; the answer reads {self.content!r}")
        return Modal.read(self.interaction.id, self.interaction.modal)

    @property
    def buttons(self) -> list[str]:
        """Return the labels of the buttons that can be pressed now."""
        shown = [self.interaction.original, *self.interaction.followups]
        return [one["label"] for post in shown if post for one in buttons(post) if one.get("label")]

    async def settled(
        self, predicate: Callable[["Answer"], object] | None = None, timeout_s: float = WAIT_S
    ) -> "Answer":
        """Wait until the predicate holds; without one, until the answer shows something."""
        wanted = predicate or Answer.shows
        await self._world.watch.until(
            lambda: True if wanted(self) else None, timeout_s, f"an answer; it reads {self.history!r}"
        )
        return self

    def shows(self) -> bool:
        """Tell whether there is something to see: a modal, choices, or a post that has loaded."""
        original = self.interaction.original
        return (
            self.has_modal or self.interaction.choices is not None or bool(original and not original.loading)
        )

    async def acknowledgement(self) -> "Answer":
        """Wait for the first answer; raise SandboxError when it takes over 3 s."""
        await self._world.watch.until(
            lambda: self.interaction.answered_at,
            ACKNOWLEDGE_WITHIN.total_seconds(),
            "the first answer: the application did not respond",
        )
        return self


def buttons(post: Post) -> list[Json]:
    """List a post's buttons that can be pressed."""
    return [
        one for one in rules.walk(post.components) if one["type"] == rules.BUTTON and not one.get("disabled")
    ]
