"""The walls around a stranger's process, as far as the system has them. It needs neither NumPy nor the course.

Each wall says whether it stands. Nothing here can be undone by whoever is behind it: namespaces of its own, in which
nobody else and no network is seen; no rights of an administrator; files that can be read and none that can be written
(Landlock); calls of the system that are refused (seccomp); and limits of memory, processes and file size.

man 7 user_namespaces, capabilities, landlock; man 2 seccomp, setrlimit.
"""

import contextlib
import ctypes
import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

USERS, PROCESSES_OF_ITS_OWN, MEMORY_OF_ITS_OWN, NETWORK = 0x10000000, 0x20000000, 0x08000000, 0x40000000
EACH_TIME = PROCESSES_OF_ITS_OWN | MEMORY_OF_ITS_OWN  # for unshare; a network without anybody is made once
NO_NEW_RIGHTS, END_WITH_PARENT = (38, 1, 0, 0, 0), (1, 9, 0, 0, 0)  # for prctl
NOT_DUMPABLE, ADOPT = (4, 0, 0, 0, 0), (36, 1, 0, 0, 0)
CAPABILITIES = 0x20080522  # the third version of capset's header

MEMORY, PROCESSES, WRITTEN = 2**30, 16, 0  # beyond what there is before
OPEN = 64  # files; what waits in a pipe or a socket is the system's memory, and in no other bound

# Landlock: what a file may be asked for, of which the first and the third and fourth read and run.
EXECUTE, READ_FILE, READ_FOLDER = 1 << 0, 1 << 2, 1 << 3
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many there are, by Landlock's version; 16 from the fifth on
CREATE, ADD_RULE, RESTRICT = 444, 445, 446  # the same numbers on every processor

REFUSED = (
    *("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"),
    *("execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp"),
    *("socket", "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg"),
    *("mount", "umount2", "move_mount", "open_tree", "fsopen", "fsmount", "pivot_root", "chroot", "unshare", "setns"),
    *("open_by_handle_at", "name_to_handle_at", "memfd_create", "memfd_secret", "userfaultfd"),
    *("sched_setattr", "sched_setparam", "move_pages", "migrate_pages", "process_madvise", "process_mrelease"),
    # What Landlock refuses too, where the system has it: nothing is made, moved or removed.
    *("creat", "mkdir", "mkdirat", "mknod", "mknodat", "link", "linkat", "symlink", "symlinkat", "truncate"),
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir"),
    # Landlock knows nothing of these: a file of ours could be made unreadable.
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
    *("utime", "utimes", "utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat"),
    *("removexattr", "lremovexattr", "fremovexattr", "removexattrat", "file_setattr"),
    *("keyctl", "add_key", "request_key", "bpf", "perf_event_open", "io_uring_setup", "io_uring_enter"),
    *("io_uring_register", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot"),
    *("swapon", "swapoff", "settimeofday", "clock_settime", "adjtimex", "personality", "quotactl", "acct", "syslog"),
    *("shmget", "msgget", "semget", "mq_open", "setpriority", "sched_setaffinity", "sched_setscheduler", "ioprio_set"),
)
ALLOW, REFUSE, UNKNOWN = 0x7FFF0000, 0x00050000, 0x00050000 | 38  # seccomp: EPERM is added to REFUSE; ENOSYS
NOT_EQUAL, MASKED_EQUAL = 1, 7  # how an argument is compared
THREAD = 0x10000  # clone's flag of a thread
WRITING = (os.O_WRONLY, os.O_RDWR, os.O_CREAT, os.O_TRUNC)
# Commands of fcntl and of ioctl that have the system send a signal to another process: F_SETOWN, F_SETSIG, ...
LOWER_HALF = 2**32 - 1  # all that the system looks at of a command
SIGNALING = {"fcntl": (8, 10, 15, 1024, 1026), "ioctl": (0x8901, 0x8902)}

# Not read: the course itself, and folders in which it may lie; Python's own library is named in full.
HIDDEN = ("attncore", "__editable__", "site-packages", "dist-packages", "python")

libc = ctypes.CDLL(None if os.name == "posix" else "msvcrt", use_errno=True)  # on Windows nothing of it is called
OF_THIS_PROCESS = (ctypes.c_uint32 * 2)(CAPABILITIES, 0)
NO_RIGHTS = (ctypes.c_uint32 * 6)()


class Namespaces:
    """Namespaces for the next fork, new ones each time: no other process and no shared memory is seen, and no network.

    Who makes it goes on in a child, in namespaces of which it may make more.
    """

    def __init__(self) -> None:
        self.made = sys.platform == "linux" and libc.unshare(USERS | NETWORK | EACH_TIME) == 0
        if self.made:
            if child := os.fork():
                os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
            libc.prctl(*END_WITH_PARENT)
            self.own = os.pidfd_open(os.getpid())

    def renew(self) -> bool:
        """Let the next fork be the first process of new ones."""
        if not self.made or libc.setns(self.own, PROCESSES_OF_ITS_OWN) != 0:
            return False
        return bool(libc.unshare(EACH_TIME) == 0)


class Limits:
    """Bounds of memory, of processes, and of what is written to files, beyond what there was at the beginning."""

    def __init__(self, memory: int = MEMORY):
        self.bounds: dict[int, int] = {}
        if resource is None:
            return
        self.bounds = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: WRITTEN, resource.RLIMIT_NOFILE: OPEN}
        with contextlib.suppress(OSError, LookupError, ValueError):  # only Linux has these files
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            self.bounds[resource.RLIMIT_AS] = memory + pages * resource.getpagesize()
            threads = int(Path("/proc/loadavg").read_text().split("/")[1].split()[0])
            self.bounds[resource.RLIMIT_NPROC] = PROCESSES + threads

    def restrict(self) -> bool:
        for kind, limit in self.bounds.items():
            with contextlib.suppress(OSError, ValueError):  # a lower limit may hold already
                resource.setrlimit(kind, (limit, limit))
        return resource is not None and resource.RLIMIT_AS in self.bounds


