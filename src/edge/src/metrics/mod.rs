//! A station's figures in the text format of Prometheus (0.0.4), which its server and the node exporter's
//! textfile collector both read. Names are for dashboards and alerts and stay.
//!
//! What a station does not know is left out: a camera that is a recording has no restarts, a board without
//! sensors no temperature. All figures carry the station's name, so that several stations of one board can be
//! told apart.

mod camera;
mod challenge;
mod text;

use jiff::Timestamp;
use twinspect_core::picture::{Figure, Level};
use twinspect_core::verdict::{Reason, SeenBy};

use crate::control::{BOUNDS_MS, Histogram, STAGES, StageTimes, Status};
use crate::health::Looked;
use crate::mqtt::MqttFigures;
use crate::picture_check::PictureStatus;
use text::{Kind, Page};

/// Passed parts whose scores are summed up.
const SCORES: usize = 100;
/// Quantiles of these scores.
const QUANTILES: [f64; 3] = [0.5, 0.9, 1.0];

/// Everything that is known; without a station that answers, just that.
pub(crate) fn text(
    station: &str,
    looked: Option<&Looked<'_>>,
    mqtt: Option<MqttFigures>,
) -> String {
    let mut page = Page::new(station);
    let up = f64::from(u8::from(looked.is_some()));
    page.family("twinspect_up", Kind::Gauge, "Whether the station answers.")
        .value(&[], up);
    if let Some(looked) = looked {
        state(&mut page, looked.status);
        parts(&mut page, looked.status);
        if let Some(challenge) = &looked.status.challenge {
            challenge::figures(&mut page, challenge);
        }
        stages(&mut page, &looked.status.stages);
        scores(&mut page, looked);
        surroundings(&mut page, looked);
    }
    if let Some(mqtt) = mqtt {
        broker(&mut page, mqtt);
    }
    page.finish()
}

fn broker(page: &mut Page, mqtt: MqttFigures) {
    let help = "Whether the MQTT broker is there.";
    page.family("twinspect_mqtt_connected", Kind::Gauge, help)
        .value(&[], f64::from(u8::from(mqtt.connected)));
    let help = "Messages that the MQTT broker was not sent.";
    page.family("twinspect_mqtt_lost_total", Kind::Counter, help)
        .value(&[], mqtt.lost as f64);
}

fn state(page: &mut Page, status: &Status) {
    let ready = f64::from(u8::from(status.ready));
    page.family(
        "twinspect_ready",
        Kind::Gauge,
        "Whether READY beats: parts are judged.",
    )
    .value(&[], ready);
    if let Some(obstacle) = &status.obstacle {
        page.family("twinspect_not_ready", Kind::Gauge, "What keeps READY low.")
            .value(&[("reason", obstacle)], 1.0);
    }
    page.family(
        "twinspect_uptime_seconds",
        Kind::Gauge,
        "Since the station's start.",
    )
    .value(&[], status.uptime_s);
    page.family("twinspect_build_info", Kind::Gauge, "The program.")
        .value(&[("version", &status.version)], 1.0);
    if let Some(model) = &status.model {
        let (name, version) = (model.name.as_str(), model.version.as_str());
        page.family(
            "twinspect_model_info",
            Kind::Gauge,
            "The model that judges.",
        )
        .value(&[("name", name), ("version", version)], 1.0);
        if let Ok(created) = model.created.parse::<Timestamp>() {
            page.family(
                "twinspect_model_created_timestamp_seconds",
                Kind::Gauge,
                "When the model was made.",
            )
            .value(&[], created.as_second() as f64);
        }
        page.family(
            "twinspect_model_target_false_reject_ratio",
            Kind::Gauge,
            "Share of good parts that the model may reject.",
        )
        .value(&[], model.target_rate);
    }
    if let Some(engine) = &status.inspector.engine {
        let stands_in = status.inspector.engine_stands_in.to_string();
        page.family(
            "twinspect_engine_info",
            Kind::Gauge,
            "The engine that judges.",
        )
        .value(&[("engine", engine), ("stands_in", &stands_in)], 1.0);
    }
    page.family(
        "twinspect_inspector_restarts_total",
        Kind::Counter,
        "Times that the inspect process was started again.",
    )
    .value(&[], status.inspector.restarts as f64);
    if let Some(told) = &status.page {
        page.family(
            "twinspect_page_restarts_total",
            Kind::Counter,
            "Times that the page's process was started again.",
        )
        .value(&[], told.restarts as f64);
    }
}

