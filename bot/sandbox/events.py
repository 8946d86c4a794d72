"""Open interactions: remember them and shape the INTERACTION_CREATE event."""

from bot.sandbox import wire, wire_posts
from bot.sandbox.world import Account, Channel, Guild, Interaction, Json, Post, World

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
TOKEN_CHARACTERS = 160


def open_interaction(
    world: World,
    kind: int,
    person: Account,
    place: tuple[Guild | None, Channel],
    content: Json,
    source: Post | None = None,
    opened_by: Interaction | None = None,
) -> tuple[Interaction, Json]:
    """Remember an interaction and return it with its event."""
    guild, channel = place
    interaction = Interaction(
        world.new_id(),
        world.secret(TOKEN_CHARACTERS),
        kind,
        person.id,
        guild.id if guild else None,
        channel.id,
        world.now(),
        metadata={},
        source=source,
    )
    interaction.metadata = _metadata(interaction, person, opened_by)
    world.add_interaction(interaction)
    return interaction, _event(world, interaction, person, place, content)


def _metadata(interaction: Interaction, person: Account, opened_by: Interaction | None) -> Json:
    metadata: Json = {
        "id": str(interaction.id),
        "type": COMMAND if interaction.type == AUTOCOMPLETE else interaction.type,
        "user": wire.account(person),
        "authorizing_integration_owners": _owners(interaction.guild_id),
    }
    if interaction.type == COMPONENT and interaction.source:
        metadata["interacted_message_id"] = str(interaction.source.id)
    if opened_by:
        metadata["triggering_interaction_metadata"] = opened_by.metadata
    return metadata


def _owners(guild_id: int | None) -> Json:
    return {"0": str(guild_id or 0)}


def _event(
    world: World,
    interaction: Interaction,
    person: Account,
    place: tuple[Guild | None, Channel],
    content: Json,
) -> Json:
    event: Json = {
        "id": str(interaction.id),
        "application_id": str(world.application_id),
        "type": interaction.type,
        "token": interaction.token,
        "version": 1,
        "locale": person.locale,
        "entitlements": [],
        "authorizing_integration_owners": _owners(interaction.guild_id),
        "attachment_size_limit": wire.ATTACHMENT_LIMIT_BYTES,
        "data": content,
    }
    if interaction.source:
        event["message"] = wire_posts.post(world, interaction.source)
    return event | _whereabouts(world, person, *place)


def _whereabouts(world: World, person: Account, guild: Guild | None, channel: Channel) -> Json:
    permissions = str(guild.permissions(person.id) if guild else 0)
    here: Json = {
        "channel_id": str(channel.id),
        "channel": wire.channel(world, channel) | {"permissions": permissions},
        "app_permissions": str(guild.permissions(world.bot.id) if guild else 0),
        "context": 0 if guild else 1,
    }
    if guild is None:
        return here | {"user": wire.account(person)}
    return here | {
        "guild_id": str(guild.id),
        "guild": {"id": str(guild.id), "locale": guild.locale, "features": []},
        "guild_locale": guild.locale,
        "member": wire.member(world, guild, guild.members[person.id]),
    }