def first_to_go() -> None:
    """Where memory runs out all the same, the system ends this process, and what it forks, before others."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def keep_to_itself() -> None:
    """No other process of this user may look into this one, or into what it forks, or change what is there."""
    if sys.platform == "linux":
        libc.prctl(*NOT_DUMPABLE)


def adopt() -> None:
    """Whatever is left behind by who is forked here becomes a child of this process, wherever it has fled to."""
    if sys.platform == "linux":
        libc.prctl(*ADOPT)


def without_rights() -> bool:
    """Give up every right of an administrator, for good."""
    if sys.platform != "linux" or libc.prctl(*NO_NEW_RIGHTS) != 0:
        return False
    return bool(libc.capset(OF_THIS_PROCESS, NO_RIGHTS) == 0)


class Landlock:
    """The files that may be read, and no others; nothing may be written, and nobody outside be spoken to.

    The rules are made once, and hold from `restrict` on.
    """

    def __init__(self, readable: Iterable[Path]):
        self.rules = -1
        version = libc.syscall(CREATE, None, 0, 1) if sys.platform == "linux" else -1
        if version < 1:
            return
        rights = (1 << FILE_RIGHTS.get(version, 16)) - 1
        network, outside = 3 * (version >= 4), 3 * (version >= 6)  # bind, connect; abstract sockets, signals
        asked = (ctypes.c_uint64 * 3)(rights, network, outside)
        size = 8 * (1 + (version >= 4) + (version >= 6))
        self.rules = libc.syscall(CREATE, asked, size, 0)
        for path in readable:
            self.admit(path)

    def admit(self, path: Path) -> None:
        with contextlib.suppress(OSError):  # it isn't there
            file = os.open(path, os.O_PATH | os.O_CLOEXEC)
            rights = EXECUTE | READ_FILE | READ_FOLDER if path.is_dir() else EXECUTE | READ_FILE
            rule = rights.to_bytes(8, sys.byteorder) + file.to_bytes(4, sys.byteorder)
            libc.syscall(ADD_RULE, self.rules, 1, rule, 0)
            os.close(file)

    def restrict(self) -> bool:
        """After `without_rights`, which it needs."""
        return self.rules >= 0 and libc.syscall(RESTRICT, self.rules, 0) == 0


def readable() -> Iterator[Path]:
    """What Python and its packages need to be read: no package that is the course, and nothing that is no package."""
    paths = sysconfig.get_paths()
    folders = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    for folder in dict.fromkeys(map(Path, [*folders, "/usr/lib", "/usr/lib64"])):
        if folder.is_dir():
            yield from (path for path in folder.iterdir() if not path.name.startswith(HIDDEN))
    yield from map(Path, ("/etc/ld.so.cache", "/usr/share/zoneinfo"))
    yield from map(Path, ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random"))


class Comparison(ctypes.Structure):
    """An argument of a system call, and what it is compared with."""

    _fields_ = [
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("mask", ctypes.c_uint64),
        ("value", ctypes.c_uint64),
    ]


class Program(ctypes.Structure):
    """A program for seccomp, as prctl takes it."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


