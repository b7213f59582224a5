//! A station with a live RealSense camera: the real librealsense, in which a double of a camera is connected, through the
//! whole program. Without `TWINSPECT_LIBREALSENSE` the tests say that they are skipped.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use twinspect_core::frame::FrameSize;

use crate::bad_input::BUNDLE;
use crate::binaries::{program, run, succeed};
use crate::camera_streams::{ARRIVING, assert_measured, object, real_library};
use crate::page::figures::{Sample, samples, value};
use crate::page::{PATIENCE, address, text};
use crate::product::{Site, any_colour};
use crate::service::Service;
use crate::station::check_laws;
use crate::workspace::root;

/// Of both pictures.
const SMALL: FrameSize = FrameSize {
    width: 160,
    height: 120,
};

/// A model of colour alone, for which all of it passes.
const MODEL: &str = "[bundle]\nfile = \"any.twb\"\n";

/// Keys of `[realsense]` for a machine on which other work may run.
const PATIENT: &str = "wait_max_ms = 20000\nfirst_pair_max_ms = 20000\nstall_max_ms = 20000\n";

/// A line that gives a picture time to come.
const LINE: &str = "[trigger]\nrate_hz = 2.0\nexposure_max_ms = 20000\n[gate]\ndelay_ms = 3000\ndeadline_ms = 2900\n\
                    [inspector]\nsilence_max_ms = 60000\n";

/// A folder in which the library has a camera.
struct Live {
    site: Site,
    real: PathBuf,
}

impl Live {
    /// None where there is no library to try it with.
    fn new() -> Option<Self> {
        let real = real_library()?;
        let site = Site::empty();
        twinspect_double_realsense::install(&site.path(""), &real).expect("cc, and the double");
        let written = any_colour(SMALL).write_archive(site.path("any.twb"));
        written.expect("a bundle that fits");
        Some(Self { site, real })
    }

    /// `more` are keys of `[realsense]`, and tables behind it.
    fn configure(&self, bundle: &str, size: FrameSize, more: &str) {
        let FrameSize { width, height } = size;
        let text = format!(
            "{bundle}[camera]\nkind = \"realsense\"\n[realsense]\nlibrary = {:?}\nwidth = {width}\nheight = {height}\n\
             depth_width = {width}\ndepth_height = {height}\nwarm_up_pairs = 5\nage_max_ms = 10000\n{more}",
            self.site.path("")
        );
        self.site.write("station.toml", text);
    }

    /// What the double goes by.
    fn surroundings(&self, camera: &str) -> [(&'static str, OsString); 2] {
        let camera = format!("size=160x120,{camera}");
        [
            ("TWINSPECT_LIBREALSENSE", self.real.clone().into()),
            ("TWINSPECT_DOUBLE_REALSENSE", camera.into()),
        ]
    }

    fn twinspect(&self, arguments: &[&str], camera: &str) -> Command {
        let mut command = program("twinspect");
        command
            .current_dir(self.site.path(""))
            .args(arguments)
            .args(["--config", "station.toml"])
            .envs(self.surroundings(camera));
        command
    }

    /// Looks through the camera.
    fn look(&self, camera: &str) -> Value {
        let look = ["check", "--camera", "--json", "--out", "seen"];
        object(&succeed(&mut self.twinspect(&look, camera)))
    }
}

#[test]
fn a_model_of_another_camera_is_refused_by_run_and_by_a_look() {
    let Some(live) = Live::new() else { return };
    let model = format!("[bundle]\nfile = {:?}\n", root().join("models/cap.twb"));
    live.configure(
        &model,
        SMALL,
        &format!("{PATIENT}[page]\nenabled = false\n"),
    );
    for arguments in [
        &["run", "--parts", "2"][..],
        &["check", "--camera", "--out", "seen"],
    ] {
        let output = run(&mut live.twinspect(arguments, ""));
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(BUNDLE), "{arguments:?}: {told}");
        for says in [
            "the camera does not fit bundle",
            "frame size: bundle 320 x 320, camera 160 x 120",
            "depth unit: bundle 0.0001 m, camera 0.001 m",
        ] {
            assert!(told.contains(says), "`{says}` of {arguments:?}: {told}");
        }
    }
}

