"""Citations are found in prose and nowhere else, lead to their work, and name one that there is."""

import pytest

from attncore.authoring import sources
from attncore.authoring.sources import Work, citations, linked

VASWANI = Work("Vaswani et al. (2017)", "Attention Is All You Need", "NeurIPS 2017", "https://arxiv.org/abs/1706.03762")
DAO = Work("Dao (2023)", "FlashAttention-2", "arXiv", "https://arxiv.org/abs/2307.08691")
GU = Work("Gu and Dao (2023)", "Mamba", "arXiv", "https://arxiv.org/abs/2312.00752")
RING = Work("Liu et al. (2023a)", "Ring Attention", "arXiv", "https://arxiv.org/abs/2310.01889")
MIDDLE = Work("Liu et al. (2023b)", "Lost in the Middle", "TACL 2024", "https://arxiv.org/abs/2307.03172")
VLLM = Work("the vLLM documentation", "vLLM", "documentation", "https://docs.vllm.ai/en/latest/")


@pytest.fixture(autouse=True)
def six_works(monkeypatch):
    monkeypatch.setattr(sources, "works", lambda: (DAO, GU, RING, MIDDLE, VASWANI, VLLM))
    sources.pattern.cache_clear()
    yield
    sources.pattern.cache_clear()


@pytest.mark.parametrize(
    "text, marked",
    [
        ("So Vaswani\net al. (2017) say.", "So [Vaswani\net al. (2017)] say."),
        ("first (Dao, 2023; Gu and Dao, 2023).", "first ([Dao, 2023]; [Gu and Dao, 2023])."),
        ("Dao's (2023) loop", "[Dao's (2023)] loop"),
        ("Vaswani and colleagues, 2017, add", "[Vaswani and colleagues, 2017], add"),
        ("Vaswani et al. (2017, section 3)", "[Vaswani et al.] (2017, section 3)"),
        ("as Liu et al. (2023b) find", "as [Liu et al. (2023b)] find"),
        ("The vLLM documentation says so", "[The vLLM documentation] says so"),
    ],
)
def test_a_citation_leads_to_its_work_and_reads_as_before(text, marked):
    address = next(citations(text)).work.link
    pages = linked(text)
    assert pages.startswith(marked.partition("]")[0] + f"]({address})")
    for work in sources.works():
        pages = pages.replace(f"]({work.link})", "]")
    assert pages == marked


@pytest.mark.parametrize(
    "text",
    [
        "# Vaswani et al. (2017)",
        "`Dao (2023)` and $Dao (2023)$ and\n```\nDao (2023)\n```",
        "[Dao (2023)](https://example.org)",
        "as of November 2026, and in 2023",
        "An H100 needs 2,048 tokens",
    ],
)
def test_headings_code_formulas_links_and_dates_stay_as_they_are(text):
    assert list(citations(text)) == []
    assert linked(text) == text


@pytest.mark.parametrize(
    "text", ["OLMo 9 (1999)", "Zed (1999)", "(Zed et al., 1999)", "Zed and Dao (2023)", "Vaswani et al. (2018)"]
)
def test_a_citation_without_an_entry_is_told(text):
    (citation,) = citations(f"We follow {text}.")
    assert citation.work is None


def test_a_missing_letter_is_told(monkeypatch):
    monkeypatch.setattr(sources, "LESSONS", ("14_flash",))
    monkeypatch.setattr(sources, "lesson_texts", lambda lesson: [(lesson, "ring attention (Liu et al., 2023)")])
    (problem,) = sources.source_problems()
    assert problem.endswith(
        '"Liu et al., 2023" is not in references.toml; say which: Liu et al. (2023a), Liu et al. (2023b)'
    )


def test_a_list_of_sources_has_what_is_cited_once_in_the_order_of_authors():
    section = sources.sources(["Vaswani et al. (2017) and Dao (2023)", "again (Vaswani et al., 2017)"])
    assert section.splitlines() == [
        "## Sources",
        "",
        "- Dao (2023). [FlashAttention-2](https://arxiv.org/abs/2307.08691). arXiv.",
        "- Vaswani et al. (2017). [Attention Is All You Need](https://arxiv.org/abs/1706.03762). NeurIPS 2017.",
    ]
    assert sources.sources(["nothing"]) == ""


def test_what_nothing_cites_is_told(monkeypatch):
    assert list(sources.unused_problems()) == []
    unheard = sources.Work("Nobody (1900)", "Nothing", "nowhere", "https://example.org")
    known = (*sources.works(), unheard)
    monkeypatch.setattr(sources, "works", lambda: known)
    assert list(sources.unused_problems()) == ["references.toml: nothing cites Nobody (1900)"]
