//! What the trainer is handed by mistake. No case gets as far as training.

use super::good_parts::{fill, filled};
use super::*;
use crate::binaries::run;
use crate::product;

const SYNTH: &[&str] = &["synth", "--data", "parts", "--preview", "sheets"];
const EVALUATE: &[&str] = &["evaluate", "--bundle", "block.twb", "--data", "parts"];
const CALIBRATE: &[&str] = &[
    "calibrate",
    "--bundle",
    "block.twb",
    "--data",
    "parts",
    "--out",
    "new.twb",
];

/// A refusal of `twinspect-lab` with a remedy.
fn refused(spoil: impl FnOnce(&Site), arguments: &[&str], code: i32, says: &[&str]) {
    assert_remedy(&refuse_by("twinspect-lab", spoil, arguments, code, says));
}

/// A refusal of `train` with the teacher that is built in.
pub(super) fn untrained(spoil: impl FnOnce(&Site), more: &[&str], code: i32, says: &[&str]) {
    let fixed = ["train", "--data", "parts", "--out", "run"];
    refused(spoil, &[&fixed, more].concat(), code, says);
}

/// A refusal of `train` for a line of its configuration.
fn unconfigured(line: &'static str, says: &[&str]) {
    let spoil = |site: &Site| site.write("training.toml", line);
    let more = ["--config", "training.toml"];
    untrained(
        spoil,
        &more,
        CONFIGURATION,
        &[&["training.toml"], says].concat(),
    );
}

/// A refusal of `train` for its teacher.
fn untaught(file: &'static str, bytes: &'static [u8]) {
    let arguments = [
        "train",
        "--data",
        "parts",
        "--out",
        "run",
        "--teacher",
        file,
    ];
    refused(|site| site.write(file, bytes), &arguments, BUNDLE, &[file]);
}

#[test]
fn an_unknown_key_of_the_training_is_named() {
    unconfigured("sede = 1\n", &["sede", "seed"]);
}

#[test]
fn a_turn_below_zero_is_told_its_range() {
    let more = ["--rotation-deg", "-5"];
    untrained(|_| {}, &more, CONFIGURATION, &["rotation_deg = -5", "180"]);
}

#[test]
fn a_rate_above_one_is_refused() {
    unconfigured(
        "target_false_reject_rate = 1.5\n",
        &["target_false_reject_rate"],
    );
}

#[test]
fn a_rate_that_no_line_can_be_asked_for_is_refused() {
    unconfigured(
        "target_false_reject_rate = 1e-300\n",
        &["target_false_reject_rate", "0.001"],
    );
}

#[test]
fn a_size_that_suits_no_map_is_refused() {
    unconfigured("size = 100\n", &["size"]);
}

#[test]
fn a_training_without_branches_is_refused() {
    unconfigured("[rgb]\nenabled = false\n[geometry]\nenabled = false\n", &[]);
}

#[test]
fn a_missing_training_configuration_is_named() {
    untrained(
        |_| {},
        &["--config", "absent.toml"],
        CONFIGURATION,
        &["absent.toml"],
    );
}

#[test]
fn missing_training_parts_are_named() {
    untrained(|site| site.remove("parts"), &[], DATA, &["parts"]);
}

#[test]
fn too_few_training_parts_are_counted() {
    untrained(|_| {}, &[], DATA, &["2 good parts", "at least 8"]);
}

#[test]
fn a_damaged_training_picture_is_named() {
    let spoil = |site: &Site| {
        fill(site, "train");
        fill(site, "validation");
        site.write("parts/train/good/007/rgb.png", "smile");
    };
    untrained(spoil, &[], DATA, &["train/good/007"]);
}

#[test]
fn too_few_validation_parts_are_told_before_training() {
    let says = ["split `validation`", "at least 5", "validation/good"];
    untrained(|site| fill(site, "train"), &[], DATA, &says);
}

#[test]
fn too_few_parts_to_give_up_a_tenth_are_told_before_training() {
    let spoil = |site: &Site| {
        let colour = site.read("parts/test/good/000/rgb.png");
        site.remove("parts");
        for folder in ["test/good", "train/good"] {
            let folder = site.path(format!("parts/{folder}"));
            std::fs::create_dir_all(folder).expect("a folder is made");
        }
        site.write("parts/test/good/000.png", &colour);
        for part in 0..12 {
            site.write(&format!("parts/train/good/{part:03}.png"), &colour);
        }
    };
    let says = ["split `validation`", "at least 5", "every tenth"];
    untrained(spoil, &[], DATA, &says);
}

#[test]
fn textures_that_are_missing_do_not_claim_the_run_s_folder() {
    let site = Site::new();
    fill(&site, "train");
    fill(&site, "validation");
    std::fs::create_dir(site.path("settings")).expect("a folder is made");
    site.write(
        "settings/training.toml",
        "[perturbation]\nenabled = true\ntextures = \"dtd\"\n",
    );
    let mut lab = program("twinspect-lab");
    lab.current_dir(site.path(""));
    lab.args(["train", "--data", "parts", "--out", "run"]);
    let output = run(lab.args(["--config", "settings/training.toml"]));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(DATA), "{told}");
    assert!(told.contains("settings/dtd"), "{told}");
    assert!(!site.path("run").exists());
}

