"""Choose who plays the story, where, and with which words: other ones in every run."""

import random
from dataclasses import dataclass

_WOMEN = ("maya", "nora", "lena", "ines", "yuki", "amara", "priya", "greta", "salma", "rosa", "tove", "wren")
_OTHERS = (
    "tomas",
    "felix",
    "sami",
    "oscar",
    "jonas",
    "idris",
    "kenji",
    "paolo",
    "noah",
    "ravi",
    "emil",
    "kofi",
)
_SURNAMES = (
    "quill",
    "finch",
    "ash",
    "marlow",
    "birch",
    "lund",
    "okafor",
    "tanaka",
    "reyes",
    "novak",
    "fenn",
    "holt",
)
# Together at most 24 characters: of a longer name a phone shows only the beginning.
_PLACES = (
    "Otter Bay",
    "Lantern Row",
    "Harbour Lane",
    "Copper Hill",
    "North Quay",
    "Juniper Yard",
    "Mill End",
)
_CLUBS = ("Book Club", "Rowers", "Chess", "Bakers", "Film Night", "Gardeners", "Choir", "Cyclists", "Band")
_BIRDS = ("Heron", "Plover", "Kestrel", "Wagtail", "Petrel", "Curlew", "Dunlin", "Siskin")
_MEETINGS = ("dinner", "the rehearsal", "tea", "the film", "the match", "breakfast", "the walk", "cards")
_SPOTS = ("the corner cafe", "my place", "the old pier", "the library steps", "the station", "the blue door")
_CHANGES = (
    "bring a coat",
    "the door is open",
    "I saved you a seat",
    "take the back way in",
    "no rush at all",
)
_ANSWERS = (
    "Gladly, see you there",
    "Count me in",
    "Yes, but I am ten minutes late",
    "On my way already",
    "Only if there is cake",
)


@dataclass(frozen=True, slots=True)
class Cast:
    """Three people's handles, their server, a phone number, a carrier of their own, and what they write."""

    server: str
    admin: str
    owner_of_phone: str
    sender: str
    number: str
    carrier_name: str
    carrier_domain: str
    text: str
    answer: str
    answer_back: str

    @property
    def typed_number(self) -> str:
        """Write the number as a person would."""
        return f"{self.number[:3]} {self.number[3:6]} {self.number[6:]}"


def choose(rng: random.Random) -> Cast:
    """Draw a cast; the number is one that no phone has (206 555 0100 to 0199)."""
    admin, sender = rng.sample(_OTHERS, 2)
    bird = rng.choice(_BIRDS)
    mark = rng.randrange(100, 1000)
    time = f"{rng.randrange(1, 12)}:{rng.randrange(60):02}"
    return Cast(
        server=f"{rng.choice(_PLACES)} {rng.choice(_CLUBS)}",
        admin=_handle(rng, admin),
        owner_of_phone=_handle(rng, rng.choice(_WOMEN)),
        sender=_handle(rng, sender),
        number=f"20655501{rng.randrange(100):02}",
        carrier_name=f"{bird} Mobile {mark}",
        carrier_domain=f"sms.{bird.lower()}{mark}.example",
        text=f"{rng.choice(_MEETINGS).capitalize()} at {time}, {rng.choice(_SPOTS)}?",
        answer=f"{rng.choice(_ANSWERS)}{rng.choice('.!')}",
        answer_back=f"Make that {rng.randrange(2, 12)} of us. And {rng.choice(_CHANGES)}!",
    )


def _handle(rng: random.Random, first: str) -> str:
    return f"{first}{rng.choice('._')}{rng.choice(_SURNAMES)}{rng.randrange(10, 100)}"
