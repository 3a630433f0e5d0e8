"""Statements that random notebooks are made of.

A form is Python with holes: `{list}` is a name bound to a list, `{list:a}` the same and called `a` further on (`{a}`),
`{+list}` a name that is bound to a list by this statement, `{num}` an expression of an integer, `{lit}` a literal.
Kinds: int str list nest(list of lists) dict(key 'k': int) box(dict with lists, key 'xs') set tup((list, int)) fn(int to
int) mut(changes a list) get(returns a list) cls(of a list) ccls(with attributes total, seen) obj(n, xs, up()) ...
"""

from __future__ import annotations

PLAIN = """
{+int} = {num}

{+int} = {num}

{+int} = {+int} = {num}

{+int}, {+int} = {num}, {num}

{int:a}, {int:b} = {b}, {a}

{list:a}, {list:b} = {b}, {a}

{int:a} += {num}

{int:a} = {a} * 3 % 101

{+int}: int = {num}

{+str} = f"{{{num}}}-{{{num}!r:>4}}"

{+str} = {str} + 'z'

{+int} = len({str})

{+list} = [{lit}, {lit}]

{+list} = [{num}, {num}]

{+list} = {list}

{+list} = {list}

{+list} = {list}[:]

{+list} = list({list})

{+list} = {list} + [{num}]

{+list} = sorted({list})

{+list} = [v + {num} for v in {list}]

{+list} = list(range({lit}))

{+list} = ({list} or {list})

{+list} = {list} if {num} > 3 else {list}

{list}.append({num})

{list}.append({num})

{list}.extend({list})

{list}.insert(0, {num})

{list}.sort()

{list}.reverse()

{list} += [{num}]

{list}[0:1] = [{num}]

del {list}[:1]

{list}[:] = [{num}]

list.append({list}, {num})

for v in range({lit}):
    {list}.append(v)

{+bm} = {list}.append

{bm}({num})

{+int}, *{+list} = [{num}, {num}, {num}]

*{+list}, {+int} = {list} + [1, 2]

{+nest} = [{list}, {list}]

{+nest} = [[1], [{num}]]

{+nest} = [[0]] * 2

{+nest} = list({nest})

{+nest} = {nest} + [[{num}]]

{+nest} = [r for r in {nest}]

{+nest} = [*{nest}, {list}]

{+nest} = sorted({nest}, key=len)

{nest}[0].append({num})

{nest}[0] = {list}

{nest}.append({list})

for r in {nest}:
    r.append({num})

for i, {+list} in enumerate({nest}):
    pass

for i, row in enumerate({nest}):
    row += [i]

[r.append({num}) for r in {nest}]

_ = [r.append({num}) for r in {nest} if len(r) < 9]

{+list} = {nest}[0]

{+list} = {nest}[-1]

{+list}, *{+nest} = [[], *{nest}]

{+list} = next(iter({nest}))

{+list} = max({nest}, key=len)

{+list} = sum({nest}, [])

{+list} = [len(r) for r in {nest}]

{+list} = [r for r in {nest} if r is not None][0]

list(map(lambda r: r.append({num}), {nest}))

for one, other in zip({nest}, {nest}):
    one.append(len(other))

{+dict} = {{'k': {num}}}

{+dict} = dict(k={num})

{+dict} = {dict}

{+dict} = dict({dict})

{+dict} = {{**{dict}, 'j': {num}}}

{+dict} = {dict} | {{'j': {num}}}

{dict}['k'] = {num}

{dict}['k'] += {num}

{dict}['j'] = {num}

{dict}.pop('j', None)

{dict}.update(j={num})

{dict}.setdefault('i', {num})

{dict} |= {{'j': {num}}}

{dict:a}['d'] = 1
del {a}['d']

{+dict} = {{key: value + 1 for key, value in {dict}.items()}}

for key in {dict:a}:
    {a}[key] += 1

{+list} = list({dict}.values())

{+box} = {{'xs': {list}}}

{+box} = dict(xs={list})

{+box} = dict({box})

{+box} = dict(zip(['xs'], [{list}]))

{box}['xs'].append({num})

{box}['xs'] = {list}

{+list} = {box}['xs']

{+list} = {box}.get('xs')

{box}.setdefault('q', []).append({num})

for held in {box}.values():
    held.append({num})

{+list} = [held for held in {box}.values()][0]

(key, {+list}), *others = {box}.items()

{+set} = {{{num}, {num}}}

{+set} = {set}

{+set} = set({list})

{set}.add({num})

{set} |= {{{num}}}

{set}.discard({num})

{+list} = sorted({set})

{+tup} = ({list}, {num})

{tup}[0].append({num})

{+list}, {+int} = {tup}

{+list} = {tup}[0]

{+tup} = {tup}

{+tup} = tuple({tup})

from collections import deque
{+deq} = deque({list}, maxlen=9)

{deq}.append({num})

{deq}.rotate(1)

{+list} = list({deq})

from collections import defaultdict
{+box} = defaultdict(list, xs={list})

from collections import defaultdict
{+box} = defaultdict(lambda: [{num}], xs=[{num}])

from collections import namedtuple
{+ntc} = namedtuple('Pair', 'xs n')

{+nt} = {ntc}({list}, {num})

{nt}.xs.append({num})

{+nt} = {nt}._replace(n={num})

{+list} = {nt}.xs

import copy
{+nest} = copy.copy({nest})

import copy
{+nest} = copy.deepcopy({nest})

{+int} = 0
for {+int} in {list}:
    pass

if ({+int} := {num}) > 2:
    pass

{+list} = [{+int} := v for v in [{num}, {num}]]

{+int} = 0
while {num} > 200 or {int:a} % 2:
    {a} += 1

match {dict}:
    case {{'k': {+int}}}:
        pass

match {list} + [1, 2]:
    case [{+int}, *{+list}]:
        pass

match {nest}:
    case [{+list}, *_]:
        pass

match {num} % 3:
    case 0 | 1 as {+int}:
        pass
    case {+int} if {int} is not None:
        pass

{+int} = 1
try:
    {int:a} = 1 // 0
except ZeroDivisionError as problem:
    {+str} = str(problem)

try:
    {+int} = 1 // ({num} % 2)
except ZeroDivisionError:
    {+int} = -1
    {list}.append(-1)

try:
    {list}.append({num})
    raise ValueError({num})
except ValueError as problem:
    {+int} = problem.args[0]
finally:
    {list}.append(0)

try:
    {list}.append({num})
except ValueError:
    raise
else:
    {list}.append({num})

if {num} % 2:
    {int:a} = {num}

if {num} % 2:
    {list:a} = {list}

if {num} > 3:
    {+int} = {num}
else:
    {+int} = {num}

if {num} % 2:
    {list}.append({num})
elif {num} > 3:
    {list}.clear()

for i in range({lit}):
    if i > 2:
        break
    {int:a} += i
else:
    {list}.append({num})

for i in range(2):
    {+list} = [i]

with __import__('contextlib').suppress(ZeroDivisionError):
    {int:a} = 1 // ({num} % 2)

{-int}

{-list}

{-dict}

{+list} = list(filter(None, {list}))

{+list} = list(map(str, {list}))
{+list} = [len(v) for v in {list}]

print({num}, {list})

{num}

{list}

{+list} = {nest}[0] if {nest} else {list}

assert {list} is not None, 'gone'

{list:a} and {a}.append({num})

{+int} = {num} and {num} or {num}

{+bool} = {list} is {list}

{+bool} = {list} == {list}

{+list} = [v for r in {nest} for v in r if v]

{+itr} = iter({list})

{+int} = next({itr}, 0)

{+itr} = (v + {int} for v in {list})

{+list} = list({itr})

{+itr} = zip({list}, {list})

{+itr} = reversed({list})
""".strip("\n")

