"""What a guild's admins set counts in every process at once, and in no other guild."""

from datetime import timedelta

import pytest

from bot.db.tables import Audit, Notice
from bot.domain.catalogue_file import Catalogue
from bot.domain.errors import UserError
from bot.domain.limits import Limits, Rate
from bot.domain.permission import Policy
from bot.services import audience, bridge, bridge_pages, recent
from bot.services.bounds import lowest
from bot.services.policies import Policies, policy_of, values_of
from bot.services.shelf import Shelf
from bot.services.texting import Refused, Rules, accept
from tests.services.test_texting import only
from tests.services.world import ANN, BOB, CARL, CATALOGUE, GUILD, OTHER_GUILD, Clock, World

FULL = Policy(False, None, frozenset({901, 902}), timedelta(days=9), timedelta(minutes=99), 33, 1, 2, 3, 4)


async def test_another_process_takes_a_change_over_with_its_next_text(world: World, clock: Clock) -> None:
    await world.register(BOB)
    other = Rules(None, timedelta(hours=12), Shelf(Catalogue(CATALOGUE.carriers), frozenset()))

    async def there() -> object:
        async with world.store.write() as session:
            (answer,) = await accept(session, [world.request(ANN, BOB)], other, clock())
        return answer

    assert not isinstance(await there(), Refused)
    await world.write(bridge.pause, GUILD, CARL, None, clock())
    assert "paused in this server" in str(await there())
    await world.write(bridge.resume, GUILD, CARL, clock())
    assert not isinstance(await there(), Refused)


async def test_a_policy_is_read_as_it_was_written(world: World, clock: Clock) -> None:
    for policy in (FULL, Policy(), Policy(paused_until=clock())):
        await world.write(bridge.change, GUILD, CARL, "settings", vars_of(policy), clock())
        assert await world.write(bridge.policy, GUILD) == policy
        assert await world.write(bridge.policy, OTHER_GUILD) == Policy()
    assert policy_of(Row(values_of(FULL))) == FULL


def vars_of(policy: Policy) -> dict[str, object]:
    return {name: getattr(policy, name) for name in Policy.__dataclass_fields__}


class Row:
    """Values as a row of the store has them."""

    def __init__(self, values: object) -> None:
        self.__dict__.update(values)  # type: ignore[call-overload]


async def test_of_two_looks_at_once_the_older_leaves_the_newer_alone(world: World, clock: Clock) -> None:
    policies = Policies()
    await world.write(bridge.pause, GUILD, CARL, None, clock())
    async with world.store.read() as session:
        await policies.refresh(session, "1")
    assert policies.of(GUILD).paused_until is not None
    assert policies.of(OTHER_GUILD) == Policy()


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("31", "at most 30"),
        ("0", "whole number"),
        ("-1", "whole number"),
        ("1.5", "whole number"),
        ("٣", "whole"),
    ],
)
def test_a_guild_sets_no_more_than_the_operator_lets_pass(typed: str, problem: str) -> None:
    fields = dict.fromkeys(bridge.LIMITS, "") | {"sender": typed}
    with pytest.raises(UserError, match=problem):
        bridge.limits_from(fields, Limits())


def test_limits_of_other_spans_are_counted_by_the_hour() -> None:
    fields = dict.fromkeys(bridge.LIMITS, "") | {"sender": "60"}
    assert bridge.limits_from(fields, Limits(sender=Rate(1, timedelta(minutes=1))))["sender_limit"] == 60
    assert bridge.limits_from(fields, None)["sender_limit"] == 60
    with pytest.raises(UserError, match="at most 1 "):
        bridge.limits_from(fields, Limits(sender=Rate(10, timedelta(days=1))))


async def test_the_audit_writes_what_was_set_as_people_do(world: World, clock: Clock) -> None:
    changes = {"account_age": timedelta(days=30), "time_here": timedelta(hours=2), "log_channel": 777}
    await world.write(bridge.change, GUILD, CARL, "settings", changes, clock())
    page = await world.write(bridge_pages.audit, GUILD, 1)
    said = page.words.partition(": settings: ")[2].split("; ")
    assert sorted(said) == [
        "account age 3 days to 30 days",
        "log channel - to <#777>",
        "time here 10 minutes to 120 minutes",
    ]


async def test_the_audit_names_sender_and_time_and_never_who_got_it(world: World, clock: Clock) -> None:
    await world.register(BOB)
    text = await world.text(ANN, BOB, "canary words")
    said = await world.write(recent.report, BOB, text, clock(), named=False)
    assert said == "Reported to the admins of that server, without your name. You can also block the sender."
    await world.write(bridge.block, GUILD, CARL, ANN, clock())
    await world.write(bridge.change, GUILD, CARL, "settings", {"sender_limit": 5, "texting": False}, clock())
    page = await world.write(bridge_pages.audit, GUILD, 1)
    at = int(clock().timestamp())
    assert page.words.splitlines() == [
        f"<t:{at}:f> <@{CARL}>: settings: sender limit - to 5; texting on to off",
        f"<t:{at}:f> <@{CARL}>: block <@{ANN}>",
        f"<t:{at}:f> a member: report <@{ANN}> for a text of <t:{at}:f>",
    ]
    rows = [*await world.rows(Audit), *await world.rows(Notice, Notice.person_id == -GUILD)]
    for row in rows:
        shown = str({name: value for name, value in vars(row).items() if name not in ("id", "text_id")})
        assert f"<@{BOB}>" not in shown
        assert f"'{BOB}'" not in shown
        assert "canary" not in shown
    assert (
        await world.write(bridge_pages.audit, OTHER_GUILD, 1)
    ).words == "Nothing has been changed here yet."


async def test_reports_are_few_and_about_ones_own_texts(world: World, clock: Clock) -> None:
    await world.register(BOB)
    texts = [await world.text(ANN, BOB) for _ in range(6)]
    for text in texts[:5]:
        assert (await world.write(recent.report, BOB, text, clock(), named=True)).startswith("Reported to")
    again = await world.write(recent.report, BOB, texts[0], clock(), named=True)
    assert again == "You have reported that text already; the admins have it."
    with pytest.raises(UserError, match=r"The next one can go <t:\d+:R>"):
        await world.write(recent.report, BOB, texts[5], clock(), named=True)
    with pytest.raises(UserError, match="no longer known"):
        await world.write(recent.report, CARL, texts[5], clock(), named=True)
    clock.forward(days=1)
    assert (await world.write(recent.report, BOB, texts[5], clock(), named=True)).startswith("Reported to")
    assert len(await world.rows(Audit, Audit.action == "report")) == 6


async def test_nobody_is_granted_or_listed_without_end(world: World, clock: Clock) -> None:
    await world.register(BOB)
    many = [(person, False) for person in range(100, 140)]
    assert len((await world.write(audience.list_senders, BOB, GUILD, many, clock())).menu) == 25
    granted = await world.write(audience.let_through, BOB, [person for person, _ in many], clock())
    assert len(granted.menu) == 25
    assert len(granted.sentence) < 2000


def test_what_is_shown_is_what_passes_also_where_the_operator_lowered_it_since() -> None:
    set_here = Policy(sender_limit=40, pair_limit=3)
    operators = only(sender=20, pair=5, recipient=7)
    shown = [lowest(set_here, operators, name) for name in ("sender", "pair", "recipient")]
    assert shown == [20, 3, 7]
    assert [lowest(set_here, None, name) for name in ("sender", "recipient")] == [40, None]
