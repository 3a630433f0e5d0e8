"""Requests about a notebook as it is typed: one at a time, the newest only, none that nobody waits for."""

from __future__ import annotations

import asyncio

from nbprod.interfaces.server.drafts import Drafts, OvertakenError


class Work:
    """Notes what was begun, and how many went on at once."""

    def __init__(self):
        self.begun, self.now, self.most = [], 0, 0
        self.drafts = Drafts()

    async def ask(self, name, notebook="a", gone=False, last=True):
        async def work():
            self.begun.append(name)
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.01)
            self.now -= 1
            return name

        try:
            return await self.drafts.answer(notebook, work, wanted=lambda: not gone, last=last)
        except OvertakenError:
            return "overtaken"


def answers(work, *asked):
    async def all_of_them():
        return await asyncio.gather(*asked)

    return asyncio.run(all_of_them())


def test_what_was_overtaken_is_not_begun():
    work = Work()
    assert answers(work, *(work.ask(number) for number in range(5))) == [0, "overtaken", "overtaken", "overtaken", 4]
    assert (work.begun, work.most) == ([0, 4], 1)


def test_whoever_is_gone_gets_no_work():
    work = Work()
    assert answers(work, work.ask(0), work.ask(1, gone=True)) == [0, "overtaken"]
    assert work.begun == [0]


def test_other_requests_wait_and_overtake_nothing():
    work = Work()
    assert answers(work, work.ask(0), work.ask("fix", last=False), work.ask(1)) == [0, "fix", 1]
    assert work.most == 1
    assert answers(work, work.ask(0), work.ask(1), work.ask("fix", last=False)) == [0, 1, "fix"]


def test_notebooks_do_not_wait_for_each_other():
    work = Work()
    assert answers(work, work.ask(0), work.ask(1, notebook="b")) == [0, 1]
    assert work.most == 2


def test_nothing_is_kept_of_what_is_over():
    work = Work()

    async def fails():
        raise ValueError

    async def failing():
        await work.drafts.answer("a", fails, wanted=lambda: True)

    assert isinstance(answers(work, asyncio.wait_for(_caught(failing()), 5))[0], ValueError)
    assert answers(work, work.ask(0)) == [0]
    assert work.drafts._queues == {}


async def _caught(asked):
    try:
        return await asked
    except ValueError as error:
        return error
