//! Setting a camera, and what it says of its settings.

use std::time::Duration;

use twinspect_camera::Camera;
use twinspect_camera::librealsense::software::{
    Done, SoftwareCamera, SoftwareSpec, heard, overheard, overheard_with_preset,
};
use twinspect_camera::librealsense::{CameraOption, Context};
use twinspect_camera::realsense::{PresetFile, RealSenseSpec, Settings, StreamRecorder};
use twinspect_core::frame::DepthFrame;

use crate::rig::{Rig, begin, range, show_pair, software_spec, spec};
use crate::stream_recorder::{file_in, live, record_pairs};

/// What is said of a camera that can't be set so.
pub(crate) fn refused(
    software: &SoftwareSpec,
    change: impl FnOnce(&mut RealSenseSpec),
) -> Option<String> {
    let (_turn, library) = begin()?;
    let mut spec = spec();
    change(&mut spec);
    let error = Rig::open_as(library, software, spec, show_pair)
        .err()
        .unwrap();
    let hint = error.hint().unwrap_or_default();
    Some(format!("{error} / {hint}"))
}

/// What was asked for and what was found, if that is told.
fn fact(rig: &Rig, name: &str) -> Option<(Option<f32>, f32)> {
    let facts = &rig.camera.facts().settings;
    let fact = facts.iter().find(|fact| fact.name == name);
    fact.map(|fact| (fact.wanted, fact.found))
}

fn set(value: f32) -> Option<(Option<f32>, f32)> {
    Some((Some(value), value))
}

/// None of them is what the camera has by itself.
fn settings() -> Settings {
    Settings {
        visual_preset: Some(3),
        depth_exposure: Some(Duration::from_micros(4_000)),
        depth_gain: Some(24.0),
        emitter: Some(false),
        laser_power_mw: Some(180.0),
        colour_exposure: Some(Duration::from_micros(5_000)),
        colour_gain: Some(40.0),
        white_balance_k: Some(5_000.0),
        power_line_hz: Some(50),
        ..Settings::default()
    }
}

#[test]
fn settings_are_made_and_read_back_and_told() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut spec = spec();
    spec.settings = settings();
    let mut rig = Rig::open(library, spec, show_pair).unwrap();
    assert_eq!(fact(&rig, "depth visual preset"), set(3.0));
    assert_eq!(fact(&rig, "depth auto exposure"), set(0.0));
    assert_eq!(fact(&rig, "depth exposure"), set(4_000.0));
    assert_eq!(fact(&rig, "depth gain"), set(24.0));
    assert_eq!(fact(&rig, "depth emitter"), set(0.0));
    assert_eq!(fact(&rig, "depth laser power"), set(180.0));
    // Hundreds of microseconds.
    assert_eq!(fact(&rig, "colour exposure"), set(50.0));
    assert_eq!(fact(&rig, "colour gain"), set(40.0));
    assert_eq!(fact(&rig, "colour auto white balance"), set(0.0));
    assert_eq!(fact(&rig, "colour white balance"), set(5_000.0));
    // UVC's number for 50 Hz.
    assert_eq!(fact(&rig, "colour power line frequency"), set(1.0));
    assert_eq!(
        fact(&rig, "colour emitter"),
        None,
        "the colour camera has none"
    );
    let description = rig.camera.description();
    assert!(description.contains("colour 64 x 48"), "{description}");
    rig.capture().unwrap();
    // The camera itself holds them.
    let sensors = rig.software.device().unwrap().sensors().unwrap();
    assert_eq!(sensors[0].get(CameraOption::Exposure).unwrap(), 4_000.0);
    assert_eq!(sensors[0].get(CameraOption::Emitter).unwrap(), 0.0);
    let mains = sensors[1].get(CameraOption::PowerLineFrequency);
    assert_eq!(mains.unwrap(), 1.0);
}

