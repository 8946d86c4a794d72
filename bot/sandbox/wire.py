"""Write the pretend Discord's state in the JSON shapes that Discord sends."""

from datetime import datetime

from bot.sandbox.world import Account, Channel, Guild, Json, Membership, World

ATTACHMENT_LIMIT_BYTES = 10 * 1024 * 1024
GUILD_TEXT, DM = 0, 1
EMPTY_IN_GUILD = (
    "icon",
    "description",
    "home_header",
    "splash",
    "discovery_splash",
    "banner",
    "application_id",
    "afk_channel_id",
    "system_channel_id",
    "widget_channel_id",
    "vanity_url_code",
    "rules_channel_id",
    "safety_alerts_channel_id",
    "public_updates_channel_id",
    "premium_progress_bar_enabled_user_updated_at",
    "max_presences",
    "incidents_data",
)
ZERO_IN_GUILD = (
    "system_channel_flags",
    "verification_level",
    "default_message_notifications",
    "mfa_level",
    "nsfw_level",
    "explicit_content_filter",
    "premium_tier",
    "premium_subscription_count",
)


def stamp(when: datetime) -> str:
    """Write a time as Discord does."""
    return when.isoformat()


def account(one: Account) -> Json:
    """Shape a `user` object."""
    return {
        "id": str(one.id),
        "username": one.username,
        "global_name": one.global_name,
        "discriminator": "0",
        "avatar": None,
        "avatar_decoration_data": None,
        "banner": None,
        "accent_color": None,
        "bot": one.bot,
        "system": False,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
    }


def own_account(one: Account) -> Json:
    """Shape the bot's own `user` object."""
    return account(one) | {"mfa_enabled": False, "locale": one.locale, "verified": True, "email": None}


def member(world: World, guild: Guild, one: Membership) -> Json:
    """Shape a `member` object, its account included."""
    return member_only(guild, one) | {"user": account(world.accounts[one.account_id])}


def member_only(guild: Guild, one: Membership) -> Json:
    """Shape a partial `member` object as `resolved` carries it, permissions computed."""
    return {
        "avatar": None,
        "banner": None,
        "communication_disabled_until": stamp(one.timed_out_until) if one.timed_out_until else None,
        "flags": 0,
        "joined_at": stamp(one.joined_at),
        "nick": one.nick,
        "pending": False,
        "premium_since": None,
        "roles": [str(role_id) for role_id in one.role_ids],
        "mute": False,
        "deaf": False,
        "permissions": str(guild.permissions(one.account_id)),
    }


def application(world: World) -> Json:
    """Shape the bot's own `application` object."""
    return {
        "id": str(world.application_id),
        "name": world.bot.username,
        "icon": None,
        "description": "",
        "type": None,
        "bot": account(world.bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": account(world.owner),
        "team": _team(world) if world.team else None,
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": ["bot", "applications.commands"],
        "rpc_origins": [],
    }


def _team(world: World) -> Json:
    return {
        "id": str(world.application_id),
        "icon": None,
        "name": "team",
        "owner_user_id": str(world.team[0]),
        "members": [_teammate(world, account_id) for account_id in world.team],
    }


def _teammate(world: World, account_id: int) -> Json:
    return {
        "user": account(world.accounts[account_id]),
        "team_id": str(world.application_id),
        "membership_state": 2,
        "role": "admin",
        "permissions": ["*"],
    }


def channel(world: World, one: Channel) -> Json:
    """Shape a `channel` object, a guild's or a DM's."""
    if one.guild_id is None:
        who = [account(world.accounts[one.recipient_id])] if one.recipient_id else []
        return {"id": str(one.id), "type": DM, "flags": 0, "last_message_id": None, "recipients": who}
    return {
        "id": str(one.id),
        "type": GUILD_TEXT,
        "guild_id": str(one.guild_id),
        "name": one.name,
        "position": 0,
        "permission_overwrites": [],
        "nsfw": False,
        "topic": None,
        "parent_id": None,
        "last_message_id": None,
        "rate_limit_per_user": 0,
        "flags": 0,
    }


def guild(one: Guild) -> Json:
    """Shape a `guild` object as `GET /guilds/{id}` answers it."""
    empty = dict.fromkeys(EMPTY_IN_GUILD)
    zero = dict.fromkeys(ZERO_IN_GUILD, 0)
    return {
        **empty,
        **zero,
        "id": str(one.id),
        "name": one.name,
        "owner_id": str(one.owner_id),
        "region": "deprecated",
        "afk_timeout": 300,
        "widget_enabled": False,
        "features": [],
        "roles": roles(one),
        "max_members": 500_000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "preferred_locale": one.locale,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "emojis": [],
        "stickers": [],
    }


def roles(one: Guild) -> list[Json]:
    """Shape a guild's `role` objects."""
    return [
        {
            "id": str(role.id),
            "name": role.name,
            "permissions": str(role.permissions),
            "position": position,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "managed": False,
            "mentionable": False,
            "icon": None,
            "unicode_emoji": None,
            "flags": 0,
        }
        for position, role in enumerate(one.roles.values())
    ]


def guild_created(world: World, one: Guild) -> Json:
    """Shape the GUILD_CREATE event's payload."""
    return guild(one) | {
        "joined_at": stamp(one.members[world.bot.id].joined_at),
        "large": False,
        "unavailable": False,
        "member_count": len(one.members),
        "members": [member(world, one, one.members[world.bot.id])],
        "channels": [channel(world, each) for each in one.channels.values()],
        **{name: [] for name in ("voice_states", "threads", "presences", "stage_instances")},
        **{name: [] for name in ("guild_scheduled_events", "soundboard_sounds")},
    }
