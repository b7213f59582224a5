# What the suites need and this machine may lack, from Debian's packages and PyPI. Sourced by `.ci/run`, which runs
# `fetch_tools` beside the compiler; it waits for the network most of the time.
#
# What was found is told in the file $tools, as assignments for the suites that follow.

tools=target/ci/tools
python=target/ci/python

# found VARIABLE VALUE: for the tests. settled VARIABLE VALUE: for `.ci/run` alone.
found() {
    export "$1=$2"
    printf 'export %s=%q\n' "$1" "$2" >>"$tools"
}
settled() {
    printf -v "$1" %s "$2"
    printf '%s=%q\n' "$1" "$2" >>"$tools"
}

# install_packages PACKAGE...: as root on Debian; elsewhere whoever wants a suite installs what it needs.
install_packages() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
    suite "install $1" 300 env DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null' sh "$@"
}

# Tools out of Debian's packages, which aren't installed: that would start servers.
unpacked=$PWD/target/ci/unpacked
unpack() {
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    local folder=$unpacked/$1 package
    rm -rf "$folder" && mkdir -p "$folder" && chmod 777 "$folder" || return 1
    (cd "$folder" && timeout 120 apt-get download -qq "$@") || return 1
    for package in "$folder"/*.deb; do
        dpkg-deb -x "$package" "$folder" && rm "$package" || return 1
    done
}

have_qemu() {
    local tool
    for tool in qemu-system-x86_64 qemu-system-aarch64 qemu-aarch64-static mmdebstrap cpio depmod xz; do
        command -v "$tool" >/dev/null || return 1
    done
}
fetch_devices() {
    settled with_qemu no
    if [ "$with_devices" = no ]; then
        skipped "virtual device" "by --without-devices"
    elif ! command -v apt-get >/dev/null || ! command -v python3 >/dev/null; then
        skipped "virtual device" "there is no apt-get or no python3: it is made of Debian's packages"
    elif have_qemu || install_packages qemu-system-x86 qemu-system-arm qemu-user-static mmdebstrap cpio kmod xz-utils; then
        settled with_qemu yes
    else
        skipped "virtual device" "QEMU or mmdebstrap is not here, and could not be installed"
    fi
    if [ "$with_arm64" = no ] || [ "$with_qemu" = no ]; then
        settled with_arm64 no
        skipped "arm64" "by --without-arm64, or without QEMU"
    elif suite "arm64 toolchain" 600 cross/toolchain target/cross/toolchain; then
        found TWINSPECT_AARCH64 "$PWD/cross/emulated"
    else
        settled with_arm64 no
        skipped "arm64" "its compiler could not be fetched"
    fi
}

# Which devices can be booted: `amd64`, `amd64 arm64` or none.
fetch_images() {
    local made=0
    settled images ""
    if [ "$with_qemu" = no ]; then
        return
    fi
    # Without gpio-sim there is nothing to test by, and that must be seen: exit code 3. A mirror that
    # does not answer is no fault of what is tested here.
    suite "device's image" 900 tests/virtual_device/image/build amd64 target/virtual-device || made=$?
    case $made in
        0) settled images amd64 ;;
        3) exit 3 ;;
        *)
            skipped "virtual device" "its image could not be made, exit code $made"
            return
            ;;
    esac
    if [ "$with_arm64" = no ]; then
        skipped "virtual device, arm64" "as arm64 was"
    elif suite "arm64 device's image" 900 tests/virtual_device/image/build arm64 target/virtual-device; then
        settled images "amd64 arm64"
    else
        skipped "virtual device, arm64" "its image could not be made"
    fi
}

fetch_python() {
    if ! command -v python3 >/dev/null; then
        skipped "python" "python3 is not installed"
        return
    fi
    suite "python" 60 python3 -m venv "$python"
    suite "onnxruntime" 300 "$python/bin/pip" install --quiet --no-compile --requirement tests/python/requirements.txt
    found TWINSPECT_PYTHON "$PWD/$python/bin/python"
    if [ "$with_torch" = no ]; then
        skipped "teachers" "by --without-torch"
    elif suite "torchvision" 900 "$python/bin/pip" install --quiet --no-compile --requirement tests/python/requirements-torch.txt; then
        suite "teachers" 300 "$python/bin/python" tests/python/teachers.py target/ci/teachers
        found TWINSPECT_TEACHER_FIXTURES "$PWD/target/ci/teachers"
    else
        skipped "teachers" "torchvision could not be installed here"
    fi
}

# For the pages that `twinspect-lab report` and a station show.
fetch_browser() {
    if [ "$with_chromium" = no ]; then
        skipped "browser" "by --without-chromium"
    elif command -v chromium >/dev/null || install_packages chromium; then
        found TWINSPECT_CHROMIUM "$(command -v chromium)"
    else
        skipped "browser" "there is no Chromium, and it could not be installed here"
    fi
}

# Rules for alerts, and figures, are shown to Prometheus's own tool.
fetch_promtool() {
    if command -v promtool >/dev/null; then
        found TWINSPECT_PROMTOOL "$(command -v promtool)"
    elif unpack prometheus; then
        found TWINSPECT_PROMTOOL "$unpacked/prometheus/usr/bin/promtool"
    else
        skipped "promtool" "it is not installed, and could not be fetched here; Debian has it in its package prometheus"
    fi
}

# A station speaks with a real broker.
fetch_broker() {
    local libraries tool
    if command -v mosquitto >/dev/null && command -v mosquitto_passwd >/dev/null; then
        found TWINSPECT_MOSQUITTO "$(command -v mosquitto)"
    elif unpack mosquitto libcjson1 libmosquitto1 libdlt2 libwrap0; then
        libraries=("$unpacked"/mosquitto/usr/lib/*-linux-gnu)
        mkdir -p "$unpacked/bin"
        for tool in sbin/mosquitto bin/mosquitto_passwd; do
            printf '#!/bin/sh\nLD_LIBRARY_PATH=%q exec %q "$@"\n' "${libraries[0]}" "$unpacked/mosquitto/usr/$tool" \
                >"$unpacked/bin/${tool##*/}"
            chmod +x "$unpacked/bin/${tool##*/}"
        done
        found TWINSPECT_MOSQUITTO "$unpacked/bin/mosquitto"
        found TWINSPECT_MOSQUITTO_PASSWD "$unpacked/bin/mosquitto_passwd"
    else
        skipped "MQTT broker" "mosquitto is not installed, and could not be fetched here"
    fi
}