FUNCTIONS = """
def {+fn}(v):
    return v + 1

def {+fn}(v):
    return v * {int} + {int}

def {+fn}(v, by={int}):
    return v + by

def {+fn}(v, *, by={num}):
    w = v + by
    return w

def {+fn}(v):
    return {fn}(v) + 1

def {+fn}(v):
    return v if v < 2 or v > 50 else {self}(v - 1) + 1

def {+fn}(v):
    return len({list}) + v

def {+fn}(v):
    {list}.append(v)
    return v

def {+fn}(v):
    global {int:a}
    {a} = {a} + v % 7
    return {a}

def {+fn}(v):
    global {+int:b}
    {b} = v
    return v

def {+fn}(v):
    global {list:a}
    {a} = [*{a}, v]
    return v

def {+fn}(v, acc=[]):
    acc.append(v)
    return len(acc)

def {+fn}(v, acc={list}):
    acc.append(v)
    return len(acc)

def {+fn}(v, memo={{}}):
    if v not in memo:
        memo[v] = {fn}(v) % 50
    return memo[v]

def {+fn}(v):
    {self}.calls = getattr({self}, 'calls', 0) + 1
    return {self}.calls + v

def {+fn}(v):
    try:
        return 10 // (v % 3)
    except ZeroDivisionError:
        {list}.append(v)
        return -1
    finally:
        {list}.append(0)

def {+fn}(v):
    def inner(u):
        return u + v + {int}
    return inner({num})

def {+fn}(v):
    import math
    return math.floor(v) + 1

def {+fn}(v):
    return {obj}.n + v

def {+fn}(v):
    {obj}.n = v % 9
    return v

def {+fn}(v):
    {obj}.xs.append(v % 9)
    return v

def {+fn}(v):
    {dict}['k'] = v % 9
    return v

def {+fn}(v):
    return {cls}([v]).n + v

def {+fn}(v):
    return sum(u for u in {list} if isinstance(u, int)) % 50 + v

{fn:a}.mark = {num}

{+int} = {fn}({num})

{+int} = {fn}({num})

{fn}({num})

{+list} = [{fn}(v) for v in [1, {num}]]

{+list} = list(map({fn}, [1, {num}]))

{+list} = sorted([3, 1, 2], key={fn})

{+fn} = {fn}

{+fn} = lambda v: v + {int}

{+fn} = lambda v: v + len({list})

{+fn} = lambda v: {fn}(v) + 1

{+fn} = lambda v, w={num}: v + w

{+fns} = [lambda u: u + i for i in range(3)]

{+fns} = [{fn}, {fn}]

{+fns} = {{'f': {fn}}}['f'], {fn}

{+int} = {fns}[0]({num})

{+dfn} = {{'f': {fn}}}

{dfn}['f'] = {fn}

{+int} = {dfn}['f']({num})

from functools import partial
{+fn} = partial({fn})

from functools import partial
{+thunk} = partial({mut}, {list})

from functools import lru_cache
@lru_cache
def {+fn}(v):
    return v + {int}

import functools
def {+deco}(func):
    @functools.wraps(func)
    def inner(v):
        {list}.append(1)
        return func(v)
    return inner

def {+deco}(func):
    {fnlist}.append(func)
    return func

{+fnlist} = []

{+int} = len({fnlist})

{+list} = [func(1) for func in {fnlist}]

@{deco}
def {+fn}(v):
    return v + 2

@{deco}
def {+fn}(v):
    return v + {int}

{+fn} = {deco}({fn})

def {+mut}(box):
    box.append({num})

def {+mut}(box):
    other = box
    other.append({int})
    return box

def {+mut}(box, more=()):
    box += [1, *more]

def {+mut}(box):
    box[:] = [len(box)]

def {+mut}(box):
    {list}.extend(box[:2])

def {+mut}(box):
    {nest}.append(box)

def {+mut}(*boxes):
    for each in boxes:
        each.append(7)

def {+mut}(box):
    {mut}(box)

def {+mut}(box):
    def inner():
        box.append(3)
    inner()

def {+mut}(box):
    {nest}[0].append(len(box))
    return {nest}[0]

{mut}({list})

{mut}({list})

{mut}({nest}[0])

{mut}({box}['xs'])

{mut}({obj}.xs)

for r in {nest}:
    {mut}(r)

list(map({mut}, {nest}))

{+list} = {mut}({list}) or []

def {+hof}(func, value):
    return func(value)

{hof}({mut}, {list})

{+int} = {hof}({fn}, {num})

{hof}({list}.append, {num})

def {+same}(value):
    return value

{+list} = {same}({list})

{+nest} = {same}({nest})

{+obj} = {same}({obj})

def {+get}():
    return {list}

def {+get}():
    return {nest}[0]

def {+get}():
    return {obj}.xs

def {+get}(shared=[]):
    shared.append({num})
    return shared

{+get} = lambda: {list}

{get}().append({num})

{+list} = {get}()

def {+make}(n):
    def up():
        nonlocal n
        n += 1
        return n
    return up

def {+make}(n):
    held = [n]
    def up():
        held.append({int})
        return len(held)
    return up

def {+make}(n):
    return lambda: n + {int}

def {+make}(n):
    def up():
        {list}.append(n)
        return n
    return up

{+clo} = {make}({num})

{+int} = {clo}()

{clo}()

def {+pusher}(box):
    def push(v):
        box.append(v)
    return push

{+bm} = {pusher}({list})

def {+pair}():
    held = []
    def put(v):
        held.append(v)
    def size():
        return len(held)
    return put, size

{+bm}, {+clo} = {pair}()

def {+gen}(n):
    for i in range(n % 5):
        yield i

def {+gen}(n):
    yield from {list}

def {+gen}(n):
    while True:
        got = yield len({list})
        {list}.append(n)
        if len({list}) > 3:
            return

{+list} = list({gen}({num}))

{+itr} = {gen}({num})

{thunk}()

def {+reg}(cls):
    {list}.append(1)
    return cls

if {num} % 2:
    def {+fn}(v):
        return v + 5
else:
    def {self}(v):
        return v - 5

def {+kw}(**given):
    given['box'].append(5)
    return given

{kw}(box={list})

{+list} = {kw}(box={list})['box']

def {+fn}(v):
    return {later}(v) + 1

def {later}(v):
    return v + 3
""".strip("\n")
