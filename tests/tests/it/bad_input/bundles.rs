//! What is wrong with a bundle: damaged, incomplete, hostile, or made for something else.

use sha2::{Digest, Sha256};
use twinspect_bundle::Bundle;
use twinspect_core::prepare::Roi;

use super::*;
use crate::workspace::all_files;

/// Changes bytes of the archive.
fn archive(change: impl FnOnce(&mut Vec<u8>)) -> impl FnOnce(&Site) {
    move |site| {
        let mut bytes = site.read("block.twb");
        change(&mut bytes);
        site.write("block.twb", bytes);
    }
}

/// Writes the digests of all files of the bundle's folder anew, as whoever meant the change would.
pub(crate) fn seal(site: &Site) {
    let folder = site.path("block");
    let mut sums = String::new();
    for file in all_files(&folder) {
        let name = file.strip_prefix(&folder).expect("a file of the folder");
        if name.as_os_str() == "SHA256SUMS" {
            continue;
        }
        let digest = Sha256::digest(std::fs::read(&file).expect("a file of the bundle"));
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        sums.push_str(&format!("{digits}  {}\n", name.display()));
    }
    site.write("block/SHA256SUMS", sums);
}

/// Changes the manifest and takes the digests again.
fn manifest(from: &'static str, to: &'static str) -> impl FnOnce(&Site) {
    move |site| {
        site.edit("block/manifest.toml", from, to);
        seal(site);
    }
}

/// An archive with one more entry, which another program has written.
fn with_entry(site: &Site, name: &str, kind: tar::EntryType) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(0);
    header.set_mode(0o644);
    let field = &mut header.as_old_mut().name;
    field[..name.len()].copy_from_slice(name.as_bytes());
    if kind.is_symlink() {
        header.set_link_name("/etc/passwd").expect("a short name");
    }
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(site.read("block.twb"));
    site.write("block.twb", bytes);
}

#[test]
fn a_missing_bundle_is_named() {
    let spoil = |site: &Site| site.remove("block.twb");
    check(
        spoil,
        REPLAY_ARCHIVE,
        BUNDLE,
        &["block.twb", "No such file"],
    );
}

#[test]
fn a_station_without_its_bundle_says_so_at_start() {
    let spoil = |site: &Site| site.remove("block.twb");
    for arguments in [CHECK_STATION, RUN_STATION] {
        check(spoil, arguments, BUNDLE, &["block.twb"]);
    }
}

#[test]
fn an_empty_file_is_no_bundle() {
    check(archive(Vec::clear), REPLAY_ARCHIVE, BUNDLE, &["block.twb"]);
}

#[test]
fn a_text_is_no_bundle() {
    let text = archive(|bytes| *bytes = b"this is no archive\n".repeat(100));
    let says = ["block.twb is not a readable archive", "name a .twb file"];
    let report = refuse(text, REPLAY_ARCHIVE, BUNDLE, &says);
    assert_remedy(&report);
    assert!(report.lines().all(|line| line.len() < 200), "{report}");
    assert!(report.lines().count() <= 4, "{report}");
}

#[test]
fn a_bundle_that_was_cut_in_transit_is_refused() {
    let cut = archive(|bytes| bytes.truncate(bytes.len() / 2));
    check(cut, REPLAY_ARCHIVE, BUNDLE, &["block.twb", "copy it again"]);
}

#[test]
fn bytes_behind_the_end_are_refused() {
    let longer = archive(|bytes| bytes.extend([7; 512]));
    check(
        longer,
        REPLAY_ARCHIVE,
        BUNDLE,
        &["block.twb", "copy it again"],
    );
}

#[test]
fn a_flipped_byte_in_a_network_is_found() {
    let flipped = |site: &Site| {
        let mut bytes = site.read("block/geometry.onnx");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        site.write("block/geometry.onnx", bytes);
    };
    check(
        flipped,
        REPLAY_FOLDER,
        BUNDLE,
        &["geometry.onnx", "digest", "copy it again"],
    );
}

