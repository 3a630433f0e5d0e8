"""A view that changes: one output of the notebook, plain HTML at any moment, drawn again while work goes on."""

from __future__ import annotations

import threading
import uuid
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from nbprod.core.errors import NbprodError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from nbprod.interfaces.widgets.work import Work

PAUSE = 0.25
"""Seconds between two looks at work that goes on."""

OUTPUTS = 4
"""How many places a view that is shown several times is kept up to date at, the newest."""


class LiveView(ABC):
    """What a view shows, when it is drawn, and its controls above.

    What is drawn is never a widget, so that a saved notebook and its export show it without a kernel. Controls are
    widgets; they need one.
    """

    def __init__(self) -> None:
        self._work: Work | None = None
        self._form: Any = None
        self._error: Mapping[str, Any] | None = None
        self._outputs: list[str] = []
        self._drawn = ""
        self._drawing = threading.Lock()
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._expected = self._heard = False

    @abstractmethod
    def to_html(self) -> str:
        """Return the view as it is now: HTML that needs neither script nor kernel."""

    @abstractmethod
    def to_text(self) -> str:
        """Return the same as text."""

    def show(self) -> None:
        """Display the view: its controls, if it has any, and what it shows."""
        if not in_notebook():
            self._print()
            return
        controls = self._controls()
        if controls is not None:
            from IPython.display import display

            # in an export without a kernel the controls leave nothing behind
            display({"text/html": "", "text/plain": "", **_widget(controls)}, raw=True)
        self._appear()

    def expect(self) -> None:
        """Display the view, without controls, with the first news: what is refused before it begins shows nothing."""
        self._expected = True

    def close(self, *, failed: bool = False) -> None:  # noqa: ARG002 (for views that are not told of failures)
        """Draw the end of what was told to the view."""
        if self._ended.is_set():
            return
        self._ended.set()
        self.wait()
        if self._heard and self._expected and not in_notebook():
            self._print()

    def draw(self) -> None:
        """Draw what changed."""
        if not self._outputs:
            return
        with self._drawing:
            html = self.to_html()
            if html != self._drawn:
                self._drawn = html
                for output in self._outputs:
                    self._publish(html, output, update=True)

    @property
    def working(self) -> bool:
        """Whether work that the view began goes on."""
        return self._work is not None and self._work.alive

    def stop(self) -> None:
        """Interrupt what the view began, as Ctrl-C does: what is done stays. Asked a second time, end it."""
        if self._work is not None:
            self._work.stop()

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until what goes on is over; returns the view."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self

    def _news(self) -> None:
        """Be told that there is something to show."""
        if self._heard:
            return
        self._heard = True
        if self._expected and in_notebook():
            self._appear()
            self._follow()

    def _appear(self) -> None:
        with self._drawing:
            output, self._drawn = uuid.uuid4().hex, self.to_html()
            self._publish(self._drawn, output, update=False)
            self._outputs = [*self._outputs, output][-OUTPUTS:]

    def _controls(self) -> Any:
        """Return the widgets above what is shown; None for a view without."""
        return None

    def _take_in(self) -> bool:
        """Take in what changed; return whether more will."""
        return not self._ended.is_set()

    def _begin(self, work: Work) -> None:
        """Follow work that has just begun."""
        self._work, self._error = work, None
        self._tell()
        self._follow()

    def _tell(self) -> None:
        """Let the controls show what can be done now."""
        if self._form is not None:
            self._form.tell()

    def _follow(self) -> None:
        """Draw again and again, in a thread of its own, until what goes on is over."""
        self._ended.clear()
        self._thread = threading.Thread(target=self._loop, name=f"nbprod {type(self).__name__}", daemon=True)
        self._thread.start()

    def _loop(self) -> None:
        try:
            while self._take_in():
                self.draw()
                self._ended.wait(PAUSE)
        except NbprodError as error:
            self._error = error.as_json()
        self._tell()
        self.draw()

    def pressed(self, action: Callable[[], Any]) -> Callable[[Any], None]:
        """Return what a button calls: a mistake is shown in the view, as nobody sees what a button raises."""

        def press(_button: Any) -> None:
            self._error = None
            try:
                action()
            except NbprodError as error:
                self._error = error.as_json()
            self.draw()

        return press

    def _publish(self, html: str, output: str, *, update: bool) -> None:
        from IPython.display import display

        content = {"text/html": html, "text/plain": self.to_text()}
        display(content, raw=True, display_id=output, update=update)

    def _print(self) -> None:
        print(self.to_text())  # noqa: T201 (a terminal has nothing else to show it on)

    def _repr_html_(self) -> str:
        return self.to_html()

    def _ipython_display_(self) -> None:
        self.show()

    def __repr__(self) -> str:
        return self.to_text()


def in_notebook() -> bool:
    """Whether there is a kernel around, and so a notebook that can draw again."""
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None


def _widget(controls: Any) -> dict[str, Any]:
    """Return the part of a display's content that shows a widget."""
    found = controls._repr_mimebundle_()
    kind = "application/vnd.jupyter.widget-view+json"
    return {kind: found[kind]} if kind in found else {}
