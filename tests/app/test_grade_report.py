"""What is made of a graded batch: points and tables, safe pages that can be read, and who is who in a gradebook."""

import csv
from html.parser import HTMLParser

import pytest

from attncore.app.graded.answers import reread
from attncore.app.graded.report import Options, write
from attncore.app.graded.roster import Unusable, owner, read_roster
from attncore.app.graded.strangers import page_name, shown
from attncore.app.graded.tables import cell
from attncore.app.graded.tally import WHOSE
from attncore.exercises import exercises, find
from attncore.grading import judge
from attncore.grading.results import Result, Results, Submission

ASKED = ["softmax", "log_softmax", "uniform-entropy"]
NO_MAXIMUM = "no maximum subtracted"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "=1+1",
    "../../etc/passwd",
    "report\u202egnp.exe",
    "a\x00b\x1b[31m",
    "Points Possible",
    "x" * 5_000,
    " ",
]
TAGS = "html head meta title style body main section div h1 h2 h3 p ul ol li table thead tbody tr th td a b bdi span br"
TAGS += " small code pre"


def told(id, label):
    """The result of a labelled mistake, or with no label of the right answer."""
    exercise = find(id)
    made = exercise.wrong[label] if label else exercise.reference
    report = judge(exercise, made if exercise.kind == "code" else made())
    return Result(id, report.outcome, report.mistake, report.edges, report.convention, report.lines)


RIGHT = {id: told(id, None) for id in ASKED}
WRONG = told("softmax", NO_MAXIMUM)
OPEN = next(result for label in find("log_softmax").wrong if (result := told("log_softmax", label)).outcome == "edge")


@pytest.fixture
def results(tmp_path):
    kept = Results(tmp_path / "results.sqlite")
    kept.note("asked", ASKED)
    yield kept
    kept.close()


@pytest.fixture
def keep(results):
    def keep(learner, *found, told=(), file=None):
        results.keep(Submission(learner, file or f"{learner}.ipynb", "digest", list(told), list(found)))

    return keep


@pytest.fixture
def written(results, tmp_path):
    """Write the report; return what reads a file of it, as rows or as text."""

    def write_it(**options):
        folder = tmp_path / "report"
        write(results, folder, Options(**options))

        def read(name):
            text = (folder / name).read_text(encoding="utf-8")
            return list(csv.reader(text.splitlines())) if name.endswith(".csv") else text

        return read

    return write_it


