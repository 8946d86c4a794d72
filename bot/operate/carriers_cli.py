"""What may be typed after `python3 -m bot carriers`, and who does it."""

import argparse
import ipaddress

from bot import exits

_DNS_PORT = 53


def add_carriers(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    actions = parser.add_subparsers(dest="action", required=True, parser_class=type(parser))
    check = actions.add_parser("check", description="Look up every gateway domain, and the mail server.")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.add_argument(
        "--demote", action="store_true", help="mark failing now what is gone, without waiting for more nights"
    )
    check.add_argument("--server", type=_server, metavar="IP[:PORT]", help="ask this DNS server")
    check.add_argument(
        "--control",
        action="append",
        metavar="DOMAIN",
        help="a domain that takes mail for certain; may be repeated",
    )
    take = actions.add_parser("import", description="Show what a CSV file changes; --apply does it.")
    take.add_argument("file", metavar="FILE")
    take.add_argument("--apply", action="store_true", help="write the changes, all or none")
    give = actions.add_parser("export", description="Write the carriers as CSV, to FILE or standard output.")
    give.add_argument("file", metavar="FILE", nargs="?")
    actions.add_parser("counts", description="Print how many ship, by country, kind and status.")
    actions.add_parser("page", description="Write docs/carriers.md from the list that ships.")
    for one in (take, give):
        one.add_argument(
            "--guild",
            type=_guild,
            default=0,
            metavar="ID",
            help="the own carriers of one server, not the shared ones",
        )


def carriers(args: argparse.Namespace) -> int:
    """Do what was asked for; returns the exit code."""
    from bot.domain.domain_look import CONTROLS
    from bot.operate import carriers_check, carriers_files, carriers_page, carriers_store

    on_what_ships = {"counts": carriers_page.print_counts, "page": carriers_page.write_page}
    if args.action in on_what_ships:
        on_what_ships[args.action]()
        return exits.OK
    try:
        if args.action == "check":
            return carriers_check.check(
                as_json=args.json,
                demote=args.demote,
                server=args.server,
                controls=args.control or list(CONTROLS),
            )
        if args.action == "import":
            return carriers_files.import_from(args.file, args.guild, apply=args.apply)
        return carriers_files.export_to(args.file, args.guild)
    except carriers_store.Away:
        carriers_store.say_away()
        return exits.UNAVAILABLE


def _server(written: str) -> tuple[str, int]:
    host, mark, port = written.rpartition(":") if written.count(":") == 1 else (written, "", "")
    host = host.strip("[]")
    try:
        ipaddress.ip_address(host)
        return host, int(port) if mark else _DNS_PORT
    except ValueError:
        raise argparse.ArgumentTypeError("use an IP address, or an IPv4 address and a port") from None


def _guild(written: str) -> int:
    if not written.isdecimal() or not 0 < int(written) < 2**63:
        raise argparse.ArgumentTypeError("use the server's id")
    return int(written)
