//! Archives that somebody has made to do harm, sent as `ssh station twinspect model install -` sends them.
//!
//! Each is refused with exit code 4 and a report that names what is wrong, and the site with all its folders is
//! then what it was before. The bundle's own tests know more of them; these show that nothing stands between them
//! and the program.

use std::io::{Cursor, Write};
use std::process::Stdio;

use minisign::KeyPair;
use sha2::{Digest, Sha256};

use super::*;
use crate::binaries::succeed;

const BLOCK: usize = 512;

/// Files of an archive by name, in its order.
type Entries = Vec<(Vec<u8>, Entry)>;

#[derive(Clone)]
enum Entry {
    File(Vec<u8>),
    /// Of another kind, with a link's target.
    Special(u8),
    /// A file whose header tells this size, and has this content.
    Lying(u64, Vec<u8>),
}

fn header(name: &[u8], kind: u8, size: u64) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    block[..name.len()].copy_from_slice(name);
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[136..148].copy_from_slice(b"00000000000\0");
    block[156] = kind;
    if kind != b'0' {
        block[157..168].copy_from_slice(b"/etc/passwd");
    }
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn archive(entries: &Entries) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, entry) in entries {
        let (kind, size, content) = match entry {
            Entry::File(content) => (b'0', content.len() as u64, content.as_slice()),
            Entry::Special(kind) => (*kind, 0, &[][..]),
            Entry::Lying(size, content) => (b'0', *size, content.as_slice()),
        };
        bytes.extend(header(name, kind, size));
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

/// The entries of the site's bundle.
fn entries(site: &Site) -> Entries {
    let folder = site.path("block");
    let bundle = Bundle::open(folder).expect("a sound bundle");
    let files = bundle.files();
    files
        .map(|(name, bytes)| (name.as_bytes().to_vec(), Entry::File(bytes.to_vec())))
        .collect()
}

/// What of a bundle is spoilt.
fn content<'a>(entries: &'a mut Entries, name: &str) -> &'a mut Vec<u8> {
    let found = entries
        .iter_mut()
        .find(|(other, _)| other == name.as_bytes());
    match found {
        Some((_, Entry::File(content))) => content,
        _ => panic!("no file {name}"),
    }
}

/// Takes the digests of all files again, as whoever has changed them would.
fn reseal(entries: &mut Entries) {
    let mut sums = String::new();
    for (name, entry) in entries.iter() {
        if let Entry::File(content) = entry
            && name != b"SHA256SUMS"
        {
            let digits: String = Sha256::digest(content)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            sums.push_str(&format!("{digits}  {}\n", String::from_utf8_lossy(name)));
        }
    }
    *content(entries, "SHA256SUMS") = sums.into_bytes();
}

/// Everything in the site, folders too.
fn everything(site: &Site) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![site.path("")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.display().to_string();
            if path.is_dir() {
                open.push(path);
                found.insert(name, None);
            } else {
                found.insert(name, Some(std::fs::read(path).expect("a file")));
            }
        }
    }
    found
}