#[test]
fn what_nobody_asked_for_stays_and_is_told() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let rig = Rig::open(library, spec(), show_pair).unwrap();
    let own = |value| Some((None, value));
    assert_eq!(fact(&rig, "depth exposure"), own(8_500.0));
    assert_eq!(fact(&rig, "depth visual preset"), own(0.0));
    assert_eq!(fact(&rig, "colour power line frequency"), own(3.0));
}

/// A preset overwrites single settings, so that it comes first. What is set after it makes it a custom one, which is
/// told and is no fault.
#[test]
fn a_preset_is_loaded_before_anything_is_set() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let library = overheard(library);
    heard();
    let json = "{ \"controls-laserpower\": \"150\" }";
    let mut spec = spec();
    spec.settings = Settings {
        preset: Some(PresetFile {
            path: "/etc/twinspect/shiny.json".into(),
            json: json.to_owned(),
        }),
        ..settings()
    };
    let rig = Rig::open(library, spec, show_pair).unwrap();
    let done = heard();
    let set_to = |option, value| Done::Set(Some(option), value);
    assert_eq!(
        done[..4],
        [
            Done::Preset(json.to_owned()),
            set_to(CameraOption::VisualPreset, 3.0),
            set_to(CameraOption::AutoExposure, 0.0),
            set_to(CameraOption::Exposure, 4_000.0),
        ]
    );
    let loaded = |done: &&Done| matches!(done, Done::Preset(_));
    assert_eq!(done.iter().filter(loaded).count(), 1, "{done:?}");
    assert_eq!(fact(&rig, "depth visual preset"), Some((Some(3.0), 0.0)));
    assert_eq!(fact(&rig, "depth laser power"), set(180.0));
    assert_eq!(rig.camera.facts().preset.as_deref(), Some("shiny.json"));
    let description = rig.camera.description();
    assert!(
        description.ends_with(", preset shiny.json"),
        "{description}"
    );
}

/// A preset that is applied again, and much of what it overwrites then.
fn beside_preset() -> Settings {
    Settings {
        visual_preset: Some(1),
        depth_exposure: Some(Duration::from_micros(4_000)),
        emitter: Some(true),
        laser_power_mw: Some(180.0),
        colour_gain: Some(40.0),
        ..Settings::default()
    }
}

/// What is heard of them: preset, settings, start, settings.
fn set_before_and_after() -> Vec<Done> {
    let settings = [
        (CameraOption::AutoExposure, 0.0),
        (CameraOption::Exposure, 4_000.0),
        (CameraOption::Emitter, 1.0),
        (CameraOption::LaserPower, 180.0),
        // The colour camera's.
        (CameraOption::AutoExposure, 0.0),
        (CameraOption::Gain, 40.0),
    ]
    .map(|(option, value)| Done::Set(Some(option), value));
    let mut done = vec![Done::Set(Some(CameraOption::VisualPreset), 1.0)];
    done.extend(settings.clone());
    done.extend([Done::Opened, Done::Opened]);
    done.extend(settings);
    done
}

fn holds(camera: &SoftwareCamera) {
    let sensors = camera.device().unwrap().sensors().unwrap();
    for (sensor, option, value) in [
        (0, CameraOption::AutoExposure, 0.0),
        (0, CameraOption::Exposure, 4_000.0),
        (0, CameraOption::LaserPower, 180.0),
        (1, CameraOption::AutoExposure, 0.0),
        (1, CameraOption::Gain, 40.0),
    ] {
        let found = sensors[sensor].get(option).unwrap();
        assert_eq!(found, value, "{sensor} {option:?}");
    }
}

