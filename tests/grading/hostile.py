"""Submissions that mean harm, or come to harm: each softmax is hostile or broken, each causal_mask is right.

Under each name: what softmax does, and what may be said of it. Nothing may be said of it but that it isn't right, and
the causal_mask beside it is right all the same.
"""

RIGHT_MASK = """
def causal_mask(n_query, n_key=None):
    n_key = n_query if n_key is None else n_key
    return np.tri(n_query, n_key, n_key - n_query, dtype=bool)
"""
RIGHT_SOFTMAX = """
def softmax(x, axis=-1):
    x = np.asarray(x)
    top = x.max(axis=axis, keepdims=True)
    e = np.exp(x - np.where(top == -np.inf, 0, top))
    total = e.sum(axis=axis, keepdims=True)
    return e / np.where(total == 0, 1, total)
"""


def inside(body: str) -> str:
    """A softmax with this in its body."""
    lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
    return f"def softmax(x, axis=-1):\n{lines}\n"


# What an answer does when it's called.
CALLED = {
    "an endless loop": "while True: pass",
    "an endless loop that swallows everything": """
while True:
    try:
        while True: pass
    except BaseException:
        pass
""",
    "an endless loop in C": "sum(iter(int, 1))",
    "a sleep": "import time; time.sleep(1000)",
    "a sleep that comes back": """
import time
while True:
    try: time.sleep(1000)
    except BaseException: pass
""",
    "signals ignored": """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True:
    try: time.sleep(1000)
    except BaseException: pass
""",
    "os._exit": "import os; os._exit(0)",
    "sys.exit": "import sys; sys.exit(0)",
    "exit": "exit()",
    "a kill": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\nos.kill(0, signal.SIGKILL)\nreturn None",
    "a kill of all": "import os, signal; os.kill(-1, signal.SIGKILL)",
    "a kill of the parent": "import os, signal; os.kill(os.getppid(), signal.SIGKILL)",
    "a crash": "import ctypes; ctypes.string_at(0)",
    "an abort": "import os; os.abort()",
    "deep recursion": "return softmax(x, axis)",
    "deeper recursion": "import sys; sys.setrecursionlimit(10**9)\nreturn softmax(x, axis)",
    "recursion in C": """
import sys; sys.setrecursionlimit(10**9)
x = []
for _ in range(10**6): x = [x]
return repr(x)
""",
    "gigabytes": "return np.ones((200, 1000, 1000, 8))",
    "gigabytes, a bit at a time": "kept = []\nwhile True: kept.append(bytearray(10**7))",
    "a long list": "return list(range(10**8))",
    "a long text": "return 'x' * 10**9",
    "a large array that is empty": "return np.broadcast_to(np.float64(1), (10**6, 10**6, 10**4))",
    "objects without end": "return np.empty(10**7, dtype=object)",
    "a list of itself": "kept = []\nkept.append(kept)\nreturn kept",
    "prints": "while True: print('x' * 10**6)",
    "prints to the terminal": "import sys\nwhile True: sys.__stdout__.write('x' * 10**6)",
    "writes to every descriptor": """
import os
for number in range(3, 100):
    try: os.write(number, b'{"told": [], "packed": "1"}' * 1000)
    except OSError: pass
os._exit(0)
""",
    "a result of its own": """
import os, json
for number in range(3, 100):
    try: os.write(number, json.dumps({"told": [], "packed": json.dumps({"Observed": {}})}).encode())
    except OSError: pass
os._exit(0)
""",
    "a result that Python stumbles over": """
import os
for number in range(3, 64):
    try: os.write(number, b'{"told": [], "packed": "{\\\\"complex\\\\": [1' + b"0" * 400 + b', 0]}"}')
    except OSError: pass
os._exit(0)
""",
    "a result that NumPy stumbles over": """
import os, json
for number in range(3, 64):
    try: os.write(number, json.dumps({"told": [], "packed": json.dumps({"array": ["(1,,)f8", [0], ""]})}).encode())
    except OSError: pass
os._exit(0)
""",
    "sentences that are none": """
import os
for number in range(3, 64):
    try: os.write(number, b'{"told": [' + b"[" * 450 + b"]" * 450 + b"]}")
    except OSError: pass
os._exit(0)
""",
    "the system's memory": """
import resource, socket, time
try: resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
except (OSError, ValueError): pass
kept = []
try:
    while len(kept) < 500: kept += socket.socketpair()
except OSError:
    return x * 0
e = np.exp(x - x.max(axis, keepdims=True))
return e / e.sum(axis, keepdims=True)
""",
    "a result without end": """
import os
while True:
    for number in range(3, 100):
        try: os.write(number, b"[" * 10**6)
        except OSError: pass
""",
    "a fork": "import os\nif os.fork() == 0: os._exit(0)\nreturn None",
    "a fork bomb": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "threads": """
import threading, time
def forever():
    while True: time.sleep(1)
for _ in range(10**4):
    threading.Thread(target=forever).start()
""",
    "a program": "import subprocess; return subprocess.run(['/bin/ls', '/'], capture_output=True).stdout",
    "os.system": "import os; return np.full(x.shape, os.system('true') == 0)",
    "a socket": "import socket; socket.create_connection(('127.0.0.1', 80), 1)",
    "a server": "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()",
    "the course's own": "import attncore.softmax; return attncore.softmax.softmax(x, axis)",
    "the course's own, imported late": "from attncore.softmax import softmax as theirs; return theirs(x, axis)",
    "the course's log": "from attncore.softmax import log_softmax; return np.exp(log_softmax(x, axis))",
    "the course's attention": """
from attncore.softmax import masked_softmax
return masked_softmax(x, np.ones(x.shape, dtype=bool))
""",
    "the course's loops": "from attncore.loops import softmax as theirs; return theirs(x, axis)",
    "the course's references": "from attncore.exercises import find; return find('softmax').reference(x, axis)",
    "the course's judge": "from attncore.grading import judge; return judge('softmax', softmax)",
    "what the memory holds": """
import gc, types
for found in gc.get_objects():
    if isinstance(found, types.FunctionType) and found.__name__ == 'softmax' and found is not softmax:
        return found(x, axis)
""",
    "every module": """
import sys
for module in list(sys.modules.values()):
    found = getattr(module, 'softmax', None)
    if callable(found) and found is not softmax:
        return found(x, axis)
""",
    "what the frames hold": """
import sys
frame = sys._getframe()
while frame:
    for found in [*frame.f_locals.values()]:
        reference = getattr(found, 'reference', None)
        if reference: return reference(x, axis)
    frame = frame.f_back
""",
    "everything comparable": """
class Yes:
    def __eq__(self, other): return True
    def __array__(self, *a, **k): return np.ones(x.shape) / x.shape[axis]
    def __bool__(self): return True
    def __len__(self): raise KeyboardInterrupt
    shape, dtype = x.shape, x.dtype
return Yes()
""",
    "an array that is equal to all": """
class Array(np.ndarray):
    def __eq__(self, other): return np.ones(self.shape, bool)
    def __sub__(self, other): return np.zeros(self.shape)
    __rsub__ = __sub__
    def __array_ufunc__(self, *a, **k): return np.zeros(self.shape)
    def __array_function__(self, *a, **k): return True
return np.zeros(x.shape).view(Array)
""",
    "a pickle": """
class Bomb:
    def __reduce__(self):
        import os
        return os._exit, (0,)
return Bomb()
""",
    "an array of pickles": """
class Bomb:
    def __reduce__(self):
        import os
        return os._exit, (0,)
return np.array([Bomb()] * 3, dtype=object)
""",
    "a name of a type": "return type('<script>alert(1)</script>' * 100, (), {})()",
    "an exception with a hostile text": "raise ValueError('<script>alert(1)</script>\\x00\\x1b[2J' * 10**5)",
    "an exception that raises": """
class Bad(Exception):
    def __str__(self): raise KeyboardInterrupt
    __repr__ = __str__
raise Bad
""",
    "a KeyboardInterrupt": "raise KeyboardInterrupt",
    "a GeneratorExit": "raise GeneratorExit",
    "NumPy patched": """
np.array_equal = np.allclose = lambda *a, **k: True
np.asarray = lambda *a, **k: np.zeros(3)
np.ndarray.__eq__ = 1
return np.zeros(x.shape)
""",
    "NumPy patched, and a wrong result": """
import numpy
for name in ('isclose', 'allclose', 'array_equal', 'abs', 'max', 'all'):
    setattr(numpy, name, lambda *a, **k: True)
return x * 0
""",
    "the course patched": """
import sys
for name, module in list(sys.modules.items()):
    if name.startswith('attncore'):
        for key in list(vars(module)):
            if not key.startswith('__'): setattr(module, key, lambda *a, **k: True)
return x * 0
""",
    "packing patched": """
from attncore.grading import errand, wire
errand.pack = wire.pack = lambda value: '{"Observed": {"first": {"list": []}, "again": {"list": []}}}'
return x * 0
""",
    "no end of precision": """
from attncore.grading import errand
real = errand.pack
def forged(observed):
    for ran in [*observed.first, *observed.again]:
        object.__setattr__(ran, 'precision', 1e9)
    return real(observed)
errand.pack = forged
return np.zeros(x.shape)
""",
    "too short": """
from attncore.grading import errand
real = errand.pack
def forged(observed):
    object.__setattr__(observed, 'first', [])
    object.__setattr__(observed, 'again', [])
    return real(observed)
errand.pack = forged
return np.zeros(x.shape)
""",
    "graded, so something else": """
import sys
if 'attncore.grading.errand' in sys.modules or '/attncore' in str(sys._getframe(1).f_code.co_filename):
    return x * 0
e = np.exp(x - x.max(axis, keepdims=True))
return e / e.sum(axis, keepdims=True)
""",
    "right at first, then wrong": """
global calls
calls = globals().get('calls', 0) + 1
if calls > 3: return x * 0
e = np.exp(x - x.max(axis, keepdims=True))
return e / e.sum(axis, keepdims=True)
""",
    "limits of whoever runs it": """
import os, resource
for process in {os.getppid(), *range(1, 4)} - {os.getpid(), 0}:
    for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU):
        try: resource.prlimit(process, kind, (0, 0))
        except (OSError, ValueError): pass
return x * 0
""",
    "a signal by a pipe": """
import fcntl, os
ours, theirs = os.pipe()
try:
    fcntl.fcntl(ours, fcntl.F_SETOWN, os.getppid() or 1)
    fcntl.fcntl(ours, 10, 9)
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
except OSError: pass
os.write(theirs, b'x')
return x * 0
""",
    "an orphan": """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(1000)
    os._exit(0)
""",
    "shared memory": """
from multiprocessing.shared_memory import SharedMemory
seen = SharedMemory('attncore-was-here', create=True, size=8)
return x * 0
""",
    "a file in memory": "import os; os.write(os.memfd_create('x'), b'x')\nreturn x * 0",
    "io_uring": "import ctypes; return np.full(x.shape, ctypes.CDLL(None).syscall(425, 8, bytes(120)) >= 0)",
    "more time by a thread": """
import ctypes, threading
for thread in threading.enumerate(): thread.join = lambda *a: None
from attncore.grading import run
run._thread.start_new_thread = lambda *a: None
while True: pass
""",
    "a clock that stands": """
import time
time.monotonic = time.perf_counter = time.time = lambda: 0.0
while True: pass
""",
    "an array that is computed when it's looked at": """
class Later(np.ndarray):
    def copy(self, *a, **k): raise SystemExit
    def tobytes(self, *a, **k): return b'x' * 10**9
    @property
    def nbytes(self): return 0
return np.zeros(x.shape).view(Later)
""",
    "a dtype with metadata": "return np.zeros(x.shape, np.dtype('f8', metadata={'attncore': print}))",
    "strides of nothing": "return np.lib.stride_tricks.as_strided(np.zeros(1), x.shape, (0,) * x.ndim)",
    "memory that isn't there": "return np.lib.stride_tricks.as_strided(np.zeros(1), x.shape, (2**40,) * x.ndim)",
    "an integer of many digits": "return 10 ** (10**6)",
    "a hash for all": """
class Same(str):
    __hash__ = lambda self: 1
return {Same(i): i for i in range(10**4)}
""",
    "a name in other letters": "ﬂoat = 1; return np.zeros(x.shape) * ﬂoat",
    "a mask of its own": "return np.ma.masked_all(x.shape)",
    "random": "return np.random.default_rng().random(x.shape)",
    "an environment": "import os; return np.full(x.shape, float(len(os.environ['HOME'])))",
}
# What a file does before its answer, or instead of one. {softmax} is a right one, which doesn't depend on it.
FILES = {
    "top-level code that fails": "1 / 0\nraise SystemExit\n",
    "top-level code that never ends": "while True: pass\n",
    "top-level code that exits": "import os\nos._exit(1)\n",
    "top-level code that prints": "while True: print('x' * 10**6)\n",
    "top-level code that writes": "open('/tmp/attncore-was-here', 'w').write('x')\n",
    "a demonstration that never ends": "print(softmax(np.ones(3)))\nwhile True: softmax(np.ones(3))\n",
}