/// Sends something to an install and returns how that ended. It may end before it has read all.
fn send(site: &Site, mut feed: impl FnMut(&mut dyn Write) -> std::io::Result<()>) -> Output {
    let mut process = program("twinspect")
        .current_dir(site.path(""))
        .args([
            "model",
            "install",
            "-",
            "--config",
            "station.toml",
            "--json",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = process.stdin.take().expect("a pipe");
    if let Err(error) = feed(&mut input) {
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe, "{error}");
    }
    drop(input);
    process.wait_with_output().expect("it ends")
}

fn check(site: &Site, what: &str, bytes: &[u8], says: &[&str]) {
    let before = everything(site);
    let output = send(site, |input| input.write_all(bytes));
    expect(what, &output, says);
    assert_eq!(everything(site), before, "{what}");
}

fn expect(what: &str, output: &Output, says: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{what}: {said}");
    assert!(!said.contains("panicked"), "{what}: {said}");
    assert!(said.contains("hint: "), "{what}: {said}");
    assert!(output.stdout.is_empty(), "{what}");
    for text in says {
        assert!(said.contains(text), "{what}: `{text}` is missing: {said}");
    }
}

/// A site with one installed model, so that there is something to spoil.
fn site_with_a_model() -> Site {
    let site = site();
    done(&site, "install block.twb");
    done(&site, "activate block");
    version(&site, "6.6.6");
    site
}

#[test]
fn names_that_lead_out_of_the_store_are_refused() {
    let site = site_with_a_model();
    for name in [
        "../../../escaped",
        "/tmp/escaped",
        "goldens/000/../../../../escaped",
        "./manifest.toml",
        "goldens/000",
        "notes.txt",
    ] {
        let mut entries = entries(&site);
        entries.insert(0, (name.into(), Entry::File(b"x".to_vec())));
        check(
            &site,
            name,
            &archive(&entries),
            &[name, "no file of a bundle"],
        );
    }
    let mut entries = entries(&site);
    entries.push((b"rgb\xff\xfe.onnx".to_vec(), Entry::File(b"x".to_vec())));
    check(
        &site,
        "no text",
        &archive(&entries),
        &["rgb", ".onnx", "no file of a bundle"],
    );
}

#[test]
fn everything_but_files_is_refused() {
    let site = site_with_a_model();
    for (kind, what) in [
        (b'1', "a hard link"),
        (b'2', "a symbolic link"),
        (b'3', "a device"),
        (b'4', "a device"),
        (b'5', "a folder"),
        (b'6', "a pipe"),
        (b'L', "a header that changes other entries"),
        (b'x', "a header that changes other entries"),
        (b'g', "a header that changes other entries"),
        (b'S', "of an unusual kind"),
    ] {
        let mut entries = entries(&site);
        entries.retain(|(name, _)| name != b"rgb.onnx");
        entries.push((b"rgb.onnx".to_vec(), Entry::Special(kind)));
        check(&site, what, &archive(&entries), &["rgb.onnx", what]);
    }
}

#[test]
fn entries_that_are_twice_too_many_or_missing_are_refused() {
    let site = site_with_a_model();
    let whole = entries(&site);
    let mut twice = whole.clone();
    twice.push((b"rgb.onnx".to_vec(), Entry::File(b"another".to_vec())));
    check(&site, "twice", &archive(&twice), &["rgb.onnx twice"]);
    for missing in [
        "manifest.toml",
        "SHA256SUMS",
        "geometry.onnx",
        "goldens/001/rgb.png",
    ] {
        let mut without = whole.clone();
        without.retain(|(name, _)| name != missing.as_bytes());
        check(&site, missing, &archive(&without), &["lacks", missing]);
    }
    let mut more = whole.clone();
    more.push((b"goldens/002/rgb.png".to_vec(), Entry::File(b"x".to_vec())));
    let says = ["goldens/002/rgb.png", "SHA256SUMS does not list"];
    check(&site, "unlisted", &archive(&more), &says);
}

#[test]
fn sizes_that_lie_and_content_that_was_changed_are_refused() {
    let site = site_with_a_model();
    let whole = entries(&site);
    let mut longer = whole.clone();
    longer.push((b"fusion.onnx".to_vec(), Entry::Lying(90_000, b"x".to_vec())));
    check(
        &site,
        "longer",
        &archive(&longer),
        &["ends inside fusion.onnx", "90000"],
    );
    let mut shorter = whole.clone();
    let maps = "goldens/001/rgb.maps";
    let content_of = content(&mut shorter, maps).clone();
    let place = shorter.iter().position(|(name, _)| name == maps.as_bytes());
    let size = content_of.len() as u64 - 600;
    shorter[place.expect("maps")].1 = Entry::Lying(size, content_of);
    check(
        &site,
        "shorter",
        &archive(&shorter),
        &["from standard input"],
    );
    let mut huge = whole.clone();
    huge.insert(
        0,
        (
            b"rgb.onnx".to_vec(),
            Entry::Lying(0o77_777_777_777, Vec::new()),
        ),
    );
    check(&site, "huge", &archive(&huge), &["holds more than"]);
    for changed in ["rgb.onnx", "manifest.toml", "goldens/001/rgb.maps"] {
        let mut other = whole.clone();
        content(&mut other, changed)[7] ^= 1;
        check(&site, changed, &archive(&other), &[changed, "has digest"]);
    }
    let mut sums = whole.clone();
    content(&mut sums, "SHA256SUMS")[0] = b'?';
    check(&site, "sums", &archive(&sums), &["SHA256SUMS, line 1"]);
}

#[test]
fn what_is_no_bundle_of_this_release_is_refused() {
    let site = site_with_a_model();
    let mut newer = entries(&site);
    let manifest = content(&mut newer, "manifest.toml");
    let text = String::from_utf8(manifest.clone()).expect("a manifest");
    *manifest = text.replacen("format = 1", "format = 9", 1).into_bytes();
    reseal(&mut newer);
    check(&site, "format", &archive(&newer), &["is of format 9"]);
    let mut unknown = entries(&site);
    let manifest = content(&mut unknown, "manifest.toml");
    *manifest = [b"shell = \"rm\"\n", manifest.as_slice()].concat();
    reseal(&mut unknown);
    check(&site, "key", &archive(&unknown), &["shell"]);
    // A line that no part can reach, above a sound list of hashes.
    let mut lenient = entries(&site);
    let manifest = content(&mut lenient, "manifest.toml");
    let text = String::from_utf8(manifest.clone()).expect("a manifest");
    *manifest = text
        .replacen("evidence = 5.0", "evidence = 1000.0", 1)
        .into_bytes();
    reseal(&mut lenient);
    let says = ["score.fused.evidence", "less than 100 ", "1000.0"];
    check(&site, "a line", &archive(&lenient), &says);
    let whole = archive(&entries(&site));
    for (what, bytes) in [
        ("nothing", Vec::new()),
        ("a letter", b"this is a letter, not a bundle\n".repeat(100)),
        (
            "noise",
            (0..9_000_u32).map(|byte| (byte * 31 % 251) as u8).collect(),
        ),
        ("half", whole[..whole.len() / 2].to_vec()),
        ("no end", whole[..whole.len() - 2 * BLOCK].to_vec()),
        (
            "more behind",
            [whole.as_slice(), b"more".as_slice()].concat(),
        ),
    ] {
        check(&site, what, &bytes, &["from standard input"]);
    }
}

/// Sound digests, and numbers by which a bare belt would be a part, or any network proven.
#[test]
fn bundles_that_switch_a_guard_off_are_refused() {
    let site = site_with_a_model();
    for (from, to, key) in [
        (
            "foreground_mm = 2.0",
            "foreground_mm = 0.001",
            "foreground_mm",
        ),
        ("f32 = 0.0001", "f32 = 0.1", "tolerance.f32"),
        ("f16 = 0.01", "f16 = 0.1", "tolerance.f16"),
    ] {
        let mut entries = entries(&site);
        let manifest = content(&mut entries, "manifest.toml");
        let text = String::from_utf8(manifest.clone()).expect("a manifest");
        assert!(text.contains(from), "{text}");
        *manifest = text.replacen(from, to, 1).into_bytes();
        reseal(&mut entries);
        let says = [key, "expected", "export it again"];
        check(&site, to, &archive(&entries), &says);
    }
}

/// These never end by themselves.
#[test]
fn streams_without_an_end_are_ended() {
    let site = site_with_a_model();
    let before = everything(&site);
    let entries = entries(&site);
    let zeros = vec![0; 1 << 16];
    let output = send(&site, |input| {
        loop {
            input.write_all(&zeros)?;
        }
    });
    expect("zeros", &output, &["from standard input"]);
    let whole = archive(&entries);
    let output = send(&site, |input| {
        input.write_all(&whole)?;
        loop {
            input.write_all(&zeros)?;
        }
    });
    expect("zeros behind", &output, &["holds more than"]);
    let one = header(b"goldens/000/rgb.png", b'0', 60 << 20);
    let output = send(&site, |input| {
        input.write_all(&one)?;
        loop {
            input.write_all(&zeros)?;
        }
    });
    expect("a large file", &output, &["from standard input"]);
    let mut number = 0;
    let output = send(&site, |input| {
        loop {
            let file = ["rgb.png", "depth.png", "rgb.maps"][number % 3];
            let name = format!("goldens/{:03}/{file}", number / 3 % 1000);
            input.write_all(&header(name.as_bytes(), b'0', 0))?;
            number += 1;
        }
    });
    expect("many", &output, &["holds more than", "files"]);
    assert_eq!(everything(&site), before);
}

#[test]
fn where_a_key_is_configured_its_owner_must_have_signed() {
    let site = site_with_a_model();
    let (ours, others) = (keys(), keys());
    let key = format!("[models]\npublic_key = \"{}\"\n", ours.pk.to_base64());
    site.edit("station.toml", "[models]\n", &key);
    let sums = site.read("block/SHA256SUMS");
    let signed = |signature: Vec<u8>| {
        let mut entries = entries(&site);
        entries.push((b"SHA256SUMS.minisig".to_vec(), Entry::File(signature)));
        archive(&entries)
    };
    let unsigned = archive(&entries(&site));
    check(
        &site,
        "unsigned",
        &unsigned,
        &["is not signed", "SHA256SUMS.minisig"],
    );
    let foreign = signed(sign(&others, &sums));
    check(
        &site,
        "another key",
        &foreign,
        &["SHA256SUMS.minisig", "another key"],
    );
    let elsewhere = signed(sign(&ours, b"something else"));
    check(
        &site,
        "other content",
        &elsewhere,
        &["does not belong to its SHA256SUMS"],
    );
    let garbage = signed(b"garbage".to_vec());
    check(&site, "garbage", &garbage, &["no signature of minisign"]);
    // What was installed before there was a key does not become trusted.
    let error = refused(&site, "verify", 4);
    assert!(error.contains("is not signed"), "{error}");

    let good = signed(sign(&ours, &sums));
    let output = send(&site, |input| input.write_all(&good));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let said: Value = serde_json::from_slice(&output.stdout).expect("a JSON object");
    assert_eq!(said["signed"], "released for line 3");
    done(&site, "verify block-6.6.6");
}

/// As docs/models.md shows it, with the `tar` of this machine.
#[test]
fn an_archive_that_was_signed_by_hand_is_taken() {
    let site = site();
    let ours = keys();
    let key = format!("[models]\npublic_key = \"{}\"\n", ours.pk.to_base64());
    site.edit("station.toml", "[models]\n", &key);
    site.write(
        "block/SHA256SUMS.minisig",
        sign(&ours, &site.read("block/SHA256SUMS")),
    );
    let archive = "tar -cf signed.twb --format=ustar -C block SHA256SUMS SHA256SUMS.minisig manifest.toml \
                   rgb.onnx geometry.onnx $(cd block && find goldens -type f)";
    succeed(
        std::process::Command::new("sh")
            .args(["-c", archive])
            .current_dir(site.path("")),
    );
    assert_eq!(
        done(&site, "install signed.twb")["signed"],
        "released for line 3"
    );
}

fn keys() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().expect("a pair of keys")
}

fn sign(keys: &KeyPair, content: &[u8]) -> Vec<u8> {
    let comment = Some("released for line 3");
    let signature = minisign::sign(
        Some(&keys.pk),
        &keys.sk,
        Cursor::new(content),
        comment,
        None,
    );
    signature.expect("a signature").into_string().into_bytes()
}
