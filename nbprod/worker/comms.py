"""Comms: what widgets tell a front end, told to the driver, which keeps their state in the executed notebook.

Nothing answers: nobody is there to move a slider while a pipeline runs. Only an `Output` widget hears what it took in,
once its cell has ended, as from a front end.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from . import afterimport
from .area import Area
from .display import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .display import Sink

OUTPUT = ("@jupyter-widgets/output", "OutputModel")


class Kernel:
    """What libraries find at `get_ipython().kernel`.

    Parameters
    ----------
    shell
        The shell, which knows the message that its cell would have come with.
    """

    def __init__(self, shell: Any) -> None:
        self.shell = shell

    def get_parent(self, channel: str | None = None) -> dict[str, Any]:  # noqa: ARG002 - ipykernel's signature
        """Return the message that asked for the running cell."""
        parent: dict[str, Any] = self.shell.get_parent()
        return parent

    @property
    def comm_manager(self) -> Any:
        """The comms that are open."""
        import comm

        return comm.get_comm_manager()


class Taking(Area):
    """What an `Output` widget takes over from the running cell.

    Parameters
    ----------
    name
        The id of its comm.
    outputs
        What it holds from the start.
    """

    def __init__(self, name: str, outputs: Iterable[Mapping[str, Any]] = ()) -> None:
        super().__init__(outputs)
        self.name = name
        self.changed = False

    def add(self, output: Mapping[str, Any]) -> dict[str, Any]:
        """Take an output."""
        self.changed = True
        return super().add({name: value for name, value in output.items() if name != "transient"})

    def clear(self, *, wait: bool = False) -> None:
        """Drop everything."""
        self.changed = True
        super().clear(wait=wait)


class Comms:
    """All comms of this process.

    Parameters
    ----------
    sink
        Where state goes.
    shell
        The shell; see `Kernel`.
    """

    def __init__(self, sink: Sink, shell: Any) -> None:
        self._sink = sink
        self._shell = shell
        self._manager: Any = None
        self._areas: dict[str, Taking] = {}
        self._hooks: list[tuple[str, Taking]] = []
        self._telling = False
        afterimport.call("comm", self._take_over)

    def begin(self) -> None:
        """Begin a cell: what an `Output` widget has taken over in another one is not taken over here."""
        self._aim()

    def settle(self) -> None:
        """End a cell: tell each `Output` widget what it took in."""
        if not self._areas:
            return
        self._sink.flush()
        self._telling = True
        try:
            for area in list(self._areas.values()):
                if area.changed:
                    area.changed = False
                    self._tell(area)
        finally:
            self._telling = False

    def _tell(self, area: Taking) -> None:
        comm = self._manager.comms.get(area.name)
        if comm is not None:
            data = {"method": "update", "state": {"outputs": area.outputs()}, "buffer_paths": []}
            comm.handle_msg({"content": {"comm_id": area.name, "data": data}, "buffers": []})

    def publish(self, kind: str, name: str, data: Mapping[str, Any], buffers: Any) -> None:
        """Take a message that a widget sends; only those that tell its state are kept."""
        state = data.get("state")
        if self._telling or not isinstance(state, dict):
            return
        state = clean(state)
        event: dict[str, Any] = {"event": "comm", "index": self._sink.index, "id": name, "state": state}
        if data.get("buffer_paths"):
            event["buffers"] = [_encoded(*pair) for pair in zip(data["buffer_paths"], buffers or (), strict=False)]
        self._sink.event(event)
        if kind == "comm_open" and (state.get("_model_module"), state.get("_model_name")) == OUTPUT:
            self._areas[name] = Taking(name, state.get("outputs", ()))
        elif name in self._areas:
            self._change(self._areas[name], state)

    def _change(self, area: Taking, state: Mapping[str, Any]) -> None:
        if "outputs" in state:
            area.replace(state["outputs"])
        if state.get("msg_id"):
            self._hooks.append((state["msg_id"], area))
        elif "msg_id" in state:
            at = max((at for at, (_, held) in enumerate(self._hooks) if held is area), default=None)
            if at is not None:
                del self._hooks[at]
        self._aim()

    def _aim(self) -> None:
        """Point the sink at the widget that takes what the running cell shows."""
        parent = self._shell.get_parent()["header"]["msg_id"]
        taking = [area for message, area in self._hooks if message == parent]
        self._sink.widget = taking[-1] if taking else None

    def _take_over(self, module: Any) -> None:
        """Have the package `comm` make comms of ours."""
        comms = self

        class Comm(module.base_comm.BaseComm):  # type: ignore[misc]  # known only now
            """A comm whose other end is the driver."""

            def publish_msg(
                self, msg_type: str, data: Any = None, _metadata: Any = None, buffers: Any = None, **_keys: Any
            ) -> None:
                """Send."""
                comms.publish(msg_type, self.comm_id, data or {}, buffers)

        self._manager = module.base_comm.CommManager()
        module.create_comm = Comm
        module.get_comm_manager = lambda: self._manager


def _encoded(path: list[Any], buffer: Any) -> dict[str, Any]:
    data = base64.b64encode(memoryview(buffer).tobytes()).decode("ascii")
    return {"data": data, "encoding": "base64", "path": list(path)}