#[test]
fn a_camera_on_usb_2_is_told_once_by_run_and_by_a_look() {
    let Some(live) = Live::new() else { return };
    live.configure(
        MODEL,
        SMALL,
        &format!("{PATIENT}{LINE}[page]\nenabled = false\n"),
    );
    let says = "the camera runs on USB 2.1: use a USB 3 cable and port";
    let station = ["run", "--parts", "2", "--json"];
    let output = run(&mut live.twinspect(&station, "usb=2.1"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches(says).count(), 1, "{told}");

    let found = live.look("usb=2.1");
    assert_eq!(found["device"]["usb"], "2.1", "{found}");
    assert!(found["warnings"].to_string().contains(says), "{found}");
    let found = live.look("");
    assert_eq!(found["device"]["usb"], "3.2", "{found}");
    assert!(!found["warnings"].to_string().contains("USB"), "{found}");
}

#[test]
fn depth_that_changes_is_told_with_all_that_it_may_be() {
    let Some(live) = Live::new() else { return };
    live.configure(MODEL, SMALL, PATIENT);
    let noisy = |found: &Value| {
        found["warnings"]
            .to_string()
            .contains("while nothing moves")
    };
    let found = live.look("noise=40");
    assert!(noisy(&found), "{found}");
    for may_be in ["too far", "too little texture", "the emitter off"] {
        assert!(found["warnings"].to_string().contains(may_be), "{found}");
    }
    let found = live.look("");
    assert!(!noisy(&found), "{found}");
}

/// Looks at a station's figures until they are as wanted.
fn figures_when(address: &str, wanted: impl Fn(&[Sample]) -> bool) -> Vec<Sample> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let figures = samples(&text(address, "/metrics"));
        if wanted(&figures) {
            return figures;
        }
    }
    panic!("{}", text(address, "/metrics"));
}

/// The camera of each inspect process stands still for ever after eight seconds: neither a start nor a reset brings it
/// back, and another process has one that runs.
#[test]
fn a_station_outlives_a_camera_that_stands_still_and_tells_of_it_meanwhile() {
    let Some(live) = Live::new() else { return };
    let limits = "wait_max_ms = 300\nstall_max_ms = 1000\nfirst_pair_max_ms = 2000\nstart_max_ms = 5000\n\
                  reset_max_ms = 8000\n";
    let page = "[page]\nlisten = \"127.0.0.1:0\"\n";
    live.configure(MODEL, SMALL, &format!("{limits}{LINE}{page}"));
    let surroundings = live.surroundings("until=240");
    let service = Service::start_with(live.site, |command, _| {
        command.arg("--json").envs(surroundings);
    });
    let address = address(&service);
    let passed = |status: &Value| status["counts"]["passed"].as_u64();
    service.wait_until(|status| passed(status) > Some(0));

    let blind = figures_when(&address, |figures| {
        let at = |name: &str, labels: &[(&str, &str)]| value(figures, name, labels);
        at("twinspect_not_ready", &[("reason", "camera")]) == Some(1.0)
            && at("twinspect_camera_restarts_total", &[]) >= Some(1.0)
            && at("twinspect_camera_errors_total", &[]) >= Some(1.0)
    });
    assert_eq!(value(&blind, "twinspect_ready", &[]), Some(0.0));
    for reason in ["gap", "repeated", "unpaired", "clocks_apart"] {
        let name = "twinspect_camera_lost_frames_total";
        assert!(
            value(&blind, name, &[("reason", reason)]).is_some(),
            "{reason}: {blind:?}"
        );
    }
    let frozen = [("kind", "frozen")];
    assert_eq!(
        value(&blind, "twinspect_camera_bad_frames_total", &frozen),
        Some(0.0)
    );

    // What was seen before has left by then.
    let restarted = |status: &Value| status["inspector"]["restarts"].as_u64() >= Some(1);
    let before = passed(&service.wait_until(restarted));
    service.wait_until(|status| passed(status) > before);
    let log = String::from_utf8(service.site.read("log")).expect("text");
    for line in [
        "capturing part ",
        "starting its streams anew",
        "resetting it",
        "can't be brought back in this process",
        "the inspect process has ended: exit code 6",
    ] {
        assert!(log.contains(line), "`{line}` is missing in {log}");
    }
    let (parts, summary) = service.stop();
    check_laws(&parts, &summary);
    assert!(
        summary["inspector_restarts"].as_u64() >= Some(1),
        "{summary}"
    );
    let has = |key: &str, word: &str| parts.iter().any(|part| part[key] == word);
    assert!(
        has("verdict", "pass") && has("reason", "camera"),
        "{parts:?}"
    );
}

/// The sizes that stations run at, as far as the way of a picture goes.
#[test]
fn the_way_of_pictures_is_measured_at_the_sizes_of_cameras() {
    let Some(live) = Live::new() else { return };
    for (width, height) in [(640, 480), (848, 480), (1280, 720)] {
        live.configure(
            "",
            FrameSize { width, height },
            &format!("{PATIENT}rate_hz = 10\n"),
        );
        let bench = ["bench", "--camera", "--seconds", "2", "--json"];
        let camera = format!("size={width}x{height},rate=10");
        let told = object(&succeed(&mut live.twinspect(&bench, &camera)));
        assert_measured(&told, &ARRIVING);
        let frame = serde_json::json!({ "width": width, "height": height });
        assert_eq!(told["frame"], frame, "{told}");
    }
}
