"""A page is read as a person would see it, however broken it is."""

import pytest

from bot.mail.html_text import lines_of_html


@pytest.mark.parametrize(
    ("page", "lines"),
    [
        ("<td>one</td><td>two<br>three", ["one", "two", "three"]),
        ("<p>a <b>b</b>\n c</p>", ["a b c"]),
        ("<pre>a\n b</pre>c\nd", ["a", "b", "c d"]),
        ("<title>no</title><style>p>a{}</style><script>if (a<b) c('</p>')</script>yes", ["yes"]),
        ("<head><meta x>no<body>yes", ["yes"]),
        ("<!-- no --><!DOCTYPE x><?xml no?>yes", ["yes"]),
        ('<a title="a>b">c</a>', ["c"]),
        ("<p title=a'b>c</p>", ["c"]),
        ("1 < 2 &amp; 3 &gt; 2 &eacute;&#233;", ["1 < 2 & 3 > 2 éé"]),
        ("a&#99999999999999999999;b&#xFFFFFFFFFFFF;", ["ab"]),
        ("a<blockquote>b<p>c</blockquote>d", ["a", "> b", "> c", "d"]),
        ("a<hr>b", ["a", "-" * 20, "b"]),
        ('a<div style="color:red; DISPLAY : none">no<div>no</div>no</div>b', ["ab"]),
        ("a<span hidden>no</span>b<i data-hidden=1>c</i><img hidden>d", ["abcd"]),
        ("seen<!-- never ends", ["seen"]),
        ("seen<a href='x", ["seen"]),
        ("", []),
    ],
)
def test_lines_are_what_a_person_sees(page: str, lines: list[str]) -> None:
    assert lines_of_html(page) == lines


def test_lines_that_are_only_links_are_a_menu() -> None:
    page = "<p><a href=x>View it</a></p><p>see <a href=x>this</a></p>"
    assert lines_of_html(page, menus=False) == ["see this"]
    assert lines_of_html(page) == ["View it", "see this"]
