"""More statements: classes, libraries, files, state outside variables, magics; see `forms`."""

from __future__ import annotations

CLASSES = """
class {+cls}:
    def __init__(self, xs):
        self.xs = xs
        self.n = 0
    def up(self):
        self.n += 1
        self.xs.append(self.n)

class {+ccls}:
    total = 0
    seen = []
    def __init__(self, xs):
        self.xs = xs
        self.n = 1
        {self}.total += 1
    def up(self):
        self.n += 1
        self.seen.append(self.n)
        type(self).total += 1

class {+ccls}:
    total = {num}
    seen = {list}
    def __init__(self, xs, n={num}):
        self.xs, self.n = xs, n
    def up(self):
        {self}.seen.append(self.n)
        return self
    @classmethod
    def bump(cls):
        cls.total += 1
    @staticmethod
    def size(v):
        return v + {int}

from dataclasses import dataclass, field
@dataclass
class {+cls}:
    xs: list
    n: int = 3
    more: list = field(default_factory=list)
    def up(self):
        self.more.append(self.n)
        self.n += 1

class {+cls}:
    __slots__ = ('xs', 'n')
    def __init__(self, xs):
        self.xs = list(xs)
        self.n = 2
    def up(self):
        self.xs.append(self.n)

class {+cls}:
    def __init__(self, xs):
        self.xs = xs
        self._n = 1
    @property
    def n(self):
        return self._n
    @n.setter
    def n(self, value):
        self._n = value
        self.xs.append(value)
    def up(self):
        self.n = self.n + 1

class {+cls}:
    def __init__(self, xs):
        self.xs = xs
        self.n = {int}
        {list}.append(self.n)
    def up(self):
        {list}.append(self.n)
        self.n = {fn}(self.n) % 50

class {+cls}({cls}):
    def up(self):
        super().up()
        self.n += 10

class {+cls}({cls}):
    pass

class {+ccls}({ccls}):
    total = 7

class {+ccls}({ccls}):
    def up(self):
        {ccls}.total += 1

class {+cls}({cls}):
    def __init__(self, xs):
        super().__init__(xs)
        self.extra = {list}
    def up(self):
        self.extra.append(self.n)

class {+cls}(list):
    def __init__(self, xs):
        super().__init__(xs)
        self.xs = xs
        self.n = len(self)
    def up(self):
        self.append(self.n)

class {+cls}(dict):
    n = 0
    def __init__(self, xs):
        super().__init__(xs=xs)
        self.xs = xs
    def up(self):
        self['n'] = self.n
        self.n += 1

class {+cls}:
    n = 5
    def __init__(self, xs):
        self.xs = xs
    def up(self):
        self.n += 1
    def __iadd__(self, v):
        self.xs.append(v)
        return self
    def __len__(self):
        return len(self.xs)
    def __enter__(self):
        self.xs.append(-1)
        return self
    def __exit__(self, *problem):
        self.xs.append(-2)
    def __call__(self, v):
        self.xs.append(v)
        return v
    def __eq__(self, other):
        return self is other
    def __hash__(self):
        return 7

class {+ccls}:
    total = 0
    seen = []
    def __init_subclass__(cls, **given):
        super().__init_subclass__(**given)
        {self}.seen.append(cls.__name__)
    def __init__(self, xs):
        self.xs, self.n = xs, 0
    def up(self):
        self.total = {self}.total + 1

from enum import Enum
class {+enum}(Enum):
    A = 1
    B = 2

{+int} = {enum}.B.value

{+any} = {enum}.A

{+any} = [{enum}.A, {enum}.B]

{+obj} = {cls}({list})

{+obj} = {cls}([{num}])

{+obj} = {cls}({nest}[0])

{+obj} = {obj}

import copy
{+obj} = copy.copy({obj})

{+objs} = [{cls}({list}), {cls}([1])]

{+objs} = [{obj}, {obj}]

for o in {objs}:
    o.up()

[o.up() for o in {objs}]

{+obj} = {objs}[0]

{objs}.append({obj})

{obj}.up()

{obj}.up()

{obj}.n = {num}

{obj}.n += 1

{obj}.xs.append({num})

{obj}.xs = {list}

{+list} = {obj}.xs

{+int} = {obj}.n

setattr({obj}, 'n', {num})

getattr({obj}, 'xs').append({num})

{+int} = getattr({obj}, 'n')

{+thunk} = {obj}.up

{+dict} = {{'k': {obj}.n, 'o': 0}}

{+obox} = {{'o': {obj}}}

{obox}['o'].up()

{+obj} = {obox}['o']

{ccls}.total += 1

{ccls}.total = {num}

{ccls}.seen.append({num})

{+list} = {ccls}.seen

{+int} = {ccls}.total

{+alias} = {ccls}

{alias}.total = {num}

type({obj}).mark = {num}

{cls}.mark = {num}

{cls}.extra_up = lambda self: self.xs.append({num})

{+bool} = isinstance({obj}, {cls})

{+bool} = type({obj}) is {cls}

def {+make_obj}(xs):
    return {cls}(xs)

{+obj} = {make_obj}({list})

def {+fn}(v):
    made = {cls}([v])
    made.up()
    return made.n

def {+touch}(o):
    o.n = 4
    o.xs.append(4)

{touch}({obj})

def {+touch}(o):
    o.up()
    return o

def {+fn}(v):
    {ccls}.total += v % 5
    return {ccls}.total

def {+fn}(v):
    for o in {objs}:
        o.up()
    return len({objs})

import math, types
{+obj} = types.SimpleNamespace(n=1, xs={list}, up=lambda: None)

{+nest} = [{obj}.xs, {list}]
""".strip("\n")

