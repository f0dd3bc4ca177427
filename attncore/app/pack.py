"""`attncore pack`: a folder from which a room without internet installs the course.

It holds the wheels for every system and Python that was named, the course's own among them, course.py, the constraints,
and a page that says how to begin. `python -m http.server` serves it, and on a stick it works as a plain folder.

pip fetches wheels for other systems, but it reads a condition such as "on Windows only" for the machine that it runs
on. So the requirements are followed here, under the target's conditions, and pip fetches what is named and no more.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import distributions, metadata
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import InvalidWheelFilename, NormalizedName, canonicalize_name, parse_wheel_filename

from attncore.app.places import COURSE

SOURCES = ("attncore", "notebooks", "solutions", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
COMMON = ("linux", "macos", "windows")
BESIDE = ("course.py", "constraints.txt")  # what goes into a pack beside the wheels
WRITTEN = ("index.html", "pack.json")
TEMPLATE = Path(__file__).with_name("pack.html")
ROOTS = ("attncore", "setuptools")  # with setuptools, a clone can be installed from a pack too
GLIBC = range(28, 4, -1)  # the minor numbers of glibc: 2.28, as in Debian 10, runs what was built for older ones

UNDATED = {"SOURCE_DATE_EPOCH": "315532800"}  # 1980, where a zip's calendar begins: the same course, the same wheel

TROUBLES = {  # what pip says, and what it means; the first that fits
    r"no space left|not enough space|quota exceeded": "The disk is full: free about 1 GB and run this again.",
    r"NewConnectionError|ConnectTimeout|connection (broken|refused|reset|error|to .* timed out)|name resolution"
    r"|failed to fetch|dns error": "The packages could not be fetched: check the network and run this again.",
}


class Stop(Exception):
    """The one sentence with which the command gives up."""


@dataclass(frozen=True)
class System:
    """What wheels and requirements need to know of a system."""

    title: str
    os_name: str
    sys_platform: str
    platform_system: str
    machine: str
    wheels: tuple[str, ...]  # the platforms of wheels that run there, best first


def linux(architecture: str) -> System:
    numbers = [f"manylinux_2_{minor}" for minor in GLIBC] + ["manylinux2014", "manylinux2010", "manylinux1"]
    wheels = tuple(f"{number}_{architecture}" for number in numbers)
    return System(f"Linux ({architecture})", "posix", "linux", "Linux", architecture, wheels)


SYSTEMS = {
    "linux": linux("x86_64"),
    "linux-arm": linux("aarch64"),
    "macos": System(
        "macOS (Apple silicon)", "posix", "darwin", "Darwin", "arm64", tuple(mac_platforms((11, 0), "arm64"))
    ),
    "windows": System("Windows", "nt", "win32", "Windows", "AMD64", ("win_amd64",)),
}


@dataclass(frozen=True)
class Target:
    """A system and a Python, such as 3.12, for which a pack has wheels."""

    system: System
    python: str

    def __str__(self) -> str:
        return f"Python {self.python} on {self.system.title}"

    @cached_property
    def tags(self) -> frozenset[Tag]:
        """The tags of the wheels that can be installed there."""
        python, platforms = tuple(map(int, self.python.split("."))), self.system.wheels
        name = "cp" + self.python.replace(".", "")
        own = cpython_tags(python, abis=[name], platforms=platforms)
        return frozenset([*own, *compatible_tags(python, interpreter=name, platforms=platforms)])

    def environments(self) -> Iterator[dict[str, str]]:
        """What conditions are read against: some ask for a patch release, so for the first and for a late one."""
        for patch in (0, 99):
            yield {
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
                "os_name": self.system.os_name,
                "sys_platform": self.system.sys_platform,
                "platform_system": self.system.platform_system,
                "platform_machine": self.system.machine,
                "platform_release": "",
                "platform_version": "",
                "python_version": self.python,
                "python_full_version": f"{self.python}.{patch}",
                "implementation_version": f"{self.python}.{patch}",
                "extra": "",
            }


def pack(folder: Path, systems: Sequence[str] = (), pythons: Sequence[str] = ()) -> int:
    """Fill a folder with what a room needs; return the exit status.

    Nobody knows beforehand what a room brings along, so without names it's for the common systems and every Python that
    the course runs on.
    """
    try:
        fill(folder, list(named(systems or COMMON, pythons or known_pythons())))
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 1
    except OSError as error:
        print(explained(str(error)) or f"The pack can't be made: {error.strerror}: {error.filename}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    print(told(folder))
    return 0


def told(folder: Path) -> str:
    """What to do with a pack."""
    python = "py" if os.name == "nt" else "python3"
    size = sum(path.stat().st_size for path in folder.iterdir())
    return (
        f"The pack is in {folder}: {len(list(folder.glob('*.whl')))} wheels, {size / 1e6:.0f} MB. Serve it with\n\n"
        f'    {python} -m http.server --directory "{folder}"\n\n'
        "and let the room open http://ADDRESS:8000, where ADDRESS is this machine's in the room's network. "
        "The page says the rest."
    )


def named(systems: Sequence[str], pythons: Sequence[str]) -> Iterator[Target]:
    """Every system with every Python. Raises Stop for names that mean none, or none that the course runs on."""
    allowed = SpecifierSet(metadata("attncore")["Requires-Python"])
    for python in pythons:
        if not re.fullmatch(r"3\.\d{1,3}", python) or python not in allowed:
            raise Stop(f"The course runs on Python {listed(known_pythons(), 'and')}; {python} is none of them.")
    for system in systems:
        if system not in SYSTEMS:
            raise Stop(f"Packs can be made for {listed(list(SYSTEMS), 'and')}; {system} is none of them.")
        yield from (Target(SYSTEMS[system], python) for python in pythons)


def known_pythons() -> list[str]:
    """The versions of Python that the course names as its own."""
    words = "Programming Language :: Python :: 3."
    return [line.rpartition(" ")[2] for line in metadata("attncore").get_all("Classifier") or [] if words in line]


def fill(folder: Path, targets: list[Target]) -> None:
    """Make the pack. What an earlier run fetched is kept, and what no target needs goes."""
    course = checkout()
    claim(folder)
    own, installer = build(course, folder), one_wheel(folder, "pip itself", "--only-binary", ":all:", "pip")
    name, number, _ = parsed(own.name)
    wheels = {own, installer}
    for target in targets:
        print(f"{target} ...", file=sys.stderr, flush=True)
        for environment in target.environments():
            wheels |= gather(folder, target, environment, pins(course, environment) | {name: number})
    for path in folder.glob("*.whl"):
        if path not in wheels:
            path.unlink()
    for beside in BESIDE:
        shutil.copy(course / beside, folder)
    (folder / "index.html").write_text(page(number, targets, sorted(path.name for path in wheels)), encoding="utf-8")
    (folder / "pack.json").write_text(
        json.dumps(contents(course, own, installer, targets), indent=1) + "\n", encoding="utf-8"
    )


def checkout() -> Path:
    """The folder of the course. Raises Stop where the course was installed from a wheel, which has no course.py."""
    if COURSE is None:
        raise Stop(
            "A pack is made from the course's own folder, with course.py in it: clone the course and run it there."
        )
    return COURSE


def claim(folder: Path) -> None:
    """Take a folder that is new, empty or a pack; until it's filled, it is none. Raises Stop for any other."""
    folder.mkdir(parents=True, exist_ok=True)
    strange = [path.name for path in folder.iterdir() if path.suffix != ".whl" and path.name not in BESIDE + WRITTEN]
    if strange:
        raise Stop(f"{folder} holds other things, such as {min(strange)}: name a folder that is new or empty.")
    (folder / "pack.json").unlink(missing_ok=True)


