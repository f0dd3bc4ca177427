"""What pyproject.toml cannot say: the notebooks, which lie beside the package, travel inside it in a wheel."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithNotebooks(build_py):
    def run(self):
        super().run()
        if self.editable_mode:  # reads them in the checkout
            return
        for folder in ("notebooks", "solutions"):
            into = Path(self.build_lib, "attncore", folder)
            shutil.rmtree(into, ignore_errors=True)  # an earlier build may have left a notebook that is gone
            into.mkdir(parents=True)
            for notebook in Path(folder).glob("*.ipynb"):
                shutil.copy(notebook, into)


setup(cmdclass={"build_py": WithNotebooks})