LIBRARIES = """
import numpy as np
{+arr} = np.arange(6)

import numpy as np
{+arr} = np.zeros(4, dtype=int)

import numpy as np
{+arr} = np.array({list} + [1, 2])

{+arr} = {arr}[:3]

{+arr} = {arr}[::-1]

{+arr} = {arr}

{+arr} = {arr}.copy()

{+arr} = {arr} + 1

{+mat} = {arr}.reshape(1, -1)

{+mat} = {mat}.T

{+arr} = {mat}[0]

{+arr} = {mat}.ravel()

{mat}[0, 0] = {num} % 100

{arr}[0] = {num} % 100

{arr}[:1] += 1

{arr} += 1

{arr}.sort()

{arr}.fill({lit})

{arr:a}[{a} > 2] = 0

for row in {mat}:
    row += 1

import numpy as np
np.add({arr:a}, 1, out={a})

import numpy as np
np.copyto({arr}, {lit})

import numpy as np
{+arr} = np.asarray({arr})

import numpy as np
{+arr} = np.where({arr} > 1, 1, 0)

{+int} = int({arr}.sum())

{+list} = {arr}.tolist()

{+box} = {{'xs': [], 'a': {arr}}}

{+any} = [{arr}, {arr}]

def {+fn}(v):
    {arr}[0] = v % 100
    return v

import pandas as pd
{+df} = pd.DataFrame({{'x': [1, 2, {num} % 100], 'y': [3, 1, 2]}})

import pandas as pd
{+df} = pd.DataFrame({{'x': {list}[:2] + [1], 'y': 0}})

{+df} = {df}

{+df} = {df}.copy()

{+df} = {df}.assign(w={num} % 100)

{+df} = {df}[{df:a}['x'] >= 0][['x', 'y']]

{df:a}['z'] = {a}.x + 1

{df:a}['y'] = {a}['y'] * 2

{df}.loc[0, 'x'] = {num} % 100

{df}.at[0, 'y'] = {num} % 100

{df}.sort_values('y', inplace=True)

{df}.fillna(0, inplace=True)

{df}.insert(0, 'first' + str({df}.shape[1]), 1, allow_duplicates=True)

{df}.attrs['note'] = {num}

{df}.index.name = 'row'

{df}.rename(columns={{'z': 'zz'}}, inplace=True)

{df}.eval('q = x + y', inplace=True)

{+ser} = {df}['x']

{+ser} = {df}.x * 2

{ser}.iloc[0] = {num} % 100

{ser}.name = 's'

{+int} = int({ser}.sum())

{+int} = int({df}['x'].sum())

{+int} = len({df}.query('x > @{int}'))

{+df} = {df}.groupby('y', as_index=False)[['x']].sum()

{+ser} = {df}.x.apply({fn})

{+ser} = {df}.x.map(lambda v: v + {int})

{+any} = {df}.groupby('y')

def {+fn}(v):
    {df}['z'] = v % 100
    return v

import numpy as np
{+arr} = {df}['x'].to_numpy()

from sklearn.linear_model import LinearRegression
{+model} = LinearRegression()

{model}.fit([[1], [2]], [{num}, 2])

{+int} = int(hasattr({model}, 'coef_'))
""".strip("\n")