class Page(HTMLParser):
    """A page as a browser and a screen reader take it: its tags, their attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open.pop() != tag:
            pass

    def handle_data(self, text):
        if "style" not in self.open:
            self.text += text

    def of(self, *names):
        return [(tag, attributes) for tag, attributes in self.tags if tag in names]


def page(read, name="index.html"):
    return Page(read(name))


# Points and rows


def test_everybody_has_a_row_for_every_exercise(keep, written):
    keep("ada", RIGHT["softmax"], OPEN)
    keep("bob", WRONG, RIGHT["uniform-entropy"])
    keep("eve", told=["eve.ipynb is no notebook."])
    head, *rows = written()("results.csv")
    assert head == ["learner", "exercise", "lesson", "outcome", "mistake", "edges", "points"]
    assert rows == [
        ["ada", "softmax", "02_softmax", "right", "", "", "1"],
        ["ada", "log_softmax", "02_softmax", "edge", "", " | ".join(OPEN.edges), "1"],
        ["ada", "uniform-entropy", "02_softmax", "unattempted", "", "", "0"],
        ["bob", "softmax", "02_softmax", "wrong", NO_MAXIMUM, "", "0"],
        ["bob", "log_softmax", "02_softmax", "unattempted", "", "", "0"],
        ["bob", "uniform-entropy", "02_softmax", "right", "", "", "1"],
        *(["eve", id, "02_softmax", "unattempted", "", "", "0"] for id in ASKED),
    ]


def test_an_open_corner_is_worth_what_the_instructor_says(keep, written):
    keep("ada", RIGHT["softmax"], OPEN)
    read = written(edge_points=0.5)
    assert [row[-1] for row in read("results.csv")[1:]] == ["1", "0.5", "0"]
    assert read("grades.csv")[-1] == ["ada", "", "", "", "", "1.5"]
    assert "1.5 of 3 points" in page(read, "learners/ada.html").text


def test_what_was_not_asked_earns_nothing(keep, written):
    extra = Result("causal_mask", "right", lines=[("head", "causal_mask: right.")])
    strange = Result("an_old_exercise", "raised", lines=[("head", 'There is no exercise "an_old_exercise".')])
    keep("ada", RIGHT["softmax"], extra, strange)
    read = written()
    assert len(read("results.csv")) == 1 + len(ASKED)
    assert read("grades.csv")[-1][-1] == "1"
    text = page(read, "learners/ada.html").text
    assert "You also answered these. They earn no points here." in text
    assert "causal_mask" in text and "an_old_exercise" in text


def test_an_exercise_that_the_course_no_longer_has_is_told_by_its_id(results, keep, written):
    results.note("asked", ["an_old_exercise"])
    keep("ada", Result("an_old_exercise", "wrong", "some mistake", lines=[("head", "an_old_exercise: some mistake.")]))
    read = written()
    assert read("results.csv")[1] == ["ada", "an_old_exercise", "", "wrong", "some mistake", "", "0"]
    assert "Some mistake." in page(read, "learners/ada.html").text and "an_old_exercise" in page(read).text


# A learner's page


def test_a_learner_reads_the_mistake_its_reason_the_smallest_case_and_where_to_reread(keep, written):
    keep("ada", WRONG, OPEN, told=["Cell 3 failed: NameError."])
    text = page(written(), "learners/ada.html").text
    assert "You have 1 of 3 points: 1 right with an open corner, 1 wrong, 1 not attempted." in text
    assert "No maximum subtracted." in text and find("softmax").why(NO_MAXIMUM) in text
    assert [shown for role, shown in WRONG.lines if role == "input"][0] in text
    assert 'Where to reread: lesson 02_softmax, "Softmax, under pressure", the section "Overflow".' in text
    assert "Cell 3 failed: NameError." in text
    assert "not attempted" in text and find("uniform-entropy").title in text


def test_every_exercise_says_where_to_reread_and_no_section_is_made_up():
    for exercise in exercises:
        assert reread(exercise).startswith("lesson ") and '"' in reread(exercise), exercise.id
    assert reread(find("low-temperature")) == 'lesson 02_softmax, "Softmax, under pressure", the section "Temperature"'
    assert reread(find("start-scale")).startswith("lesson 04_dot_product")


# The class


def test_the_room_s_mistakes_come_by_name_the_most_frequent_first_with_reason_and_case(keep, written):
    for number in range(3):
        keep(f"learner-{number}", WRONG, OPEN)
    keep("bob", told("softmax", "one maximum for all rows"))
    read = written()
    text = page(read).text
    assert text.index("No maximum subtracted") < text.index("One maximum for all rows")
    assert "3 of 4, in Softmax that no input breaks (softmax):" in text
    assert find("softmax").why(NO_MAXIMUM) in text and "np.array([100., 101., 103.], dtype=np.float32)" in text
    assert '4 of 4 have it wrong, 3 of them through the same mistake ("no maximum subtracted").' in text
    assert "3 have a corner open and 1 didn't try it." in text
    assert "learners/learner-2.html" in [tag[1]["href"] for tag in page(read).of("a")]


def test_a_mistake_without_a_name_is_counted_apart(keep, written):
    unknown = Result("softmax", "wrong", lines=[("head", "softmax: not right."), ("where", "At index 0: got 7.")])
    keep("ada", unknown)
    keep("bob", Result("softmax", "raised", lines=[("head", "softmax: it raises KeyError: 7.")]))
    text = page(written()).text
    assert "a mistake that has no name yet" in text and "it raises an error" in text


def test_the_page_of_somebody_who_is_gone_goes(keep, results, written, tmp_path):
    keep("ada", WRONG)
    keep("bob", WRONG)
    written()
    results.drop(["ada"])
    written()
    assert [page.name for page in (tmp_path / "report" / "learners").iterdir()] == ["bob.html"]


def test_mistakes_without_a_name_are_not_the_same_mistake(keep, written):
    for number, learner in enumerate(("ada", "bob", "eve")):
        lines = [("head", "softmax: not right."), ("where", f"At index 0: got {number}.")]
        keep(learner, Result("softmax", "wrong", lines=lines))
    text = " ".join(page(written()).text.split())
    assert "3 of 3 have it wrong." in text and "same mistake" not in text
    assert "At index 0" not in text  # nobody's case stands for the others


def test_a_corner_of_a_wrong_function_is_not_among_those_of_right_ones(keep, written):
    keep("ada", Result("softmax", "wrong", NO_MAXIMUM, ["a line of -inf gives NaN"]))
    assert "These functions are right" not in page(written()).text


def test_who_forgot_the_return_is_told_so(keep, written):
    lines = [("head", "softmax: not attempted yet. It returns nothing. Is the `return` missing?")]
    keep("ada", Result("softmax", "unattempted", lines=lines))
    assert "It returns nothing. Is the return missing?" in page(written(), "learners/ada.html").text


def test_who_made_a_mistake_is_a_list_that_ends(keep, written):
    for number in range(WHOSE + 5):
        keep(f"learner-{number:02d}", WRONG)
    assert "learner-11 and 5 more" in " ".join(page(written()).text.split())


def test_a_file_that_could_not_be_read_counts_for_nobody_s_mistakes_and_is_told(keep, written):
    keep("ada", *RIGHT.values())
    keep("eve", told=["eve.ipynb is no notebook."])
    read = written()
    text = " ".join(page(read).text.split())
    assert "2 submissions, 3 exercises. 1 had nothing in it that could be judged." in text
    assert "Nothing: everybody who handed something in has everything right." in text
    assert "eve (eve.ipynb): eve.ipynb is no notebook." in text
    assert "nothing in your file that could be judged" in page(read, "learners/eve.html").text


def test_the_class_page_says_which_walls_held(results, keep, written):
    results.note("walls", {"namespaces": True, "seccomp": False})
    keep("ada", WRONG)
    assert "These layers held: namespaces. This system doesn't have seccomp." in page(written()).text


def test_a_long_assignment_is_split_into_tables_in_which_every_exercise_stands_once(results, keep, written):
    asked = [exercise.id for exercise in exercises if exercise.kind != "explain"][:100]
    results.note("asked", asked)
    keep("ada", Result(asked[70], "right"))
    found = page(written())
    tables = [tag for tag in found.of("table") if "matrix" in tag[1].get("class", "")]
    assert len(tables) > 2
    assert [found.text.count(f"{id}") > 0 for id in asked] == [True] * 100
    assert sum(tag[1].get("class") == "id" for tag in found.of("span")) == 100


def test_a_batch_without_submissions_is_a_page_too(written):
    read = written()
    assert "0 submissions" in page(read).text
    assert len(read("results.csv")) == 1


# Strangers


def test_strangers_text_is_text_everywhere(keep, written, tmp_path):
    for text in HOSTILE:
        lines = [("head", f"softmax: {text}"), ("input", text), ("where", f"`{text}`")]
        keep(text, Result("softmax", "raised", text, lines=lines), told=[text], file=text)
    written()
    pages = [tmp_path / "report" / "index.html", *(tmp_path / "report" / "learners").iterdir()]
    assert len(pages) == 1 + len(HOSTILE)
    for path in pages:
        source = path.read_text(encoding="utf-8")
        assert not {"\x00", "\x1b", "\u202e"} & set(source)
        found = Page(source)
        assert {tag for tag, _ in found.tags} <= set(TAGS.split())
        assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
        assert all(attributes["href"].startswith("learners/") for _, attributes in found.of("a"))
        assert len(source) < 200_000
    assert "{{ 7 * 7 }}" in Page(pages[0].read_text(encoding="utf-8")).text


def test_no_page_asks_the_network_for_anything(keep, written):
    keep("ada", WRONG, OPEN)
    read = written()
    for name in ("index.html", "learners/ada.html"):
        found = page(read, name)
        policy = [tag["content"] for _, tag in found.of("meta") if tag.get("http-equiv") == "Content-Security-Policy"]
        assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
        assert "http:" not in read(name) and "https:" not in read(name) and "url(" not in read(name)


def test_every_learner_has_a_page_of_their_own_under_a_safe_name(keep, written, tmp_path):
    names = [
        "alan",
        "Alan",
        "ALAN",
        "con",
        "a/b",
        "a\\b",
        "a:b",
        "İ",
        "i̇",
        "é",
        "e\u0301",
        "x" * 300,
        "x" * 301,
        "..",
        ".a",
    ]
    names += ["jane.doe@example.org", "-rf", " ", "", page_name("Alan").removesuffix(".html")]
    for name in names:
        keep(name, WRONG)
    written()
    files = [path.name for path in (tmp_path / "report" / "learners").iterdir()]
    assert len(files) == len({name.casefold() for name in files}) == len(names)
    assert {"alan.html", "jane.doe@example.org.html"} <= set(files)
    assert all(len(name.encode()) < 200 and not set('/\\:*?"<>|') & set(name) for name in files)
    assert not [name for name in files if name.partition(".")[0] in ("con", "", "-rf")]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1"])
def test_no_cell_is_a_formula(text):
    assert cell(text).startswith("'") and "\n" not in cell(text) and "\r" not in cell(text)


def test_a_number_stays_one():
    assert [cell(0.0), cell(1.0), cell(2 / 3), cell(39.5), cell(-1)] == ["0", "1", "0.6667", "39.5", "-1"]


def test_what_is_not_seen_is_written_out_and_what_is_long_is_cut():
    assert shown("a\u202eb\x07") == "a\\u202eb\\u0007"
    assert shown("مرحبا שלום 李 Łukasz\n\tx") == "مرحبا שלום 李 Łukasz\n\tx"
    assert len(shown("x" * 10_000)) == 4_000


# Readable


def test_headings_go_down_one_step_at_a_time_and_tables_have_headers_with_a_scope(keep, written):
    keep("ada", WRONG, OPEN, RIGHT["uniform-entropy"], told=["A sentence."])
    keep("bob", told("softmax", "one maximum for all rows"))
    for name in ("index.html", "learners/ada.html"):
        found = page(written(), name)
        levels = [int(tag[1]) for tag, _ in found.of("h1", "h2", "h3")]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after - before <= 1 for before, after in zip(levels, levels[1:], strict=False))
        assert all(attributes.get("scope") for _, attributes in found.of("th"))
        assert found.of("html")[0][1] == {"lang": "en"}


def test_an_outcome_is_told_by_a_word_and_not_by_its_mark_or_color_alone(keep, written):
    keep("ada", WRONG, OPEN)
    read = written()
    for mark, word in (("✗", "wrong"), ("◧", "corner"), ("·", "not tried")):
        assert f'<b aria-hidden="true">{mark}</b><small>{word}</small></td>' in read("index.html")
    assert "done, of 1" in page(read).text


# The gradebook

CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Week 1 (4711),Final Score
    Points Possible,,,,,10,(read only)
"Lovelace, Ada",101,S1,ada@example.org,"CS, 1",9,90
"Noether, Emmy",102,S2,emmy@example.org,"CS, 1",,
"Doe, Jane",103,S3,jd1@example.org,"CS, 1",,
"Doe, Jane",104,S4,jd2@example.org,"CS, 1",,
"""
MOODLE = """First name,Last name,ID number,Email address,Username,Quiz
Ada,Lovelace,7,ada@example.org,ada,5
Emmy,Noether,,emmy@example.org,emmy,
"""


