"""Copies the built pages where `meson install` puts them."""
import os
import pathlib
import shutil
import sys


def main():
    built, wanted = sys.argv[1:]
    target = pathlib.Path(os.environ["MESON_INSTALL_DESTDIR_PREFIX"]) / wanted
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(built, target)


if __name__ == "__main__":
    main()
