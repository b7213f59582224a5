# Sourced. The kernel: Debian's own, from the suite that has gpio-sim.

# The modules that a test needs; what each of them needs comes with it.
kernel_modules="gpio_sim vivid configfs autofs4 virtio_blk ext4"

# fetch_kernel WORK ARCHITECTURE SUITE: unpacks this week's kernel below WORK/kernel, and prints its
# version. Backports move, so the version is asked for and never written down.
fetch_kernel() {
    local work=$1 architecture=$2 suite=$3 image version parts
    image=$(
        private_apt "$work/apt" "$architecture" "$suite"
        apt-cache depends "linux-image-$architecture" | awk '/Depends: linux-image-[0-9]/ { print $2; exit }'
    )
    if [ -z "$image" ]; then
        echo "$suite has no linux-image-$architecture: set KERNEL_SUITE" >&2
        return 3
    fi
    version=${image#linux-image-}
    mkdir -p "$work/debs" "$work/kernel"
    (
        export APT_CONFIG=$work/apt/apt.conf
        # From 7.x on a kernel is split into packages; before, the first of them holds everything.
        parts=$(apt-cache depends "$image" |
            awk -v version="$version" '/Depends: linux-(base|binary|modules)-[0-9]/ && index($2, version) { print $2 }')
        cd "$work/debs"
        # shellcheck disable=SC2086 # names of packages
        apt-get -qq download "$image" $parts
    )
    for deb in "$work"/debs/*.deb; do dpkg-deb -x "$deb" "$work/kernel"; done
    echo "$version"
}

# require_gpio_sim MODULES VERSION SUITE: says what to do when Debian drops the module.
require_gpio_sim() {
    find "$1" -name 'gpio-sim.ko*' | grep -q . && return
    cat >&2 <<SAY
The kernel $2 of $3 has no gpio-sim, without which there are no wires to test.
Ways on, the easiest first:
  - a newer suite: KERNEL_SUITE=sid tests/virtual_device/run ...
  - look at the option of the kernel: grep GPIO_SIM in /boot/config-$2 of the package linux-base-$2,
    and ask Debian to switch CONFIG_GPIO_SIM on again (kernels up to 6.12 did not have it either)
  - build drivers/gpio/gpio-sim.c against linux-headers-$2 and add the module to the image
SAY
    return 3
}

# install_modules MODULES ROOT VERSION: puts the modules into the image, unpacked: unpacking them is
# slow in an emulated machine.
install_modules() {
    local tree=$1 root=$2 version=$3 target=$2/usr/lib/modules/$3 module file
    depmod -b "${tree%/lib/modules/*}" "$version" 2>/dev/null || true
    mkdir -p "$target"
    find "$tree" -maxdepth 1 \( -name "modules.builtin*" -o -name modules.order \) \
        -exec cp -t "$target" {} +
    for module in $kernel_modules; do
        grep -qE "/${module//_/[-_]}\.ko" "$tree"/modules.builtin && continue
        for file in $(module_files "$tree" "$module"); do
            mkdir -p "$target/$(dirname "$file")"
            case $file in
            *.xz) xz -dc "$tree/$file" >"$target/${file%.xz}" ;;
            *.zst) zstd -dqc "$tree/$file" >"$target/${file%.zst}" ;;
            *) cp "$tree/$file" "$target/$file" ;;
            esac
        done
    done
    depmod -b "$root" "$version"
}

# module_files MODULES NAME: the files of a module and of those that it needs, below MODULES.
module_files() {
    awk -v name="$2" '
        BEGIN { gsub("_", "[-_]", name) }
        $1 ~ "/" name "\\.ko(\\.[a-z]+)?:$" { gsub(":", ""); for (i = 1; i <= NF; i++) print $i }
    ' "$1/modules.dep"
}