class Seccomp:
    """System calls that no answer needs, refused. libseccomp knows their numbers on each processor."""

    def __init__(self) -> None:
        self.context: int | None = None
        self.program: ctypes.Array[ctypes.c_char] | None = None
        try:
            self.library = ctypes.CDLL("libseccomp.so.2") if sys.platform == "linux" else None
        except OSError:
            self.library = None
        if self.library is None:
            return
        self.library.seccomp_init.restype = ctypes.c_void_p
        self.context = self.library.seccomp_init(ALLOW)
        for name in REFUSED:
            self.refuse(name)
        self.refuse("clone", Comparison(0, MASKED_EQUAL, THREAD, 0))  # a process, where a thread may be
        for name in ("clone3", "openat2"):  # their flags can't be looked at; who is refused so takes the older one
            self.refuse(name, action=UNKNOWN)
        for flag in WRITING:
            self.refuse("open", Comparison(1, MASKED_EQUAL, flag, flag))
            self.refuse("openat", Comparison(2, MASKED_EQUAL, flag, flag))
        for name, commands in SIGNALING.items():
            for command in commands:
                self.refuse(name, Comparison(1, MASKED_EQUAL, LOWER_HALF, command))
        self.refuse("prlimit64", Comparison(0, NOT_EQUAL, 0))  # another process's limits
        self.program = ctypes.create_string_buffer(self.compiled())
        self.given = Program((len(self.program) - 1) // 8, ctypes.addressof(self.program))

    def refuse(self, name: str, *where: Comparison, action: int = REFUSE | 1) -> None:
        assert self.library
        number = self.library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            comparisons = (Comparison * len(where))(*where)
            context = ctypes.c_void_p(self.context)
            self.library.seccomp_rule_add_array(context, action, number, len(where), comparisons)

    def compiled(self) -> bytes:
        """What the kernel is given: a program of eight bytes an instruction."""
        if self.library is None:
            return b""
        with tempfile.TemporaryFile() as file:
            self.library.seccomp_export_bpf(ctypes.c_void_p(self.context), file.fileno())
            file.seek(0)
            return file.read()

    def restrict(self) -> bool:
        """After `without_rights`, which it needs."""
        return bool(self.program) and libc.prctl(22, 2, ctypes.byref(self.given), 0, 0) == 0


class Walls:
    """All walls but the namespaces; made once, for every process that is forked then."""

    def __init__(self) -> None:
        first_to_go()
        keep_to_itself()
        self.limits, self.landlock, self.seccomp = Limits(), Landlock(readable()), Seccomp()

    def stand(self) -> dict[str, bool]:
        """Put them up around this process, and say which of them hold."""
        held = {"limits": self.limits.restrict(), "no rights": without_rights()}
        return held | {"Landlock": self.landlock.restrict(), "seccomp": self.seccomp.restrict()}
