#!/usr/bin/env bash
# Runs tests under QGIS 3.40 LTR, with the GDAL, numpy and Python that go with it: Debian 13 in a
# folder of its own, made at the first call (about 4 GB) and kept. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

LTS_ROOT=${LTS_ROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/ksdiff-qgis-lts}
RELEASE=trixie
PACKAGES="qgis python3-qgis qgis-providers python3-gdal gdal-bin python3-h5py python3-scipy
    python3-torch python3-safetensors python3-matplotlib python3-pytest python3-hypothesis
    python3-yaml python3-venv xvfb xauth"
# What QGIS, GDAL, numpy and Python of another version can break. The rest is in `make test`.
TESTS="tests/qgis tests/engine/raster tests/engine/test_scene.py tests/engine/test_pipeline.py
    tests/engine/test_worker.py tests/engine/test_cli.py"

say() { echo "test-qgis-lts: $*" >&2; }

require() {
    if [ "$(id -u)" -ne 0 ]; then
        say "needs root for debootstrap, chroot and mount: sudo make test-qgis-lts"
        exit 1
    fi
    if ! command -v debootstrap >/dev/null 2>&1; then
        if ! command -v apt-get >/dev/null 2>&1; then
            say "needs debootstrap, which this system's package manager may have"
            exit 1
        fi
        say "installing debootstrap"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends debootstrap \
            >/dev/null
    fi
}

# In a mount and process namespace of its own: nothing stays mounted or running afterwards.
inside() {
    unshare --mount --pid --fork --kill-child \
        env -i ROOT="$LTS_ROOT" REPOSITORY="$PWD" TERM="${TERM:-dumb}" LANG=C.UTF-8 HOME=/root \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" \
        bash -euc '
            mount -t proc proc "$ROOT/proc"
            mount --rbind /sys "$ROOT/sys"
            mount --rbind /dev "$ROOT/dev"
            mount -t tmpfs tmpfs "$ROOT/dev/shm"
            mkdir -p "$ROOT/src/repository" "$ROOT/src/shared"
            mount --bind "$REPOSITORY" "$ROOT/src/repository"
            mount -o remount,bind,ro "$ROOT/src/repository"
            if [ -d "$REPOSITORY/../shared" ]; then
                mount --bind "$REPOSITORY/../shared" "$ROOT/src/shared"
                mount -o remount,bind,ro "$ROOT/src/shared"
            fi
            exec chroot "$ROOT" "$@"' bash "$@"
}

make_root() {
    [ -e "$LTS_ROOT/etc/debian_version" ] && return
    say "making Debian $RELEASE in $LTS_ROOT"
    rm -rf "$LTS_ROOT.part"
    mkdir -p "$(dirname "$LTS_ROOT")"
    debootstrap --variant=minbase "$RELEASE" "$LTS_ROOT.part" >"$LTS_ROOT.log" || {
        say "debootstrap failed; its log is $LTS_ROOT.log"
        exit 1
    }
    mv "$LTS_ROOT.part" "$LTS_ROOT"
}

install_packages() {
    local stamp="$LTS_ROOT/var/lib/ksdiff-packages"
    [ "$(cat "$stamp" 2>/dev/null)" = "$PACKAGES" ] && return
    say "installing there:" $PACKAGES
    # shellcheck disable=SC2016,SC2086
    inside env DEBIAN_FRONTEND=noninteractive bash -euc '
        printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d # starts no service
        chmod +x /usr/sbin/policy-rc.d
        echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/unsafe-io
        # Python compiles what is imported; compiling every package takes longer than the tests.
        dpkg-divert --quiet --local --rename --add /usr/bin/py3compile
        ln -sf /bin/true /usr/bin/py3compile
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends "$@" >/var/log/ksdiff-install.log
        apt-get clean' bash $PACKAGES || {
        say "installing failed; the log is $LTS_ROOT/var/log/ksdiff-install.log"
        exit 1
    }
    echo "$PACKAGES" >"$stamp"
}

run_tests() {
    inside bash -euc '
        cd /src/repository
        export QT_QPA_PLATFORM=offscreen XDG_RUNTIME_DIR=/run/ksdiff
        export HYPOTHESIS_STORAGE_DIRECTORY=/var/tmp/hypothesis PYTHONPATH=engine:training
        install -d -m 700 "$XDG_RUNTIME_DIR"
        python3 -c "
import sys, numpy, torch
from osgeo import gdal
from qgis.core import Qgis
print(\"QGIS\", Qgis.QGIS_VERSION, \"GDAL\", gdal.__version__, \"numpy\", numpy.__version__,
      \"torch\", torch.__version__, \"Python\", sys.version.split()[0])"
        # The shell stays, as the first process here, and buries what the tests leave dead.
        python3 -m pytest -p no:cacheprovider "$@" || exit $?' bash "$@"
}

require
make_root
install_packages
# shellcheck disable=SC2086  # a list of paths
if [ $# -gt 0 ]; then run_tests "$@"; else run_tests $TESTS; fi