def build(course: Path, folder: Path) -> Path:
    """The course's own wheel, built from a copy: a build leaves its files where it runs."""
    with TemporaryDirectory() as copy:
        for source in map(course.joinpath, SOURCES):
            if source.is_dir():
                shutil.copytree(source, Path(copy, source.name), ignore=shutil.ignore_patterns("__pycache__", ".*"))
            else:
                shutil.copy(source, copy)
        return one_wheel(folder, "the course's own wheel", copy)


def one_wheel(folder: Path, what: str, *asked: str) -> Path:
    """The one wheel that pip builds or fetches of what it is asked for."""
    with TemporaryDirectory() as place:
        run(["wheel", "--no-deps", "--wheel-dir", place, *asked], what)
        (wheel,) = Path(place).glob("*.whl")
        return Path(shutil.copy(wheel, folder))


def pins(course: Path, environment: dict[str, str]) -> dict[NormalizedName, str]:
    """Of each package, the version that the constraints ask for under these conditions."""
    lines = (course / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {
        canonicalize_name(pin.name): str(pin.specifier).removeprefix("==")
        for pin in pinned
        if pin.marker is None or pin.marker.evaluate(environment)
    }


def gather(folder: Path, target: Target, environment: dict[str, str], pinned: dict[NormalizedName, str]) -> set[Path]:
    """Fetch the wheels that the course needs on a target, and all that these need in turn."""
    wheels: dict[NormalizedName, Path] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(name) for name in ROOTS]
    while waiting:
        names = {canonicalize_name(requirement.name) for requirement in waiting} - wheels.keys()
        wheels |= fetch(folder, target, environment, {name: pinned_version(name, pinned) for name in names})
        following: list[Requirement] = []
        for requirement in waiting:
            name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
            if (name, extras) not in seen:
                seen.add((name, extras))
                following += needed(wheels[name], extras, environment)
        waiting = following
    return set(wheels.values())


def pinned_version(name: NormalizedName, pinned: dict[NormalizedName, str]) -> str:
    if name not in pinned:
        raise Stop(f"constraints.txt has no version of {name}, which the course needs: compile it anew.")
    return pinned[name]