@pytest.fixture
def roster(tmp_path):
    def saved(text):
        path = tmp_path / "roster.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return saved


def test_without_a_roster_canvas_knows_students_by_name_and_nobody_changes_the_points(keep, written):
    keep("Ada Lovelace", *RIGHT.values())
    keep("Points Possible", WRONG)
    assert written(assignment="Week 2")("grades.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Week 2"],
        ["    Points Possible", "", "", "", "", "3"],
        ["Ada Lovelace", "", "", "", "", "3"],
        ["points possible", "", "", "", "", "0"],
    ]


def test_a_canvas_roster_gives_everybody_their_ids(keep, written, roster):
    keep("lovelaceada_101_9999_softmax", *RIGHT.values())
    keep("Noether_Emmy", RIGHT["softmax"])
    keep("jane doe", WRONG)
    keep("mallory", WRONG)
    read = written(roster=roster(CANVAS))
    assert read("grades.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "attncore"],
        ["    Points Possible", "", "", "", "", "3"],
        ["Lovelace, Ada", "101", "S1", "ada@example.org", "CS, 1", "3"],
        ["Noether, Emmy", "102", "S2", "emmy@example.org", "CS, 1", "1"],
    ]
    text = " ".join(page(read).text.split())
    assert "or because two files are the same person's: jane doe, mallory." in text  # two have that name
    assert "On the roster, with nothing graded: Doe, Jane 103; Doe, Jane 104." in text


