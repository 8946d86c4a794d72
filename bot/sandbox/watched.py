"""Follow what one answer or DM shows, and notice which DMs are new."""

from bot.sandbox.answer import Answer, buttons
from bot.sandbox.member import Person
from bot.sandbox.world import Post


class Watched:
    """One answer or DM, and how much of its history was printed."""

    def __init__(self, shown: Answer | Post) -> None:
        self.shown, self._printed = shown, 0

    @property
    def post(self) -> Post | None:
        """Return the post that carries it; a form has none."""
        return self.shown if isinstance(self.shown, Post) else self.shown.interaction.original

    @property
    def buttons(self) -> list[str]:
        """Return the labels of the buttons that can be pressed now."""
        if isinstance(self.shown, Answer):
            return self.shown.buttons
        return [str(one["label"]) for one in buttons(self.shown) if one.get("label")]

    def offers(self, label: str) -> bool:
        """Tell whether it has a button whose label begins so."""
        return any(each.lower().startswith(label.lower()) for each in self.buttons)

    def has_news(self) -> bool:
        """Tell whether it reads otherwise than printed."""
        return len(self.shown.history) > self._printed

    def news(self) -> list[str]:
        """Return what was not printed yet, and count it as printed."""
        new = self.shown.history[self._printed :]
        self._printed += len(new)
        return new


class Letterbox:
    """The DMs of some people, each to be taken out once; those of before are left."""

    def __init__(self, people: list[Person]) -> None:
        self._people = people
        self._known = {post.id for person in people for post in person.dms}

    def new(self) -> tuple[Person, Watched] | None:
        """Take the next new DM out; None where there is none."""
        for person in self._people:
            for post in person.dms:
                if post.id not in self._known:
                    self._known.add(post.id)
                    return person, Watched(post)
        return None
