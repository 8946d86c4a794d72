"""Write posts and the answers to interactions in the JSON shapes that Discord sends."""

import copy
from typing import Any

from bot.sandbox.wire import account, stamp
from bot.sandbox.world import Interaction, Json, Post, World


def post(world: World, one: Post) -> Json:
    """Shape a `message` object."""
    shape: Json = {
        "id": str(one.id),
        "type": 20 if one.metadata else 0,
        "channel_id": str(one.channel_id),
        "author": account(world.accounts[one.author_id]),
        "content": one.content,
        "timestamp": stamp(one.created_at),
        "edited_timestamp": stamp(one.edited_at) if one.edited_at else None,
        "tts": False,
        "pinned": False,
        "mention_everyone": one.pings_everyone,
        "mentions": [account(world.accounts[each]) for each in one.pinged],
        "mention_roles": [],
        "attachments": one.attachments,
        "embeds": one.embeds,
        "components": numbered(one.components),
        "flags": one.flags,
    }
    if one.webhook:
        shape |= {"application_id": str(world.application_id), "webhook_id": str(world.application_id)}
    if one.metadata:
        shape["interaction_metadata"] = one.metadata
    return shape


def numbered(components: list[Json]) -> list[Json]:
    """Copy components, each with an `id` as Discord gives to those that came without."""
    count = 0

    def number(one: Any) -> None:
        nonlocal count
        if isinstance(one, list):
            for each in one:
                number(each)
        elif isinstance(one, dict):
            if "type" in one:
                count += 1
                if not one.get("id"):
                    one["id"] = count
                if one["type"] in (3, 5, 6, 7, 8):
                    one.update(
                        {"min_values": one.get("min_values", 1), "max_values": one.get("max_values", 1)}
                    )
                for chosen in one.get("default_values") or []:
                    chosen["id"] = str(chosen["id"])
            for key in ("components", "component", "accessory"):
                number(one.get(key))

    number(copied := copy.deepcopy(components))
    return copied


def callback(interaction: Interaction, world: World, answer: Post | None) -> Json:
    """Shape the answer to `callback?with_response=1`."""
    about: Json = {
        "id": str(interaction.id),
        "type": interaction.type,
        "channel_id": str(interaction.channel_id),
    }
    if interaction.guild_id:
        about["guild_id"] = str(interaction.guild_id)
    if answer is None:
        return {"interaction": about}
    about["response_message_id"] = str(answer.id)
    about["response_message_loading"] = answer.loading
    about["response_message_ephemeral"] = answer.ephemeral
    kind = 7 if interaction.answer_type in (6, 7) else 4
    return {"interaction": about, "resource": {"type": kind, "message": post(world, answer)}}
