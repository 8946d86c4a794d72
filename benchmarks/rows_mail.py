"""Rows on handing mail over: the bot's durable drain beside senders that remember nothing."""

from collections.abc import Sequence

from benchmarks import contenders as run
from benchmarks.plan import Bench, Contender, Group
from benchmarks.sinks import delayed, submission

DRAIN, DRAIN_SKEWED = "durable drain", "durable drain, one holds a fifth"
THROUGH = "accept to sent"
SOURCE, SOURCE_EACH = "smtp-source -d -s 20", "smtp-source -s 20"
NODEMAILER, NODEMAILER_RAW = "nodemailer, pool of 20", "nodemailer, ready bytes"
SMTPLIB, AIOSMTPLIB = "smtplib, a connection each", "aiosmtplib, reused, 20 tasks"
FAR, TLS = "20 ms: ", "TLS: "


def near(bench: Bench) -> Sequence[Contender]:
    """Compare on loopback."""
    sink, sizes = bench.sink, bench.sizes
    bench.stores.kept(sizes.recipients, sizes.texts)
    bench.stores.kept(sizes.recipients, sizes.texts, sizes.favourite_share)
    return (
        lambda: run.ours(bench, DRAIN, sink, sizes.texts),
        lambda: run.smtp_source(SOURCE, sink, sizes.texts, "-d"),
        lambda: run.ours_through(bench, THROUGH, sink, sizes.some(0.4)),
        lambda: run.nodemailer(bench, NODEMAILER, sink, sizes.some(0.2)),
        lambda: run.ours(bench, DRAIN_SKEWED, sink, sizes.texts, sizes.favourite_share),
        lambda: run.python_peer("aiosmtplib_reused", AIOSMTPLIB, sink, sizes.some(0.4)),
        lambda: run.nodemailer(bench, NODEMAILER_RAW, sink, sizes.some(0.2), raw=True),
        lambda: run.smtp_source(SOURCE_EACH, sink, sizes.some(0.4)),
        lambda: run.python_peer("smtplib_each", SMTPLIB, sink, sizes.some(0.1)),
    )


def far(bench: Bench) -> Sequence[Contender]:
    """Compare over 20 ms of round trip."""
    account = bench.stack.enter_context(delayed(bench.sink))
    texts, fewer = bench.sizes.some(0.1, 500), bench.sizes.some(0.03, 200)
    bench.stores.kept(bench.sizes.recipients, texts)
    return (
        lambda: run.ours(bench, FAR + DRAIN, account, texts),
        lambda: run.nodemailer(bench, FAR + NODEMAILER, account, fewer),
        lambda: run.python_peer("aiosmtplib_reused", FAR + AIOSMTPLIB, account, fewer),
        lambda: run.smtp_source(FAR + SOURCE, account, fewer, "-d"),
        lambda: run.python_peer("smtplib_each", FAR + SMTPLIB, account, bench.sizes.some(0.001, 30)),
    )


def tls(bench: Bench) -> Sequence[Contender]:
    """Compare on a real Postfix that asks for STARTTLS and AUTH."""
    account = bench.stack.enter_context(submission())
    texts, fewer = bench.sizes.some(0.1, 500), bench.sizes.some(0.01, 100)
    bench.stores.kept(bench.sizes.recipients, texts)
    return (
        lambda: run.ours(bench, TLS + DRAIN, account, texts),
        lambda: run.nodemailer(bench, TLS + NODEMAILER, account, texts),
        lambda: run.python_peer("aiosmtplib_reused", TLS + AIOSMTPLIB, account, texts),
        lambda: run.python_peer("smtplib_each", TLS + SMTPLIB, account, fewer),
    )


GROUPS = (Group("mail", near), Group("far", far), Group("tls", tls))
