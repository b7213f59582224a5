//! Archives made by hand, byte by byte: what a tar library would refuse to write.

use super::*;

const BLOCK: usize = 512;

/// One header block (ustar) with a right checksum.
struct Header([u8; BLOCK]);

impl Header {
    fn new(name: &[u8], size: u64) -> Self {
        let mut block = [0; BLOCK];
        block[..name.len()].copy_from_slice(name);
        block[100..108].copy_from_slice(b"0000644\0");
        block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
        block[136..148].copy_from_slice(b"00000000000\0");
        block[156] = b'0';
        block[257..265].copy_from_slice(b"ustar\x0000");
        Self(block)
    }

    fn kind(mut self, kind: u8) -> Self {
        self.0[156] = kind;
        self.0[157..157 + 11].copy_from_slice(b"/etc/passwd");
        self
    }

    fn prefix(mut self, prefix: &[u8]) -> Self {
        self.0[345..345 + prefix.len()].copy_from_slice(prefix);
        self
    }

    /// The size in GNU's binary form.
    fn binary_size(mut self, size: u64) -> Self {
        self.0[124..136].fill(0);
        self.0[124] = 0x80;
        self.0[128..136].copy_from_slice(&size.to_be_bytes());
        self
    }

    fn finish(mut self) -> [u8; BLOCK] {
        self.0[148..156].fill(b' ');
        let sum: u32 = self.0.iter().map(|byte| u32::from(*byte)).sum();
        self.0[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

#[derive(Default)]
struct Tar(Vec<u8>);

impl Tar {
    fn header(mut self, header: Header) -> Self {
        self.0.extend(header.finish());
        self
    }

    fn file(mut self, name: &str, content: &[u8]) -> Self {
        self.0
            .extend(Header::new(name.as_bytes(), content.len() as u64).finish());
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK), 0);
        self
    }

    fn end(mut self) -> Self {
        self.0.resize(self.0.len() + 2 * BLOCK, 0);
        self
    }
}

fn open(tar: Tar) -> Result<Files, BundleError> {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("hostile.twb");
    fs_err::write(&path, tar.0).unwrap();
    read(&path)
}

fn refused(tar: Tar) -> BundleError {
    open(tar).expect_err("must be refused")
}

/// A tar of two files that is in order, without its end.
fn good() -> Tar {
    let sums = format!("{}  rgb.onnx\n", Digest::of(b"network"));
    Tar::default()
        .file("rgb.onnx", b"network")
        .file("SHA256SUMS", sums.as_bytes())
}

#[test]
fn hand_made_archives_in_order_are_read() {
    let files = open(good().end()).unwrap();
    assert_eq!(files["rgb.onnx"], b"network");
    // GNU tar fills its archives up to twenty blocks.
    let mut padded = good().end();
    padded.0.resize(20 * BLOCK, 0);
    assert_eq!(open(padded).unwrap(), files);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in [
        "../rgb.onnx",
        "/rgb.onnx",
        "/etc/cron.d/x",
        "./rgb.onnx",
        "goldens/../rgb.onnx",
        "goldens/000/../../../x",
        "goldens//rgb.png",
        "goldens\\000\\rgb.png",
        "rgb.onnx/",
        "RGB.ONNX",
        "merger.onnx",
    ] {
        let error = refused(good().file(name, b"x").end());
        assert!(
            matches!(&error, BundleError::EntryName { entry, .. } if entry == name),
            "{name}: {error:?}"
        );
    }
    let split = Header::new(b"../../x", 0).prefix(b"goldens/000");
    let error = refused(good().header(split).end());
    assert!(
        matches!(&error, BundleError::EntryName { entry, .. } if entry == "goldens/000/../../x"),
        "{error:?}"
    );
    let binary = Header::new(b"rgb\xff.onnx", 0);
    let error = refused(good().header(binary).end());
    assert!(matches!(error, BundleError::EntryName { .. }), "{error:?}");
}

#[test]
fn everything_but_plain_files_is_refused() {
    for (kind, found) in [
        (b'1', "a hard link"),
        (b'2', "a symbolic link"),
        (b'3', "a device"),
        (b'4', "a device"),
        (b'5', "a folder"),
        (b'6', "a pipe"),
        (b'7', "of an unusual kind"),
        (b'S', "of an unusual kind"),
        (b'L', "a header that changes other entries"),
        (b'K', "a header that changes other entries"),
        (b'x', "a header that changes other entries"),
        (b'g', "a header that changes other entries"),
        (b'V', "of an unusual kind"),
    ] {
        let header = Header::new(b"geometry.onnx", 0).kind(kind);
        let error = refused(good().header(header).end());
        assert!(
            matches!(&error, BundleError::EntryKind { entry, found: f, .. } if entry == "geometry.onnx" && *f == found),
            "{}: {error:?}",
            kind as char
        );
    }
}

#[test]
fn a_name_comes_once() {
    let error = refused(good().file("rgb.onnx", b"network").end());
    assert!(
        matches!(&error, BundleError::DuplicateEntry { entry, .. } if entry == "rgb.onnx"),
        "{error:?}"
    );
}

#[test]
fn sizes_that_lie_are_refused() {
    let beyond = Header::new(b"geometry.onnx", 5000);
    let error = refused(good().header(beyond).end());
    assert!(
        matches!(
            &error,
            BundleError::Truncated {
                expected: 5000,
                found: 1024,
                ..
            }
        ),
        "{error:?}"
    );
    let huge = Header::new(b"geometry.onnx", 0o77_777_777_777);
    let error = refused(good().header(huge).end());
    assert!(matches!(error, BundleError::TooLarge { .. }), "{error:?}");
    for size in [u64::MAX, u64::MAX - 511, 1 << 63] {
        let binary = Header::new(b"geometry.onnx", 0).binary_size(size);
        assert!(open(good().header(binary).end()).is_err(), "{size}");
    }
}

#[test]
fn content_beyond_the_limits_is_refused() {
    let half = vec![0; (TOTAL_BYTES_MAX / 2) as usize];
    let large = good()
        .file("geometry.onnx", &half)
        .file("manifest.toml", &half)
        .end();
    let error = refused(large);
    assert!(matches!(error, BundleError::TooLarge { .. }), "{error:?}");
    let many = (0..=ENTRIES_MAX).fold(Tar::default(), |tar, index| {
        let file = ["rgb.png", "depth.png", "rgb.maps"][index % 3];
        tar.file(&format!("goldens/{:03}/{file}", index / 3), b"")
    });
    let error = refused(many.end());
    assert!(
        matches!(error, BundleError::TooManyEntries { .. }),
        "{error:?}"
    );
}

#[test]
fn what_follows_the_end_is_refused() {
    let mut tar = good().end();
    tar.0.extend(b"garbage");
    assert!(matches!(refused(tar), BundleError::TrailingBytes { .. }));
    let second = good().end().file("geometry.onnx", b"hidden").end();
    assert!(matches!(refused(second), BundleError::TrailingBytes { .. }));
}

#[test]
fn an_archive_needs_its_end() {
    assert!(matches!(refused(good()), BundleError::Truncated { .. }));
    let mut one = good();
    one.0.resize(one.0.len() + BLOCK, 0);
    assert!(matches!(refused(one), BundleError::Truncated { .. }));
    assert!(matches!(
        refused(Tar::default()),
        BundleError::Truncated { .. }
    ));
}

#[test]
fn what_is_no_archive_is_refused_with_a_hint() {
    let text = Tar(b"this is a letter, not a bundle\n".repeat(40));
    let error = refused(text);
    assert!(matches!(error, BundleError::Archive { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("copy it again"));
    let mut wrong_sum = good().end();
    wrong_sum.0[110] ^= 1;
    assert!(matches!(refused(wrong_sum), BundleError::Archive { .. }));
}

#[test]
fn digests_and_files_must_list_each_other() {
    let error = refused(Tar::default().file("rgb.onnx", b"network").end());
    assert!(
        matches!(&error, BundleError::Missing { entry, .. } if entry == "SHA256SUMS"),
        "{error:?}"
    );
    let error = refused(good().file("geometry.onnx", b"x").end());
    assert!(matches!(error, BundleError::Unlisted { .. }), "{error:?}");
    let sums = format!("{}  geometry.onnx\n", Digest::of(b"x"));
    let error = refused(Tar::default().file("SHA256SUMS", sums.as_bytes()).end());
    assert!(matches!(error, BundleError::Missing { .. }), "{error:?}");
    let error = refused(Tar::default().file("SHA256SUMS", b"\xff\xfe").end());
    assert!(
        matches!(error, BundleError::Sums { line: 0, .. }),
        "{error:?}"
    );
    let error = refused(
        Tar::default()
            .file("SHA256SUMS", b"\nabc  rgb.onnx\n")
            .end(),
    );
    assert!(
        matches!(error, BundleError::Sums { line: 1, .. }),
        "{error:?}"
    );
}

#[test]
fn zeros_without_an_end_are_no_bundle() {
    let error = read(Path::new("/dev/zero")).unwrap_err();
    assert!(matches!(error, BundleError::TooLarge { .. }), "{error:?}");
}