fn parts(page: &mut Page, status: &Status) {
    let counts = &status.counts;
    let mut family = page.family(
        "twinspect_parts_total",
        Kind::Counter,
        "Parts that have left; of failed ones the reason is who saw it.",
    );
    family.value(&[("verdict", "pass"), ("reason", "")], counts.passed as f64);
    // A counter that is first seen at 1 has never risen: those that can be there from the start are.
    for seen_by in [SeenBy::Rgb, SeenBy::Geometry, SeenBy::Both] {
        let found = counts.failed.iter().find(|(known, _)| *known == seen_by);
        let count = found.map_or(0, |(_, count)| *count);
        let labels = [("verdict", "fail"), ("reason", seen_by.name())];
        family.value(&labels, count as f64);
    }
    for reason in Reason::ALL {
        let found = counts.no_result.iter().find(|(known, _)| *known == reason);
        let count = found.map_or(0, |(_, count)| *count);
        let labels = [("verdict", "no_result"), ("reason", reason.name())];
        family.value(&labels, count as f64);
    }
    let counters = [
        (
            "twinspect_late_results_total",
            "Answers that came after their part's deadline.",
            status.late_results,
        ),
        (
            "twinspect_inspected_parts_total",
            "Parts that were looked at.",
            status.inspected.parts,
        ),
        (
            "twinspect_displaced_frames_total",
            "Frames that made way for a newer one.",
            status.inspected.displaced,
        ),
        (
            "twinspect_camera_errors_total",
            "Pictures that the camera did not give.",
            status.inspected.camera_errors,
        ),
        (
            "twinspect_records_written_total",
            "Parts that were recorded.",
            status.inspected.records_written,
        ),
        (
            "twinspect_records_dropped_total",
            "Parts that were to be recorded and were not.",
            status.inspected.records_dropped,
        ),
    ];
    for (name, help, value) in counters {
        page.family(name, Kind::Counter, help)
            .value(&[], value as f64);
    }
    let trigger = &status.trigger;
    let mut family = page.family(
        "twinspect_trigger_faults_total",
        Kind::Counter,
        "What the trigger could not take for a part of its own.",
    );
    for (kind, value) in [
        ("double", trigger.doubles),
        ("missed", trigger.missed),
        ("lost", trigger.losses),
        ("unclear", trigger.unclear),
        ("stuck", trigger.stuck),
    ] {
        family.value(&[("kind", kind)], value as f64);
    }
    page.family(
        "twinspect_parts_under_way",
        Kind::Gauge,
        "Between sensor and rejector.",
    )
    .value(&[], status.parts.under_way as f64);
}

/// How good pictures are.
fn pictures(page: &mut Page, picture: &PictureStatus) {
    let mut family = page.family(
        "twinspect_picture_state",
        Kind::Gauge,
        "What is said of pictures for some parts now: 0 fine, 1 worth a word, 2 no part is judged.",
    );
    for figure in Figure::ALL {
        let state = match picture.states.of(figure) {
            Level::Fine => 0.0,
            Level::Warn => 1.0,
            Level::Reject => 2.0,
        };
        family.value(&[("figure", figure.name())], state);
    }
    let figures = &picture.figures;
    let belt = figures.belt;
    let gauges = [
        (
            "twinspect_depth_noise_metres",
            "Noise of depth within the last part's picture.",
            figures
                .depth_noise_mm
                .map(|noise_mm| f64::from(noise_mm) / 1e3),
        ),
        (
            "twinspect_belt_nearer_metres",
            "How much nearer to the camera the belt lies than the model's.",
            belt.map(|belt| belt.nearer_mm / 1e3),
        ),
        (
            "twinspect_belt_tilt_degrees",
            "Angle between the belt and the model's.",
            belt.map(|belt| belt.tilt_deg),
        ),
        (
            "twinspect_picture_brightness",
            "Mean luma of the last part's picture, 0 to 255.",
            figures.brightness.map(f64::from),
        ),
        (
            "twinspect_picture_saturated_ratio",
            "Share of the last part's picture that is as bright as can be.",
            figures.saturated.map(f64::from),
        ),
        (
            "twinspect_picture_sharpness",
            "Strength of edges over brightness in the last part's picture.",
            figures.sharpness.map(f64::from),
        ),
    ];
    for (name, help, value) in gauges {
        if let Some(value) = value {
            page.family(name, Kind::Gauge, help).value(&[], value);
        }
    }
}

