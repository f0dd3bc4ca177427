"""The form of links."""

import pytest

from attncore.authoring import links


@pytest.mark.parametrize(
    "address, word",
    [
        ("http://arxiv.org/abs/1706.03762", "https"),
        ("https://example.org/page?utm_source=x&page=2", "utm_source"),
        ("https://stats.stackexchange.com/questions/1?noredirect=1", "noredirect"),
        ("https://arxiv.org/pdf/1706.03762", "abs"),
        ("https://arxiv.org/abs/1706.03762v5", "version"),
    ],
)
def test_a_bad_form_is_told(address, word):
    (problem,) = links.address_problems(address)
    assert word in problem


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("https://arxiv.org/abs/1706.03762", "http://www.arxiv.org/pdf/1706.03762v5.pdf", True),
        ("https://doi.org/10.1137/1109020", "https://dx.doi.org/10.1137/1109020", True),
        ("https://aclanthology.org/D15-1166/", "https://aclanthology.org/D15-1166.pdf", True),
        ("https://github.com/a/b/blob/main/c.py", "https://github.com/a/b/blob/0f3e/c.py", True),
        ("https://example.org/a?page=1", "https://example.org/a?page=2", False),
        ("https://example.org/a#one", "https://example.org/a#two", False),
    ],
)
def test_the_forms_of_one_address_are_known(one, other, same):
    assert (links.canonical(one) == links.canonical(other)) is same


def test_a_text_is_read_as_a_reader_reads_it(tmp_path, monkeypatch):
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text(
        "See [here](https://example.org/a), and http://example.org/b. Join http://192.168.1.5:8765 or http://host:port."
        "\n[again](https://example.org/a/)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(links, "HOME", tmp_path)
    assert list(links.link_problems()) == [
        "docs/page.md: http://example.org/b begins with http; write https",
        'docs/page.md: a link is called "here"; say where it leads',
        "one address in several forms: https://example.org/a, https://example.org/a/",
    ]