#[test]
fn a_flipped_byte_in_an_archive_is_found() {
    let network = |bytes: &[u8]| bytes.windows(6).position(|window| window == b"picker");
    let flipped = archive(|bytes| {
        let at = network(bytes).expect("the archive holds the network");
        bytes[at] ^= 0x20;
    });
    check(
        flipped,
        REPLAY_ARCHIVE,
        BUNDLE,
        &["block.twb", ".onnx", "digest"],
    );
}

#[test]
fn a_flipped_byte_in_a_golden_is_found() {
    let flipped = |site: &Site| {
        let mut bytes = site.read("block/goldens/001/rgb.maps");
        bytes[100] ^= 1;
        site.write("block/goldens/001/rgb.maps", bytes);
    };
    check(
        flipped,
        REPLAY_FOLDER,
        BUNDLE,
        &["goldens/001/rgb.maps", "digest"],
    );
}

#[test]
fn a_missing_golden_is_named() {
    let spoil = |site: &Site| site.remove("block/goldens/001");
    check(spoil, REPLAY_FOLDER, BUNDLE, &["goldens/001/"]);
}

#[test]
fn a_bundle_without_goldens_is_not_trusted() {
    let spoil = |site: &Site| {
        site.remove("block/goldens");
        seal(site);
    };
    check(
        spoil,
        REPLAY_FOLDER,
        BUNDLE,
        &["block", "no goldens", "export it again"],
    );
}

#[test]
fn a_missing_network_is_named() {
    let spoil = |site: &Site| {
        site.remove("block/rgb.onnx");
        seal(site);
    };
    check(spoil, REPLAY_FOLDER, BUNDLE, &["rgb.onnx"]);
}

#[test]
fn a_missing_manifest_is_named() {
    let spoil = |site: &Site| site.remove("block/manifest.toml");
    check(spoil, REPLAY_FOLDER, BUNDLE, &["manifest.toml"]);
}

#[test]
fn digests_that_are_none_name_their_line() {
    let spoil = |site: &Site| site.write("block/SHA256SUMS", "deadbeef rgb.onnx\n");
    check(spoil, REPLAY_FOLDER, BUNDLE, &["SHA256SUMS, line 1"]);
}

#[test]
fn a_stray_file_is_named() {
    let spoil = |site: &Site| site.write("block/notes.txt", "remember the milk");
    check(spoil, REPLAY_FOLDER, BUNDLE, &["notes.txt"]);
}

#[test]
fn a_path_that_leads_out_of_the_archive_is_refused() {
    let spoil = |site: &Site| with_entry(site, "../../evil", tar::EntryType::Regular);
    check(spoil, REPLAY_ARCHIVE, BUNDLE, &["../../evil"]);
}

#[test]
fn a_link_in_the_archive_is_refused() {
    let spoil = |site: &Site| with_entry(site, "rgb.onnx", tar::EntryType::Symlink);
    check(spoil, REPLAY_ARCHIVE, BUNDLE, &["rgb.onnx", "link"]);
}

#[test]
fn a_file_twice_in_the_archive_is_refused() {
    let spoil = |site: &Site| with_entry(site, "rgb.onnx", tar::EntryType::Regular);
    check(spoil, REPLAY_ARCHIVE, BUNDLE, &["rgb.onnx"]);
}

#[test]
fn a_format_of_the_future_is_refused_before_anything_else() {
    let spoil = manifest("format = 1", "format = 5\nunheard_of = true");
    check(
        spoil,
        REPLAY_FOLDER,
        BUNDLE,
        &["format 5", "reads formats 1 to 4"],
    );
}

#[test]
fn an_unknown_key_of_the_manifest_is_named_and_nobody_is_sent_to_edit_it() {
    let spoil = manifest("tool_version", "tool_versoin");
    let says = [
        "manifest.toml:",
        "`tool_versoin`",
        "`tool_version`",
        "use the twinspect release that wrote this bundle, or export it again",
    ];
    let report = refuse(spoil, REPLAY_FOLDER, BUNDLE, &says);
    assert_remedy(&report);
    assert!(!report.contains("did you mean"), "{report}");
    let more = manifest("format = 1", "format = 1\nfoo = 3");
    let report = refuse(more, REPLAY_FOLDER, BUNDLE, &["`foo`", "export it again"]);
    assert!(!report.contains("remove"), "{report}");
}

