#!/usr/bin/env bash
# Installs what is missing, and nothing else: Debian packages where root may, the rest into .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=${PYTHON:-/usr/bin/python3}
VENV=${VENV:-.venv}

has_command() { command -v "$1" >/dev/null 2>&1; }
has_module() { QT_QPA_PLATFORM=offscreen "$PYTHON" -c "import $1" >/dev/null 2>&1; }
# Debian's /usr/bin/lrelease only looks for the one of a Qt that is installed.
has_lrelease() { [ -x /usr/lib/qt5/bin/lrelease ] || lrelease -version >/dev/null 2>&1; }

# The name of each Debian package whose capability this machine lacks.
missing_packages() {
    has_command qgis_process || has_command qgis_process.bin || echo qgis
    has_module qgis.core || echo python3-qgis qgis-providers
    has_module osgeo.gdal_array || echo python3-gdal
    has_command gdalinfo || echo gdal-bin
    has_module ensurepip || echo python3-venv
    has_module h5py || echo python3-h5py
    has_module scipy || echo python3-scipy
    has_command Xvfb || echo xvfb
    has_lrelease || echo qttools5-dev-tools
}

refuse() {
    echo "setup: missing on this machine: $*" >&2
    echo "setup: on Debian or Ubuntu: sudo apt-get install --no-install-recommends $*" >&2
    echo "setup: looked for with $PYTHON; name QGIS's own Python with: make setup PYTHON=..." >&2
    exit 1
}

install_packages() {
    if ! has_command apt-get || [ "$(id -u)" -ne 0 ]; then
        refuse "$@"
    fi
    echo "setup: installing Debian packages: $* (a few minutes)"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# numpy and scipy are held at the system's versions: QGIS and GDAL are compiled against them.
system_versions() {
    "$PYTHON" -c 'import numpy, scipy; print(f"numpy=={numpy.__version__}\nscipy=={scipy.__version__}")'
}

install_environment() {
    if [ ! -x "$VENV/bin/python" ]; then
        echo "setup: making $VENV on $PYTHON, which sees the system's QGIS and GDAL"
        "$PYTHON" -m venv --system-site-packages "$VENV"
    fi
    local constraints="$VENV/constraints.txt"
    system_versions > "$constraints"
    echo "setup: installing requirements-dev.txt (PyTorch included), held to $(paste -sd' ' "$constraints")"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
        --constraint "$constraints" --requirement requirements-dev.txt
}

missing=$(missing_packages | paste -sd' ')
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086  # a list of words
    install_packages $missing
    missing=$(missing_packages | paste -sd' ')
    [ -z "$missing" ] || refuse "$missing"
fi
install_environment
echo "setup: ready"