#[test]
fn a_run_that_another_process_trains_is_left_to_it() {
    let site = Site::new();
    fill(&site, "train");
    fill(&site, "validation");
    std::fs::create_dir(site.path("run")).expect("a folder is made");
    let lock = std::fs::File::create(site.path("run/run.lock")).expect("a file is made");
    lock.try_lock().expect("nobody trains yet");
    let mut lab = program("twinspect-lab");
    lab.current_dir(site.path(""));
    let output = run(lab.args(["train", "--data", "parts", "--out", "run"]));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(STORAGE), "{told}");
    assert!(told.contains("another twinspect-lab"), "{told}");
    assert!(!site.path("run/run.toml").exists());
}

#[test]
fn a_run_in_the_data_set_is_refused() {
    for out in ["parts", "parts/run", "./parts/train/../runs/one"] {
        let arguments = ["train", "--data", "parts", "--out", out];
        refused(|_| {}, &arguments, CONFIGURATION, &[out, "another --out"]);
    }
}

#[test]
fn a_run_in_a_file_s_place_is_refused() {
    let spoil = filled(|site| site.write("run", "notes"));
    untrained(
        spoil,
        &[],
        STORAGE,
        &["--out run is a file", "name a folder"],
    );
}

#[test]
fn another_camera_s_parts_are_neither_evaluated_nor_calibrated_to() {
    for arguments in [EVALUATE, CALIBRATE] {
        let spoil = |site: &Site| site.edit("parts/camera.json", "0.0001", "0.001");
        let says = [
            "does not fit bundle block.twb",
            "depth unit: bundle 0.0001 m",
        ];
        refused(spoil, arguments, BUNDLE, &says);
    }
}

/// Without a camera's file it is the pictures that tell.
#[test]
fn pictures_of_another_size_are_neither_evaluated_nor_calibrated_to() {
    for arguments in [EVALUATE, CALIBRATE] {
        let says = ["frame size of ", "bundle 80 x 64, camera 160 x 128"];
        refused(colours_of_another_size, arguments, BUNDLE, &says);
    }
}

/// Sets from elsewhere mix sizes: they are judged, and it is told.
#[test]
fn a_picture_of_another_size_among_others_is_evaluated_and_told() {
    let site = Site::new();
    colours_of_another_size(&site);
    let picture = image::RgbImage::new(80, 64);
    let path = site.path("parts/test/good/000/rgb.png");
    picture.save(path).expect("a picture is written");
    let mut command = program("twinspect-lab");
    let output = run(command.args(EVALUATE).current_dir(site.path("")));
    let says = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{says}");
    let told = "2 of 3 test parts have another frame size than the 80 x 64";
    assert!(says.contains(told), "{says}");
}

#[test]
fn a_set_without_depth_is_not_evaluated_with_a_bundle_that_judges_it() {
    let spoil = |site: &Site| {
        for part in [
            "train/good/000",
            "train/good/001",
            "test/good/000",
            "test/good/001",
            "test/dent/000",
        ] {
            site.remove(&format!("parts/{part}/depth.png"));
        }
    };
    refused(
        spoil,
        EVALUATE,
        BUNDLE,
        &["judges depth, the camera has none"],
    );
}

#[test]
fn a_bundle_that_the_engine_does_not_reproduce_is_not_evaluated() {
    let spoil = |site: &Site| {
        let other = product::edition("1.0.0", |golden| {
            for value in golden.maps.rgb.iter_mut().flat_map(|maps| &mut maps.data) {
                *value += 1.0;
            }
        });
        site.remove("block.twb");
        let written = other.write_archive(site.path("block.twb"));
        written.expect("a new file");
    };
    let says = [
        "proving the engine with bundle block.twb",
        "does not reproduce the maps",
    ];
    refused(spoil, EVALUATE, ENGINE, &says);
}

#[test]
fn data_sets_are_opened_before_the_first_is_trained_on() {
    let arguments = [
        "measure",
        "--data",
        "parts",
        "absent",
        "--results",
        "results",
    ];
    refused(
        |site| {
            fill(site, "train");
            fill(site, "validation");
        },
        &arguments,
        DATA,
        &["absent"],
    );
}

#[test]
fn a_result_that_is_damaged_stays_and_is_no_success() {
    let site = Site::new();
    fill(&site, "train");
    fill(&site, "validation");
    let result = "results/parts-efficientnet_lite0_to_stride16-seed1.json";
    std::fs::create_dir(site.path("results")).expect("a new folder");
    site.write(result, "{");
    let mut lab = program("twinspect-lab");
    lab.current_dir(site.path(""));
    let measured = run(lab.args(["measure", "--data", "parts", "--results", "results"]));
    let told = String::from_utf8_lossy(&measured.stderr);
    assert_eq!(measured.status.code(), Some(STORAGE), "{told}");
    assert!(
        told.contains("is damaged: it stays; move it away"),
        "{told}"
    );
    assert_eq!(site.read(result), b"{");
}

