"""What `attncore lab` adds to its Jupyter server: stills in what is saved, advice in a kernel that has just started."""

from typing import Any

from jupyter_server.services.kernels.kernelmanager import ServerKernelManager

WIDGET = "application/vnd.jupyter.widget-view+json"


def keep_stills(model: dict[str, Any], **_context: Any) -> None:
    """Before a notebook is saved: where a widget has a still beside it, only the still is kept.

    No kernel knows the widget when the notebook is opened again. What the page shows now stays alive.
    """
    if model.get("type") != "notebook" or not model.get("content"):
        return
    for cell in model["content"]["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" in data:
                data.pop(WIDGET, None)


OURS = ["--InteractiveShellApp.extra_extensions=attncore.app.fresh_kernel", "--IPKernelApp.log_level=ERROR"]


class CourseKernel(ServerKernelManager):
    """A kernel as ever; one of Python loads our extension."""

    def format_kernel_cmd(self, extra_arguments: list[str] | None = None) -> list[str]:
        ours = OURS if self.ipykernel else []
        return super().format_kernel_cmd([*(extra_arguments or []), *ours])
