"""Name the one exception that carries a sentence for the person who made a mistake."""


class UserError(Exception):
    """Say in one plain sentence what the person did wrong and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NotSaved(UserError):
    """Nothing was wrong but the store: the same may be tried again."""


class ConfigError(Exception):
    """All mistakes in the settings, one line each: `NAME: what is wrong and what to do`; never a value."""

    def __init__(self, problems: list[str]) -> None:
        """Keep the lines."""
        super().__init__("\n".join(problems))
        self.problems = problems
