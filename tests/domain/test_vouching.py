"""Only the trusted server's own topmost word counts, and only for the From domain."""

import pytest

from bot.domain.vouching import vouched

OURS = "mx.example.org"


@pytest.mark.parametrize(
    "header",
    [
        "mx.example.org; dmarc=pass header.from=vtext.com",
        "mx.example.org; spf=pass smtp.mailfrom=2065550100@vtext.com",
        "mx.example.org; spf=pass smtp.mailfrom=vtext.com;",
        "MX.example.org 1; dkim=pass header.d=vtext.com header.s=s1",
        "mx.example.org;\r\n\tdkim=pass header.i=@vtext.com header.b=abc;\r\n\tspf=fail smtp.mailfrom=a@b.c",
        "mx.example.org; dmarc=fail header.from=vtext.com; dkim=pass header.d=vtext.com",
        "mx.example.org; dmarc=pass (p=NONE dis=NONE) header.from=VTEXT.com",
    ],
)
def test_the_trusted_server_vouches(header: str) -> None:
    assert vouched([header], OURS, "vtext.com")
    assert not vouched([header], None, "vtext.com")
    assert not vouched([header], "mx.example.net", "vtext.com")
    assert not vouched([header], OURS, "tmomail.net")
    assert not vouched([header], OURS, "")


@pytest.mark.parametrize(
    "header",
    [
        "mx.example.org; none",
        "mx.example.org; spf=neutral smtp.mailfrom=1@vtext.com",
        "mx.example.org; dmarc=fail header.from=vtext.com",
        "mx.example.org; dmarc=pass",
        "mx.example.org; spf=pass smtp.mailfrom=1@evil.example",
        "mx.example.org; spf=pass smtp.helo=vtext.com",
        "mx.example.org; spf=pass smtp.mailfrom=com",
        "mx.example.org; dkim=pass header.d=vtext.com.evil.example",
        "mx.example.org; dkim=pass header.d=evilvtext.com",
        "mx.example.org; auth=pass smtp.auth=eve@vtext.com",
        'mx.example.org; spf=pass smtp.mailfrom="x; dmarc=pass header.from=vtext.com"@evil.example',
        "mx.example.org; spf=fail (dmarc=pass header.from=vtext.com) smtp.mailfrom=1@vtext.com",
        "mx.example.org.evil.example; dmarc=pass header.from=vtext.com",
        "evil.example; dmarc=pass header.from=vtext.com; mx.example.org",
        "(mx.example.org) evil.example; dmarc=pass header.from=vtext.com",
        "mx.example.org; dmarc=pass header.from=vtext.com; " + "a=b " * 2_000,
        "mx.example.org; " + "(" * 8_000,
        "mx.example.org" + ";" * 8_000,
        "mx.example.org; x=y; none",
        "mx.example.org; spf=pass smtp.mailfrom=1@evil.example;none",
        "",
        ";",
    ],
)
def test_nothing_else_does(header: str) -> None:
    assert not vouched([header], OURS, "vtext.com")


def test_what_stands_below_the_trusted_servers_word_is_not_read() -> None:
    real, planted = (
        "mx.example.org; dmarc=fail header.from=vtext.com",
        "mx.example.org; dmarc=pass header.from=vtext.com",
    )
    assert not vouched([real, planted], OURS, "vtext.com")
    assert not vouched(["filter.example.net; none", real, planted], OURS, "vtext.com")
    assert vouched([planted, real], OURS, "vtext.com")