def test_two_files_of_one_person_are_counted_for_nobody(keep, written, roster):
    keep("ada", WRONG)
    keep("Ada Lovelace", *RIGHT.values())
    read = written(roster=roster(CANVAS))
    assert len(read("grades.csv")) == 2
    assert "ada, Ada Lovelace." in " ".join(page(read).text.split())


@pytest.mark.parametrize(
    ("file", "whose"),
    [
        ("lovelaceada_101_9001_02_softmax", "lovelaceada_101_"),
        ("lovelaceada_LATE_101_9002_04_dot_product-1", "lovelaceada_101_"),
        ("hw_2026_11_ada", "hw_2026_11_ada"),  # the roster has nobody of that number
        ("Ada Lovelace_7_assignsubmission_file_02_softmax", "Ada Lovelace_7_assignsubmission_file"),
        ("ada", "ada"),
    ],
)
def test_several_files_of_one_person_are_known_by_the_names_that_canvas_and_moodle_give(roster, file, whose):
    canvas = read_roster(roster(CANVAS))
    assert owner(file, canvas) == whose
    assert canvas.find(whose) is canvas.find(file)
    assert "assign" in file or owner(file) == file


def test_a_moodle_roster_gives_no_row_that_moodle_gives_to_somebody_else(keep, written, roster):
    keep("Ada Lovelace_4711_assignsubmission_file_", *RIGHT.values())
    keep("emmy", RIGHT["softmax"])
    keep("mallory", WRONG)
    assert written(roster=roster(MOODLE))("grades.csv") == [
        ["First name", "Last name", "Email address", "Username", "attncore"],  # Emmy has no ID number
        ["Ada", "Lovelace", "ada@example.org", "ada", "3"],
        ["Emmy", "Noether", "emmy@example.org", "emmy", "1"],
    ]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_roster_may_have_other_separators_and_a_mark_at_its_start(roster, separator):
    found = read_roster(roster("\ufeff" + MOODLE.replace(",", separator)))
    assert found.find("emmy")["Email address"] == "emmy@example.org"


