"""Objects that their own way of being pickled would change come back as they were."""

from __future__ import annotations

from typing import Any

import pytest

from nbprod.worker import hashing, snapshot
from nbprod.worker.buffers import Buffers

CASES = {
    "what lru_cache remembers": (
        "from functools import lru_cache, cache\ncalls = []\n"
        "@lru_cache(maxsize=3, typed=True)\ndef f(x, y=0):\n    calls.append((x, y))\n    return [x]\n"
        "@cache\ndef g(*a, **k):\n    calls.append('g')\n    return {}\n"
        "f(1); f(1.0); f(2, y=3); r = f(5, 6); f(5, 6); q = g(1, 'a', z=3); info = f.cache_info()",
        "assert f.cache_info() == info and f(1.0) == [1.0] and f(2, y=3) == [2] and f(5, 6) is r\n"
        "assert g(1, 'a', z=3) is q and calls == [(1, 0), (1.0, 0), (2, 3), (5, 6), 'g'], calls",
    ),
    "views of dicts": (
        "from collections import OrderedDict\nimport types\nd = {'a': 1}\nv, w = d.items(), d.values()\n"
        "o = OrderedDict(a=1)\nk = o.keys()\np = types.MappingProxyType(d)",
        "d['b'] = o['b'] = 2\nassert list(v) == [('a', 1), ('b', 2)] and list(w) == [1, 2] and list(k) == ['a', 'b']\n"
        "assert p['b'] == 2",
    ),
    "exceptions": (
        "class Own(Exception):\n    def __init__(self, a, *, b):\n        super().__init__('msg')\n        self.a, self.b = a, b\n"
        "try:\n    try: 1 / 0\n    except ZeroDivisionError as e: raise Own(1, b=2) from e\nexcept Own as e: e1 = e\n"
        "try: open('/nope')\nexcept OSError as e: e2 = e\n"
        "try: '\\udc80'.encode()\nexcept UnicodeEncodeError as e: e3 = e",
        "assert (e1.a, e1.b, str(e1)) == (1, 2, 'msg') and isinstance(e1.__cause__, ZeroDivisionError)\n"
        "assert e2.errno == 2 and e2.filename == '/nope' and type(e2) is FileNotFoundError and e3.start == 0",
    ),
    "attributes that __getstate__ drops": (
        "class A:\n    def __init__(self): self.x, self.cache = [1], {}\n    def __getstate__(self): return {'x': self.x}\n"
        "    def __setstate__(self, s): self.__dict__.update(s); self.cache = {}\na = A()\na.cache['k'] = a.x",
        "assert a.cache == {'k': [1]} and a.cache['k'] is a.x",
    ),
    "a lock that __getstate__ drops": (
        "import threading\nclass A:\n    def __init__(self): self.x, self.lock = [1], threading.Lock()\n"
        "    def __getstate__(self): return self.x\n"
        "    def __setstate__(self, x):\n        import threading\n        self.x, self.lock = x, threading.Lock()\na = A()\nx = a.x",
        "assert a.x is x and a.lock.acquire()",
    ),
    "arrays of other classes": (
        "import numpy as np\nclass A(np.ndarray): pass\nbase = np.arange(6.0)\na = base.view(A)\na.info = [1]\n"
        "ma = np.ma.array(base, mask=[0, 0, 1, 0, 0, 0], copy=False, fill_value=9)\n"
        "st = np.zeros(3, dtype=[('k', 'i4')])\nrec = st.view(np.recarray)\nnone = np.ma.masked",
        "base[0], st['k'][0] = 7, 3\nassert a[0] == ma[0] == 7 and rec.k[0] == 3 and type(rec) is np.recarray\n"
        "assert type(a) is A and a.info == [1] and ma.fill_value == 9 and ma[2] is none is np.ma.masked",
    ),
    "attributes set on frames": (
        "import pandas as pd\ndf = pd.DataFrame({'a': [1]})\ndf.name = 'train'\ns = pd.Series([1], name='q')\nnote = s.note = [1]",
        "assert df.name == 'train' and s.note is note and s.name == 'q' and not hasattr(df.copy(), 'name')",
    ),
    "arrays that own their memory": (
        "import numpy as np\na, b = np.zeros(9), np.asfortranarray(np.arange(6.0).reshape(2, 3))\n"
        "t, z, e, v = np.array(['2020'], 'M8[D]'), np.array(3.0), np.zeros((0, 2)), np.zeros((3, 3))[1:]",
        "for x in (a, t): x.resize(5, refcheck=False)\nassert a.shape == t.shape == (5,) and b.flags.f_contiguous\n"
        "assert b.flags.owndata and z.shape == () and e.shape == (0, 2) and not v.flags.owndata",
    ),
    "memory lent to arrays": (
        "import array\nimport numpy as np\nb, d = bytearray(8), array.array('d', [1, 2])\na = np.frombuffer(b, 'u1')\n"
        "m, v = np.frombuffer(memoryview(b)[4:], 'u2'), a[::-2]\ne, f = np.frombuffer(d), np.asarray(d)",
        "b[7], b[4], d[1] = 5, 3, 9\nassert a[7] == v[0] == 5 and m[0] == 3 and e[1] == f[1] == 9\na[0] = 1\nassert b[0] == 1",
    ),
    "the order in a class": (
        "import abc, dataclasses\nclass C:\n    z = 1\n    def b(self): return 1\n    __hash__ = None\n    a = 2\nC.w = 3\n"
        "class D(C):\n    'doc'\n    __slots__ = ('q', 'p')\n    y = 1\n    def __init__(self): self.q = 4\n"
        "@dataclasses.dataclass\nclass E:\n    b: int\n    a: int = 3\n"
        "class F(abc.ABC):\n    z = 1\n    @abc.abstractmethod\n    def a(self): ...\norder = [list(vars(k)) for k in (C, D, E, F)]",
        "assert order == [list(vars(k)) for k in (C, D, E, F)]\n"
        "assert D().q == 4 and D.__doc__ == 'doc' and D().b() == 1 and C.__hash__ is None and E(1) == E(1, 3)",
    ),
    "objects whose class has a __new__": (
        "import abc\nclass C(abc.ABC):\n    made = 0\n    def __new__(k, x):\n        k.made += 1\n        return super().__new__(k)\n"
        "    def __init__(self, x): self.x = x\nclass L(list):\n    def __new__(k, *a): return super().__new__(k, *a)\n"
        "c, e, b = C(1), C(2), L([1])\nc.other = e",
        "assert C.made == 2 and c.other is e and (c.x, e.x) == (1, 2) and b == [1] and type(b) is L and type(c) is C",
    ),
    "classes made by a metaclass": (
        "class M(type):\n    made = []\n    def __new__(m, n, b, d):\n        m.made.append(n)\n        return super().__new__(m, n, b, d)\n"
        "class A(metaclass=M): pass\nclass B:\n    made = []\n    def __init_subclass__(cls, **k): B.made.append(cls)\nclass C(B): pass",
        "assert M.made == ['A'] and type(A) is M and B.made == [C]\nclass D(C): pass\nassert B.made == [C, D]",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_as_they_were(case: str, tmp_path):
    made, asked = CASES[case]
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(made, space)
    names = sorted(space.keys() - {"__name__", "__builtins__"})
    before = hashing.group_content({name: space[name] for name in names})
    buffers = Buffers(str(tmp_path))
    groups, unstorable = snapshot.save(space, names, [], buffers)
    assert not unstorable
    loaded: dict[str, Any] = {"__name__": "__main__"}
    snapshot.load(groups, None, loaded, buffers)
    assert hashing.group_content({name: loaded[name] for name in names}) == before
    exec(asked, loaded)
