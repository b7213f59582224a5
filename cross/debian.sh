# Sourced. What image and cross compiler both need of Debian: its mirror, and an apt of one's own
# whose packages are fetched and unpacked but never installed, so that it needs no root and leaves
# the host's apt alone.

debian_key=/usr/share/keyrings/debian-archive-keyring.gpg

# Prints the mirror that this host uses, or DEBIAN_MIRROR.
debian_mirror() {
    local mirror=${DEBIAN_MIRROR:-}
    if [ -z "$mirror" ]; then
        mirror=$(sed -nE 's#^(URIs:|deb( \[[^]]*\])?) +([a-z]+://[^ ]*/debian)/?( .*)?$#\3#p' \
            /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)
    fi
    if [ -z "$mirror" ]; then
        echo "no Debian mirror in /etc/apt: set DEBIAN_MIRROR, as in http://deb.debian.org/debian" >&2
        return 2
    fi
    echo "$mirror"
}

# private_apt FOLDER ARCHITECTURES SUITE...: makes FOLDER the state of an apt that knows the suites
# for these architectures (the first one is native), and exports APT_CONFIG.
private_apt() {
    local folder=$1 architectures=$2 mirror
    shift 2
    mirror=$(debian_mirror)
    if [ ! -e "$debian_key" ]; then
        echo "$debian_key is missing: install debian-archive-keyring" >&2
        return 2
    fi
    mkdir -p "$folder"/lists/partial "$folder"/cache/archives/partial
    : >"$folder/status"
    printf "deb [signed-by=$debian_key] $mirror %s main\n" "$@" >"$folder/sources.list"
    {
        printf 'APT::Architecture "%s";\n' "${architectures%% *}"
        printf 'APT::Architectures { '
        printf '"%s"; ' $architectures
        printf '};\n'
        cat <<SETTINGS
APT::Sandbox::User "root";
APT::Default-Release "$1";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "$folder";
Dir::State::Lists "$folder/lists";
Dir::State::status "$folder/status";
Dir::Cache "$folder/cache";
Dir::Etc::SourceList "$folder/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
SETTINGS
    } >"$folder/apt.conf"
    export APT_CONFIG=$folder/apt.conf
    apt-get -qq update
}