#[test]
fn a_broken_manifest_names_its_line() {
    check(
        manifest("[camera]", "[camera"),
        REPLAY_FOLDER,
        BUNDLE,
        &["manifest.toml:"],
    );
}

#[test]
fn an_unknown_method_is_named() {
    let spoil = manifest("\"reverse_distillation\"", "\"guesswork\"");
    check(
        spoil,
        REPLAY_FOLDER,
        BUNDLE,
        &["manifest.toml:", "guesswork"],
    );
}

#[test]
fn a_threshold_that_is_no_number_is_refused() {
    let spoil = manifest("evidence = 5.0", "evidence = nan");
    check(spoil, REPLAY_FOLDER, BUNDLE, &["score.fused.evidence"]);
}

#[test]
fn a_threshold_at_which_everything_passes_is_refused() {
    let spoil = manifest("evidence = 5.0", "evidence = 1e30");
    check(
        spoil,
        REPLAY_FOLDER,
        BUNDLE,
        &["score.fused.evidence", "less than 100 "],
    );
}

/// The digests hold: whoever meant the change has taken them again.
#[test]
fn guards_that_are_switched_off_are_refused() {
    for (from, to, key) in [
        (
            "tilt_deg = 1.0",
            "tilt_deg = 1e9",
            "prepare.geometry.belt_bounds.tilt_deg",
        ),
        (
            "offset_mm = 5.0",
            "offset_mm = 1e9",
            "prepare.geometry.belt_bounds.offset_mm",
        ),
        (
            "height_range_mm = [-5.0, 60.0]",
            "height_range_mm = [-1e9, 1e9]",
            "prepare.geometry.height_range_mm",
        ),
        (
            "distance_mm = 400.0",
            "distance_mm = 1e9",
            "camera.distance_mm",
        ),
        (
            "depth_unit_m = 0.0001",
            "depth_unit_m = 1e9",
            "camera.depth_unit_m",
        ),
        ("f32 = 0.0001", "f32 = 0.05", "tolerance.f32"),
    ] {
        let says = [key, "expected", "export it again"];
        check(manifest(from, to), REPLAY_FOLDER, BUNDLE, &says);
    }
}

/// As earlier releases made them of a set with an empty picture.
#[test]
fn least_shares_of_nothing_are_raised_and_an_empty_belt_is_no_part() {
    let site = Site::new();
    let shares = [
        ("part_share_min = 0.01", "part_share_min = 0.0"),
        ("valid_share_min = 0.3", "valid_share_min = 0.0"),
    ];
    for (from, to) in shares {
        manifest(from, to)(&site);
    }
    let belt = image::Luma([4000_u16]);
    let belt = image::ImageBuffer::<image::Luma<u16>, _>::from_pixel(80, 64, belt);
    let saved = belt.save(site.path("parts/test/good/000/depth.png"));
    saved.expect("a picture is written");
    let output = run(program("twinspect")
        .current_dir(site.path(""))
        .args(REPLAY_FOLDER)
        .arg("--json"));
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let of = |part: &str| {
        let part = format!("\"{part}\"");
        let line = lines.lines().find(|line| line.contains(&part));
        line.unwrap_or_else(|| panic!("{lines}"))
    };
    let (empty, other) = (of("test/good/000"), of("test/good/001"));
    assert!(empty.contains("\"reason\":\"no_part\""), "{empty}");
    assert!(!other.contains("no_part"), "{other}");
}

#[test]
fn a_line_that_good_parts_have_not_put_there_is_warned_of() {
    let site = Site::new();
    manifest("evidence = 5.0", "evidence = 50.0")(&site);
    site.edit("station.toml", "block.twb", "block");
    let says = "the fused line of block 1.0.0 stands at 50 standard deviations of good parts";
    let of = |arguments: &[&str]| {
        let output = run(program("twinspect")
            .current_dir(site.path(""))
            .args(arguments));
        let report = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {report}");
        (output.stdout, report)
    };
    let (found, _) = of(&["check", "--bundle", "block", "--json"]);
    let found: serde_json::Value = serde_json::from_slice(&found).expect("a JSON object");
    assert!(found["warnings"].to_string().contains(says), "{found}");
    for arguments in [&["check", "--bundle", "block", "--engine"][..], RUN_STATION] {
        let (_, report) = of(arguments);
        assert!(report.contains(says), "{arguments:?}: {report}");
    }
}

