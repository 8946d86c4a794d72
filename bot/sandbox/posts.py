"""Make, change and delete the posts that the bot writes, as Discord would take them."""

import re
from collections.abc import Callable, Mapping

from bot.sandbox import rules
from bot.sandbox.refusals import EMPTY_POST, Refusal, refuse_if
from bot.sandbox.world import LOADING, Channel, Json, Post, World

KEPT_FLAGS = 1 << 2 | 1 << 6 | 1 << 12 | 1 << 15  # embeds suppressed, ephemeral, silent, components v2
EDITABLE_FLAGS = 1 << 2 | 1 << 15
MENTION = re.compile(r"<@!?([0-9]{15,20})>")
EVERYONE = re.compile(r"@(everyone|here)\b")
Files = Mapping[int, tuple[str, str, bytes]]
Cdn = Callable[[], str]


def create(world: World, channel: Channel, body: Json, files: Files, cdn: str) -> Post:
    """Add a post of the bot's to a channel."""
    _check(body, bool(files))
    once = (channel.id, str(body.get("nonce"))) if body.get("nonce") and body.get("enforce_nonce") else None
    if once in world.nonces and (shown := world.posts.get(world.nonces[once])):
        return shown  # Discord hands back what it took under that nonce a moment ago
    post = Post(world.new_id(), channel.id, channel.guild_id, world.bot.id, world.now())
    post.flags = int(body.get("flags") or 0) & KEPT_FLAGS
    _fill(world, post, body, files, cdn)
    if once is not None:
        world.nonces[once] = post.id
    world.posts[post.id] = post
    world.watch.changed()
    return post


def placeholder(world: World, channel: Channel, flags: int) -> Post:
    """Add the post that reads "thinking…" until it is edited."""
    post = Post(world.new_id(), channel.id, channel.guild_id, world.bot.id, world.now())
    post.flags = int(flags) & KEPT_FLAGS | LOADING
    world.posts[post.id] = post
    world.watch.changed()
    return post


def edit(world: World, post: Post, body: Json, files: Files, cdn: str) -> Post:
    """Change what a post shows; fields that are absent stay."""
    merged = {"content": post.content, "components": post.components, "embeds": post.embeds} | body
    _check(merged, bool(files or body.get("attachments", post.attachments)))
    if "flags" in body:
        post.flags = post.flags & ~EDITABLE_FLAGS | int(body["flags"] or 0) & EDITABLE_FLAGS
    if not post.loading:
        post.edited_at = world.now()
    post.flags &= ~LOADING
    _fill(world, post, body, files, cdn)
    world.watch.changed()
    return post


def delete(world: World, post: Post) -> None:
    """Take a post away."""
    post.deleted = True
    world.posts.pop(post.id, None)
    world.watch.changed()


def _check(body: Json, has_files: bool) -> None:
    refuse_if(rules.post(body))
    if not (
        body.get("content") or body.get("embeds") or body.get("components") or has_files or body.get("poll")
    ):
        raise Refusal(EMPTY_POST)


def _fill(world: World, post: Post, body: Json, files: Files, cdn: str) -> None:
    if "content" in body:
        post.content = (body["content"] or "").strip()
    if "components" in body:
        post.components = body["components"] or []
    if "embeds" in body:
        post.embeds = [{"type": "rich"} | embed for embed in body["embeds"] or []]
    if files or "attachments" in body:
        kept = {str(each.get("id")) for each in body.get("attachments") or []}
        post.attachments = [each for each in post.attachments if each["id"] in kept]
        post.attachments += [attach(world, *file, cdn) for file in files.values()]
    post.history.append(post.content)
    _ping(post, body.get("allowed_mentions"), world)


def attach(world: World, filename: str, content_type: str, content: bytes, cdn: str) -> Json:
    """Keep a file and shape its `attachment` object."""
    file_id = world.new_id()
    world.files[file_id] = content
    url = f"{cdn}/attachments/{file_id}/{filename}"
    return {
        "id": str(file_id),
        "filename": filename,
        "size": len(content),
        "url": url,
        "proxy_url": url,
        "content_type": content_type,
    }


def _ping(post: Post, allowed: Json | None, world: World) -> None:
    """Work out whom the content pings under `allowed_mentions` (absent: everybody named)."""
    named = [int(found) for found in dict.fromkeys(MENTION.findall(post.content))]
    named = [account_id for account_id in named if account_id in world.accounts]
    if allowed is None:
        post.pinged, post.pings_everyone = named, bool(EVERYONE.search(post.content))
        return
    parse = allowed.get("parse") or []
    listed = {int(account_id) for account_id in allowed.get("users") or []}
    post.pinged = [each for each in named if "users" in parse or each in listed]
    post.pings_everyone = "everyone" in parse and bool(EVERYONE.search(post.content))
