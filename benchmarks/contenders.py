"""Run one contender once against a mail server and return its rate."""

import json
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.children import measure, report, timed
from benchmarks.figures import Figure
from benchmarks.house import CONNECTIONS, SENDER
from benchmarks.peer_jobs import ready_mail
from benchmarks.plan import Bench
from benchmarks.sinks import SINK_PATH, Account

NODE_SCRIPT = Path(__file__).with_name("nodemailer_pool.js")
NODE_WAITING = 200
INSTALL_NODEMAILER = "npm install --prefix ~/.cache/textbridge-benchmarks nodemailer"
SENT = "texts/s"


def rate(row: str, found: dict[str, Any], note: str = "") -> Figure:
    """Turn a job's report into texts per second and processor time for each."""
    texts = found["texts"]
    return Figure(row, SENT, texts / found["seconds"], found["cpu_s"] / texts * 1e6, note)


def ours(bench: Bench, row: str, account: Account, texts: int, favourite_share: float = 0.0) -> list[Figure]:
    """Let the bot drain a backlog."""
    stores = bench.stores
    url = stores.fresh(bench.sizes.recipients, texts, favourite_share)
    try:
        found = measure("drain", url=url, key=stores.key, smtp=asdict(account), texts=texts)
    finally:
        stores.drop(url)
    return [rate(row, found, f"{texts:,} texts, {bench.sizes.recipients:,} recipients")]


def ours_through(bench: Bench, row: str, account: Account, texts: int) -> list[Figure]:
    """Let the bot accept and send, so many texts on their way at once."""
    stores, sizes = bench.stores, bench.sizes
    url = stores.fresh(sizes.recipients)
    how = {"registrations": sizes.recipients, "drawn_from": sizes.recipients, "waiting": sizes.waiting}
    try:
        found = measure("through", url=url, key=stores.key, smtp=asdict(account), texts=texts, **how)
    finally:
        stores.drop(url)
    note = f"each takes {found['p50_ms']:.0f} ms, p99 {found['p99_ms']:.0f} ms"
    return [rate(row, found, note)]


def smtp_source(row: str, account: Account, texts: int, *flags: str) -> list[Figure]:
    """Run Postfix's own load generator over 20 sessions."""
    program = shutil.which("smtp-source", path=SINK_PATH)
    if program is None:
        return [Figure(row, SENT, None, note="not installed: Debian's postfix has it")]
    address, content = ready_mail(0)
    with tempfile.TemporaryDirectory() as folder:
        mail = Path(folder, "mail")
        mail.write_bytes(content.replace(b"\r\n", b"\n"))
        sessions = ("-s", str(CONNECTIONS), "-m", str(texts))
        envelope = ("-f", SENDER, "-t", address, "-F", str(mail))
        command = [program, *flags, *sessions, *envelope, f"127.0.0.1:{account.port}"]
        seconds, cpu_s = timed("smtp-source", command)
    return [rate(row, {"texts": texts, "seconds": seconds, "cpu_s": cpu_s}, "C; remembers nothing")]


def nodemailer(bench: Bench, row: str, account: Account, texts: int, *, raw: bool = False) -> list[Figure]:
    """Run nodemailer's pool of 20 connections."""
    node = shutil.which("node")
    if node is None or bench.library is None:
        return [Figure(row, SENT, None, note=f"not installed: {INSTALL_NODEMAILER}")]
    settings = {
        "library": bench.library,
        "smtp": asdict(account),
        "texts": texts,
        "raw": raw,
        "sender": SENDER,
        "connections": CONNECTIONS,
        "waiting": NODE_WAITING,
    }
    return [
        rate(row, report("nodemailer", [node, str(NODE_SCRIPT), json.dumps(settings)]), "remembers nothing")
    ]


def python_peer(job: str, row: str, account: Account, texts: int) -> list[Figure]:
    """Run one of peer_jobs.py."""
    return [rate(row, measure(job, smtp=asdict(account), texts=texts), "remembers nothing")]