#[test]
fn parts_without_a_result_are_told() {
    let site = Site::new();
    let black = image::RgbImage::new(80, 64);
    let good = (0..5).map(|number| format!("good/{number:03}"));
    for part in good.chain(["dent/000".to_owned()]) {
        let folder = site.path(format!("parts/test/{part}"));
        if !folder.exists() {
            std::fs::create_dir(&folder).expect("a new folder");
            site.write(
                &format!("parts/test/{part}/depth.png"),
                site.read("parts/test/good/000/depth.png"),
            );
        }
        let saved = black.save(site.path(format!("parts/test/{part}/rgb.png")));
        saved.expect("a picture is written");
    }
    let mut lab = program("twinspect-lab");
    let evaluated = run(lab.current_dir(site.path("")).args(EVALUATE));
    let told = String::from_utf8_lossy(&evaluated.stdout);
    assert!(
        told.contains("NO PART HAS A RESULT (no_colour 6)"),
        "{told}"
    );
    let warned = String::from_utf8_lossy(&evaluated.stderr);
    assert!(
        warned.contains("every good part of parts is rejected"),
        "{warned}"
    );
}

#[test]
fn a_set_without_good_training_parts_is_refused() {
    untrained(|site| site.remove("parts/train"), &[], DATA, &["parts"]);
}

#[test]
fn a_teacher_that_is_a_text_is_refused() {
    untaught("teacher.safetensors", b"all I know");
}

#[test]
fn a_teacher_that_is_empty_is_refused() {
    untaught("teacher.pth", b"");
}

#[test]
fn a_missing_teacher_is_named() {
    let arguments = [
        "train",
        "--data",
        "parts",
        "--out",
        "run",
        "--teacher",
        "absent.pth",
    ];
    let says = ["absent.pth", "No such file", "leave --teacher away"];
    refused(|_| {}, &arguments, BUNDLE, &says);
}

#[test]
fn a_damaged_bundle_is_not_evaluated() {
    let spoil = |site: &Site| {
        let mut bytes = site.read("block.twb");
        bytes.truncate(bytes.len() / 2);
        site.write("block.twb", bytes);
    };
    refused(spoil, EVALUATE, BUNDLE, &["block.twb"]);
}

#[test]
fn a_set_without_test_parts_is_not_evaluated() {
    refused(|site| site.remove("parts/test"), EVALUATE, DATA, &["parts"]);
}

#[test]
fn a_folder_that_is_no_run_is_not_exported() {
    let arguments = ["export", "--run", "parts", "--out", "new.twb"];
    refused(|_| {}, &arguments, BUNDLE, &["parts holds no training run"]);
}

#[test]
fn jobs_of_a_set_that_is_not_there_are_not_listed() {
    let arguments = [
        "ablate",
        "--data",
        "absent",
        "--results",
        "results",
        "--list",
    ];
    refused(|_| {}, &arguments, DATA, &["absent"]);
}

/// A refusal of `synth` for its textures.
fn undrawn(spoil: impl FnOnce(&Site), says: &[&str]) {
    let arguments = [SYNTH, &["--textures", "textures"]].concat();
    refused(spoil, &arguments, DATA, says);
}

#[test]
fn a_missing_texture_folder_is_named() {
    undrawn(|_| {}, &["textures"]);
}

#[test]
fn an_empty_texture_folder_is_refused() {
    let spoil = |site: &Site| {
        std::fs::create_dir(site.path("textures")).expect("a folder is made");
    };
    undrawn(spoil, &["textures", "holds no pictures"]);
}

#[test]
fn a_text_among_the_textures_is_named() {
    let spoil = |site: &Site| {
        std::fs::create_dir(site.path("textures")).expect("a folder is made");
        let picture = site.read("parts/train/good/000/rgb.png");
        site.write("textures/one.png", picture);
        site.write("textures/readme.txt", "banded, blotchy, braided");
    };
    undrawn(spoil, &["textures/readme.txt"]);
}

#[test]
fn a_set_without_good_parts_has_no_defects_drawn_on() {
    refused(
        |site| site.remove("parts/train"),
        SYNTH,
        DATA,
        &["parts", "0 good parts"],
    );
}

#[test]
fn a_file_is_no_folder_for_sheets() {
    refused(
        |site| site.write("sheets", "here already"),
        SYNTH,
        STORAGE,
        &["--preview sheets is a file", "name a folder"],
    );
}

/// What is written there would be a part for the next training.
#[test]
fn sheets_in_the_data_set_are_refused() {
    let arguments = ["synth", "--data", "parts", "--preview", "parts/train/good"];
    let says = [
        "--preview parts/train/good lies in the data set",
        "another --preview",
    ];
    refused(|_| {}, &arguments, CONFIGURATION, &says);
}
