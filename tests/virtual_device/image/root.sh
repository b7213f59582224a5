# Sourced. The root file system: packages unpacked and never configured, so that an image for
# another architecture needs no emulation, and by hand what maintainer scripts would have done.

root_packages=systemd,systemd-sysv,udev,kmod,bash,coreutils,findutils,util-linux,mount,procps,grep,sed,gawk
root_packages+=,dash,libc-bin,base-passwd,base-files,dpkg,tar,diffutils,gpiod,v4l-utils

# unpack_root ROOT ARCHITECTURE SUITE
unpack_root() {
    mmdebstrap --quiet --variant=extract --architectures="$2" --include="$root_packages" \
        --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' "$3" "$1" "$(debian_mirror)"
    rm -rf "$1"/usr/share/{man,locale,info,i18n,bash-completion,zoneinfo} "$1"/var/{lib,cache}/apt \
        "$1"/usr/lib/udev/hwdb.d "$1"/usr/lib/*/gconv
}

# configure_root ROOT SCRIPTS
configure_root() {
    local root=$1 scripts=$2 units=$1/etc/systemd/system folder unit
    mkdir -p "$root"/{etc,run,proc,sys,dev,tmp,root,usr/local/bin}
    for folder in bin sbin lib lib64; do
        if [ -d "$root/usr/$folder" ] && [ ! -e "$root/$folder" ]; then
            ln -s "usr/$folder" "$root/$folder"
        fi
    done
    cp "$root"/usr/share/base-passwd/passwd.master "$root"/etc/passwd
    cp "$root"/usr/share/base-passwd/group.master "$root"/etc/group
    echo virtual-device >"$root"/etc/hostname
    printf 'ID=debian\nNAME="virtual device"\n' >"$root"/etc/os-release
    echo 0123456789abcdef0123456789abcdef >"$root"/etc/machine-id
    ln -sf /proc/self/mounts "$root"/etc/mtab
    # dpkg in the device knows of no package; what is installed there is what is tested.
    mkdir -p "$root"/var/lib/dpkg/{info,updates,triggers}
    : >"$root"/var/lib/dpkg/status

    mkdir -p "$units"/multi-user.target.wants
    install -m 755 "$scripts"/guest-agent "$root"/usr/local/bin/guest-agent
    install -m 644 "$scripts"/guest-agent.service "$units"/
    ln -s ../guest-agent.service "$units"/multi-user.target.wants/
    ln -sf /usr/lib/systemd/system/multi-user.target "$units"/default.target
    while read -r unit; do
        case $unit in '' | '#'*) ;; *) ln -sf /dev/null "$units/$unit" ;; esac
    done <"$scripts"/masked-units.txt
    for unit in gpt-auto hibernate-resume rc-local ssh system-update sysv tpm2 getty fstab; do
        rm -f "$root/usr/lib/systemd/system-generators/systemd-$unit-generator"
    done
    mkdir -p "$root"/etc/systemd/{system,journald}.conf.d
    printf '[Manager]\nDefaultTimeoutStopSec=20s\n' >"$root"/etc/systemd/system.conf.d/test.conf
    # Nothing may be dropped: the tests read what the station said.
    printf '[Journal]\nStorage=volatile\nForwardToConsole=no\nRateLimitBurst=0\n' \
        >"$root"/etc/systemd/journald.conf.d/test.conf
    ldconfig -r "$root"
    ln -sf usr/lib/systemd/systemd "$root"/init
}