OUTSIDE = """
import random
random.seed({lit})
{+int} = random.randint(0, 99)

import numpy as np
np.random.seed({lit})
{+int} = int(np.random.randint(0, 99))

import random
random.seed({lit})
random.shuffle({list})

import random
random.seed({lit})
{+seeded} = 1

{seeded} += 1
{+int} = random.randint(0, 99)

def {+fn}(v):
    return v + random.randint(0, {seeded} + 9)

import numpy as np
{+rng} = np.random.default_rng({lit})

{+int} = int({rng}.integers(99))

{+rng} = {rng}

{rng}.shuffle({list})

def {+fn}(v):
    return v + int({rng}.integers(9))

import random
{+rnd} = random.Random({lit})

{+int} = {rnd}.randint(0, 99)

import os
os.environ['FUZZ'] = str({num})

import os
{+str} = os.environ.get('FUZZ', 'none')

import os
{+str} = os.path.basename(os.getcwd())
os.makedirs('sub', exist_ok=True)
os.chdir('sub')

import os
{+list} = sorted(name for name in os.listdir('.') if name.endswith('.txt'))

import sys
sys.path.append('/nowhere')

import sys
{+int} = sys.path.count('/nowhere')

import pandas as pd
pd.options.display.max_rows = {lit} + 7

import pandas as pd
pd.set_option('display.precision', {lit} + 1)

import pandas as pd
{+int} = pd.get_option('display.max_rows')

import numpy as np
np.set_printoptions(precision={lit} + 1)

import numpy as np
{+int} = np.get_printoptions()['precision']

import warnings
warnings.filterwarnings('ignore', message='fuzz')

import logging
logging.getLogger('fuzz').setLevel({lit} + 10)

import logging
{+int} = logging.getLogger('fuzz').level

import math
math.fuzz = {num}

import math
{+int} = getattr(math, 'fuzz', 0)

import sys
{+int} = sys.getrecursionlimit()
sys.setrecursionlimit({lit} + 3000)

import decimal
decimal.getcontext().prec = {lit} + 5

import decimal
{+str} = str(decimal.Decimal(1) / 3)

with open('one.txt', 'w') as file:
    file.write(str({num}))

with open('one.txt', 'a') as file:
    file.write(str({num}))

from pathlib import Path
{+str} = Path('one.txt').read_text() if Path('one.txt').exists() else ''

from pathlib import Path
Path('two.txt').write_text(str({list}))

from pathlib import Path
{+bool} = Path('two.txt').exists()

import json
json.dump({list}, open('data.json', 'w'))

import json, os
{+list} = json.load(open('data.json')) if os.path.exists('data.json') else []

import pickle
pickle.dump({list}, open('list.pkl', 'wb'))

import pickle, os
{+list} = pickle.load(open('list.pkl', 'rb')) if os.path.exists('list.pkl') else []

{df}.to_csv('frame.csv', index=False)

import pandas as pd, os
{+df} = pd.read_csv('frame.csv') if os.path.exists('frame.csv') else pd.DataFrame({{'x': [1], 'y': [2]}})

import os
if os.path.exists('one.txt'):
    os.remove('one.txt')

def {+fn}(v):
    with open('log.txt', 'a') as file:
        file.write(str(v))
    return v

import os
{+int} = os.path.getsize('log.txt') if os.path.exists('log.txt') else 0

import sqlite3
{+con} = sqlite3.connect('base.db')
{con:a}.execute('create table if not exists t (v integer)')
{a}.commit()

{con:a}.execute('insert into t values (?)', ({num} % 100,))
{a}.commit()

{+int} = {con}.execute('select count(*) from t').fetchone()[0]

{+handle} = open('held.txt', 'w')

{handle}.write('a')

import io
{+sio} = io.StringIO()

{sio}.write(str({num}))

{+str} = {sio}.getvalue()
""".strip("\n")

IMPORTS = """
import math
{+int} = math.floor({num} / 2)

import math as {+mod}

{+int} = {mod}.floor(2.5)

from math import floor as {+fn}

from math import ceil as {+fn}

from math import *
{+int} = trunc(2.5)

try:
    import no_such_module as {+none}
except ImportError:
    {self} = None

{+bool} = {none} is None

if {num} > 2:
    import math as {+mod}
else:
    import cmath as {self}
    {self}.floor = lambda v: 2

import os.path
{+str} = os.path.join('a', 'b')

import collections.abc
{+bool} = isinstance({list}, collections.abc.Sized)

from operator import add
{+int} = add({num}, 1)

from functools import reduce
{+int} = reduce(lambda p, q: p + q, [1, {num}])

import itertools
{+list} = list(itertools.chain({list}, [{num}]))

import itertools
{+itr} = itertools.count({lit})

from contextlib import contextmanager
@contextmanager
def {+cm}(box):
    box.append(8)
    yield box
    box.append(9)

with {cm}({list}) as {+list}:
    {list}.append({num})

sum = {num}
{+int} = sum
del sum

def len_(v):
    return {num}
{+int} = len_(1)

max = min
{+int} = max(1, {num})
del max
""".strip("\n")

MAGICS = """
%time {+int} = {num}

%time {list}.append({num})

{+any} = !echo hi

!echo {num} > shell.txt

%env FUZZ2={lit}

import os
{+str} = os.environ.get('FUZZ2', '')

%timeit -n1 -r1 {list}.append(1)

%matplotlib inline

{+str} = %pwd
{+int} = len({str}) * 0

%mkdir -p sub2

%cd -q sub2

{+int} = _ if isinstance(_, int) else 0

%%time
{+int} = {num}
{list}.append({int})

%%capture {+any}
print({num})
{+int} = {num}

%%writefile cell.txt
text

%%bash
echo hi > bash.txt

%%capture
{list}.append({num})
""".strip("\n")