#[test]
fn a_region_of_interest_outside_the_frame_is_refused() {
    let spoil = |site: &Site| {
        let mut spoilt = crate::product::manifest();
        spoilt.prepare.roi = Some(Roi {
            x: 8,
            y: 8,
            width: 32,
            height: 32,
        });
        let text = spoilt
            .render(&site.path("block"))
            .expect("a sound manifest");
        site.write(
            "block/manifest.toml",
            text.replacen("width = 32", "width = 73", 1),
        );
        seal(site);
    };
    check(
        spoil,
        REPLAY_FOLDER,
        BUNDLE,
        &["prepare.roi", "73 x 32 at (8, 8)", "80 x 64"],
    );
}

/// Every command that reads the networks of a bundle; the station's goes by the folder, too.
const READERS: [&[&str]; 8] = [
    REPLAY_FOLDER,
    &["check", "--bundle", "block"],
    &["check", "--bundle", "block", "--engine"],
    CHECK_STATION,
    RUN_STATION,
    &[
        "bench", "--bundle", "block", "--data", "parts", "--parts", "1",
    ],
    &["model", "install", "block", "--models", "models"],
    &[
        "model",
        "calibrate",
        "--bundle",
        "block",
        "--data",
        "parts",
        "--out",
        "new.twb",
    ],
];

/// Whatever reads it, a bundle at fault is a bundle at fault.
fn at_fault(spoil: impl Fn(&Site), says: &[&str]) {
    for arguments in READERS {
        let spoil = |site: &Site| {
            spoil(site);
            site.edit("station.toml", "block.twb", "block");
        };
        check(spoil, arguments, BUNDLE, says);
    }
}

#[test]
fn a_network_that_is_none_is_refused() {
    let spoil = |site: &Site| {
        site.write("block/rgb.onnx", "this is no network");
        seal(site);
    };
    at_fault(spoil, &["loading the rgb network"]);
}

#[test]
fn a_network_with_an_operator_that_nobody_knows_is_refused() {
    let spoil = |site: &Site| {
        let mut onnx = site.read("block/rgb.onnx");
        let mut letters = onnx.windows(4);
        let at = letters.position(|window| window == b"Conv");
        let at = at.expect("a convolution");
        onnx[at..at + 4].copy_from_slice(b"Cxyz");
        site.write("block/rgb.onnx", onnx);
        seal(site);
    };
    at_fault(spoil, &["loading the rgb network"]);
}

#[test]
fn a_network_with_another_output_is_refused() {
    let spoil = |site: &Site| {
        site.edit(
            "block/manifest.toml",
            "output = \"maps\"",
            "output = \"heat\"",
        );
        seal(site);
    };
    at_fault(spoil, &["heat", "maps"]);
}

#[test]
fn an_engine_that_cannot_reproduce_the_goldens_is_not_used() {
    let spoil = |site: &Site| {
        let wrong = 3.0_f32.to_le_bytes();
        let mut maps = site.read("block/goldens/000/geometry.maps");
        maps[400..404].copy_from_slice(&wrong);
        site.write("block/goldens/000/geometry.maps", maps);
        seal(site);
    };
    let says = ["golden 000", "geometry map 0, index 100", "expected 3"];
    check(spoil, REPLAY_FOLDER, ENGINE, &says);
}

#[test]
fn a_golden_of_another_shape_is_refused() {
    let spoil = |site: &Site| {
        let mut maps = site.read("block/goldens/000/rgb.maps");
        maps.pop();
        site.write("block/goldens/000/rgb.maps", maps);
        seal(site);
    };
    check(spoil, REPLAY_FOLDER, BUNDLE, &["golden 000", "rgb.maps"]);
}

#[test]
fn sealing_by_itself_spoils_nothing() {
    let site = Site::new();
    seal(&site);
    let sealed = Bundle::open(site.path("block")).expect("a sound bundle");
    assert_eq!(sealed.hash(), crate::product::bundle().hash());
}