/// As D400 cameras do it: with the preset they would run with automatic exposure and 150 mW.
#[test]
fn what_a_preset_overwrites_when_the_camera_is_opened_is_set_again() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let library = overheard_with_preset(library);
    heard();
    let mut spec = spec();
    spec.settings = beside_preset();
    let mut software = software_spec("rig");
    for (option, may_be) in &mut software.options[1] {
        if *option == CameraOption::AutoWhiteBalance {
            may_be.default = 0.0;
        }
    }
    let rig = Rig::open_as(library, &software, spec, show_pair).unwrap();
    assert_eq!(heard(), set_before_and_after());
    holds(&rig.software);
    assert_eq!(fact(&rig, "depth visual preset"), set(1.0));
    assert_eq!(fact(&rig, "depth auto exposure"), set(0.0));
    assert_eq!(fact(&rig, "depth laser power"), set(180.0));
    // Nobody has asked for it, and the preset has switched it on since the first reading.
    let white_balance = fact(&rig, "colour auto white balance");
    assert_eq!(white_balance, Some((None, 1.0)));
}

/// A recorder runs sensors of its own. It is the camera that is set, before and after.
#[test]
fn what_a_preset_overwrites_is_set_again_where_it_is_recorded() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let library = overheard_with_preset(library);
    let folder = tempfile::tempdir().unwrap();
    let file = file_in(library, folder.path());
    let context = Context::open(library).unwrap();
    let (showing, mut socket, software) = live(library, show_pair);
    let mut spec = spec();
    spec.settings = beside_preset();
    heard();
    let mut recorder = StreamRecorder::start(&context, &mut socket, &spec, &file).unwrap();
    assert_eq!(heard(), set_before_and_after());
    holds(&software);
    let mut facts = recorder.facts().settings.iter();
    let laser = facts.find(|fact| fact.name == "depth laser power").unwrap();
    assert_eq!((laser.wanted, laser.found), (Some(180.0), 180.0));
    record_pairs(&mut recorder, 3);
    drop(showing);
    recorder.finish().unwrap();
}

#[test]
fn what_is_as_it_should_be_after_the_start_is_not_set_again() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let library = overheard_with_preset(library);
    for (preset, again) in [
        (1.0, vec![Done::Set(Some(CameraOption::LaserPower), 180.0)]),
        // It is not applied again here.
        (3.0, Vec::new()),
    ] {
        heard();
        let mut spec = spec();
        spec.settings = Settings {
            visual_preset: Some(preset as u32),
            emitter: Some(true),
            laser_power_mw: Some(180.0),
            ..Settings::default()
        };
        let rig = Rig::open(library, spec, show_pair).unwrap();
        let done = heard();
        assert_eq!(done[0], Done::Set(Some(CameraOption::VisualPreset), preset));
        assert_eq!(done[3..5], [Done::Opened, Done::Opened], "{done:?}");
        assert_eq!(done[5..], again, "{done:?}");
        assert_eq!(fact(&rig, "depth laser power"), set(180.0));
    }
}

/// Its pictures would go on saying the unit that was asked for.
#[test]
fn a_unit_of_depth_that_a_preset_sets_otherwise_is_refused() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let library = overheard_with_preset(library);
    let mut software = software_spec("unit");
    let any = range(0.000_001, 0.01, 0.0, 0.001);
    software.options[0].push((CameraOption::DepthUnits, any));
    let mut spec = spec();
    spec.settings.visual_preset = Some(1);
    spec.settings.depth_unit_m = Some(0.0001);
    // Without a picture: it is refused as soon as it has been started.
    let opened = Rig::open_as(library, &software, spec.clone(), |_, _| {});
    let error = opened.err().unwrap();
    let told = format!("{error} / {}", error.hint().unwrap_or_default());
    assert!(
        told.contains("depth units of Software D400 unit was set to 0.0001 and is 0.001")
            && told.contains("leave out `realsense.visual_preset` or `realsense.depth_unit_m`"),
        "{told}"
    );
    assert!(!error.may_pass());
    // The preset's own is none.
    spec.settings.depth_unit_m = Some(0.001);
    let rig = Rig::open_as(library, &software, spec, show_pair).unwrap();
    assert_eq!(fact(&rig, "depth units"), set(0.001));
}