def needed(wheel: Path, extras: Iterable[str], environment: dict[str, str]) -> Iterator[Requirement]:
    """What a wheel requires under these conditions."""
    (distribution,) = distributions(path=[str(wheel)])
    for requirement in map(Requirement, distribution.requires or []):
        marker = requirement.marker
        if marker is None or any(marker.evaluate(environment | {"extra": extra}) for extra in {"", *extras}):
            yield requirement


def fetch(
    folder: Path, target: Target, environment: dict[str, str], versions: dict[NormalizedName, str]
) -> dict[NormalizedName, Path]:
    """The wheels of these versions that can be installed on the target, fetched where they aren't in the folder yet."""
    found = in_folder(folder, target, versions)
    missing = sorted(versions.keys() - found.keys())
    if missing:
        platforms = [argument for platform in target.system.wheels for argument in ("--platform", platform)]
        python = ["--implementation", "cp", "--python-version", environment["python_full_version"]]
        named = [f"{name}=={versions[name]}" for name in missing]
        options = ["--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
        run(["download", *options, *platforms, *python, *named], str(target))
        found = in_folder(folder, target, versions)
        for name in versions.keys() - found.keys():
            raise Stop(no_wheel(name, versions[name], target))
    return found


def no_wheel(name: str, number: str, what: object) -> str:
    return f"{name} {number} has no wheel for {what}. Leave that system or Python out."


def in_folder(folder: Path, target: Target, versions: dict[NormalizedName, str]) -> dict[NormalizedName, Path]:
    """Of these versions, the wheels in the folder that can be installed on the target."""
    found = {}
    for path in sorted(folder.glob("*.whl")):
        name, number, tags = parsed(path.name)
        if versions.get(name) == number and tags & target.tags:
            if zipfile.is_zipfile(path):
                found[name] = path
            else:
                path.unlink()  # cut short by a disk that was full, or a kill
    return found


@cache
def parsed(filename: str) -> tuple[NormalizedName, str, frozenset[Tag]]:
    """What a wheel's name says: the package, its version, and where it can be installed."""
    try:
        name, number, _, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename:
        raise Stop(f"{filename} is no name of a wheel: take it out of the folder and run this again.") from None
    return name, str(number), tags


def pip() -> list[str]:
    """The command that is pip: this environment's, or, where uv made the environment without one, that of uv."""
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "--python", sys.executable, "pip"]
    raise Stop("Neither pip nor uv is here to fetch the packages: install one of them and run this again.")


def run(arguments: list[str], what: str) -> None:
    """Run a command of pip's; where it fails, stop and say why."""
    command = [*pip(), arguments[0], "--no-input", "--disable-pip-version-check", "--retries", "2", *arguments[1:]]
    done = subprocess.run(
        command,
        env=os.environ | UNDATED,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()] or [f"status {done.returncode}"]
        last = ([line for line in lines if line.startswith("ERROR:")] or lines)[-1][-200:]
        if sentence := explained(done.stdout):
            raise Stop(f"{sentence} ({last})")
        if lacking := re.search(r"No matching distribution found for (\S+)==(\S+)", done.stdout):
            raise Stop(no_wheel(lacking[1], lacking[2], what))
        raise Stop(f"pip did not get what it needs for {what}. ({last})")


def explained(output: str) -> str:
    """The sentence for what an installer or the system says, or nothing."""
    return next((told for pattern, told in TROUBLES.items() if re.search(pattern, output, re.IGNORECASE)), "")


def contents(course: Path, own: Path, installer: Path, targets: list[Target]) -> dict[str, object]:
    """What course.py reads of a pack before it installs from it."""
    return {
        "edition": edition(course),
        "wheel": {"name": own.name, "sha256": hashlib.sha256(own.read_bytes()).hexdigest()},
        "pip": installer.name,  # for a Python that came without one
        "for": [[target.system.sys_platform, target.system.machine, target.python] for target in targets],
    }


def edition(course: Path) -> str:
    """The hash by which course.py knows whether a pack has what its own folder asks for."""
    content = b"".join((course / name).read_bytes() for name in ("pyproject.toml", "constraints.txt"))
    return hashlib.sha256(content).hexdigest()


def page(version: str, targets: list[Target], wheels: list[str]) -> str:
    """The page that a learner opens first. The links on it are what pip and uv look for."""
    from jinja2 import Environment

    template = Environment(autoescape=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
    systems = list(dict.fromkeys(target.system for target in targets))
    return template.render(
        version=version,
        systems=listed([system.title for system in systems]),
        pythons=listed(list(dict.fromkeys(target.python for target in targets))),
        starts=list(dict.fromkeys(start(system) for system in systems)),
        wheels=wheels,
    )


def listed(words: list[str], joint: str = "or") -> str:
    return f" {joint} ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def start(system: System) -> tuple[str, tuple[str, ...]]:
    """The name of a system, and the three lines that start the course there."""
    name = {"nt": "Windows (PowerShell)"}.get(system.os_name, "macOS and Linux")
    curl, python = ("curl.exe", "py") if system.os_name == "nt" else ("curl", "python3")
    get = f"{curl} -O ADDRESS/course.py"
    return name, ("mkdir attention; cd attention", get, f"{python} course.py lab --from ADDRESS")