fn stages(page: &mut Page, times: &StageTimes) {
    let mut family = page.family(
        "twinspect_stage_seconds",
        Kind::Histogram,
        "Time of each stage of a part, and of the whole from picture to verdict.",
    );
    for stage in STAGES {
        let Histogram { counts, sum_us } = times.of(stage);
        let all: u64 = counts.iter().sum();
        if all == 0 {
            continue;
        }
        let mut below = 0;
        for (bound, count) in BOUNDS_MS.iter().zip(counts) {
            below += count;
            let bound = (*bound as f64 / 1e3).to_string();
            family.part(
                "_bucket",
                &[("stage", stage.name()), ("le", &bound)],
                below as f64,
            );
        }
        family.part(
            "_bucket",
            &[("stage", stage.name()), ("le", "+Inf")],
            all as f64,
        );
        family.part("_sum", &[("stage", stage.name())], *sum_us as f64 / 1e6);
        family.part("_count", &[("stage", stage.name())], all as f64);
    }
}

fn scores(page: &mut Page, looked: &Looked<'_>) {
    let passed = looked.recent.iter().rev().filter(|part| part.passes);
    let mut scores: Vec<f32> = passed.filter_map(|part| part.score).take(SCORES).collect();
    scores.sort_unstable_by(f32::total_cmp);
    let mut family = page.family(
        "twinspect_passed_score",
        Kind::Gauge,
        "Quantiles of the scores of the last hundred passed parts; 1 is the line.",
    );
    for quantile in QUANTILES {
        let rank = (quantile * scores.len() as f64).ceil() as usize;
        if let Some(score) = scores.get(rank.saturating_sub(1)) {
            let quantile = quantile.to_string();
            family.value(&[("quantile", &quantile)], f64::from(*score));
        }
    }
}

fn surroundings(page: &mut Page, looked: &Looked<'_>) {
    let camera = &looked.status.camera;
    if let Some(share) = camera.depth_invalid_ratio {
        page.family(
            "twinspect_depth_invalid_ratio",
            Kind::Gauge,
            "Share of the region of interest without depth, of the last part.",
        )
        .value(&[], f64::from(share));
    }
    if let Some(picture) = &camera.picture {
        pictures(page, picture);
    }
    if let Some(stream) = &camera.stream {
        camera::figures(page, stream);
    }
    let board = looked.board;
    if let Some(celsius) = board.temperature_celsius {
        page.family(
            "twinspect_board_temperature_celsius",
            Kind::Gauge,
            "Of the board's hottest zone.",
        )
        .value(&[], celsius);
        page.family(
            "twinspect_board_throttled",
            Kind::Gauge,
            "Whether the board is slowed down since it is too hot.",
        )
        .value(&[], f64::from(u8::from(!board.throttled.is_empty())));
    }
    let mut family = page.family(
        "twinspect_disk_free_bytes",
        Kind::Gauge,
        "Room where the station writes.",
    );
    for disk in looked.disks {
        family.value(&[("folder", disk.what)], disk.free_bytes as f64);
    }
    let mut family = page.family("twinspect_disk_bytes", Kind::Gauge, "Size of the same.");
    for disk in looked.disks {
        family.value(&[("folder", disk.what)], disk.all_bytes as f64);
    }
}