@pytest.mark.parametrize("text", ["", "name,grade\nada,1\n", "Student,ID,Section\n"])
def test_a_roster_that_says_nobody_is_refused_before_anything_is_written(keep, written, roster, tmp_path, text):
    keep("ada", WRONG)
    with pytest.raises(Unusable, match=r"roster\.csv (is empty|names nobody)"):
        written(roster=roster(text))
    assert not (tmp_path / "report").exists()


def test_a_roster_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "latin.csv").write_bytes("Student,ID,Section\nZoë,1,A\n".encode("latin-1"))
    with pytest.raises(Unusable, match="isn't UTF-8"):
        read_roster(tmp_path / "latin.csv")
    with pytest.raises(Unusable, match="can't be read: No such file"):
        read_roster(tmp_path / "none.csv")


# On the disk


def test_what_was_there_stays_whole_until_the_new_one_is(results, keep, written, tmp_path, monkeypatch):
    keep("ada", WRONG)
    read = written()
    before = {name: read(name) for name in ("results.csv", "grades.csv", "index.html")}
    keep("bob", WRONG)
    every = list(results.submissions())

    def cut_short():
        yield every[0]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(results, "submissions", cut_short)
    with pytest.raises(OSError, match="No space left"):
        written()
    assert {name: read(name) for name in before} == before
    assert not list((tmp_path / "report").rglob("*.part"))


def test_written_twice_is_written_the_same(keep, written, tmp_path):
    keep("ada", WRONG, OPEN)
    written()
    first = {path: path.read_bytes() for path in (tmp_path / "report").rglob("*.*")}
    written()
    assert {path: path.read_bytes() for path in (tmp_path / "report").rglob("*.*")} == first
    assert len(first) == 4
