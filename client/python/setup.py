# SPDX-License-Identifier: Apache-2.0
"""Generates bitsweep.v1 from the protos: those of the checkout, or in a source distribution those that it carries."""
import pathlib
import shutil

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent


def protos():
    for root in (HERE / "proto", HERE.parents[1] / "proto"):
        found = sorted(str(path.relative_to(root)) for path in (root / "bitsweep" / "v1").glob("*.proto"))
        if found:
            return root, found
    raise FileNotFoundError(f"no bitsweep/v1/*.proto below {HERE} or the checkout's proto/: build in a checkout")


class BuildWithProtos(build_py):
    def run(self):
        if not self.editable_mode:  # a proto that is gone leaves nothing behind
            shutil.rmtree(pathlib.Path(self.build_lib) / "bitsweep", ignore_errors=True)
        super().run()
        import grpc_tools
        from grpc_tools import protoc

        root, files = protos()
        out = HERE / "src" if self.editable_mode else self.build_lib
        well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
        code = protoc.main(["protoc", f"-I{root}", f"-I{well_known}", f"--python_out={out}", f"--pyi_out={out}",
                            f"--grpc_python_out={out}", *files])
        if code != 0:
            raise RuntimeError(f"protoc ended with {code}")
        for path in (pathlib.Path(out) / "bitsweep" / "v1").glob("*_pb2_grpc.py"):
            if not path.name.endswith("_service_pb2_grpc.py"):
                path.unlink()  # of files without a service: empty


class SdistWithProtos(sdist):
    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        root, names = protos()
        for name in names:
            target = pathlib.Path(base_dir) / "proto" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, target)


setup(cmdclass={"build_py": BuildWithProtos, "sdist": SdistWithProtos})