#[test]
fn a_preset_that_the_device_cannot_take_is_an_error_and_no_crash() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut spec = spec();
    spec.open_max = Duration::from_millis(300);
    spec.settings.preset = Some(PresetFile {
        path: "preset.json".into(),
        json: "{ \"viewer\": {} }".to_owned(),
    });
    let error = Rig::open(library, spec, show_pair).err().unwrap();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    assert!(text.contains("loading the preset: librealsense"), "{text}");
}

#[test]
fn a_value_out_of_range_is_refused_with_the_range() {
    let told = refused(&software_spec("rig"), |spec| {
        spec.settings.laser_power_mw = Some(900.0);
    });
    let Some(told) = told else { return };
    assert!(
        told.contains("depth laser power = 900") && told.contains("0 to 360 in steps of 30"),
        "{told}"
    );
}

#[test]
fn a_setting_that_the_camera_has_not_is_refused() {
    let mut without_mains = software_spec("rig");
    without_mains.options[1].retain(|(option, _)| *option != CameraOption::PowerLineFrequency);
    let told = refused(&without_mains, |spec| {
        spec.settings.power_line_hz = Some(50);
    });
    let Some(told) = told else { return };
    assert!(
        told.contains("no colour power line frequency to set"),
        "{told}"
    );
    // What can't be set and is as it should be is no fault; the unit of depth is fixed here.
    let told = refused(&software_spec("rig"), |spec| {
        spec.settings.depth_unit_m = Some(0.0001);
    });
    assert!(told.unwrap().contains("no depth units to set"));
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut spec = spec();
    spec.settings.depth_unit_m = Some(0.001);
    let rig = Rig::open(library, spec, show_pair).unwrap();
    assert_eq!(rig.camera.facts().depth_unit_m, 0.001);
}

#[test]
fn a_unit_of_depth_that_can_be_set_is_set_and_counts() {
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut software = software_spec("unit");
    // Without steps: the library holds a software camera's values against them to the last bit of an f32.
    let any = range(0.000_001, 0.01, 0.0, 0.001);
    software.options[0].push((CameraOption::DepthUnits, any));
    let mut spec = spec();
    spec.settings.depth_unit_m = Some(0.0001);
    let mut rig = Rig::open_as(library, &software, spec, show_pair).unwrap();
    assert_eq!(fact(&rig, "depth units"), set(0.0001));
    assert_eq!(rig.camera.facts().depth_unit_m, 0.0001);
    let frame = rig.capture().unwrap();
    let Some(DepthFrame::Counts(depth)) = frame.pair.depth() else {
        panic!("no depth counts");
    };
    assert_eq!(depth.unit_m(), 0.0001);
}

/// As in the D405, whose depth sensor gives colour too.
#[test]
fn one_sensor_can_t_be_exposed_in_two_ways() {
    let software = SoftwareSpec {
        one_sensor: true,
        ..software_spec("d405")
    };
    let exposed = |depth_us, colour_us| {
        move |spec: &mut RealSenseSpec| {
            spec.settings.depth_exposure = Some(Duration::from_micros(depth_us));
            spec.settings.colour_exposure = Some(Duration::from_micros(colour_us));
        }
    };
    let told = refused(&software, exposed(4_000, 5_000));
    let Some(told) = told else { return };
    assert!(
        told.contains("its exposure can't be 4000 for depth and 5000 for colour")
            && told.contains("leave one of the two keys out"),
        "{told}"
    );
    let Some((_turn, library)) = begin() else {
        return;
    };
    let mut spec = spec();
    exposed(4_000, 4_000)(&mut spec);
    let rig = Rig::open_as(library, &software, spec, show_pair).unwrap();
    assert_eq!(fact(&rig, "depth exposure"), set(4_000.0));
    assert_eq!(fact(&rig, "colour exposure"), set(4_000.0));
}