# As with librealsense below: where they can be had and aren't, the run fails.
fetch_nvidia() {
    if [ "$with_nvidia" = no ]; then
        skipped "NVIDIA's libraries" "by --without-nvidia"
    elif ! command -v python3 >/dev/null || [ "$(uname -m)" != x86_64 ]; then
        skipped "NVIDIA's libraries" "there is no python3, or this is no x86-64"
    else
        suite "NVIDIA's libraries" 900 src/tensorrt/tests/nvidia target/ci/nvidia
        found TWINSPECT_NVIDIA "$PWD/target/ci/nvidia"
    fi
}

# librealsense without a camera: PyPI's package has it, in three releases. Most of what is known about cameras is known from it.
fetch_librealsense() {
    local folder=$PWD/target/ci/librealsense releases=(2.59.1.11053 2.57.7.10387 2.55.1.6486)
    if [ "$with_realsense" = no ]; then
        skipped "librealsense" "by --without-realsense"
    elif ! command -v python3 >/dev/null || ! command -v cc >/dev/null || [ "$(uname -m)" != x86_64 ]; then
        skipped "librealsense" "there is no python3 or no cc, or this is no x86-64"
    else
        suite "librealsense" 300 src/camera/tests/librealsense "$folder" "${releases[@]}"
        found TWINSPECT_LIBREALSENSE "$folder/${releases[0]}"
        found TWINSPECT_LIBREALSENSE_OTHERS "$folder/${releases[1]}:$folder/${releases[2]}"
    fi
}

fetch_valgrind() {
    if [ "$with_valgrind" = no ]; then
        skipped "TensorRT under valgrind" "by --without-valgrind"
    elif ! command -v valgrind >/dev/null && ! install_packages valgrind; then
        settled with_valgrind no
        skipped "TensorRT under valgrind" "there is no valgrind, and it could not be installed here"
    fi
}

fetch_tools() {
    fetch_devices
    fetch_images
    fetch_browser
    fetch_valgrind
    fetch_promtool
    fetch_broker
    fetch_python
    fetch_nvidia
    fetch_librealsense
}
